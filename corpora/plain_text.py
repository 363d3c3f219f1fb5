"""Plain text: a file is a document, or blank lines separate documents, or each line is one."""

from collections.abc import Iterator

from corpora.byte_ranges import Line
from corpora.records import BadRecord, Document, Event
from corpora.sections import Section

MAX_BLANK_BYTES = 64
"""A longer line is not looked at for being nothing but ideographic or no-break spaces."""


def read_text(section: Section) -> Iterator[Event]:
    """The whole file as one document; an empty file holds none."""
    document = _Gathered(section)
    for line in section.lines():
        document.add(line)
    yield from document.finish()


def read_lines(section: Section) -> Iterator[Event]:
    """Each line that is not blank as one document."""
    for line in section.own_lines():
        if line.data is None:
            yield section.too_long(line.offset, line.size)
        elif not is_blank(line.data, section.encoding):
            yield _document(section, line.offset, line.data)


def read_blank_line(section: Section) -> Iterator[Event]:
    """Documents separated by blank lines, one sentence or paragraph a line: the layout that BERT's and albert_zh's own scripts read.

    A document belongs to the section in which the blank line just before it starts (the first one to the section that starts the file):
    a worker that begins in the middle need not look back for what came before.
    """
    document: _Gathered | None = None  # None: inside a document that is not ours
    for line in section.lines():
        if line.offset == 0:
            document = _Gathered(section)
        if line.data is not None and is_blank(line.data, section.encoding):
            if document is not None:
                yield from document.finish()
            if not section.owns(line.offset):
                return
            document = _Gathered(section)
        elif document is not None:
            document.add(line)
        elif not section.owns(line.offset):
            return  # a foreign document reaches over the whole section
    if document is not None:
        yield from document.finish()


def is_blank(data: bytes, encoding: str) -> bool:
    """Whether a line holds nothing but white space, ideographic and no-break spaces and byte order marks included."""
    bare = data.strip()
    if not bare:
        return True
    if bare[0] < 0x80 or len(bare) > MAX_BLANK_BYTES:
        return False
    return not bare.decode(encoding, "replace").replace("\ufeff", "").strip()


class _Gathered:
    """A document of several lines while it is read; one that grows over the limit keeps only its extent."""

    def __init__(self, section: Section) -> None:
        self._section = section
        self._start: int | None = None
        self._size = 0
        self._data: bytearray | None = bytearray()

    def add(self, line: Line) -> None:
        if self._start is None:
            self._start = line.offset
        elif self._data is not None:
            self._data += b"\n"
        self._size = line.offset + line.size - self._start
        if line.data is None or self._size > self._section.max_record_bytes:
            self._data = None
        elif self._data is not None:
            self._data += line.data

    def finish(self) -> Iterator[Event]:
        if self._start is None:
            return
        if self._data is None:
            yield self._section.too_long(self._start, self._size)
        else:
            yield _document(self._section, self._start, bytes(self._data))


def _document(section: Section, offset: int, data: bytes) -> Event:
    text = section.decode(offset, data)
    return text if isinstance(text, BadRecord) else Document(offset, len(data), "", text)
