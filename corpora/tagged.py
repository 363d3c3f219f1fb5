"""Documents in tags, as Sogou's news and LCSTS have them: `<doc>`, one element for each field, `</doc>`. Not XML: nothing is escaped."""

import re
from collections.abc import Iterator

from corpora.byte_ranges import Line
from corpora.fields import Fields, Picked, pick
from corpora.records import EXCERPT_CHARACTERS, BadRecord, Document, Event
from corpora.sections import Section

BEGIN, END = b"<doc", b"</doc>"
_BEGIN = re.compile(rb"\s*<doc[\s>]")
_FIELD = re.compile(r"<(\w+)>(.*?)</\1>", re.DOTALL)
_LAYOUT = re.compile(r"\s*<doc[^>\n]*>\s*<(?:url|docno|contenttitle|content|human_label|summary|short_text)>")


def looks_like_tagged(text: str) -> str | None:
    """The format of a file that begins with such a document."""
    if not _LAYOUT.match(text):
        return None
    if "<contenttitle>" in text:
        return "sogou_news"
    return "lcsts" if "<short_text>" in text else "tagged"


def read_tagged(section: Section) -> Iterator[Event]:
    """Each document, and what stands outside of them as rejects.

    A document belongs to the section in which its `<doc>` starts, and so does what stands between its end and the next one: a worker that
    begins in the middle need not look back.
    """
    fields = section.fields or Fields()
    block: _Block | None = None  # None: in a document, or behind one, that is not ours
    for line in section.lines():
        begins = line.data is not None and _BEGIN.match(line.data) is not None
        if begins or line.offset == 0:
            if block is not None:
                yield from block.finish(fields)
            block = None
            if not section.owns(line.offset):
                return
            block = _Block(section, begins)
        elif block is None and not section.owns(line.offset):
            return
        if block is not None:
            block.add(line)
            if block.is_document and line.data is not None and END in line.data:
                yield from block.finish(fields)
                block = _Block(section, is_document=False)
    if block is not None:
        yield from block.finish(fields)


class _Block:
    """The lines of a document, or those between two; of one that grows over the limit, only its extent."""

    def __init__(self, section: Section, is_document: bool) -> None:
        self.is_document = is_document
        self._section = section
        self._start = self._size = 0
        self._data: bytearray | None = bytearray()

    def add(self, line: Line) -> None:
        if not self._size and not self._data:
            self._start = line.offset
        self._size = line.offset + line.size - self._start
        if line.data is None or self._size > self._section.max_record_bytes:
            self._data = None
        elif self._data is not None:
            self._data += line.data + b"\n"

    def finish(self, fields: Fields) -> Iterator[Event]:
        if self._data is None:
            yield self._section.too_long(self._start, self._size)
            return
        data = bytes(self._data)[: self._size]
        if not data.strip():
            return
        text = self._section.decode(self._start, data)
        if isinstance(text, BadRecord):
            yield text
        elif not self.is_document:
            excerpt = text.strip()[:EXCERPT_CHARACTERS]
            yield BadRecord(self._start, self._size, "outside_document", "text that is in no <doc>", excerpt)
        else:
            yield self._document(text, fields)

    def _document(self, text: str, fields: Fields) -> Event:
        (picked,) = pick({name: value.strip() for name, value in _FIELD.findall(text.partition(">")[2])}, fields)
        if isinstance(picked, Picked):
            return Document(self._start, self._size, *picked)
        return BadRecord(self._start, self._size, "no_text", picked, text[:EXCERPT_CHARACTERS])
