import pickle
from unittest.mock import patch

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sampling import ALL, GreatestWithin, KeepSmallest, Smallest, batch_keys, cut_batch, is_sampled, list_keys, record_key
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


@given(st.lists(st.lists(st.integers(0, 50), max_size=20), min_size=1, max_size=8), st.integers(1, 10), st.integers(0, 3))
def test_the_smallest_keys_are_the_same_however_they_come(batches, most, pending):
    combine = GreatestWithin()
    elements = [Smallest(most, np.array(batch, np.uint64)) for batch in batches]
    expected = sorted({key for batch in batches for key in batch})[:most]
    with patch("pipelines.sampling.MAX_PENDING", pending):
        one = combine.create_accumulator()
        for element in elements:
            one = combine.add_input(one, element)
        parts = [combine.add_input(combine.create_accumulator(), element) for element in elements]
        merged = combine.merge_accumulators([*parts, combine.create_accumulator()])
    assert one.keys().tolist() == merged.keys().tolist() == expected
    assert [element.keys().tolist() for element in elements] == [sorted(set(batch))[:most] for batch in batches]  # as they were
    if expected:
        assert combine.extract_output(pickle.loads(pickle.dumps(merged))) == expected[-1]


def test_keys_that_cannot_belong_are_not_kept():
    smallest = Smallest(3, np.arange(3, dtype=np.uint64))
    for start in range(3, 300, 3):
        smallest.add(Smallest(3, np.arange(start, start + 3, dtype=np.uint64)))
    assert len(pickle.dumps(smallest)) < 2 * len(pickle.dumps(Smallest(3, np.arange(3, dtype=np.uint64))))


def test_each_source_is_cut_at_its_own_limit_before_anything_is_sent():
    batch = pa.concat_batches([raw_batch(TEXTS[:100], source="a"), raw_batch(TEXTS[100:], source="b")])
    listed = {source: smallest.keys() for source, smallest in list_keys(batch, {ALL: 50, "a": 7, "c": 9})}
    assert listed[ALL].tolist() == np.sort(batch_keys(batch))[:50].tolist()
    assert listed["a"].tolist() == np.sort(batch_keys(batch.slice(0, 100)))[:7].tolist()
    assert sorted(listed) == [ALL, "a"]


def test_a_batch_is_cut_at_the_bound_of_its_source_and_at_that_of_all():
    batch = pa.concat_batches([raw_batch(TEXTS[:100], source="a"), raw_batch(TEXTS[100:], source="b")])
    keys = np.sort(batch_keys(batch))
    kept, account = cut_batch(batch, {ALL: keys[49]})
    assert kept.num_rows == 50
    assert account["documents.beyond_limit"] == 150 == account["documents.beyond_limit@a"] + account["documents.beyond_limit@b"]
    only_a, account = cut_batch(batch, {"a": np.sort(batch_keys(batch.slice(0, 100)))[9]})
    assert only_a.column("source").to_pylist() == ["a"] * 10 + ["b"] * 100
    assert account == {"documents.beyond_limit": 90, "documents.beyond_limit@a": 90}


@pytest.mark.parametrize("size", [7, 200])
def test_a_limit_takes_the_same_records_however_they_come_in_batches(size):
    wanted = sorted(TEXTS, key=lambda text: record_key("", text))
    batches = [raw_batch(TEXTS[i : i + size], source="a") for i in range(0, 200, size)] + [raw_batch(TEXTS[:3], source="b", file="b")]
    twice = [text for text in wanted[:20] if text in TEXTS[:3]]

    def build(pipeline: beam.Pipeline) -> None:
        result = pipeline | beam.Create(batches) | KeepSmallest(20, {"b": 200})
        texts = result.batches | "Texts" >> beam.FlatMap(lambda batch: batch.column("text").to_pylist())
        beyond = result.accounts | "Beyond" >> beam.Map(lambda account: account["documents.beyond_limit"]) | beam.CombineGlobally(sum)
        assert_that(texts, equal_to([*wanted[:20], *twice]), label="texts")
        assert_that(beyond, equal_to([203 - 20 - len(twice)]), label="beyond")

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


@pytest.mark.parametrize(("limit", "caps"), [(500, {}), (None, {"a": 500}), (200, {"a": 50, "b": 500})])
def test_a_limit_that_is_larger_than_the_corpus_takes_all(limit, caps):
    """The bound is then the greatest key: of 200 keys of 64 bits, one of more than 63."""
    assert max(record_key("", text) for text in TEXTS[:50]) >= 2**63

    def build(pipeline: beam.Pipeline) -> None:
        batches = [raw_batch(TEXTS[:50], source="a"), raw_batch(TEXTS[50:], source="b", file="b")]
        result = pipeline | beam.Create(batches) | KeepSmallest(limit, caps)
        texts = result.batches | "Texts" >> beam.FlatMap(lambda batch: batch.column("text").to_pylist())
        assert_that(texts, equal_to(TEXTS), label="texts")
        assert_that(result.accounts, equal_to([]), label="accounts")

    run(build)
