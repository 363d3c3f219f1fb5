"""What `predict` is asked about: entries of arguments, and of files and pipes a block at a time, so that these may be of any size."""

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import click

from albert_core.errors import AlbertError

BLOCK = 1 << 18  # bytes that are read at once; of a pipe, what is there
MAX_LINE = 1 << 24  # bytes; more is no file of lines, and would not fit into memory at last
STANDARD_INPUT = "standard input"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Entry(NamedTuple):
    """What is asked about at once. `where` is for messages, `line` the line of a file, else 0."""

    where: str
    line: int
    texts: tuple[str, ...]


def group_texts(texts: Sequence[str], size: int, asker: str) -> list[Entry]:
    """Arguments as entries of `size` texts each; 0: all are one.

    Raises:
      UsageError: they do not come out even; `asker` is who takes so many.
    """
    if size == 0:
        return [Entry("", 0, tuple(texts))]
    if len(texts) % size:
        raise click.UsageError(f"{asker} takes {size} texts each, and {len(texts)} were given: quote each text")
    rest = iter(texts)
    return [Entry("", 0, group) for group in iter(lambda: tuple(islice(rest, size)), ())]


def read_blocks(file: str | None, size: int, asker: str, *, keep_empty: bool = False) -> Iterator[list[Entry]]:
    """Entries of the lines of a file, or of standard input, as they come.

    Args:
      file: a UTF-8 file, one entry a line; None: standard input.
      size: texts of an entry. Several are parted by tabs in a line; 0: as many as there are.
      asker: who takes so many, for the message.
      keep_empty: whether a line without text is an entry too, else it is passed over.

    Raises:
      UsageError: there is no text, or a line has more or fewer than `size`.
      AlbertError: a line is not UTF-8 or endless.
    """
    if file is None and sys.stdin.isatty():
        raise click.UsageError("no text to read: give TEXT, --file or lines on standard input")
    name, number, found = file or STANDARD_INPUT, 0, False
    with click.open_file(file or "-", "rb") as source:
        for block in _read_lines(source, name):
            lines = [_decode(line, name, number + at) for at, line in enumerate(block, 1)]
            entries = [
                Entry(f"{name}, line {number + at}", number + at, _parts(line, number + at, size, asker))
                for at, line in enumerate(lines, 1)
                if keep_empty or line.strip()
            ]
            number += len(lines)
            if entries:
                found = True
                yield entries
    if not found:
        raise click.UsageError(f"no text to read: {name} has none")


def count_lines(file: str | None) -> int | None:
    """Lines of a file, None of a pipe: nobody knows."""
    if file is None or not Path(file).is_file():
        return None
    with Path(file).open("rb") as source:
        return sum(block.count(b"\n") for block in iter(lambda: source.read(BLOCK), b""))


def _read_lines(source: Any, name: str) -> Iterator[list[bytes]]:
    """Whole lines, without their ends: what one read gives, so that of a slow pipe each line is there as it comes."""
    left = b""
    for block in iter(lambda: source.read1(BLOCK), b""):
        *lines, rest = block.split(b"\n")
        if lines:
            lines[0], left = left + lines[0], b""
            yield lines
        left += rest
        if len(left) > MAX_LINE:
            raise AlbertError(f"{name} has a line of more than {MAX_LINE >> 20} MiB\ngive a text file with one entry a line")
    if left:
        yield [left]


def _decode(line: bytes, name: str, number: int) -> str:
    try:
        return line.removeprefix(BYTE_ORDER_MARK if number == 1 else b"").decode("utf-8").rstrip("\r")
    except UnicodeDecodeError as error:
        fix = "iconv -f GB18030 -t UTF-8" + (f" {name}" if name != STANDARD_INPUT else "")
        raise AlbertError(f"{name}, line {number}: byte {error.start} of it is not UTF-8\nconvert it first: {fix}") from error


def _parts(line: str, number: int, size: int, asker: str) -> tuple[str, ...]:
    """The parts of a line; where an entry is one text, a tab is part of it."""
    if size == 1:
        return (line,)
    parts = tuple(line.split("\t"))
    if size and len(parts) != size:
        raise click.UsageError(f"line {number} has {len(parts) - 1} tabs: {asker} wants {', one tab, '.join('ABC'[:size])}")
    return parts
