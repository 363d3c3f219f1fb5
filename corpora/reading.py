"""The reading of one range of one file: compression, archives and encoding are undone here, the format's reader gets lines or bytes."""

from collections.abc import Iterator
from typing import BinaryIO

from corpora.archives import MAX_DEPTH, read_members
from corpora.binaries import document_kind, is_binary, other_kind, packed_kind
from corpora.byte_ranges import MAX_RECORD_BYTES, read_blocks
from corpora.compression import DamagedStreamError
from corpora.errors import CorpusError
from corpora.files import CorpusFile, FileRange
from corpora.formats import FORMATS
from corpora.guessing import guess_format
from corpora.heads import Head, OpenFile, look, look_elsewhere
from corpora.records import BadRecord, DamagedFile, Event, FileStart, RangeEnd
from corpora.sections import Section, spool

PLAIN_TEXT = frozenset({"text", "blank_line", "line"})
"""Formats that anything can be taken for."""
NOT_TEXT = "not_text"
"""The reason of the reject, and what stands for the format."""


def read_range(part: FileRange, open_file: OpenFile, *, max_record_bytes: int = MAX_RECORD_BYTES) -> Iterator[Event]:
    """All records of one range in order, then its `RangeEnd`.

    A stream that breaks gives a `DamagedFile` after the records that were whole before; other errors of the file system are raised, for
    the runner to try again.
    """
    with open_file(part.file.path) as opened:
        if part.stop is None:
            whole = _Whole(part.file, opened, max_record_bytes)
            yield from whole.read()
            yield RangeEnd(whole.num_bytes)
        else:
            yield from _read_part(part, opened, max_record_bytes)


def _read_part(part: FileRange, opened: BinaryIO, max_record_bytes: int) -> Iterator[Event]:
    """A byte range of a plain file, whose encoding was decided when it was listed."""
    file = part.file
    assert file.format is not None, "only a file that was looked at is split"
    assert file.encoding is not None, "the same"
    if part.start == 0:
        yield FileStart(file.path, file.format, file.encoding, file.confidence)
    section = Section(
        file.path,
        file.encoding,
        file=opened,
        start=part.start,
        stop=part.stop,
        fields=file.fields or FORMATS[file.format].fields,
        max_record_bytes=max_record_bytes,
    )
    yield from FORMATS[file.format].read(section)
    yield RangeEnd(section.num_bytes)


class _Whole:
    """A whole file, opened once and read once from front to back, and all that is in it if it is an archive.

    Attributes:
      num_bytes: of text, uncompressed, that were read.
    """

    def __init__(self, file: CorpusFile, opened: BinaryIO, max_record_bytes: int) -> None:
        self.num_bytes = 0
        self._file = file
        self._opened = opened
        self._max_record_bytes = max_record_bytes

    def read(self) -> Iterator[Event]:
        """All events but the `RangeEnd`: what was not decided when the file was listed is decided now."""
        file = self._file
        head, blocks = look(file.path, read_blocks(self._opened))
        if file.encoding is None:
            head = look_elsewhere(head, self._opened, file.size)
        yield from self._read_stream(file.path, file.size, head, blocks, self._opened if head.compression is None else None, 0)

    def _read_stream(
        self, path: str, size: int, head: Head, blocks: Iterator[bytes], seekable: BinaryIO | None, depth: int
    ) -> Iterator[Event]:
        """A file, or a member of an archive at some `depth`, of which `head` is known; `size` as stored, in bytes."""
        try:
            if kind := packed_kind(head.sample):
                yield DamagedFile(path, f"{kind}, which is not read")
            elif kind := document_kind(head.sample) or other_kind(head.sample):
                yield from _not_text(path, kind, size)
            elif head.archive is None:
                yield from self._read_plain(path, size, head, blocks, seekable, depth)
            elif depth == MAX_DEPTH:
                yield DamagedFile(path, f"an archive in {MAX_DEPTH} archives, one inside the other; deeper ones are not read")
            else:
                yield from self._read_archive(path, head.archive, blocks, seekable, depth)
        except DamagedStreamError as error:
            yield DamagedFile(path, str(error))

    def _read_archive(self, path: str, kind: str, blocks: Iterator[bytes], seekable: BinaryIO | None, depth: int) -> Iterator[Event]:
        copy = spool(blocks) if kind == "zip" and seekable is None else None
        try:
            for member in read_members(kind, blocks, copy or seekable):
                inner = f"{path}#{member.name}" if member.name is not None else path
                if member.problem is not None:
                    yield DamagedFile(inner, member.problem)
                else:
                    head, content = look(inner, iter(member.blocks))
                    yield from self._read_stream(inner, member.size, head, content, None, depth + 1)
        finally:
            if copy is not None:
                copy.close()

    def _read_plain(
        self, path: str, size: int, head: Head, blocks: Iterator[bytes], seekable: BinaryIO | None, depth: int
    ) -> Iterator[Event]:
        file = self._file
        try:
            format_name = file.format or guess_format(path, head, size)
        except CorpusError as error:
            yield DamagedFile(path, str(error).partition("\n")[0])
            return
        if format_name in PLAIN_TEXT and is_binary(head.sample, head.decision):
            yield from _not_text(path, "binary data", size)
            return
        decided = depth == 0 and file.encoding is not None
        encoding, confidence = (file.encoding or "", file.confidence) if decided else head.decision
        yield FileStart(path, format_name, encoding, confidence)
        fields = file.fields or FORMATS[format_name].fields
        section = Section(path, encoding, blocks=blocks, file=seekable, fields=fields, max_record_bytes=self._max_record_bytes)
        try:
            yield from FORMATS[format_name].read(section)
        finally:
            self.num_bytes += section.num_bytes


def _not_text(path: str, kind: str, size: int) -> Iterator[Event]:
    """A file that is no document by its nature. It starts too, so that its reject has its own origin."""
    yield FileStart(path, NOT_TEXT, "binary", 1.0)
    yield BadRecord(0, size, NOT_TEXT, kind, "", is_error=False)
