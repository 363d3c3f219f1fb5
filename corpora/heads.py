"""The head of a file, or of a member of an archive: what its first bytes tell before it is read."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import BinaryIO

from corpora.byte_ranges import read_blocks
from corpora.compression import DamagedStreamError, decompress, detect_compression, strip_compression_suffix
from corpora.decoding import EVIDENCE_BYTES, MAX_SAMPLE_BYTES, SAMPLE_BYTES, Decision, decide_encoding
from corpora.tar_members import is_tar

OpenFile = Callable[[str], BinaryIO]
"""Opens a path for reading stored bytes, seekable: Beam's `FileSystems.open` without its own decompression, or `open(path, "rb")`."""

MAGIC_BYTES = 16
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
PLACES = (0.25, 0.5, 0.75)
"""Where else a file is looked at whose beginning is nothing but ASCII."""
_ASCII = bytes(range(0x80))


@dataclass(frozen=True, slots=True)
class Head:
    """What the first bytes tell.

    Attributes:
      compression: "gz", "bz2", "xz", "zst" or None.
      archive: "zip", "tar" or None; of what is inside the compression.
      decision: the encoding, and how sure it is.
      sample: those bytes, uncompressed.
    """

    compression: str | None
    archive: str | None
    decision: Decision
    sample: bytes

    @property
    def encoding(self) -> str:
        """The Python codec that was decided on."""
        return self.decision.encoding

    @property
    def text(self) -> str:
        """The sample in that encoding; its last character may be cut."""
        return self.sample.decode(self.encoding, "replace").removeprefix("\ufeff")


def read_head(path: str, open_file: OpenFile, size: int = 0) -> Head:
    """Looks at the head of a file. A damaged stream gives what there is of it: that it is damaged will be said when it is read."""
    with open_file(path) as file:
        return look_elsewhere(look(path, read_blocks(file))[0], file, size)


def look_elsewhere(head: Head, file: BinaryIO, size: int) -> Head:
    """The head of an uncompressed file of `size` bytes; if it is only ASCII, with an encoding by other places. `file` stays where it is."""
    if head.compression is not None or size <= len(head.sample) or not head.sample.isascii():
        return head
    position = file.tell()
    sample = head.sample
    for place in PLACES:
        file.seek(int(size * place))
        sample += file.read(SAMPLE_BYTES).partition(b"\n")[2]
    file.seek(position)
    return replace(head, decision=decide_encoding(sample))


def look(name: str, stored: Iterator[bytes]) -> tuple[Head, Iterator[bytes]]:
    """The head of a stream of stored blocks, and all its blocks, uncompressed, from the first byte on."""
    first = b""
    try:
        while len(first) < MAGIC_BYTES and (block := next(stored, None)) is not None:
            first += block
    except DamagedStreamError as error:
        stored = _broken(error)
    stored = chain([first], stored) if first else stored
    compression = detect_compression(name, first[:MAGIC_BYTES])
    blocks: Iterable[bytes] = stored if compression is None else decompress(stored, compression)
    sample, seen = _sample(iter(blocks))
    return Head(compression, _archive(strip_compression_suffix(name), sample), decide_encoding(sample), sample), seen


def _archive(name: str, sample: bytes) -> str | None:
    """What the first bytes say; else what the name promises (then it is empty or damaged, and reading it says so)."""
    if sample.startswith(ZIP_MAGIC):
        return "zip"
    if is_tar(sample):
        return "tar"
    return next((kind for kind in ("zip", "tar") if sample and name.lower().endswith(f".{kind}")), None)


def _sample(blocks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Enough bytes to decide on an encoding, and the whole stream again; damage in the head comes up again where the stream is read."""
    read: list[bytes] = []
    sample = bytearray()
    size = SAMPLE_BYTES
    num_beyond_ascii = 0
    try:
        for block in blocks:
            read.append(block)
            sample += block
            while size <= len(sample) and size < MAX_SAMPLE_BYTES:
                num_beyond_ascii += len(sample[size - SAMPLE_BYTES : size].translate(None, _ASCII))
                if num_beyond_ascii >= EVIDENCE_BYTES:
                    break
                size += SAMPLE_BYTES
            if size <= len(sample):
                break
    except DamagedStreamError as error:
        blocks = _broken(error)
    return bytes(sample[:size]), chain(read, blocks)


def _broken(error: DamagedStreamError) -> Iterator[bytes]:
    raise error
    yield b""
