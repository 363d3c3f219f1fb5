"""Text that is not quite in the encoding of its file: a few broken characters, or lines that somebody pasted in another encoding.

One bad byte must not cost a book. Lines that do not decode are read in the encoding that makes Chinese of them; what is left becomes
U+FFFD, which the cleaning counts, unless there is too much of it.
"""

import re

from corpora.decoding import UNKNOWN, decide_encoding
from corpora.records import BadRecord
from corpora.sections import Section

MAX_INVALID_SHARE = 0.01
"""Of the characters of a record. The rule `garbled` of the cleaning drops twice as much, and of a text with less a reader sees little."""
LINE_ENCODINGS = frozenset({"utf-8", "gb18030", "big5hkscs"})
"""What a line inside a file of another encoding may be in."""
MIN_EVIDENCE = 8
"""Bytes beyond ASCII of a line, to read it in another encoding than its file: of fewer, too many readings make sense."""

_UTF8_HAN = re.compile(rb"(?:[\xe3-\xe9][\x80-\xbf]{2}){4}")
"""Four Han characters in UTF-8. Bytes of GB18030 or Big5 fit that by chance once in some million characters."""


def decode_record(section: Section, offset: int, data: bytes) -> str | BadRecord:
    """The text of a record, without a byte order mark, with U+FFFD for what is invalid; a reject if that is too much of it."""
    if section.encoding == UNKNOWN:
        return section.decode(offset, data)
    text, num_invalid = decode_mixed(data, section.encoding)
    if num_invalid > MAX_INVALID_SHARE * len(text):
        return section.decode(offset, data)
    return text.removeprefix("\ufeff")


def decode_mixed(data: bytes, encoding: str) -> tuple[str, int]:
    """The text of `data`, which is in `encoding` for the most part, and the number of U+FFFD that stand in it for what is invalid.

    >>> decode_mixed("前一行。".encode() + b"\\n" + "后一行是另外编码的。".encode("gb18030"), "utf-8")
    ('前一行。\\n后一行是另外编码的。', 0)
    """
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        pass
    else:
        if encoding == "utf-8" or not _UTF8_HAN.search(data):
            return text, 0
    lines = [_decode_line(line, encoding) for line in data.split(b"\n")]
    return "\n".join(text for text, _ in lines), sum(num_invalid for _, num_invalid in lines)


def _decode_line(line: bytes, encoding: str) -> tuple[str, int]:
    if encoding != "utf-8" and _UTF8_HAN.search(line) and (text := _strictly(line, "utf-8")) is not None:
        return text, 0
    if (text := _strictly(line, encoding)) is not None:
        return text, 0
    if len(line) - len(line.decode("ascii", "ignore")) >= MIN_EVIDENCE:
        other = decide_encoding(line).encoding
        if other != encoding and other in LINE_ENCODINGS and (text := _strictly(line, other)) is not None:
            return text, 0
    text = line.decode(encoding, "replace")
    return text, text.count("\ufffd")  # those that were written as such count too: they are as bad


def _strictly(line: bytes, encoding: str) -> str | None:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return None
