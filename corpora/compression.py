"""Compressed files as streams: known by their first bytes, of any number of members, in bounded memory, and never silently cut short."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import zstandard

MAGIC = {"gz": b"\x1f\x8b\x08", "bz2": b"BZh", "xz": b"\xfd7zXZ\x00", "zst": b"\x28\xb5\x2f\xfd"}
SUFFIXES = {".gz": "gz", ".bz2": "bz2", ".xz": "xz", ".zst": "zst", ".tgz": "gz", ".tbz2": "bz2", ".txz": "xz", ".tzst": "zst"}
_BZIP2_BLOCK = (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")  # begin of a block, or of the end: `BZh` alone could be text

OUTPUT_BYTES = 1 << 20
ZSTD_INPUT_BYTES = 4096
"""zstandard's decoder has no limit on its output: little is fed at a time, because 4 bytes may stand for 128 KiB."""


MAX_EXPANSION = 1000
BOMB_BYTES = 1 << 30
"""More than so much output that is more than `MAX_EXPANSION` times its input is no text but a bomb."""
ZSTD_WINDOW_BYTES = 1 << 31
"""The largest window that `zstd --long=31` makes; large public dumps are packed so. It is memory only where a file asks for it."""


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

    >>> strip_compression_suffix("a.jsonl.xz"), strip_compression_suffix("a.tgz")
    ('a.jsonl', 'a.tar')
    """
    suffix = next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(suffix)] + (".tar" if suffix.startswith(".t") else "")


class _Zlib:
    """zlib's decoder in the dress of the standard library's other two: `wbits` 31 is gzip, -15 is what zip files hold."""

    def __init__(self, wbits: int) -> None:
        self._decoder = zlib.decompressobj(wbits=wbits)
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
        self._decoder = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES).decompressobj()
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


DECODERS: dict[str, Callable[[], Any]] = {
    "gz": lambda: _Zlib(31),
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ),
    "zst": _Zstandard,
    "deflate": lambda: _Zlib(-15),
}
"""Decoders of one stream each, with what the standard library's two have in common; "deflate" is only found in zip files."""
_ERRORS = (zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError, EOFError)


def decompress(blocks: Iterable[bytes], compression: str) -> Iterator[bytes]:
    """The uncompressed stream, member after member; zero bytes between and after members are padding.

    Raises:
      DamagedStreamError: after all that could be decoded, if a member is cut off or corrupt, or something else follows it.
    """
    decoder = None
    members = taken = made = 0
    for block in blocks:
        taken += len(block)
        while block:
            if decoder is None:
                block = block.lstrip(b"\0") if members else block
                if not block:
                    break
                decoder = DECODERS[compression]()
                members += 1
            for piece in feed(decoder, block, f"{compression} stream", members):
                made += len(piece)
                refuse_bomb(taken, made)
                yield piece
            block = decoder.unused_data if decoder.eof else b""
            if decoder.eof:
                decoder = None
    if decoder is not None or not members:
        raise DamagedStreamError(f"the {compression} stream is cut off")


def feed(decoder: Any, block: bytes, what: str, members: int = 1) -> Iterator[bytes]:
    """All that `decoder` makes of `block`, in pieces of bounded size.

    Raises:
      DamagedStreamError: if it is corrupt; `what` and the number of the member say which.
    """
    while True:
        try:
            piece = decoder.decompress(block, OUTPUT_BYTES)
        except (*_ERRORS, MemoryError) as error:
            where = f" (member {members})" if members > 1 else ""
            raise DamagedStreamError(f"the {what} is corrupt{where}: {error}") from error
        if piece:
            yield piece
        if decoder.eof or decoder.needs_input:
            return
        block = b""


def refuse_bomb(taken: int, made: int) -> None:
    """Stops a stream that makes of so many bytes more than any text does.

    Raises:
      DamagedStreamError: of it.
    """
    if made > BOMB_BYTES and made > MAX_EXPANSION * taken:
        raise DamagedStreamError(f"it grows to more than {MAX_EXPANSION} times its size: a bomb, not text")
