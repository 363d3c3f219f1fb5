"""What wikiextractor writes: `<doc id="13" url="…" title="数学">`, the title again, the article, `</doc>`."""

import html
import re
from collections.abc import Iterator

from corpora.byte_ranges import Line
from corpora.gathering import Gathered
from corpora.mixed_encodings import decode_record
from corpora.plain_text import is_blank
from corpora.records import BadRecord, DamagedFile, Document, Event
from corpora.sections import Section

MAX_START_BYTES = 4096
"""A longer line begins no article, whatever it looks like."""

_START = re.compile(r"<doc\s(?=[^\n]*(?:id|url|title)=)[^\n]*>[ \t\r]*$")
_TITLE = re.compile(r'\btitle="([^\n]*?)"\s*(?:\w+="[^"\n]*"\s*)*>[ \t\r]*$')
_URL = re.compile(r'\burl="([^"\n]*)"')


def looks_like_wikiextractor(text: str) -> bool:
    """Whether a file begins with the first line of an article."""
    return _START.match(text.lstrip().split("\n", 1)[0]) is not None


def read_wikiextractor(section: Section) -> Iterator[Event]:
    """Each `<doc …>` as one document, without the line that repeats the title.

    A document belongs to the section in which its `<doc` starts, and so does what stands between its end and the next one, which is a
    reject. A document that the file does not end is damage; one that begins before the last one's end ends that.
    """
    article: Gathered | None = None  # None: before the first one, or outside
    outside: Gathered | None = None  # what is no article; None: not ours
    for line in section.lines():
        if line.offset == 0:
            outside = Gathered(section)
        if _starts(line):
            yield from _finish(section, article)
            yield from _reject(section, outside)
            article = outside = None
            if not section.owns(line.offset):
                return
            article = Gathered(section)
            article.add(line)
        elif article is not None:
            article.add(line)
            if line.data is not None and line.data.strip() == b"</doc>":
                yield from _finish(section, article)
                article, outside = None, Gathered(section)
        elif outside is not None:
            if line.data is None or not is_blank(line.data, section.encoding):
                outside.add(line)
        elif not section.owns(line.offset):
            return
    yield from _reject(section, outside)
    if article is not None:
        yield DamagedFile(section.path, f"the file ends inside the document that begins at byte {article.start}")


def _starts(line: Line) -> bool:
    data = line.data
    return data is not None and len(data) < MAX_START_BYTES and data.startswith(b"<doc ") and data.rstrip().endswith(b">")


def _reject(section: Section, outside: Gathered | None) -> Iterator[Event]:
    if outside is not None and outside.start is not None:
        data = outside.whole()
        excerpt = "" if isinstance(data, BadRecord) else section.excerpt(data)
        yield BadRecord(outside.start, outside.size, "outside_of_documents", "text before <doc …> or after </doc>", excerpt)


def _finish(section: Section, article: Gathered | None) -> Iterator[Event]:
    if article is None or article.start is None:
        return
    data = article.whole()
    text = data if isinstance(data, BadRecord) else decode_record(section, article.start, data)
    if isinstance(text, BadRecord):
        yield text
        return
    first, _, body = text.partition("\n")
    title_match, url_match = _TITLE.search(first), _URL.search(first)
    title = html.unescape(title_match[1]) if title_match else ""
    body = body.rstrip().removesuffix("</doc>").strip()
    head, _, rest = body.partition("\n")
    if title and head.strip() == title:
        body = rest.lstrip()
    yield Document(article.start, article.size, title, body, html.unescape(url_match[1]) if url_match else None)
