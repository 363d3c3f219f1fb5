"""A small part of a corpus that stands for all of it: pieces at even steps over its files and within them.

    small files      ▪▪▪▪ ▪▪▪▪ ▪▪▪▪ ▪▪▪▪ ▪▪▪▪     whole, in packs: one pack in so many
    splittable       ──██────────██────────██──   byte ranges, as workers read them
    streams (.xz …)  ──█──█──█──█──█──▶           cannot be read in the middle: every so many records' window is taken, and after a
                                                  bounded stretch no more is read

A step is in bytes of text, as far as sizes and names tell them, so a large file gets pieces in proportion.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from corpora.documents import RAW_SCHEMA
from corpora.files import CorpusFile, FileRange
from corpora.listing import file_ranges
from corpora.reading import read_range
from corpora.records import BadRecord, DamagedFile, Document, Event, FileStart
from pipelines.clean import COMPRESSION_RATIO, is_compressed
from pipelines.read import open_file

PIECE_BYTES = 64 << 10
"""Of text in a piece, some forty items of news or eight articles: small ones are spread better, and more files are opened."""
MIN_PIECES = 12
"""Of a source, as far as it has them: fewer say little about their spread."""
READ_AHEAD = 24
"""A stream is read for at most so many bytes for each byte of it that is taken."""
MIN_READ_BYTES = 128 << 20
"""All streams of a source together are read that far, if they have so much: that takes two seconds, and spares guesses about the rest."""
SPARE = 2
"""So many times more pieces of a stream are taken at first than are wanted: how much text it holds is known at its end."""
STRETCHES = 8
"""Of a stream that is not read to its end: how these differ says how far the rest may."""
MAX_PACKED = 64
"""Small files in a pack: on a remote file system each takes a while to open."""


@dataclass(slots=True)
class Piece:
    """Records that stand together.

    Attributes:
      source: of which corpus.
      documents: RAW_SCHEMA.
      num_records: documents and what is none.
      num_bytes: that the records take in the uncompressed file.
      bad: records that are no documents, by reason.
    """

    source: str
    documents: pa.RecordBatch
    num_records: int
    num_bytes: int
    bad: Counter[str]


@dataclass(slots=True)
class Reading:
    """What the reading of some file, range or pack showed, whether taken into the sample or not.

    Attributes:
      source: of which corpus.
      stored_bytes: that were read, as they are stored.
      num_records: documents and what is none.
      num_bytes: of these, uncompressed.
      seconds: of CPU, decompression and parsing.
      damaged: files that broke.
      is_cut: whether the rest of a stream was not read.
      name: of the file, or member of an archive, that is being read.
      formats: files by format.
      pieces: what was taken.
    """

    source: str
    stored_bytes: int = 0
    num_records: int = 0
    num_bytes: int = 0
    seconds: float = 0.0
    damaged: int = 0
    is_cut: bool = False
    name: str = ""
    formats: Counter[str] = field(default_factory=Counter)
    pieces: list[Piece] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Unit:
    """What is read from front to back at a time: a pack of small files, a stream, or a file that can be read anywhere."""

    files: tuple[CorpusFile, ...]
    num_bytes: int

    @property
    def is_splittable(self) -> bool:
        """Whether a worker may begin in the middle."""
        return len(self.files) == 1 and len(file_ranges(self.files[0], max(1, self.files[0].size // 2))) > 1


def expected_bytes(file: CorpusFile) -> int:
    """Of text in a file, before it is read."""
    return file.size * (COMPRESSION_RATIO if is_compressed(file) else 1)


def list_units(files: Sequence[CorpusFile]) -> list[Unit]:
    """The files of a source in order; small ones in packs of about a piece."""
    units: list[Unit] = []
    pack: list[CorpusFile] = []
    for file in files:
        if expected_bytes(file) >= PIECE_BYTES:
            units.append(Unit((file,), expected_bytes(file)))
            continue
        pack.append(file)
        if sum(map(expected_bytes, pack)) >= PIECE_BYTES or len(pack) == MAX_PACKED:
            units.append(Unit(tuple(pack), sum(map(expected_bytes, pack))))
            pack = []
    return [*units, Unit(tuple(pack), sum(map(expected_bytes, pack)))] if pack else units


def choose(units: Sequence[Unit], num_pieces: int) -> list[tuple[Unit, list[float]]]:
    """The units at even steps over all bytes, each with where in it the steps fall, as shares of its length.

    >>> [(unit.num_bytes, places) for unit, places in choose([Unit((), 30), Unit((), 10)], 4)]
    [(30, [0.16666666666666666, 0.5, 0.8333333333333334]), (10, [0.5])]
    """
    ends = np.cumsum([unit.num_bytes for unit in units])
    places = (np.arange(num_pieces) + 0.5) * (ends[-1] / num_pieces)
    owners = np.searchsorted(ends, places, side="right")
    starts = np.concatenate([[0], ends])
    return [
        (units[owner], [float((place - starts[owner]) / units[owner].num_bytes) for place in places[owners == owner]])
        for owner in np.unique(owners)
    ]


def sample_source(files: Sequence[CorpusFile], num_bytes: int) -> Iterator[Reading]:
    """Reads and takes about `num_bytes` of the text of a source; all of it if it has no more."""
    units = list_units([file for file in files if file.size])
    total = sum(unit.num_bytes for unit in units)
    if not total:
        return
    if num_bytes >= total:
        for unit in units:
            yield _read_pack(unit)
        return
    chosen = choose(units, max(MIN_PIECES, -(-num_bytes // PIECE_BYTES)))
    for unit, places in chosen:
        if unit.is_splittable:
            yield from _read_ranges(unit.files[0], places)
        elif len(unit.files) > 1 or unit.num_bytes < 2 * PIECE_BYTES:
            yield _read_pack(unit)
        else:
            wanted = len(places) * PIECE_BYTES
            most_bytes = max(READ_AHEAD * wanted, MIN_READ_BYTES // len(chosen))
            step = max(1, min(unit.num_bytes, most_bytes) // wanted // SPARE)
            yield from thin(list(_read_stream(unit.files[0], step, most_bytes)), wanted)


def _read_ranges(file: CorpusFile, places: Sequence[float]) -> Iterator[Reading]:
    for number in sorted({int(place * file.size) // PIECE_BYTES for place in places}):
        start = number * PIECE_BYTES
        stop = min(start + PIECE_BYTES, file.size)
        reading = Reading(file.source)
        windows = _Windows(reading, 1)
        _read(FileRange(file, start, stop), reading, windows)
        windows.close()
        reading.stored_bytes = reading.num_bytes + reading.num_records  # each with its line end: records that start here may end elsewhere
        yield reading


def thin(readings: list[Reading], num_bytes: int) -> list[Reading]:
    """The readings with every so many of their pieces left, about `num_bytes` in all, but not fewer than MIN_PIECES pieces."""
    pieces = [piece for reading in readings for piece in reading.pieces]
    step = max(1, min(round(sum(piece.num_bytes for piece in pieces) / num_bytes), len(pieces) // MIN_PIECES))
    kept = {id(piece) for piece in pieces[step // 2 :: step]}
    for reading in readings:
        reading.pieces = [piece for piece in reading.pieces if id(piece) in kept]
    return readings


def _read_pack(unit: Unit) -> Reading:
    """The files of a unit one after the other, all of them taken."""
    reading = Reading(unit.files[0].source)
    windows = _Windows(reading, 1)
    for file in unit.files:
        _read(FileRange(file), reading, windows)
        reading.stored_bytes += file.size
    windows.close()
    return reading


def _read_stream(file: CorpusFile, step: int, most_bytes: int) -> Iterator[Reading]:
    """A stream from its beginning, until `most_bytes` of text were read, in stretches; every so many windows are taken."""
    stored: list[_Counted] = []

    def open_counted(path: str) -> Any:
        stored.append(_Counted(open_file(path)))
        return stored[-1]

    events = read_range(FileRange(file), open_counted)
    reading = Reading(file.source)
    windows = _Windows(reading, step)
    before = read = 0
    while _read_events(events, file.path, reading, windows, most_bytes // STRETCHES):
        read += reading.num_bytes
        after = min(file.size, sum(opened.num_bytes for opened in stored))
        reading.stored_bytes, before = after - before, after
        yield reading
        if read >= most_bytes:
            reading.is_cut = True
            return
        reading = windows.reading = Reading(file.source, name=reading.name)
    windows.close()
    reading.stored_bytes = file.size - before
    yield reading


def _read(part: FileRange, reading: Reading, windows: "_Windows") -> None:
    """Adds the records of a range to a reading."""
    _read_events(read_range(part, open_file), part.file.path, reading, windows, None)


def _read_events(events: Iterator[Event], path: str, reading: Reading, windows: "_Windows", most_bytes: int | None) -> bool:
    """Adds records to a reading, up to about `most_bytes`; whether there may be more."""
    reading.name = reading.name or path
    started = time.process_time()
    for event in events:
        match event:
            case FileStart():
                reading.name = event.path
                reading.formats[event.format] += 1
            case Document() | BadRecord():
                windows.add(event, reading.name)
                if most_bytes is not None and reading.num_bytes >= most_bytes:
                    break
            case DamagedFile():
                reading.damaged += 1
    else:
        most_bytes = None
    reading.seconds += time.process_time() - started
    return most_bytes is not None


class _Counted:
    """A file that counts what is read of it."""

    def __init__(self, file: BinaryIO) -> None:
        self.num_bytes = 0
        self._file = file

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self.num_bytes += len(block)
        return block

    def __enter__(self) -> "_Counted":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class _Windows:
    """Records in windows of a piece's size, of which every `step`-th becomes a piece, from the middle of the first steps on."""

    def __init__(self, reading: Reading, step: int) -> None:
        self.reading, self.step = reading, step
        self._number = 0
        self._begin()

    def add(self, event: Document | BadRecord, path: str) -> None:
        self.reading.num_records += 1
        self.reading.num_bytes += event.size
        self._size += event.size
        if self._is_taken:
            self._num_records += 1
            if isinstance(event, Document):
                origin = f"{path}:{event.offset}"
                self._rows.append((self.reading.source, origin, event.title, event.text, event.url, event.quality))
            else:
                self._bad[event.reason] += 1
        if self._size >= PIECE_BYTES:
            self.close()

    def close(self) -> None:
        """Ends the window, however long it is."""
        if self._is_taken and self._num_records:
            columns = zip(*self._rows, strict=True) if self._rows else [[] for _ in RAW_SCHEMA]
            arrays = [pa.array(column, kind.type) for column, kind in zip(columns, RAW_SCHEMA, strict=True)]
            documents = pa.RecordBatch.from_arrays(arrays, schema=RAW_SCHEMA)
            self.reading.pieces.append(Piece(self.reading.source, documents, self._num_records, self._size, self._bad))
        if self._size:
            self._number += 1
        self._begin()

    def _begin(self) -> None:
        self._rows: list[tuple[Any, ...]] = []
        self._bad: Counter[str] = Counter()
        self._num_records = self._size = 0
        self._is_taken = self._number % self.step == self.step // 2
