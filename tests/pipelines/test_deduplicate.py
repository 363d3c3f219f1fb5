import tracemalloc
from collections.abc import Iterator
from unittest.mock import patch

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given
from hypothesis import strategies as st

from pipelines.deduplicate import (
    DropExactDuplicates,
    KeepFirst,
    PartitionById,
    choose_first,
    document_ids,
    num_partitions,
    prefixes,
    repeated_prefixes,
)
from tests.pipelines.documents import cleaned, cleaned_texts, cut, cut_batches
from tests.pipelines.jobs import run


def split(found) -> tuple[list[str], list[tuple[str, str]]]:
    """Origins of the kept documents; origins and messages of the rejects."""
    kept, rejects = [], []
    for value in found:
        if isinstance(value, beam.pvalue.TaggedOutput):
            rejects += [(row["origin"], row["message"]) for row in value.value.to_pylist()]
        else:
            kept += value.column("origin").to_pylist()
    return sorted(kept), sorted(rejects)


def test_the_first_source_then_file_then_offset_stays():
    batches = [cleaned(("jsonl", "a:0", "同"), ("text", "b:10", "同")), cleaned(("text", "b:9", "同"), ("text", "b:0", "异"))]
    kept, rejects = split(KeepFirst(["text", "jsonl"], 1 << 20).process((0, batches)))
    assert kept == ["b:0", "b:9"]
    assert rejects == [("a:0", "the same text as b:9"), ("b:10", "the same text as b:9")]
    kept, _ = split(KeepFirst(["jsonl", "text"], 1 << 20).process((0, batches)))
    assert kept == ["a:0", "b:0"]


def test_copies_in_other_sources_stay_if_asked_for():
    batches = [cleaned(("b", "f:2", "同"), ("a", "g:0", "同")), cleaned(("b", "f:10", "同"), ("a", "g:1", "同"), ("c", "h:0", "同"))]
    kept, rejects = split(KeepFirst(["a", "b"], 1 << 20, within_source=True).process((0, batches)))
    assert kept == ["f:2", "g:0", "h:0"]
    assert rejects == [("f:10", "the same text as f:2"), ("g:1", "the same text as g:0")]


def test_places_in_members_of_archives_count_as_numbers():
    rows = [("a", f"x.zip#b.txt:{place}", "同") for place in (10, 9)] + [("a", "x.zip#c.txt:1", "同"), ("a", "no place", "同")]
    kept, _ = split(KeepFirst([], 1 << 20).process((0, [cleaned(*rows)])))
    assert kept == ["no place"]
    assert choose_first([cleaned(*rows[:3])], []) == {("", cleaned(rows[0]).column("document_id")[0].as_py()): "x.zip#b.txt:9"}


def test_of_a_document_that_comes_twice_origin_and_all_one_stays():
    kept, rejects = split(KeepFirst([], 1 << 20).process((0, [cleaned(("a", "f:0", "同")), cleaned(("b", "f:0", "同"))])))
    assert (kept, rejects) == (["f:0"], [("f:0", "the same text as f:0")])


def test_distinct_documents_need_no_choice():
    assert choose_first([cleaned(("text", "a:0", "甲")), cleaned(("text", "a:1", "乙"))], []) == {}


def test_kept_batches_are_gathered():
    parts = [cleaned(("text", f"a:{i}", f"文{i}")) for i in range(10)]
    assert [batch.num_rows for batch in KeepFirst([], 1 << 20).process((0, parts))] == [10]
    assert [batch.num_rows for batch in KeepFirst([], 1).process((0, parts))] == [1] * 10


