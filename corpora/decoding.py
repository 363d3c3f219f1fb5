"""Which encoding a Chinese text file is in, by evidence, decided once for a file from its head; and streams of wide encodings as UTF-8.

A decoder that does not complain proves nothing: every Big5 file we have also decodes as GB18030 without one error, into rare characters.
So the encodings compete: each reading of a sample is as likely as its characters are in Chinese text (`corpora.character_model`), and that
the bytes are noise, or in an encoding that no codec here reads, is one reading more.
"""

import codecs
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from corpora.character_model import IMPOSSIBLE, log_probabilities

SAMPLE_BYTES = 64 << 10
"""Bytes that are scored."""
MAX_SAMPLE_BYTES = 1 << 20
"""Bytes of a head that are looked at while there is little beyond ASCII in it, which tells nothing."""
EVIDENCE_BYTES = 1024
"""So many bytes beyond ASCII are enough."""

BYTE_ORDER_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
WIDTHS = {"utf-16-le": 2, "utf-16-be": 2, "utf-32-le": 4, "utf-32-be": 4}
"""Bytes of a code unit."""
TRANSCODED = frozenset({*WIDTHS, "hz"})
"""Encodings in which a newline byte need not be a newline: their streams become UTF-8 before lines are looked for."""
UNKNOWN = "unknown"
"""The decision when no reading is likely, and a codec that takes nothing but UTF-8: other records of such a file are rejected."""

PRIORS = {  # natural logarithms
    "utf-8": 0.0,
    "gb18030": -1.0,
    "big5hkscs": -2.0,
    "utf-16-le": -7.0,
    "utf-16-be": -8.0,
    "utf-32-le": -9.0,
    "utf-32-be": -10.0,
    UNKNOWN: -14.0,
}
NOISE_BYTE = math.log(1 / 160)
"""Of a byte beyond ASCII if the file is no text that is read here."""
VALID_UTF8 = 4.0
"""Bytes that fit UTF-8 do so by design much more often than by chance. 一些 in GBK (D2 BB D0 A9) is valid UTF-8 too, and is GBK."""
CERTAIN_UTF8 = 16
"""So many characters beyond ASCII do not fit UTF-8 by chance: of GBK text, one pair in six does."""
MAX_UTF8_ERROR_SHARE = 0.2
"""Of the characters beyond ASCII. A text in another encoding read as UTF-8 has more than 0.5: the bytes do not fit by chance."""
TEMPERATURE = 2.5
"""Characters follow each other, so each tells less than the model thinks: the odds are those of a sample so many times shorter."""

_ASCII = bytes(range(0x80))
_ESCAPED_HZ = re.compile(rb"~\{(?:[\x21-\x77][\x21-\x7e])+~\}")
_ISO_2022 = re.compile(rb"\x1b\$[)*+A-H]")


class Decision(NamedTuple):
    """A Python codec or `UNKNOWN`, and how sure it is, from 0 to 1: its probability against all other readings."""

    encoding: str
    confidence: float


def detect_encoding(sample: bytes) -> str:
    """The encoding alone of `decide_encoding`."""
    return decide_encoding(sample).encoding


def decide_encoding(sample: bytes) -> Decision:
    """The encoding of a file that begins with `sample`, which may end inside a character.

    A byte order mark decides. Then UTF-8, if there is much beyond ASCII and it mostly fits: a few invalid bytes make a few bad records, not
    another encoding. Then what is most likely.
    """
    for mark, encoding in BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            return Decision(encoding, 1.0)
    if b"\0" not in sample:
        if sample.isascii():
            return _decide_ascii(sample)
        count, share = _beyond_ascii(sample)
        if count >= CERTAIN_UTF8 and share <= MAX_UTF8_ERROR_SHARE:
            return Decision("utf-8", 1.0 - share)
    return most_likely(log_likelihoods(sample))


