"""Which encoding a Chinese text file is in, by evidence, decided once for a file from its head.

A decoder that does not complain proves nothing: every Big5 file we have also decodes as GB18030 without one error, into rare characters.
So each candidate is scored by what it makes of the sample: the share of characters that Chinese text is full of, less what no text holds.
"""

import codecs
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator

SAMPLE_BYTES = 64 << 10
"""Bytes of a file's head that decide; up to `MAX_SAMPLE_BYTES` while all of them are ASCII, which tells nothing."""
MAX_SAMPLE_BYTES = 1 << 20

BYTE_ORDER_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
WIDE_ENCODINGS = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
CANDIDATES = ("gb18030", "big5hkscs", *WIDE_ENCODINGS)

MAX_UTF8_ERROR_SHARE = 0.2
"""Of the characters beyond ASCII. A text in another encoding read as UTF-8 has more than 0.5: the bytes do not fit by chance."""
BAD_CHARACTER_WEIGHT = 4
"""A control, private-use or unassigned character weighs against a reading as much as four frequent ones weigh for it."""

# The 200 most frequent characters of modern simplified text, of modern traditional text and of classical prose, which overlap,
# and the punctuation of all. They make up more than half of any Chinese text, and a few per cent of a wrong reading of one.
FREQUENT = frozenset(
    "的一是用在个你以这我可有了中不和件文使们为如它要行来到数能上下本会时于器作对发开程统面些多者出系并人大分将安过所方后就令果命更应其理需新据也或看工现装最提定进"
    "他动学而但选成户置计务很自通设之目包内然地式都同么版样建题编接机得加法实何因问代好服创示运关图前种当存入网常从点项间单解说生源经那还想由该量没信标意此主名里表"
    "人國年生個會這說來大美為就要學小自之時英們動對也天出麼還與著多日他想物後沒於過書都本者那子事然心女經開去而成裡無間台愛己十世現公應感種能樣起道電影理其方實話手"
    "語分知回點放再該情月同給特她友什力第當記寫又體讓部爾民真二見灣全外性教德次把反覺已主界從明問關像告等流三社進樂水工頭買代別期被論加字圖嗎兩只類利做百並吧始老"
    "不者氣氣也為以有其热治則陽寒三于病陰血生此二水服脉名子云風黃經五湯藥虛痛兩食十白故发屬亦曰火傷四毒邪證少即錢散汗錄卷胃若皮味至便取皆半自作草明宜足補甘必"
    "，。、；：？！「」『』“”‘’《》（）…—\u3000"
)
_PLAIN = frozenset(map(chr, range(0x20, 0x7F))) | frozenset("\t\n\r")


def detect_encoding(sample: bytes) -> str:
    """The Python codec in which to read a file that begins with `sample` (which may end inside a character).

    A byte order mark decides. Then UTF-8, if what is beyond ASCII mostly fits: a few invalid bytes make a few bad records, not another
    encoding. Then the best score. UTF-8 again where nothing reads well: its decoder then names the bytes that do not fit.
    """
    for mark, encoding in BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            return encoding
    if b"\0" not in sample and _utf8_error_share(sample) <= MAX_UTF8_ERROR_SHARE:
        return "utf-8"
    scores = score_encodings(sample)
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] > scores["utf-8"] else "utf-8"


def score_encodings(sample: bytes) -> dict[str, float]:
    """How much like Chinese text each reading of `sample` looks: 1 is nothing but frequent characters, 0 or less is no text."""
    return {encoding: _score(_decode_leniently(sample, encoding)) for encoding in ("utf-8", *CANDIDATES)}


def _decode_leniently(sample: bytes, encoding: str) -> str:
    return codecs.getincrementaldecoder(encoding)("replace").decode(sample)


def _utf8_error_share(sample: bytes) -> float:
    if sample.isascii():
        return 0.0
    text = _decode_leniently(sample, "utf-8")
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    # A character that was U+FFFD before would be counted as an error: they are rare enough.
    return text.count("\ufffd") / beyond_ascii if beyond_ascii else 0.0


def _score(text: str) -> float:
    if not text:
        return 0.0
    good = bad = 0
    for character, count in Counter(text).items():
        if character in FREQUENT or character in _PLAIN:
            good += count
        elif character == "\ufffd" or unicodedata.category(character) in {"Cc", "Cn", "Co", "Cs"}:
            bad += count
    return (good - BAD_CHARACTER_WEIGHT * bad) / len(text)


def transcode(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """A UTF-16 or UTF-32 stream as UTF-8, in which lines can be found. What is invalid in it stays so, and gets its record rejected."""
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


def drop_lone_surrogates(text: str) -> str:
    r"""`text` without code points that are no characters, which UTF-8 (and so Arrow) cannot hold; JSON's `\ud83d` makes them."""
    return text.encode("utf-8", "ignore").decode("utf-8")
