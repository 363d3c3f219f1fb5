import hashlib

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given
from hypothesis import strategies as st

from pipelines.batches import CLEANED_SCHEMA
from pipelines.deduplicate import DropExactDuplicates, KeepFirst, PartitionById, choose_first, document_ids, num_partitions
from tests.pipelines.jobs import run


def cleaned(*rows: tuple[str, str, str]) -> pa.RecordBatch:
    """Documents from (source, origin, text)."""
    return pa.RecordBatch.from_pylist(
        [
            {
                "document_id": hashlib.blake2b(text.encode(), digest_size=16).digest(),
                "source": source,
                "origin": origin,
                "title": "",
                "text": text,
            }
            for source, origin, text in rows
        ],
        schema=CLEANED_SCHEMA,
    )


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


def test_distinct_documents_need_no_choice():
    assert choose_first([cleaned(("text", "a:0", "甲")), cleaned(("text", "a:1", "乙"))], []) == {}


def test_kept_batches_are_gathered():
    parts = [cleaned(("text", f"a:{i}", f"文{i}")) for i in range(10)]
    assert [batch.num_rows for batch in KeepFirst([], 1 << 20).process((0, parts))] == [10]
    assert [batch.num_rows for batch in KeepFirst([], 1).process((0, parts))] == [1] * 10


@given(st.lists(st.integers(0, 5), max_size=20), st.integers(1, 7), st.integers(1, 4))
def test_the_same_documents_stay_whatever_the_batches(numbers, batch_rows, partitions):
    rows = [("text", f"a:{i}", f"文{number}") for i, number in enumerate(numbers)]
    batches = [cleaned(*rows[i : i + batch_rows]) for i in range(0, len(rows), batch_rows)]
    grouped: dict[int, list[pa.RecordBatch]] = {}
    for batch in reversed(batches):
        for key, part in PartitionById(partitions).process(batch):
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