def log_likelihoods(sample: bytes) -> dict[str, float]:
    """How likely each reading of `sample` is, as a natural logarithm without a common constant: compared in one sample only."""
    sample = _evidence(sample)
    found = {encoding: prior + _reading(sample, encoding) for encoding, prior in PRIORS.items() if encoding != UNKNOWN}
    count, share = _beyond_ascii(sample)
    if count and not share:
        found["utf-8"] += VALID_UTF8
    ascii_part = sample.decode("ascii", "ignore")
    found[UNKNOWN] = PRIORS[UNKNOWN] + (len(sample) - len(ascii_part)) * NOISE_BYTE + _log_likelihood(ascii_part)
    return found


def most_likely(found: dict[str, float]) -> Decision:
    """The best of some readings."""
    best = max(found, key=lambda encoding: found[encoding])
    total = sum(math.exp((value - found[best]) / TEMPERATURE) for value in found.values())
    return Decision(best, 1 / total)


def _decide_ascii(sample: bytes) -> Decision:
    """UTF-8, unless ASCII bytes are used for something else: HZ of the newsgroups is read, ISO-2022 is named as unknown."""
    if _ISO_2022.search(sample):
        return Decision(UNKNOWN, 0.0)
    if _ESCAPED_HZ.search(sample):
        sample = sample[:SAMPLE_BYTES]
        return most_likely({encoding: _reading(sample, encoding) for encoding in ("utf-8", "hz")})
    return Decision("utf-8", 1.0)


def _evidence(sample: bytes) -> bytes:
    """`SAMPLE_BYTES` of lines from their first byte beyond ASCII on; of wide encodings, in which there are no lines, the beginning."""
    if len(sample) > SAMPLE_BYTES and b"\0" not in sample:
        sample = b"\n".join(line.lstrip(_ASCII) for line in sample.split(b"\n") if not line.isascii())
    return sample[:SAMPLE_BYTES]


def _reading(sample: bytes, encoding: str) -> float:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    text = decoder.decode(sample)
    # One U+FFFD of a wide encoding stands for several bytes that do not fit. Bytes of a character that was cut off tell nothing.
    unfit = text.count("\ufffd") * (WIDTHS.get(encoding, 1) - 1)
    return _log_likelihood(text) + unfit * IMPOSSIBLE + len(decoder.getstate()[0]) * NOISE_BYTE


def _log_likelihood(text: str) -> float:
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    return float(log_probabilities()[codes].sum(dtype=np.float64))


def _beyond_ascii(sample: bytes) -> tuple[int, float]:
    """Number of characters beyond ASCII if `sample` is read as UTF-8, and the share of these that do not fit."""
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(sample)
    count = len(text) - len(text.encode("ascii", "ignore"))
    # A character that was U+FFFD before is counted as an error: they are rare enough.
    return count, text.count("\ufffd") / count if count else 0.0


def transcode(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """A stream of a `TRANSCODED` encoding as UTF-8, in which lines can be found. What is invalid in it stays so, for its record to tell."""
    decoder = codecs.getincrementaldecoder(encoding)("corpora.mark_invalid")
    for block in blocks:
        yield decoder.decode(block).encode("utf-8", "surrogatepass")
    if rest := decoder.decode(b"", final=True):
        yield rest.encode("utf-8", "surrogatepass")


def _mark_invalid(error: UnicodeError) -> tuple[str, int]:
    """Decodes what cannot be decoded to a lone surrogate, whose UTF-8 form no strict decoder takes."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


codecs.register_error("corpora.mark_invalid", _mark_invalid)


def _decode_unknown(data: Any, errors: str = "strict") -> tuple[str, int]:
    if errors == "strict" and (escape := _ISO_2022.search(data)):
        raise UnicodeDecodeError(UNKNOWN, data, escape.start(), escape.end(), "an escape of ISO-2022")
    return codecs.utf_8_decode(data, errors, True)


def _find_unknown(name: str) -> codecs.CodecInfo | None:
    if name != UNKNOWN:
        return None
    utf8 = codecs.lookup("utf-8")
    return codecs.CodecInfo(utf8.encode, _decode_unknown, incrementaldecoder=utf8.incrementaldecoder, name=UNKNOWN)


codecs.register(_find_unknown)


def drop_lone_surrogates(text: str) -> str:
    r"""`text` without code points that are no characters, which UTF-8 (and so Arrow) cannot hold; JSON's `\ud83d` makes them."""
    return text.encode("utf-8", "ignore").decode("utf-8")
