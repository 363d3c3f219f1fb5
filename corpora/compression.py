"""Compressed files as streams: known by their first bytes, of any number of members, in bounded memory, and never silently cut short."""

import bz2
import lzma
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import zstandard

MAGIC = {"gz": b"\x1f\x8b\x08", "bz2": b"BZh", "xz": b"\xfd7zXZ\x00", "zst": b"\x28\xb5\x2f\xfd"}
SUFFIXES = {".gz": "gz", ".bz2": "bz2", ".xz": "xz", ".zst": "zst"}
_BZIP2_BLOCK = (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")  # begin of a block, or of the end: `BZh` alone could be text

OUTPUT_BYTES = 1 << 20
ZSTD_INPUT_BYTES = 4096
"""zstandard's decoder has no limit on its output: little is fed at a time, because 4 bytes may stand for 128 KiB."""


class DamagedStreamError(ValueError):
    """A compressed stream that is cut off or corrupt. What came before it was delivered."""


def detect_compression(name: str, head: bytes) -> str | None:
    """The compression of a file: what its first bytes say; else what its name promises (then it is damaged, and reading it says so)."""
    for compression, magic in MAGIC.items():
        if head.startswith(magic) and (compression != "bz2" or head[4:10] in _BZIP2_BLOCK):
            return compression
    return next((compression for suffix, compression in SUFFIXES.items() if name.lower().endswith(suffix)), None)


def strip_compression_suffix(name: str) -> str:
    """The name of what is inside.

    >>> strip_compression_suffix("a.jsonl.xz")
    'a.jsonl'
    """
    suffix = next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(suffix)]


class _Gzip:
    """zlib's decoder in the dress of the standard library's other two."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(wbits=31)
        self._full = False  # the last output was: zlib may hold more, though it has taken all input

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._decoder.decompress(self._decoder.unconsumed_tail + data, max_length)
        self._full = len(out) == max_length
        return out

    @property
    def needs_input(self) -> bool:
        return not self._full and not self._decoder.eof

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data


class _Zstandard:
    """zstandard's decoder in the same dress: it keeps what it was given and takes it in small bites."""

    def __init__(self) -> None:
        self._decoder = zstandard.ZstdDecompressor().decompressobj()
        self._rest = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        waiting = self._rest + data
        out = bytearray()
        position = 0
        while position < len(waiting) and len(out) < max_length and not self._decoder.eof:
            out += self._decoder.decompress(waiting[position : position + ZSTD_INPUT_BYTES])
            position += ZSTD_INPUT_BYTES
        self._rest = waiting[position:]
        return bytes(out)

    @property
    def needs_input(self) -> bool:
        return not self._rest and not self._decoder.eof

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data + self._rest


_DECODERS: dict[str, Any] = {
    "gz": _Gzip,
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ),
    "zst": _Zstandard,
}
_ERRORS = (zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError, EOFError)


def decompress(blocks: Iterable[bytes], compression: str) -> Iterator[bytes]:
    """The uncompressed stream, member after member; zero bytes between and after members are padding.

    Raises:
      DamagedStreamError: after all that could be decoded, if a member is cut off or corrupt, or something else follows it.
    """
    decoder = None
    members = 0
    for block in blocks:
        while block:
            if decoder is None:
                block = block.lstrip(b"\0") if members else block
                if not block:
                    break
                decoder = _DECODERS[compression]()
                members += 1
            yield from _feed(decoder, block, compression, members)
            block = decoder.unused_data if decoder.eof else b""
            if decoder.eof:
                decoder = None
    if decoder is not None or not members:
        raise DamagedStreamError(f"the {compression} stream is cut off")


def _feed(decoder: Any, block: bytes, compression: str, members: int) -> Iterator[bytes]:
    """All that `decoder` makes of `block`, in pieces of bounded size."""
    while True:
        try:
            piece = decoder.decompress(block, OUTPUT_BYTES)
        except _ERRORS as error:
            where = f" (member {members})" if members > 1 else ""
            raise DamagedStreamError(f"the {compression} stream is corrupt{where}: {error}") from error
        if piece:
            yield piece
        if decoder.eof or decoder.needs_input:
            return
        block = b""
