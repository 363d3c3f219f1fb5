"""A stream of byte blocks that is read by counts and by lines, forward only, holding no more than it was asked for."""

from collections.abc import Iterable


class ByteStream:
    """The bytes of `blocks`, and the place in them.

    Attributes:
      offset: of the next byte.
    """

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._buffer = b""
        self._position = 0
        self.offset = 0

    def peek(self, size: int) -> bytes:
        """The next `size` bytes, or what there is; they are still to be read."""
        self._fill(size)
        return self._buffer[self._position : self._position + size]

    def read(self, size: int) -> bytes:
        """The next `size` bytes, or what there is."""
        data = self.peek(size)
        self._advance(len(data))
        return data

    def unread(self, data: bytes) -> None:
        """Puts back what was read last."""
        self._buffer = data + self._buffer[self._position :]
        self._position = 0
        self.offset -= len(data)

    def skip_newlines(self) -> bool:
        """Goes behind empty lines; False at the end of the stream."""
        while self.peek(1):
            rest = self._buffer[self._position :].lstrip(b"\r\n")
            self._advance(len(self._buffer) - self._position - len(rest))
            if rest:
                return True
        return False

    def skip_line(self) -> None:
        """Goes behind the next line end."""
        while self.peek(1):
            end = self._buffer.find(b"\n", self._position)
            if end >= 0:
                self._advance(end + 1 - self._position)
                return
            self._advance(len(self._buffer) - self._position)

    def skip_to_line(self, beginning: bytes) -> None:
        """Goes to the next line that begins so, here included, or to the end."""
        if self.peek(len(beginning)) == beginning:
            return
        mark = b"\n" + beginning
        while True:
            found = self._buffer.find(mark, self._position)
            if found >= 0:
                self._advance(found + 1 - self._position)
                return
            self._advance(max(0, len(self._buffer) - self._position - len(mark) + 1))
            num_left = len(self._buffer) - self._position
            if len(self.peek(num_left + 1)) == num_left:
                self._advance(num_left)
                return

    def read_paragraph(self, limit: int) -> list[bytes] | None:
        """The lines to the next empty one, which is gone behind; None, with nothing read, if there is none in `limit` bytes."""
        size = 1 << 10
        while True:
            data = self.peek(min(size, limit))
            ends = [(place, end) for end in (b"\r\n\r\n", b"\n\n") if (place := data.find(end)) >= 0]
            if ends:
                place, end = min(ends)
                self._advance(place + len(end))
                return data[:place].splitlines()
            if len(data) < size or size >= limit:
                return None
            size *= 4

    def _fill(self, size: int) -> None:
        missing = size - (len(self._buffer) - self._position)
        if missing <= 0:
            return
        parts = [self._buffer[self._position :]]
        while missing > 0 and (block := next(self._blocks, None)) is not None:
            parts.append(block)
            missing -= len(block)
        self._buffer, self._position = b"".join(parts), 0

    def _advance(self, size: int) -> None:
        self._position += size
        self.offset += size
