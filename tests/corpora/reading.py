"""What the tests of readers share: a file in memory, read in ranges."""

import io
from typing import BinaryIO

from corpora.files import CorpusFile, FileRange
from corpora.formats import FORMATS
from corpora.reading import read_range
from corpora.records import BadRecord, DamagedFile, Document, Event, FileStart, RangeEnd


def events(
    data: bytes,
    format_name: str,
    *,
    encoding: str | None = "utf-8",
    compression: str | None = None,
    range_bytes: int | None = None,
    limit: int = 1 << 20,
) -> list[Event]:
    """All events of a file with this content, without the range ends; in ranges of `range_bytes` if the format takes them."""

    def open_file(path: str) -> BinaryIO:
        assert path == "a"
        return io.BytesIO(data)

    file = CorpusFile("a", len(data), format_name, compression, encoding)
    parts = [FileRange(file)]
    if range_bytes is not None and FORMATS[format_name].splittable:
        parts = [FileRange(file, start, min(start + range_bytes, len(data))) for start in range(0, len(data), range_bytes)]
    found = [event for part in parts for event in read_range(part, open_file, max_record_bytes=limit)]
    return [event for event in found if not isinstance(event, RangeEnd | FileStart)]


def texts(found: list[Event]) -> list[str]:
    return [event.text for event in found if isinstance(event, Document)]


def bad(found: list[Event]) -> list[tuple[int, str]]:
    return [(event.offset, event.reason) for event in found if isinstance(event, BadRecord)]


def damage(found: list[Event]) -> list[str]:
    return [event.error for event in found if isinstance(event, DamagedFile)]


def read_file(data: bytes, name: str = "a", *, format_name: str | None = None, limit: int = 1 << 20) -> list[Event]:
    """All events of a file that was not looked at before: the worker decides on its format, compression, archive and encoding."""
    file = CorpusFile(name, len(data), format_name)
    return list(read_range(FileRange(file), lambda path: io.BytesIO(data), max_record_bytes=limit))


def located(found: list[Event]) -> list[tuple[str, str]]:
    """Where each text comes from, without offsets, and the text."""
    path = ""
    pairs = []
    for event in found:
        if isinstance(event, FileStart):
            path = event.path
        elif isinstance(event, Document):
            pairs.append((path, event.text))
    return pairs


def damaged(found: list[Event]) -> dict[str, str]:
    """Files that are damaged, or members of an archive, and why."""
    return {event.file: event.error for event in found if isinstance(event, DamagedFile)}
