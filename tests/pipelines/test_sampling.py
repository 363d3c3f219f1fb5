import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sampling import KeepSmallest, SmallestKeys, batch_keys, cut_batch, is_sampled, record_key
from tests.pipelines.jobs import raw_batch, run

TEXTS = [f"第{i}篇" for i in range(200)]


def test_a_key_is_of_title_and_text_and_nothing_else():
    batch = raw_batch(["甲", "乙", "甲"])
    keys = batch_keys(batch)
    assert keys.tolist() == [record_key("", "甲"), record_key("", "乙"), record_key("", "甲")]
    assert record_key("a", "b") != record_key("ab", "") != record_key("", "ab")


@given(st.integers(0, 2**64 - 1), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_sample_holds_the_smaller(key, one, other):
    small, large = sorted((one, other))
    assert not is_sampled(key, small) or is_sampled(key, large)
    assert is_sampled(key, 1.0)
    assert not is_sampled(key, 0.0)


def test_a_sample_has_about_the_share_asked_for():
    taken = sum(is_sampled(record_key("", str(i)), 0.1) for i in range(20_000))
    assert taken == pytest.approx(2000, abs=150)


@given(st.lists(st.lists(st.integers(0, 50), max_size=20), max_size=8), st.integers(1, 10))
def test_the_smallest_keys_are_the_same_however_they_come(batches, most):
    combine = SmallestKeys(most)
    arrays = [np.array(batch, np.uint64) for batch in batches]
    one = combine.create_accumulator()
    for array in arrays:
        one = combine.add_input(one, array)
    merged = combine.merge_accumulators([combine.add_input(combine.create_accumulator(), array) for array in arrays])
    expected = sorted({key for batch in batches for key in batch})[:most]
    assert combine.extract_output(one).tolist() == combine.extract_output(merged).tolist() == expected


def test_a_batch_is_cut_at_the_bound_of_its_source_and_at_that_of_all():
    batch = pa.concat_batches([raw_batch(TEXTS[:100], source="a"), raw_batch(TEXTS[100:], source="b")])
    keys = np.sort(batch_keys(batch))
    kept, account = cut_batch(batch, {"": int(keys[49])})
    assert kept.num_rows == 50
    assert account["documents.left_out"] == 150 == account["documents.left_out@a"] + account["documents.left_out@b"]
    only_a, account = cut_batch(batch, {"a": int(np.sort(batch_keys(batch.slice(0, 100)))[9])})
    assert only_a.column("source").to_pylist() == ["a"] * 10 + ["b"] * 100
    assert account == {"documents.left_out": 90, "documents.left_out@a": 90}


@pytest.mark.parametrize("size", [7, 200])
def test_a_limit_takes_the_same_records_however_they_come_in_batches(size):
    wanted = sorted(TEXTS, key=lambda text: record_key("", text))
    batches = [raw_batch(TEXTS[i : i + size], source="a") for i in range(0, 200, size)] + [raw_batch(TEXTS[:3], source="b", file="b")]
    twice = [text for text in wanted[:20] if text in TEXTS[:3]]

    def build(pipeline: beam.Pipeline) -> None:
        result = pipeline | beam.Create(batches) | KeepSmallest(20, {"b": 200})
        texts = result.batches | "Texts" >> beam.FlatMap(lambda batch: batch.column("text").to_pylist())
        left_out = result.accounts | "LeftOut" >> beam.Map(lambda account: account["documents.left_out"]) | beam.CombineGlobally(sum)
        assert_that(texts, equal_to([*wanted[:20], *twice]), label="texts")
        assert_that(left_out, equal_to([203 - 20 - len(twice)]), label="left out")

    run(build)


def test_a_cap_limits_one_source_only():
    def build(pipeline: beam.Pipeline) -> None:
        batches = [raw_batch(TEXTS[:50], source="a"), raw_batch(TEXTS[50:], source="b", file="b")]
        result = pipeline | beam.Create(batches) | KeepSmallest(None, {"a": 5})
        sources = (
            result.batches | "Sources" >> beam.FlatMap(lambda batch: batch.column("source").to_pylist()) | beam.combiners.Count.PerElement()
        )
        assert_that(sources, equal_to([("a", 5), ("b", 150)]))

    run(build)
