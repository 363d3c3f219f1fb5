"""MediaWiki's XML dumps (`zhwiki-…-pages-articles.xml.bz2` and its multistream parts): an article is a document.

A page stands between lines with `<page>` and `</page>`; each is parsed by itself. So no page can spoil the next, a dump of any size is read
in little memory and in byte ranges, and there is no document type in which entities could be defined.
"""

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from corpora.byte_ranges import Line
from corpora.decoding import drop_lone_surrogates
from corpora.gathering import Gathered
from corpora.mixed_encodings import decode_record
from corpora.records import EXCERPT_CHARACTERS, BadRecord, DamagedFile, Document, Event
from corpora.sections import Section
from corpora.wikitext import strip_wikitext

_PAGE = re.compile(rb"<page>|</page>")
_DUMP = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?<mediawiki\b|\s*<page>\s*<title>")
_REDIRECT = re.compile(r"\s*#\s?(?:redirect|重定向|重新導向)", re.IGNORECASE)
_DISAMBIGUATION = re.compile(r"\{\{\s?(?:disambig|dab\b|消歧义|消歧義|disamb\b|hndis|geodis|人名消歧|地名消歧)", re.IGNORECASE)
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def looks_like_wiki_dump(text: str) -> bool:
    """Whether a file that begins with `text` is a dump, or a part of one."""
    return _DUMP.match(text) is not None


def read_wiki_dump(section: Section) -> Iterator[Event]:
    """Articles of a dump. Redirects, disambiguations and pages of other namespaces are no errors; an end inside a page is damage.

    A page belongs to the section in which the line with its `<page>` starts.
    """
    page: Gathered | None = None
    for line in section.lines():
        for piece, is_start, is_end in _cut(line):
            if is_start:
                if page is not None:
                    yield _unclosed(section, page)
                if not section.owns(line.offset):
                    return
                page = Gathered(section)
            if page is not None:
                page.add(piece)
                if is_end:
                    yield _read_page(section, page)
                    page = None
        if page is None and not section.owns(line.offset):
            return
        if page is None and line.data is None:  # it may hold whole pages: what nobody can hold is counted, once
            yield section.too_long(line.offset, line.size)
    if page is not None and page.start is not None:
        yield DamagedFile(section.path, f"the file ends inside the page that begins at byte {page.start}")


def _cut(line: Line) -> Iterator[tuple[Line, bool, bool]]:
    """The parts of a line that begin with `<page>` or end with `</page>`, and whether they do: one for almost all lines."""
    if line.data is None or b"page>" not in line.data:
        yield line, False, False
        return
    position, is_start = 0, False
    for mark in _PAGE.finditer(line.data):
        is_end = mark[0] == b"</page>"
        cut = mark.end() if is_end else mark.start()
        if line.data[position:cut].strip():
            yield Line(line.offset + position, cut - position, line.data[position:cut]), is_start, is_end
            is_start = False
        position = cut
        is_start = is_start or not is_end
    if is_start or line.data[position:].strip():
        yield Line(line.offset + position, len(line.data) - position, line.data[position:]), is_start, False


def _unclosed(section: Section, page: Gathered) -> BadRecord:
    data = page.whole()
    if isinstance(data, BadRecord):
        return data
    return BadRecord(page.start or 0, len(data), "invalid_xml", "the next <page> comes before its </page>", section.excerpt(data))


def _read_page(section: Section, page: Gathered) -> Event:
    data = page.whole()
    if isinstance(data, BadRecord):
        return data
    offset, size = page.start or 0, len(data)
    source = decode_record(section, offset, data)
    if isinstance(source, BadRecord):
        return source
    try:
        element = ElementTree.fromstring(_NOT_XML.sub("", source))
    except ElementTree.ParseError as error:
        return BadRecord(offset, size, "invalid_xml", f"not XML: {error}", section.excerpt(data))
    return _read_element(offset, size, element)


def _read_element(offset: int, size: int, page: ElementTree.Element) -> Event:
    """The article of one `<page>`; of several revisions, the last counts."""
    title = drop_lone_surrogates(page.findtext("title") or "")
    texts = page.findall(".//revision/text")
    source = (texts[-1].text if texts else None) or ""

    def other(reason: str, message: str) -> BadRecord:
        return BadRecord(offset, size, reason, message, title[:EXCERPT_CHARACTERS], is_error=False)

    namespace, model = page.findtext("ns") or "0", page.findtext(".//revision/model") or "wikitext"
    if namespace.strip() != "0":
        return other("not_an_article", f"a page of namespace {namespace[:20]}")
    if page.find("redirect") is not None or _REDIRECT.match(source):
        return other("redirect", "the page leads to another one")
    if model != "wikitext":
        return other("not_an_article", f"the page is {model[:40]}, not wikitext")
    if _DISAMBIGUATION.search(source):
        return other("disambiguation", "the page lists articles of the same name")
    return Document(offset, size, title, drop_lone_surrogates(strip_wikitext(source)))
