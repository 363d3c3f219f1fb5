"""Markdown: a file is one article, or a digest of items under headings that have nothing to do with each other.

The headings of an article name its parts (简介, 2.1 数据); those of a digest are headlines, and tell what happened. So a file is a digest
if at some level there are at least `MIN_ITEMS` headings of which most have `MIN_HEADLINE_HAN` Han characters or more (`MIN_DATED_HAN` where
the title of the file has a date), hardly any is numbered, and hardly any section under them shows code. The headings of the first such
level, and those above, each begin a document; those below are part of it. Anything else is one document.
"""

import re
from collections.abc import Iterator
from statistics import median_low
from typing import NamedTuple

from corpora.byte_ranges import split_lines
from corpora.mixed_encodings import decode_record
from corpora.records import BadRecord, Document, Event
from corpora.sections import Section

SUFFIXES = frozenset({".md", ".markdown", ".mdown", ".mkd", ".mdx", ".rmd", ".qmd"})

MIN_ITEMS = 3
MIN_HEADLINE_HAN = 10
MIN_DATED_HAN = 6
MAX_PART_SHARE = 0.25
"""Of the headings of a digest, those that are numbered, and those over code."""

_FENCE = re.compile(rb" {0,3}(?:```|~~~)")
_HEADING = re.compile(rb" {0,3}(#{1,6})[ \t]+(?=\S)")
_UNDERLINE = re.compile(rb"={3,}[ \t\r]*$")
_FRONT_MATTER_EDGES = (b"---", b"+++")
MAX_FRONT_MATTER_LINES = 100
_FRONT_MATTER_TITLE = re.compile(r"^title[ \t]*[:=][ \t]*(.+)$", re.MULTILINE | re.IGNORECASE)
_DATE = re.compile(r"(?:19|20)[0-9]{2}[-./年]?[0-9]{1,2}[-./月]?[0-9]{1,2}|[0-9]{1,2}月[0-9]{1,2}日|第[0-9]{1,4}期")
_NUMBERED = re.compile(
    r"[(（]?(?:[0-9]{1,3}|[一二三四五六七八九十]{1,3})[)）.、．:：\s]|第[0-9一二三四五六七八九十百]{1,4}[章节節课課部条步]|[Q问][0-9]*[:：.]|附[录錄]"
)
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")


class Heading(NamedTuple):
    """A heading: level 1 to 6, its text, the byte at which its line starts, and the one behind its last line."""

    level: int
    title: str
    start: int
    end: int


def read_markdown(section: Section) -> Iterator[Event]:
    """The whole file as one article, or its items if it is a digest."""
    data = section.whole()
    if isinstance(data, BadRecord):
        yield data
        return
    if not data.strip():
        return
    begin, title = _front_matter(section, data)
    headings = list(find_headings(data, begin, section.encoding))
    level = item_level(headings, title, data, section.encoding)
    if level is None:
        yield _article(section, data, begin, title, headings)
    else:
        yield from _items(section, data, begin, title, [heading for heading in headings if heading.level <= level])


def find_headings(data: bytes, begin: int, encoding: str) -> Iterator[Heading]:
    """The headings of a file from byte `begin` on, those in code left out."""
    fence = b""
    previous = None
    for line in split_lines([data[begin:]], offset=begin, limit=len(data)):
        text = line.data or b""
        end = line.offset + line.size
        if mark := _FENCE.match(text):
            edge = mark[0].strip()
            fence = b"" if fence == edge else fence or edge
        elif fence:
            continue
        elif heading := _HEADING.match(text):
            yield Heading(len(heading[1]), _plain(text[heading.end() :], encoding), line.offset, end)
        elif previous is not None and previous.data and _UNDERLINE.match(text):
            yield Heading(1, _plain(previous.data, encoding), previous.offset, end)
        previous = line if text.strip() else None


def item_level(headings: list[Heading], title: str, data: bytes, encoding: str) -> int | None:
    """The first level whose headings are headlines of unrelated items; None if the file is an article."""
    tops = [heading.title for heading in headings if heading.level == 1]
    is_dated = _DATE.search(title or (tops[0] if len(tops) == 1 else "")) is not None
    ends = [heading.start for heading in headings[1:]] + [len(data)] * bool(headings)
    for level in range(1, 7):
        found = [(heading, end) for heading, end in zip(headings, ends, strict=True) if heading.level == level]
        if len(found) < MIN_ITEMS:
            continue
        num_parts = sum(1 for heading, end in found if _NUMBERED.match(heading.title) or b"```" in data[heading.end : end])
        length = median_low([len(_HAN.findall(heading.title)) for heading, _ in found])
        if length >= (MIN_DATED_HAN if is_dated else MIN_HEADLINE_HAN) and num_parts <= MAX_PART_SHARE * len(found):
            return level
    return None


def _article(section: Section, data: bytes, begin: int, title: str, headings: list[Heading]) -> Event:
    """The file but its front matter, and its first heading if nothing stands before that: this is the title."""
    if headings and not data[begin : headings[0].start].strip():
        title = title or headings[0].title
        begin = headings[0].end
    text = decode_record(section, 0, data[begin:])
    return text if isinstance(text, BadRecord) else Document(0, len(data), title, text.strip("\r\n"))


def _items(section: Section, data: bytes, begin: int, title: str, headings: list[Heading]) -> Iterator[Event]:
    """A document for each heading, without it, and for what stands before the first; headings with nothing below only group others."""
    starts = [Heading(0, title, begin, begin), *headings]
    ends = [heading.start for heading in headings] + [len(data)]
    for heading, end in zip(starts, ends, strict=True):
        body = data[heading.end : end]
        if body.strip():
            text = decode_record(section, heading.start, body)
            size = end - heading.start
            yield text if isinstance(text, BadRecord) else Document(heading.start, size, heading.title, text.strip("\r\n"))


def _front_matter(section: Section, data: bytes) -> tuple[int, str]:
    """Where the text begins, and the title that stands in the block of settings before it, if there is such a block."""
    start = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    lines = data[start:].split(b"\n", MAX_FRONT_MATTER_LINES)
    edge = lines[0].rstrip()
    if edge not in _FRONT_MATTER_EDGES:
        return start, ""
    position = start + len(lines[0]) + 1
    for line in lines[1:MAX_FRONT_MATTER_LINES]:
        if line.rstrip() == edge:
            settings = data[start:position].decode(section.encoding, "replace")
            found = _FRONT_MATTER_TITLE.search(settings)
            return min(position + len(line) + 1, len(data)), found[1].strip().strip("\"'") if found else ""
        position += len(line) + 1
    return start, ""


def _plain(data: bytes, encoding: str) -> str:
    """The words of a heading."""
    text = data.decode(encoding, "replace").strip().rstrip("#").rstrip()
    return _LINK.sub(r"\1", text).replace("**", "").replace("`", "")
