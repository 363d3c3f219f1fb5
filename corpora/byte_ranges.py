"""One file read by many workers: lines, cut from byte blocks, each belonging to the range in which it starts.

A worker that begins at byte `start` cannot know whether a line starts there, so it looks one byte back: what is before the first line end
at or after `start - 1` belongs to somebody else. It may read past its end to finish its last line. Hence every line is read exactly once,
whatever the ranges.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO, NamedTuple

BLOCK_BYTES = 1 << 20
MAX_RECORD_BYTES = 64 << 20
"""Longer records become rejects: no document is as long, and a worker must be able to hold several."""


class Line(NamedTuple):
    """A line without its newline; `data` is None if it was longer than the limit, and then was never held in memory."""

    offset: int
    size: int
    data: bytes | None


def read_blocks(file: BinaryIO) -> Iterator[bytes]:
    """The rest of `file` in blocks."""
    while block := file.read(BLOCK_BYTES):
        yield block


def split_lines(blocks: Iterable[bytes], *, offset: int = 0, limit: int = MAX_RECORD_BYTES) -> Iterator[Line]:
    r"""Lines of a stream of byte blocks that begins at `offset`, wherever the blocks are cut.

    >>> [tuple(line) for line in split_lines([b"ab", b"c\n\nd"])]
    [(0, 3, b'abc'), (4, 0, b''), (5, 1, b'd')]
    """
    parts: list[bytes] = []  # of the line that the last block left open
    size = 0

    def close() -> Line:
        return Line(offset, size, b"".join(parts) if size <= limit else None)

    for block in blocks:
        *ended, rest = block.split(b"\n")
        for piece in ended:
            parts.append(piece)
            size += len(piece)
            yield close()
            offset += size + 1
            parts, size = [], 0
        if rest:
            size += len(rest)
            if size <= limit:
                parts.append(rest)
            else:
                parts = []
    if size:
        yield close()


def lines_from(file: BinaryIO, start: int, stop: int, *, limit: int = MAX_RECORD_BYTES) -> Iterator[Line]:
    """Lines that start at or after byte `start`, to the end of the file: the caller stops at the first that starts at `stop` or later.

    Returns at once, without reading on, when the line before them reaches beyond `stop`: many ranges inside one giant line cost little.
    """
    if start == 0:
        yield from split_lines(read_blocks(file), limit=limit)
        return
    offset = start - 1
    file.seek(offset)
    blocks = read_blocks(file)
    for block in blocks:
        cut = block.find(b"\n") + 1
        if cut:
            yield from split_lines(chain([block[cut:]], blocks), offset=offset + cut, limit=limit)
            return
        offset += len(block)
        if offset >= stop:
            return
