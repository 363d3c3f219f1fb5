from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.partitions import CutBatches, Gathered, Keyed, split_partitions, split_sources
from tests.pipelines.documents import cleaned, cut_batches


def numbers(*values: int) -> pa.RecordBatch:
    return pa.record_batch({"number": pa.array(values, pa.uint64())})


class ByNumber(CutBatches):
    def process(self, batch: pa.RecordBatch) -> Iterator[Keyed]:
        yield from self.wait(batch)

    def cut(self, rows: pa.RecordBatch) -> Iterator[Keyed]:
        yield from split_partitions(rows, rows.column("number").to_numpy() % np.uint64(self.partitions))


def test_batches_wait_for_others_of_the_bundle():
    batches = [numbers(0, 1, 2), numbers(3), numbers(), numbers(4, 1)]
    parts = [(key, part.column("number").to_pylist()) for key, part in cut_batches(ByNumber(3), batches)]
    assert parts == [(0, [0, 3]), (1, [1, 4, 1]), (2, [2])]
    assert cut_batches(ByNumber(3), []) == []


@pytest.mark.parametrize(("part_bytes", "rows"), [(8, [1, 1, 1, 1]), (9, [2, 2]), (24, [3, 1])])
def test_batches_do_not_wait_longer_than_for_bytes(part_bytes, rows):
    with patch("pipelines.partitions.PART_BYTES", part_bytes):
        assert [part.num_rows for _, part in cut_batches(ByNumber(1), [numbers(i) for i in range(4)])] == rows
    with patch("pipelines.partitions.PART_BYTES", 1 << 20), patch("pipelines.partitions.MAX_WAITING_BYTES", part_bytes):
        assert [part.num_rows for _, part in cut_batches(ByNumber(1), [numbers(i) for i in range(4)])] == rows


@given(st.lists(st.integers(0, 5), max_size=20))
def test_rows_are_split_in_their_order(keys):
    rows = numbers(*range(len(keys)))
    expected = [(key, [row for row, other in enumerate(keys) if other == key]) for key in sorted(set(keys))]
    for factor in (1, 1 << 40):  # short and long numbers
        parts = split_partitions(rows, np.array(keys, np.uint64) * np.uint64(factor))
        assert [(key // factor, part.column("number").to_pylist()) for key, part in parts] == expected


def test_rows_are_split_by_source():
    batch = cleaned(("b", "f:0", "一"), ("a", "g:0", "二"), ("b", "f:1", "三"))
    parts = {source: part.column("origin").to_pylist() for source, part in split_sources(batch)}
    assert parts == {"a": ["g:0"], "b": ["f:0", "f:1"]}


def test_what_is_gathered_is_not_copied_if_it_is_alone():
    gathered = Gathered(8)
    batch = numbers(1)
    (found,) = gathered.add(batch)
    assert found is batch
    assert list(gathered.flush()) == []


def test_what_is_large_goes_alone():
    """So that no element of a shuffle is larger than the largest document, or twice what is gathered."""
    gathered = Gathered(16)
    large = numbers(2, 3)
    assert list(gathered.add(numbers(1))) == []
    found = [*gathered.add(large), *gathered.flush()]
    assert [batch.column("number").to_pylist() for batch in found] == [[1], [2, 3]]
    assert found[1] is large
