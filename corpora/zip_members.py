"""A zip file: its members by the directory at its end, or, where that is missing, by the headers before each member.

The standard library reads the directory. The members are decoded here: in bounded pieces, with names by evidence, and with what it does not
take named one by one: encrypted members, overlapping ones (a bomb), and files that were cut off, of which it reads nothing.
"""

import itertools
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from corpora.archive_members import Member, names_encoding, shown_name
from corpora.compression import DECODERS, DamagedStreamError, feed, refuse_bomb

LOCAL_HEADER = struct.Struct("<4sHHHHHIIIHH")
LOCAL_MAGIC = b"PK\x03\x04"
BLOCK_BYTES = 1 << 20
IS_ENCRYPTED, IS_STREAMED, HAS_UTF8_NAME = 0x1, 0x8, 0x800
STORED, DEFLATED, BZIP2, LZMA, ZSTANDARD, XZ, AES = 0, 8, 12, 14, 93, 95, 99
OTHER_METHODS = {1: "shrink", 6: "implode", 9: "deflate64", 96: "JPEG", 97: "WavPack", 98: "PPMd"}
METHODS = {DEFLATED: "deflate", BZIP2: "bz2", ZSTANDARD: "zst", XZ: "xz"}
MAX_SCANNED_VERSION = 63


@dataclass(slots=True)
class _Entry:
    """A member as the directory or its own header describes it; `num_stored` and `checksum` are None where a header leaves them out."""

    raw_name: bytes
    flags: int
    method: int
    checksum: int | None
    num_stored: int | None
    size: int
    offset: int
    is_overlapped: bool = False
    end: int = 0  # of its data, once these were read


def read_zip(file: BinaryIO) -> Iterator[Member]:
    """The files of a zip in the order in which they lie in it."""
    try:
        entries: Iterable[_Entry] = _read_directory(file)
    except (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError, OverflowError) as error:
        yield Member(None, problem=f"the zip has no directory at its end that can be read ({error}): it is cut off or corrupt")
        yield from (_member(file, entry, names_encoding([entry.raw_name])) for entry in _scan(file) if not entry.raw_name.endswith(b"/"))
        return
    encoding = names_encoding(entry.raw_name for entry in entries if not entry.flags & HAS_UTF8_NAME)
    yield from (_member(file, entry, encoding) for entry in entries if not entry.raw_name.endswith((b"/", b"\\")) or entry.size)


def _member(file: BinaryIO, entry: _Entry, encoding: str) -> Member:
    name = shown_name(entry.raw_name.decode("utf-8" if entry.flags & HAS_UTF8_NAME else encoding, "replace"))
    problem = None
    if entry.flags & IS_ENCRYPTED or entry.method == AES:
        problem = "is encrypted"
    elif entry.method not in METHODS and entry.method not in (STORED, LZMA):
        problem = f"is packed by method {OTHER_METHODS.get(entry.method, entry.method)}, which is not read"
    elif entry.is_overlapped:
        problem = "shares its bytes with another member: a bomb, not text"
    elif entry.num_stored is None and entry.method in (STORED, LZMA):
        problem = "does not say where it ends"
    if problem:
        return Member(name, problem=problem)
    return Member(name, entry.size, _content(file, entry))


def _read_directory(file: BinaryIO) -> list[_Entry]:
    with zipfile.ZipFile(file, metadata_encoding="latin-1") as archive:
        infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
    entries = [
        _Entry(
            info.orig_filename.encode("utf-8" if info.flag_bits & HAS_UTF8_NAME else "latin-1"),
            info.flag_bits, info.compress_type, info.CRC, info.compress_size, info.file_size, info.header_offset,
        )
        for info in infos
    ]  # fmt: skip
    for entry, following in itertools.pairwise(entries):
        entry.is_overlapped = entry.offset + LOCAL_HEADER.size + len(entry.raw_name) + (entry.num_stored or 0) > following.offset
    return entries


def _scan(file: BinaryIO) -> Iterator[_Entry]:
    """Members by their own headers, from the beginning on; the next is looked for after the data of each that was read."""
    position = 0
    while (offset := _find(file, LOCAL_MAGIC, position)) is not None:
        file.seek(offset)
        header = file.read(LOCAL_HEADER.size)
        if len(header) < LOCAL_HEADER.size:
            return
        _, version, flags, method, _, _, checksum, num_stored, size, name_length, extra_length = LOCAL_HEADER.unpack(header)
        name = file.read(name_length)
        position = offset + LOCAL_HEADER.size + name_length + extra_length
        if (version & 0xFF) > MAX_SCANNED_VERSION or not name or len(name) < name_length:
            position = offset + len(LOCAL_MAGIC)
            continue
        if flags & IS_STREAMED or num_stored == 0xFFFFFFFF:
            entry = _Entry(name, flags, method, None, None, 0, offset)
        else:
            entry = _Entry(name, flags, method, checksum, num_stored, size, offset)
        yield entry
        position = entry.end or position + (entry.num_stored or 0)


