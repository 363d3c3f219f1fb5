"""A section: the bytes of one range of one file as a reader wants them, uncompressed, in lines, with the encoding known."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from corpora.byte_ranges import MAX_RECORD_BYTES, Line, lines_from, read_blocks, split_lines
from corpora.compression import DamagedStreamError, decompress, detect_compression
from corpora.decoding import MAX_SAMPLE_BYTES, SAMPLE_BYTES, WIDE_ENCODINGS, detect_encoding, transcode
from corpora.files import FileRange
from corpora.records import EXCERPT_CHARACTERS, BadRecord

OpenFile = Callable[[str], BinaryIO]
"""Opens a path for reading stored bytes, seekable: Beam's `FileSystems.open` without its own decompression, or `open(path, "rb")`."""


@dataclass(frozen=True, slots=True)
class Head:
    """What the first bytes of a file tell: its compression, its encoding, and those bytes uncompressed."""

    compression: str | None
    encoding: str
    sample: bytes


def read_head(path: str, open_file: OpenFile) -> Head:
    """Looks at the head of a file. A damaged stream gives what there is of it: that it is damaged will be said when it is read."""
    with open_file(path) as file:
        compression = detect_compression(path, file.read(16))
        file.seek(0)
        sample = _sample(read_blocks(file) if compression is None else decompress(read_blocks(file), compression))
    return Head(compression, detect_encoding(sample), sample)


def _sample(blocks: Iterable[bytes]) -> bytes:
    sample = b""
    try:
        for block in blocks:
            sample += block
            if len(sample) >= MAX_SAMPLE_BYTES or (len(sample) >= SAMPLE_BYTES and not sample[:SAMPLE_BYTES].isascii()):
                break
    except DamagedStreamError:
        pass
    return sample[: SAMPLE_BYTES if not sample[:SAMPLE_BYTES].isascii() else MAX_SAMPLE_BYTES]


class Section:
    """One `FileRange`, opened.

    Attributes:
      encoding: how the bytes of a line are to be decoded.
      num_bytes: bytes of text in the section: of the range, or uncompressed of a whole file, as far as it has been read.
    """

    def __init__(self, part: FileRange, file: BinaryIO, encoding: str, *, max_record_bytes: int = MAX_RECORD_BYTES) -> None:
        self.max_record_bytes = max_record_bytes
        self.num_bytes = 0
        self._part = part
        self._file = file
        self._is_wide = encoding in WIDE_ENCODINGS
        self._stored_encoding = encoding
        self.encoding = "utf-8" if self._is_wide else encoding

    def lines(self) -> Iterator[Line]:
        """Lines that start in the section, and those after them to the end of the file: a record may need them to end."""
        part = self._part
        if part.stop is not None:
            self.num_bytes = part.stop - part.start
            return lines_from(self._file, part.start, part.stop, limit=self.max_record_bytes)
        blocks = read_blocks(self._file)
        if part.file.compression is not None:
            blocks = decompress(blocks, part.file.compression)
        blocks = self._count(blocks)
        return split_lines(transcode(blocks, self._stored_encoding) if self._is_wide else blocks, limit=self.max_record_bytes)

    def own_lines(self) -> Iterator[Line]:
        """Lines that start in the section, for formats in which a line is a record."""
        for line in self.lines():
            if not self.owns(line.offset):
                return
            yield line

    def owns(self, offset: int) -> bool:
        """Whether what starts at `offset` (not before the section) starts in it."""
        return self._part.stop is None or offset < self._part.stop

    def decode(self, offset: int, data: bytes) -> str | BadRecord:
        """The text of a record without a byte order mark, or why it has none."""
        try:
            return data.decode(self.encoding).removeprefix("\ufeff")
        except UnicodeDecodeError as error:
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
