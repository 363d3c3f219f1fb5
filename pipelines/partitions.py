"""Batches cut by a key of their rows, and put together again: what is shuffled stays batches, not a document each."""

import itertools
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.transforms.window import GlobalWindows
from apache_beam.utils.windowed_value import WindowedValue

PART_BYTES = 32 << 10
"""What a part of a cut batch should be at least, on average: its schema alone takes 1 KB."""
MAX_WAITING_BYTES = 32 << 20
"""Of rows that wait in a worker; parts of more than a thousand partitions are smaller than `PART_BYTES`."""

Keyed = tuple[Any, pa.RecordBatch]
"""A key that Beam can code, and the rows that have it."""


class Gathered:
    """Small batches that wait until they are `num_bytes` together."""

    def __init__(self, num_bytes: int) -> None:
        self._num_bytes = num_bytes
        self._pending: list[pa.RecordBatch] = []
        self._size = 0

    def add(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """What is ready, if anything."""
        if batch.num_rows:
            if batch.nbytes >= self._num_bytes:  # what is large goes alone: none is copied, and none makes a larger one
                yield from self.flush()
            self._pending.append(batch)
            self._size += batch.nbytes
            if self._size >= self._num_bytes:
                yield from self.flush()

    def flush(self) -> Iterator[pa.RecordBatch]:
        """The rest, if any."""
        pending, self._pending, self._size = self._pending, [], 0
        if pending:
            yield pa.concat_batches(pending) if len(pending) > 1 else pending[0]


class CutBatches(beam.DoFn):
    """Batches → their rows by key. Those of several batches of a bundle are cut together: 8 MB over thousands of keys are crumbs.

    `process` of a subclass gives its rows to `wait`, and `cut` says where they go.
    """

    def __init__(self, partitions: int) -> None:
        """`partitions`: about how many keys there are."""
        self.partitions = partitions

    def start_bundle(self) -> None:
        """Rows wait for those of other batches of the bundle."""
        self.waiting = Gathered(min(MAX_WAITING_BYTES, self.partitions * PART_BYTES))

    def wait(self, rows: pa.RecordBatch) -> Iterator[Keyed]:
        """What is ready, if anything."""
        for ready in self.waiting.add(rows):
            yield from self.cut(ready)

    def cut(self, rows: pa.RecordBatch) -> Iterator[Keyed]:
        """The rows by key."""
        raise NotImplementedError

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """The rest."""
        for ready in self.waiting.flush():
            for keyed in self.cut(ready):
                yield GlobalWindows.windowed_value(keyed)


def split_partitions(batch: pa.RecordBatch, keys: np.ndarray) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The rows of each key, in ascending order of the keys and in their own order."""
    keys = keys.astype(np.uint16 if keys.max(initial=0) < 1 << 16 else np.uint64)  # NumPy sorts short numbers by radix
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    bounds = [0, *(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).tolist(), len(order)]
    rows = batch if len(bounds) == 2 else batch.take(pa.array(order))
    for start, end in itertools.pairwise(bounds):
        if start < end:
            yield int(ordered[start]), rows.slice(start, end - start)


def split_sources(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The rows of each source in a batch; mostly there is one."""
    column = batch.column("source")
    sources = column.unique().to_pylist()
    for source in sources:
        yield source, batch if len(sources) == 1 else batch.filter(pc.equal(column, source))
