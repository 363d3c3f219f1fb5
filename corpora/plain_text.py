"""Plain text: a file is a document, or blank lines separate documents, or each line is one."""

from collections.abc import Iterator

from corpora.gathering import Gathered
from corpora.mixed_encodings import decode_record
from corpora.records import BadRecord, Document, Event
from corpora.sections import Section

MAX_BLANK_BYTES = 64
"""A longer line is not looked at for being nothing but ideographic or no-break spaces."""


def read_text(section: Section) -> Iterator[Event]:
    """The whole file as one document; an empty file holds none. One over the limit is cut, at ends of lines, into as many as it takes."""
    document = Gathered(section)
    for line in section.lines():
        if document.start is not None and line.offset + line.size - document.start > section.max_record_bytes:
            yield from _finish(section, document)
            document = Gathered(section)
        document.add(line)
    yield from _finish(section, document)


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
    document: Gathered | None = None  # None: inside a document that is not ours
    for line in section.lines():
        if line.offset == 0:
            document = Gathered(section)
        if line.data is not None and is_blank(line.data, section.encoding):
            if document is not None:
                yield from _finish(section, document)
            if not section.owns(line.offset):
                return
            document = Gathered(section)
        elif document is not None:
            document.add(line)
        elif not section.owns(line.offset):
            return  # a foreign document reaches over the whole section
    if document is not None:
        yield from _finish(section, document)


def is_blank(data: bytes, encoding: str) -> bool:
    """Whether a line holds nothing but white space, ideographic and no-break spaces and byte order marks included."""
    bare = data.strip()
    if not bare:
        return True
    if bare[0] < 0x80 or len(bare) > MAX_BLANK_BYTES:
        return False
    return not bare.decode(encoding, "replace").replace("\ufeff", "").strip()


def _finish(section: Section, gathered: Gathered) -> Iterator[Event]:
    if gathered.start is None:
        return
    data = gathered.whole()
    yield data if isinstance(data, BadRecord) else _document(section, gathered.start, data)


def _document(section: Section, offset: int, data: bytes) -> Event:
    text = decode_record(section, offset, data)
    return text if isinstance(text, BadRecord) else Document(offset, len(data), "", text)