def _find(file: BinaryIO, magic: bytes, position: int) -> int | None:
    file.seek(position)
    tail = b""
    while block := file.read(BLOCK_BYTES):
        found = (tail + block).find(magic)
        if found >= 0:
            return position - len(tail) + found
        position += len(block)
        tail = (tail + block)[1 - len(magic) :]
    return None


def _content(file: BinaryIO, entry: _Entry) -> Iterator[bytes]:
    """What a member holds.

    Raises:
      DamagedStreamError: after all that could be decoded, if it is not what the directory says.
    """
    header = b""
    if 0 <= entry.offset < 1 << 62:
        file.seek(entry.offset)
        header = file.read(LOCAL_HEADER.size)
    if len(header) < LOCAL_HEADER.size or not header.startswith(LOCAL_MAGIC):
        raise DamagedStreamError("the header of this member is cut off or not where the directory says")
    name_length, extra_length = LOCAL_HEADER.unpack(header)[-2:]
    stored = _Stored(file, entry.offset + LOCAL_HEADER.size + name_length + extra_length, entry.num_stored)
    checksum = 0
    num_made = 0
    for piece in stored if entry.method == STORED else _decoded(stored, entry):
        checksum = zlib.crc32(piece, checksum)
        num_made += len(piece)
        refuse_bomb(stored.num_read, num_made)
        yield piece
    if stored.is_cut_off and num_made < entry.size:
        raise DamagedStreamError("the zip is cut off in this member")
    entry.end = stored.position
    if entry.checksum is not None and checksum != entry.checksum:
        raise DamagedStreamError("the checksum of this member does not fit")


def _decoded(stored: "_Stored", entry: _Entry) -> Iterator[bytes]:
    decoder = _lzma_decoder(stored) if entry.method == LZMA else DECODERS[METHODS[entry.method]]()
    num_made = 0
    for block in stored:
        for piece in feed(decoder, block, "zip member"):
            num_made += len(piece)
            yield piece
        if decoder.eof:
            stored.position -= len(decoder.unused_data)
            return
    # LZMA need not mark its end.
    if entry.method != LZMA or num_made < entry.size:
        raise DamagedStreamError("the zip is cut off in this member")


def _lzma_decoder(stored: "_Stored") -> lzma.LZMADecompressor:
    """LZMA as zip has it: four bytes of version and length, then the five of the filter's properties."""
    header = stored.take(9)
    if len(header) < 9 or header[4] >= 225:
        raise DamagedStreamError("the LZMA header of this member is corrupt")
    rest, lc = divmod(header[4], 9)
    pb, lp = divmod(rest, 5)
    dictionary = max(4096, int.from_bytes(header[5:9], "little"))
    try:
        return lzma.LZMADecompressor(
            lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, "lc": lc, "lp": lp, "pb": pb, "dict_size": dictionary}]
        )
    except (lzma.LZMAError, ValueError, MemoryError) as error:
        raise DamagedStreamError(f"the LZMA header of this member is corrupt: {error}") from error


class _Stored:
    """The packed bytes of a member, in blocks; of one that does not say how many it has, all to the end of the file.

    Attributes:
      position: in the file, after what was read.
      num_read: bytes read.
      is_cut_off: whether the file ended before.
    """

    def __init__(self, file: BinaryIO, position: int, size: int | None) -> None:
        self.position = position
        self.num_read = 0
        self.is_cut_off = False
        self._file = file
        self._left = size

    def take(self, size: int) -> bytes:
        """The next bytes, fewer at the end."""
        if self._left is not None:
            size = min(size, self._left)
        self._file.seek(self.position)  # whoever reads a member may have moved it
        block = self._file.read(size)
        self.position += len(block)
        self.num_read += len(block)
        if self._left is not None:
            self.is_cut_off = self.is_cut_off or len(block) < size
            self._left -= len(block)
        return block

    def __iter__(self) -> Iterator[bytes]:
        while block := self.take(BLOCK_BYTES):
            yield block
