import gzip
import json
import lzma
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from corpora.documents import RAW_SCHEMA
from corpora.files import CorpusFile
from corpora.sources import source_of
from pipelines.planning.corpus_sample import (
    PIECE_BYTES,
    Marks,
    Piece,
    Reading,
    Unit,
    choose,
    join,
    list_units,
    num_han,
    sample_source,
    thin,
)
from pipelines.read import list_sources

RANDOM = random.Random(3)
MARKS = Marks(max_tokens=100, count=num_han)
HAN = "".join(chr(point) for point in range(0x4E00, 0x5E00))


def write_lines(path: Path, num_records: int) -> bytes:
    """JSON Lines with the number of each record in its title."""
    lines = [
        json.dumps({"title": str(number), "text": "".join(RANDOM.choices(HAN, k=300))}, ensure_ascii=False) for number in range(num_records)
    ]
    content = ("\n".join(lines) + "\n").encode()
    opener = {".xz": lzma.open, ".gz": gzip.open}.get(path.suffix, open)
    with opener(path, "wb") as file:
        file.write(content)
    return content


def files_of(pattern: object) -> list[CorpusFile]:
    return list_sources([source_of(f"jsonl={pattern}")])


def titles(readings) -> list[int]:
    return [int(t) for reading in readings for piece in reading.pieces for t in piece.documents.column("title").to_pylist()]


def test_small_files_come_in_packs():
    files = [CorpusFile(str(number), 1000, "line") for number in range(70)] + [CorpusFile("big", PIECE_BYTES, "line")]
    assert [len(unit.files) for unit in list_units(files)] == [64, 1, 6]
    assert [unit.num_bytes for unit in list_units(files)] == [64_000, PIECE_BYTES, 6_000]


def test_steps_are_even_over_all_bytes():
    units = [Unit((), 30), Unit((), 10), Unit((), 60)]
    chosen = choose(units, 10)
    assert [(unit.num_bytes, len(places)) for unit, places in chosen] == [(30, 3), (10, 1), (60, 6)]
    assert chosen[1][1] == [0.5]


@pytest.mark.parametrize("name", ["all.jsonl", "all.jsonl.xz", "all.jsonl.gz"])
def test_a_sample_as_large_as_the_corpus_is_the_corpus(tmp_path, name):
    content = write_lines(tmp_path / name, 500)
    readings = list(sample_source(files_of(tmp_path / name), 10 * len(content), MARKS))
    assert titles(readings) == list(range(500))
    assert sum(reading.num_records for reading in readings) == 500
    assert sum(reading.num_bytes for reading in readings) == len(content) - 500  # records without their line ends
    assert sum(reading.stored_bytes for reading in readings) == (tmp_path / name).stat().st_size


