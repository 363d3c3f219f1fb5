"""HTML pages: a file is a page, a page is one document, its main text."""

import re
from collections.abc import Iterator

from corpora.decoding import UNKNOWN, decide_encoding
from corpora.main_text import extract_page
from corpora.mixed_encodings import decode_mixed
from corpora.records import EXCERPT_CHARACTERS, BadRecord, Document, Event
from corpora.sections import Section

MAX_PAGE_BYTES = 16 << 20
"""A tree takes some ten times as much memory; a page of that size is a table of something."""
DECLARED_BYTES = 4096
"""The head of a page in which it must say its encoding (HTML asks for the first 1024 bytes, not everybody listens)."""
MIN_HAN_PER_MARK = 50
"""Chinese prose has a comma, a full stop or a 的 in fewer Han characters; Japanese or Russian read as GB18030 does not."""

_DECLARED = re.compile(rb"""<(?:meta|\?xml)\b[^>]{0,500}?\b(?:charset|encoding)\s{0,9}=\s{0,9}["']?\s{0,9}([\w.:-]{1,40})""", re.IGNORECASE)
_FOREIGN = re.compile(r"euc|shift|sjis|x-sjis|windows-|cp(?!936|950)|iso-?8859|koi8|ks_c|tis", re.IGNORECASE)
_HTML = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?>.{0,2000}?-->)\s*+)*+<(?:!doctype\s+html|html|head|body|meta|title)\b", re.IGNORECASE | re.DOTALL
)
SUFFIXES = frozenset({".html", ".htm", ".xhtml", ".shtml"})


def looks_like_html(text: str, suffix: str) -> bool:
    """Whether a file that begins with `text` is a page: it begins as one, or has the name of one and elements."""
    return _HTML.match(text) is not None or (suffix in SUFFIXES and "</" in text)


def read_html(section: Section) -> Iterator[Event]:
    """The whole file as one page."""
    data = section.whole()
    if isinstance(data, BadRecord):
        yield data
    elif data.strip():
        yield read_page(0, data, decided=section.encoding)


def read_page(
    offset: int, data: bytes, *, size: int | None = None, decided: str | None = None, declared: str | None = None, url: str | None = None
) -> Event:
    """The document of one page, or why there is none.

    Args:
      offset: where it begins in its file.
      data: its bytes.
      size: the bytes that it takes in its file, if not those.
      decided: the encoding that its file was found to be in, if that was looked at.
      declared: the encoding that its server named.
      url: its address.
    """
    size = len(data) if size is None else size
    if len(data) > MAX_PAGE_BYTES:
        return BadRecord(offset, size, "record_too_long", f"a page of {len(data)} bytes, more than {MAX_PAGE_BYTES}", "")
    page = extract_page(decode_page(data, decided, declared))
    if not page.text:
        return BadRecord(offset, size, "no_main_text", "the page has no prose", page.title[:EXCERPT_CHARACTERS], is_error=False)
    return Document(offset, size, page.title, page.text, url or page.url)


def decode_page(data: bytes, decided: str | None = None, declared: str | None = None) -> str:
    """The text of a page, U+FFFD for what is invalid.

    Evidence goes before what server and page declare, which is wrong on many a Chinese page; but the evidence knows Chinese only, so a page
    that declares an encoding of another language, decodes in it, and does not read as Chinese is in that.
    """
    if (text := _strictly(data, "utf-8")) is not None:
        return text
    encoding = decided if decided not in (None, "utf-8", UNKNOWN) else decide_encoding(data).encoding
    names = [declared or "", *(name.decode("ascii", "ignore") for name in _DECLARED.findall(data[:DECLARED_BYTES]))]
    if encoding == UNKNOWN or not _reads_as_chinese(data.decode(encoding, "replace")):
        for name in names:
            if (encoding == UNKNOWN or _FOREIGN.match(name)) and (text := _strictly(data, name)) is not None:
                return text
    return decode_mixed(data, "utf-8" if encoding == UNKNOWN else encoding)[0]


def _strictly(data: bytes, encoding: str) -> str | None:
    """Python knows codecs that give no text (`hex`), and raises more than one kind of error for a name that is none."""
    try:
        text = data.decode(encoding)
    except (UnicodeError, LookupError, ValueError):
        return None
    return text if isinstance(text, str) else None


def _reads_as_chinese(text: str) -> bool:
    num_marks = sum(map(text.count, "，。的"))
    return num_marks * MIN_HAN_PER_MARK > sum(1 for character in text if "\u3400" <= character <= "\u9fff")
