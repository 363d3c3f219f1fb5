"""A small part of a corpus that stands for all of it: windows at even steps over its files and within them.

    small files      ▪▪▪▪ ▪▪▪▪ ▪▪▪▪ ▪▪▪▪ ▪▪▪▪     whole, in packs: one pack in so many
    splittable       ──▪─▪─▪────▪─▪─▪────▪─▪─▪─   byte ranges, as workers read them, and of each every so many records' window
    streams (.xz …)  ──▪──▪──▪──▪──▪──▶           cannot be read in the middle: every so many windows, and after a bounded stretch no
                                                  more is read

A step is in bytes of text, as far as sizes and names tell them, so a large file gets windows in proportion.

Sampling is in two phases (Cochran 1977, §12). Much is read, and of each record is counted what costs nothing and tells much about its
instances (`Marks`); little of it is taken, and built.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
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

WINDOW_BYTES = 8 << 10
"""Of text that stands together, five items of news or an article: smaller ones are spread better. Of 2 % of the benchmark corpus, nine
samples in ten foretold the instances within 2.0 % with windows of 64 KB, 1.7 % with these."""
PIECE_BYTES = 64 << 10
"""Of windows that are built together: functions are called for batches, and the fixed cost of a call is not to be counted too often."""
MIN_PIECES = 12
"""Of a source, as far as it has them: fewer say little about their spread."""
READ_AHEAD = 24
"""A stream is read for at most so many bytes for each byte of it that is taken."""
MIN_READ_BYTES = 128 << 20
"""Of a source is read, if it has so much: that takes some seconds, and the marks of what was read spare guesses about the rest."""
SPARE = 2
"""So many times more windows of a stream are taken at first than are wanted: how much text it holds is known at its end."""
STRETCHES = 8
"""Of a stream that is not read to its end: how these differ says how far the rest may."""
MAX_PACKED = 64
"""Small files in a pack: on a remote file system each takes a while to open."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What is counted of each record that is read, because its instances hang on it.

    Of articles with code and links in them, instances follow the Han characters three times as closely as the bytes. A short document
    gives one instance for each copy, however short it is: therefore records, and what each fills.

    Attributes:
      max_tokens: of a chunk.
      count: characters of a text that become tokens, about.
    """

    max_tokens: int
    count: Callable[[str], int]

    def of(self, event: Document | BadRecord) -> np.ndarray:
        """float64 [4]: records, bytes, telling characters, chunks that these fill."""
        telling = self.count(event.text) if isinstance(event, Document) else 0
        return np.array([1, event.size, telling, -(-telling // self.max_tokens)], np.float64)


NUM_MARKS = 4


def num_han(text: str) -> int:
    """Han characters of the basic plane: nearly all there are, at the speed of a comparison.

    >>> num_han("今天用Python吧。")
    4
    """
    units = np.frombuffer(text.encode("utf-16-le", "surrogatepass"), np.uint16)
    return int(np.count_nonzero(units - np.uint16(0x4E00) < 0x5200))


@dataclass(slots=True)
class Piece:
    """Records of some windows.

    Attributes:
      source: of which corpus.
      documents: RAW_SCHEMA.
      num_records: documents and what is none.
      num_bytes: that the records take in the uncompressed file.
      bad: records that are no documents, by reason.
      marks: float64 [NUM_MARKS], of all records.
    """

    source: str
    documents: pa.RecordBatch
    num_records: int
    num_bytes: int
    bad: Counter[str]
    marks: np.ndarray = field(default_factory=lambda: np.zeros(NUM_MARKS))


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
      marks: float64 [NUM_MARKS], of all records.
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
    marks: np.ndarray = field(default_factory=lambda: np.zeros(NUM_MARKS))
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


def sample_source(files: Sequence[CorpusFile], num_bytes: int, marks: Marks) -> list[Reading]:
    """Reads and takes about `num_bytes` of the text of a source; all of it if it has no more."""
    units = list_units([file for file in files if file.size])
    total = sum(unit.num_bytes for unit in units)
    readings: list[Reading] = []
    if num_bytes >= total:
        for unit in units:
            readings.append(_read_pack(unit, marks))
        return join(readings)
    num_pieces = max(MIN_PIECES, -(-num_bytes // PIECE_BYTES))
    range_bytes = max(PIECE_BYTES, -(-min(total, MIN_READ_BYTES) // num_pieces))
    chosen = choose(units, num_pieces)
    for unit, places in chosen:
        if unit.is_splittable:
            readings += thin(list(_read_ranges(unit.files[0], places, range_bytes, marks)), len(places) * PIECE_BYTES)
        elif len(unit.files) > 1 or unit.num_bytes < 2 * PIECE_BYTES:
            readings.append(_read_pack(unit, marks))
        else:
            wanted = len(places) * PIECE_BYTES
            most_bytes = max(READ_AHEAD * wanted, MIN_READ_BYTES // len(chosen))
            step = max(1, min(unit.num_bytes, most_bytes) // wanted // SPARE)
            readings += thin(list(_read_stream(unit.files[0], step, most_bytes, marks)), wanted)
    return join(readings)


def _read_ranges(file: CorpusFile, places: Sequence[float], num_bytes: int, marks: Marks) -> Iterator[Reading]:
    """Ranges of so many bytes, and of them every so many windows."""
    windows = _Windows(Reading(file.source), max(1, num_bytes // PIECE_BYTES // SPARE), marks)
    for number in sorted({int(place * file.size) // num_bytes for place in places}):
        start = number * num_bytes
        stop = min(start + num_bytes, file.size)
        reading = windows.reading = Reading(file.source)
        _read(FileRange(file, start, stop), reading, windows)
        windows.close()
        reading.stored_bytes = reading.num_bytes + reading.num_records  # each with its line end: records that start here may end elsewhere
        yield reading


def thin(readings: list[Reading], num_bytes: int) -> list[Reading]:
    """The readings with some of their windows left, at even steps: about `num_bytes` in all, but not fewer than MIN_PIECES of them."""
    pieces = [piece for reading in readings for piece in reading.pieces]
    count = len(pieces) * num_bytes / max(1, sum(piece.num_bytes for piece in pieces))
    count = min(len(pieces), max(MIN_PIECES, round(count)))
    kept = {id(pieces[int((number + 0.5) * len(pieces) / count)]) for number in range(count)}
    for reading in readings:
        reading.pieces = [piece for piece in reading.pieces if id(piece) in kept]
    return readings


def join(readings: list[Reading]) -> list[Reading]:
    """The readings of a source with its windows put together to pieces, in their order; a piece is where its last window was."""
    pending: list[Piece] = []
    last: Reading | None = None
    for reading in readings:
        windows, reading.pieces = reading.pieces, []
        for window in windows:
            pending.append(window)
            last = reading
            if sum(piece.num_bytes for piece in pending) >= PIECE_BYTES:
                reading.pieces.append(_together(pending))
                pending = []
    if pending and last is not None:
        last.pieces.append(_together(pending))
    return readings


def _together(windows: Sequence[Piece]) -> Piece:
    return Piece(
        windows[0].source,
        pa.concat_batches([window.documents for window in windows]),
        sum(window.num_records for window in windows),
        sum(window.num_bytes for window in windows),
        sum((window.bad for window in windows), Counter()),
        np.sum([window.marks for window in windows], axis=0),
    )


def _read_pack(unit: Unit, marks: Marks) -> Reading:
    """The files of a unit one after the other, all of them taken."""
    reading = Reading(unit.files[0].source)
    windows = _Windows(reading, 1, marks)
    for file in unit.files:
        _read(FileRange(file), reading, windows)
        reading.stored_bytes += file.size
    windows.close()
    return reading


def _read_stream(file: CorpusFile, step: int, most_bytes: int, marks: Marks) -> Iterator[Reading]:
    """A stream from its beginning, until `most_bytes` of text were read, in stretches; every so many windows are taken."""
    stored: list[_Counted] = []

    def open_counted(path: str) -> Any:
        stored.append(_Counted(open_file(path)))
        return stored[-1]

    events = read_range(FileRange(file), open_counted)
    reading = Reading(file.source)
    windows = _Windows(reading, step, marks)
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
    """Records in windows, of which every `step`-th is taken, from the middle of the first steps on."""

    def __init__(self, reading: Reading, step: int, marks: Marks) -> None:
        self.reading, self.step, self.marks = reading, step, marks
        self._number = 0
        self._begin()

    def add(self, event: Document | BadRecord, path: str) -> None:
        marks = self.marks.of(event)
        self.reading.num_records += 1
        self.reading.num_bytes += event.size
        self.reading.marks += marks
        self._size += event.size
        if self._is_taken:
            self._num_records += 1
            self._marks += marks
            if isinstance(event, Document):
                origin = f"{path}:{event.offset}"
                self._rows.append((self.reading.source, origin, event.title, event.text, event.url, event.quality))
            else:
                self._bad[event.reason] += 1
        if self._size >= WINDOW_BYTES:
            self.close()

    def close(self) -> None:
        """Ends the window, however long it is."""
        if self._is_taken and self._num_records:
            columns = zip(*self._rows, strict=True) if self._rows else [[] for _ in RAW_SCHEMA]
            arrays = [pa.array(column, kind.type) for column, kind in zip(columns, RAW_SCHEMA, strict=True)]
            documents = pa.RecordBatch.from_arrays(arrays, schema=RAW_SCHEMA)
            self.reading.pieces.append(Piece(self.reading.source, documents, self._num_records, self._size, self._bad, self._marks))
        if self._size:
            self._number += 1
        self._begin()

    def _begin(self) -> None:
        self._rows: list[tuple[Any, ...]] = []
        self._bad: Counter[str] = Counter()
        self._marks = np.zeros(NUM_MARKS)
        self._num_records = self._size = 0
        self._is_taken = self._number % self.step == self.step // 2