def test_batches_are_not_kept_alive_by_what_is_remembered_of_them():
    """A partition is a stream: only identities and origins of it may stay in memory."""
    before = pa.total_allocated_bytes()

    def batches() -> Iterator[pa.RecordBatch]:
        for i in range(20):
            assert pa.total_allocated_bytes() - before < 3_000_000  # two batches
            sink = pa.BufferOutputStream()
            batch = cleaned(*(("a", f"f:{i}-{j}", chr(0x4E00 + i) * 1000 + str(j)) for j in range(300)))
            with pa.ipc.new_stream(sink, batch.schema) as stream:
                stream.write_batch(batch)
            yield pa.ipc.open_stream(sink.getvalue()).read_next_batch()  # columns that share one buffer, as from Beam

    assert choose_first(batches(), []) == {}


@given(st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=8), st.integers(0, 20))
def test_prefixes_that_occur_again(numbers, pending):
    batches = [cleaned(*(("a", f"f:{i}", str(number)) for i, number in enumerate(own))) for own in numbers]
    found = [number for own in numbers for number in own]
    again = sorted({number for number in found if found.count(number) > 1}, key=lambda number: cleaned_texts([str(number)])[0][0].as_py())
    with patch("pipelines.deduplicate.MAX_PENDING", pending):
        repeated = repeated_prefixes(batches)
    assert repeated.tolist() == [int(prefixes(document_ids(cleaned_texts([str(number)])))[0]) for number in again]


def test_of_many_copies_of_one_text_only_the_first_place_is_remembered():
    def peak(copies: int) -> int:
        batches = [cleaned(*(("a", f"f:{1000 * i + j}", "同") for j in range(1000))) for i in range(copies)]
        with patch("pipelines.deduplicate.MAX_PENDING", 1000):
            choose_first(batches, [])
            tracemalloc.start()
            (origin,) = choose_first(batches[::-1], []).values()
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert origin == "f:0"
        return most

    assert peak(40) < 1.5 * peak(4)


@given(st.lists(st.integers(0, 5), max_size=20), st.integers(1, 7), st.integers(1, 4))
def test_the_same_documents_stay_whatever_the_batches(numbers, batch_rows, partitions):
    rows = [("text", f"a:{i}", f"文{number}") for i, number in enumerate(numbers)]
    batches = cut(cleaned(*rows), batch_rows)
    grouped: dict[int, list[pa.RecordBatch]] = {}
    for batch in reversed(batches):
        for key, part in cut_batches(PartitionById(partitions), [batch]):
            grouped.setdefault(key, []).append(part)
    kept, rejects = split(value for item in grouped.items() for value in KeepFirst([], 1 << 20).process(item))
    assert kept == sorted(f"a:{numbers.index(number)}" for number in set(numbers))
    assert len(kept) + len(rejects) == len(rows)


def test_identities_of_a_slice():
    batch = cleaned(("text", "a:0", "甲"), ("text", "a:1", "乙"), ("text", "a:2", "丙"))
    assert [bytes(row) for row in document_ids(batch.slice(1))] == batch.column("document_id").to_pylist()[1:]


@pytest.mark.parametrize(("num_bytes", "partitions"), [(0, 32), (33 * (256 << 20), 33), (1 << 50, 10_000)])
def test_partitions_grow_with_the_corpus(num_bytes, partitions):
    assert num_partitions(num_bytes) == partitions


def test_wiring():
    def build(pipeline: beam.Pipeline) -> None:
        batches = pipeline | beam.Create([cleaned(("text", "a:0", "同"), ("text", "a:1", "同")), cleaned(("text", "a:2", "异"))])
        result = batches | DropExactDuplicates(partitions=3)
        assert result.kept.element_type == result.rejects.element_type == pa.RecordBatch
        kept = result.kept | "Kept" >> beam.FlatMap(lambda batch: batch.column("origin").to_pylist())
        reasons = result.rejects | "Reasons" >> beam.FlatMap(
            lambda batch: [(row["origin"], row["reason"], row["is_error"]) for row in batch.to_pylist()]
        )
        assert_that(kept, equal_to(["a:0", "a:2"]), label="kept")
        assert_that(reasons, equal_to([("a:1", "exact_duplicate", False)]), label="rejects")

    run(build)
