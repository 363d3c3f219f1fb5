"""What the tests of readers share: a file in memory, read in ranges."""

import io
from typing import BinaryIO

from corpora.files import CorpusFile, FileRange
from corpora.formats import FORMATS, read_range
from corpora.records import BadRecord, DamagedFile, Document, Event, RangeEnd


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
    return [event for event in found if not isinstance(event, RangeEnd)]


def texts(found: list[Event]) -> list[str]:
    return [event.text for event in found if isinstance(event, Document)]


def bad(found: list[Event]) -> list[tuple[int, str]]:
    return [(event.offset, event.reason) for event in found if isinstance(event, BadRecord)]


def damage(found: list[Event]) -> list[str]:
    return [event.error for event in found if isinstance(event, DamagedFile)]
