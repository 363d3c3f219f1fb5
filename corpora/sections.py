"""A section: the bytes of one range of one file as a reader wants them, uncompressed, in lines, with the encoding known."""

import io
import tempfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from corpora.byte_ranges import MAX_RECORD_BYTES, Line, lines_from, split_lines
from corpora.compression import DamagedStreamError
from corpora.decoding import TRANSCODED, UNKNOWN, transcode
from corpora.fields import Fields
from corpora.records import EXCERPT_CHARACTERS, BadRecord

SPOOL_BYTES = 64 << 20
"""A file that must be read here and there, but comes as a stream, is held in memory up to so many bytes, then in an unnamed file."""
MAX_SPOOL_BYTES = 16 << 30
"""A larger one is not copied: the disks of workers are small."""


def spool(blocks: Iterable[bytes]) -> BinaryIO:
    """A stream as a file to be read here and there; the caller closes it.

    Raises:
      DamagedStreamError: if it is too long to be copied.
    """
    copy = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - handed out open
    for block in blocks:
        if copy.tell() + len(block) > MAX_SPOOL_BYTES:
            copy.close()
            raise DamagedStreamError(f"it has more than {MAX_SPOOL_BYTES >> 30} GiB, too much to be copied, and cannot be read as a stream")
        copy.write(block)
    copy.seek(0)
    return copy  # type: ignore[return-value]


class Section:
    """One range of a file, or one member of an archive, opened.

    Attributes:
      path: of the file, or `archive#member`.
      encoding: how the bytes of a line are to be decoded.
      fields: where a record of the file has its text.
      num_bytes: bytes of text in the section: of the range, or uncompressed of a whole file, as far as it has been read.
    """

    def __init__(
        self,
        path: str,
        encoding: str,
        *,
        blocks: Iterable[bytes] = (),
        file: BinaryIO | None = None,
        start: int = 0,
        stop: int | None = None,
        fields: Fields | None = None,
        max_record_bytes: int = MAX_RECORD_BYTES,
    ) -> None:
        """A whole file as a stream of uncompressed `blocks`, and, where it can be had like that, as a seekable `file`; or, if `stop` is
        given, the lines of `file` that start in bytes [start, stop).
        """
        self.path = path
        self.fields = fields
        self.max_record_bytes = max_record_bytes
        self.num_bytes = 0
        self._blocks = blocks
        self._file = file
        self._start, self._stop = start, stop
        self._is_wide = encoding in TRANSCODED
        self._stored_encoding = encoding
        self.encoding = "utf-8" if self._is_wide else encoding

    def blocks(self) -> Iterator[bytes]:
        """A whole file's bytes, uncompressed, in the encoding they were written in."""
        return self._count(self._blocks)

    def text_blocks(self) -> Iterator[bytes]:
        """The same in `encoding`, in which lines can be found."""
        return transcode(self.blocks(), self._stored_encoding) if self._is_wide else self.blocks()

    def seekable(self) -> BinaryIO:
        """A whole file, uncompressed, to be read here and there; of a stream, a copy of bounded memory."""
        if self._file is None:
            return spool(self.blocks())
        self.num_bytes = self._file.seek(0, io.SEEK_END)
        self._file.seek(0)
        return self._file

    def whole(self) -> bytes | BadRecord:
        """A whole file as one record, in `encoding`; a reject if no worker should hold it (it is never held then)."""
        data: bytearray | None = bytearray()
        size = 0
        for block in self.text_blocks():
            size += len(block)
            if data is not None and size <= self.max_record_bytes:
                data += block
            else:
                data = None
        return bytes(data) if data is not None else self.too_long(0, size)

    def lines(self) -> Iterator[Line]:
        """Lines that start in the section, and those after them to the end of the file: a record may need them to end."""
        if self._stop is not None and self._file is not None:
            self.num_bytes = self._stop - self._start
            return lines_from(self._file, self._start, self._stop, limit=self.max_record_bytes)
        return split_lines(self.text_blocks(), limit=self.max_record_bytes)

    def own_lines(self) -> Iterator[Line]:
        """Lines that start in the section, for formats in which a line is a record."""
        for line in self.lines():
            if not self.owns(line.offset):
                return
            yield line

    def owns(self, offset: int) -> bool:
        """Whether what starts at `offset` (not before the section) starts in it."""
        return self._stop is None or offset < self._stop

    def decode(self, offset: int, data: bytes) -> str | BadRecord:
        """The text of a record without a byte order mark, or why it has none."""
        try:
            return data.decode(self.encoding).removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            if self.encoding == UNKNOWN:
                message = f"the file is in no encoding that is known here, and byte {error.start} of the record not UTF-8: {error.reason}"
                return BadRecord(offset, len(data), "unknown_encoding", message, self.excerpt(data))
            message = f"byte {error.start} of the record is not {self._stored_encoding}: {error.reason}"
            return BadRecord(offset, len(data), "invalid_encoding", message, self.excerpt(data))

    def too_long(self, offset: int, size: int) -> BadRecord:
        """The reject for a record that was skipped because no worker should hold it."""
        return BadRecord(offset, size, "record_too_long", f"{size} bytes, more than {self.max_record_bytes}", "")

    def excerpt(self, data: bytes) -> str:
        """The first characters of a record that may not decode."""
        return data[: 4 * EXCERPT_CHARACTERS].decode(self.encoding, "replace")[:EXCERPT_CHARACTERS]

    def _count(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self.num_bytes += len(block)
            yield block
