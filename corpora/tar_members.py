"""A tar stream: 512-byte headers, each followed by a member, read once from front to back.

The standard library takes a broken header for the end of the archive, so headers are walked here, and what is cut off or corrupt is told.
"""

import tarfile
from collections.abc import Iterable, Iterator

from corpora.archive_members import Member, names_encoding, shown_name
from corpora.compression import DamagedStreamError

HEADER_BYTES = 512
PIECE_BYTES = 1 << 20
MAX_EXTENSION_BYTES = 1 << 20
"""Of the record before a header that holds a long name: none is longer, and it is held in memory."""

_WITHOUT_DATA = {tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE}
_NOTES = {tarfile.XGLTYPE, tarfile.GNUTYPE_LONGLINK, b"V", b"D"}  # with data, but none of a member: defaults, link names, labels, listings
_NAMING = {tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME}


def is_tar(sample: bytes) -> bool:
    """Whether a file begins with the header of a tar, also of one without the magic word that later versions have."""
    return parse_header(sample[:HEADER_BYTES]) is not None


def parse_header(block: bytes) -> tarfile.TarInfo | None:
    """The header of a member, its name undecoded in Latin-1; None if the checksum says that it is none."""
    try:
        info = tarfile.TarInfo.frombuf(block, "latin-1", "strict")
    except (tarfile.TarError, ValueError, OverflowError):
        return None
    return info if info.size >= 0 and (info.name or info.type in _NAMING | _NOTES) else None


def read_tar(blocks: Iterable[bytes]) -> Iterator[Member]:
    """The regular files of a tar in order. After a header that is corrupt, reading goes on at the next that is not."""
    stream = _Stream(blocks)
    extension: dict[str, bytes] = {}
    ended = lost = False
    while block := stream.read(HEADER_BYTES):
        if not block.strip(b"\0"):
            ended = True
            continue
        info = parse_header(block)
        if info is None:
            if not ended and not lost:
                yield Member(None, problem=f"the tar header at byte {stream.position - len(block)} is corrupt or cut off")
            lost = True
            continue
        ended = lost = False
        if info.type in _NAMING:
            extension |= _read_extension(stream, info)
        elif info.type in _NOTES:
            stream.skip(_padded(info.size))
        else:
            if info.type == tarfile.GNUTYPE_SPARSE:
                stream.skip_sparse_map(block)
            yield from _read_member(stream, info, extension)
            extension = {}
        if stream.is_broken:
            return  # the member has told
    if not ended and not lost:
        yield Member(None, problem="the tar has no end mark: it is cut off")


def _read_member(stream: "_Stream", info: tarfile.TarInfo, extension: dict[str, bytes]) -> Iterator[Member]:
    raw = extension.get("path", info.name.encode("latin-1"))
    name = shown_name(raw.decode(names_encoding([raw]), "replace"))
    size = int(extension.get("size", b"") or info.size)
    if info.type in _WITHOUT_DATA or (name.endswith("/") and not size):
        return
    is_sparse = info.type == tarfile.GNUTYPE_SPARSE or any(key.startswith("GNU.sparse") for key in extension)
    end = stream.position + _padded(size)
    if is_sparse:
        yield Member(name, problem="a sparse file, which is not read")
    elif info.type == b"M":
        yield Member(name, problem="continues a file of another volume")
    else:
        yield Member(name, size, stream.pieces(size))
    if not stream.is_broken:
        stream.skip(end - stream.position)


def _read_extension(stream: "_Stream", info: tarfile.TarInfo) -> dict[str, bytes]:
    """What the record before a header says of the member: `path` and `size`, and what sparse files have."""
    if info.size > MAX_EXTENSION_BYTES:
        stream.skip(_padded(info.size))
        return {}
    data = stream.read(_padded(info.size))[: info.size]
    if info.type == tarfile.GNUTYPE_LONGNAME:
        return {"path": data.rstrip(b"\0")}
    found: dict[str, bytes] = {}
    while data:
        length, _, _ = data.partition(b" ")
        if not length.isdigit() or not 0 < int(length[:9]) <= len(data):
            break
        keyword, _, value = data[len(length) + 1 : int(length)].rstrip(b"\n").partition(b"=")
        if keyword in (b"path", b"GNU.sparse.name"):
            found["path"] = value
        elif keyword == b"size" and value.isdigit() and len(value) < 19:
            found["size"] = value
        if keyword.startswith(b"GNU.sparse"):
            found[keyword.decode("latin-1")] = value
        data = data[int(length) :]
    return found


def _padded(size: int) -> int:
    return -(-size // HEADER_BYTES) * HEADER_BYTES


class _Stream:
    """Blocks of any size, read in the sizes that a tar is made of.

    Attributes:
      position: bytes read.
      is_broken: the stream ended or failed inside a member, and whoever read it was told by an exception.
    """

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self.position = 0
        self.is_broken = False
        self._blocks = iter(blocks)
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer only at the end."""
        found = bytearray()
        while len(found) < size and (piece := self._piece(size - len(found))):
            found += piece
        return bytes(found)

    def pieces(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes in pieces.

        Raises:
          DamagedStreamError: if there are fewer.
        """
        end = self.position + size
        try:
            while self.position < end:
                piece = self._piece(end - self.position)
                if not piece:
                    raise DamagedStreamError("the tar is cut off in this member")
                yield piece
        except DamagedStreamError:
            self.is_broken = True
            raise

    def skip(self, size: int) -> None:
        """Passes over `size` bytes, or to the end: then there is no end mark either."""
        end = self.position + size
        while self.position < end and self._piece(end - self.position):
            pass

    def skip_sparse_map(self, header: bytes) -> None:
        """Passes over the blocks that continue the header of a sparse file."""
        is_continued = bool(header[482])
        while is_continued and (block := self.read(HEADER_BYTES)):
            is_continued = len(block) == HEADER_BYTES and bool(block[504])

    def _piece(self, limit: int) -> bytes:
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return b""
            self._rest = memoryview(block)
        piece = bytes(self._rest[: min(limit, PIECE_BYTES)])
        self._rest = self._rest[len(piece) :]
        self.position += len(piece)
        return piece
