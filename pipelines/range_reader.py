"""An object of a store as a file: only the bytes that somebody reads travel."""

import io
from collections.abc import Callable
from typing import BinaryIO, cast

FIRST_BYTES, MOST_BYTES = 256 << 10, 8 << 20
"""Fetched at once by a reader that has just come to a place, and at most by one that goes straight on: the head of a file costs little, a
whole file few requests."""
BUFFER_BYTES = 64 << 10

Fetch = Callable[[int, int], bytes]
"""The bytes [start, stop) of an object."""


def open_ranges(fetch: Fetch, size: int) -> BinaryIO:
    """An object of `size` bytes as a seekable file. Not for several threads at once."""
    return cast(BinaryIO, io.BufferedReader(_Ranges(fetch, size), BUFFER_BYTES))


class _Ranges(io.RawIOBase):
    """Holds one stretch of the object: what was fetched last."""

    def __init__(self, fetch: Fetch, size: int) -> None:
        super().__init__()
        self._fetch, self._size = fetch, size
        self._position = 0
        self._start, self._held = 0, b""
        self._ahead = FIRST_BYTES

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fills `buffer` as far as what is held, or fetched now, goes."""
        wanted = min(len(buffer), self._size - self._position)
        if wanted <= 0:
            return 0
        at = self._position - self._start
        if not 0 <= at < len(self._held):
            self._fetch_from(self._position, wanted)
            at = 0
        piece = self._held[at : at + wanted]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def readall(self) -> bytes:
        """The rest, at once."""
        pieces = []
        while piece := self.read(self._size - self._position):
            pieces.append(piece)
        return b"".join(pieces)

    def _fetch_from(self, start: int, wanted: int) -> None:
        goes_on = bool(self._held) and start == self._start + len(self._held)
        self._ahead = min(2 * self._ahead, MOST_BYTES) if goes_on else FIRST_BYTES
        stop = min(start + max(wanted, self._ahead), self._size)
        self._start, self._held = start, self._fetch(start, stop)
        if len(self._held) != stop - start:
            raise OSError(f"{len(self._held):,} bytes came of {stop - start:,} at byte {start:,}: was the object changed meanwhile?")