@pytest.mark.parametrize("name", ["all.jsonl", "all.jsonl.xz"])
def test_pieces_are_spread_from_end_to_end(tmp_path, name):
    """Of 8 MB, 12 pieces: an even spread has one in each twelfth."""
    content = write_lines(tmp_path / name, 8_000)
    readings = list(sample_source(files_of(tmp_path / name), len(content) // 20, MARKS))
    found = titles(readings)
    assert len(set(found)) == len(found)
    assert 0.03 < len(found) / 8_000 < 0.2
    assert {number * 8 // 8_000 for number in found} == set(range(8))
    if name.endswith(".xz"):
        assert sum(reading.num_records for reading in readings) == 8_000
        assert sum(reading.stored_bytes for reading in readings) == (tmp_path / name).stat().st_size
        assert not any(reading.is_cut for reading in readings)


def test_a_long_stream_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.planning.corpus_sample.MIN_READ_BYTES", 0)
    monkeypatch.setattr("pipelines.planning.corpus_sample.READ_AHEAD", 3)
    content = write_lines(tmp_path / "all.jsonl.xz", 8_000)
    readings = list(sample_source(files_of(tmp_path / "all.jsonl.xz"), 100_000, MARKS))
    read = sum(reading.num_bytes for reading in readings)
    assert 3 * 12 * PIECE_BYTES <= read < 0.5 * len(content)
    assert [reading.is_cut for reading in readings] == [False] * (len(readings) - 1) + [True]
    assert 0 < sum(reading.stored_bytes for reading in readings) <= (tmp_path / "all.jsonl.xz").stat().st_size
    assert sum(len(reading.pieces) for reading in readings) >= 8


def test_what_is_no_document_is_counted_in_its_piece(tmp_path):
    (tmp_path / "some.jsonl").write_text('{"text": "今天"}\nno json\n{"text": "明天"}\n', "utf-8")
    (piece,) = (piece for reading in sample_source(files_of(tmp_path / "some.jsonl"), 1 << 20, MARKS) for piece in reading.pieces)
    assert (piece.num_records, piece.documents.num_rows, sum(piece.bad.values())) == (3, 2, 1)


def test_empty_files_give_nothing(tmp_path):
    (tmp_path / "none.jsonl").write_bytes(b"")
    assert list(sample_source(files_of(tmp_path / "none.jsonl"), 1 << 20, MARKS)) == []


def test_of_too_many_windows_some_stay_at_even_steps():
    batch = pa.RecordBatch.from_pylist([], schema=RAW_SCHEMA)
    windows = [Piece("a", batch, number, 100, Counter()) for number in range(60)]
    readings = [Reading("a", pieces=windows[:35]), Reading("a", pieces=windows[35:])]
    kept = [piece.num_records for reading in thin(readings, 2000) for piece in reading.pieces]
    assert kept == list(range(1, 60, 3))
    readings = [Reading("a", pieces=windows[:35]), Reading("a", pieces=windows[35:])]
    kept = [piece.num_records for reading in thin(readings, 2400) for piece in reading.pieces]
    assert (len(kept), kept[:5]) == (24, [1, 3, 6, 8, 11])
    assert [piece.num_records for piece in thin([Reading("a", pieces=windows[:13])], 1)[0].pieces] == [
        0,
        1,
        2,
        3,
        4,
        5,
        7,
        8,
        9,
        10,
        11,
        12,
    ]


def test_windows_are_joined_to_pieces_across_readings():
    batch = pa.RecordBatch.from_pylist([], schema=RAW_SCHEMA)
    windows = [Piece("a", batch, 1, PIECE_BYTES // 2, Counter({"bad": 1}), np.array([1, 2, 3, 4.0])) for _ in range(5)]
    readings = join([Reading("a", pieces=windows[:3]), Reading("a", pieces=windows[3:])])
    assert [[piece.num_records for piece in reading.pieces] for reading in readings] == [[2], [2, 1]]
    assert readings[1].pieces[0].marks.tolist() == [2, 4, 6, 8]
    assert readings[1].pieces[0].bad == {"bad": 2}


def test_marks_of_all_that_is_read_are_known_not_only_of_what_is_taken(tmp_path):
    """8,000 records of 300 Han characters: three chunks of 100 each."""
    write_lines(tmp_path / "all.jsonl.gz", 8_000)
    readings = sample_source(files_of(tmp_path / "all.jsonl.gz"), 100_000, MARKS)
    records, num_bytes, han, chunks = sum(reading.marks for reading in readings)
    assert (records, han, chunks) == (8_000, 2_400_000, 24_000)
    assert num_bytes == sum(reading.num_bytes for reading in readings)
    taken = sum(piece.marks for reading in readings for piece in reading.pieces)
    assert taken[0] == len(titles(readings)) < 1_500
    assert taken[2] == 300 * taken[0]


def test_a_range_is_read_further_than_it_is_taken(tmp_path, monkeypatch):
    """Of a splittable file of 8 MB everything is read, and 12 pieces of it are taken."""
    content = write_lines(tmp_path / "all.jsonl", 8_000)
    readings = sample_source(files_of(tmp_path / "all.jsonl"), 100_000, MARKS)
    assert sum(reading.num_records for reading in readings) == 8_000
    assert sum(reading.stored_bytes for reading in readings) == len(content)
    taken = sum(piece.num_bytes for reading in readings for piece in reading.pieces)
    assert 11.5 * PIECE_BYTES < taken < 12.5 * PIECE_BYTES
    monkeypatch.setattr("pipelines.planning.corpus_sample.MIN_READ_BYTES", 2 << 20)
    read = sum(reading.num_bytes for reading in sample_source(files_of(tmp_path / "all.jsonl"), 100_000, MARKS))
    assert 1.9e6 < read < 2.2e6
