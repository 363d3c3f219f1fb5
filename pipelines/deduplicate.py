"""Documents with the very same text: one stays, the others are rejected and name it."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.typehints.decorators import no_annotations

from pipelines.read import BATCH_BYTES
from pipelines.rejects import RejectOutput, reject_rows

STAGE = "deduplicate"
PARTITION_BYTES = 256 << 20
"""Of text: a worker holds the identities of one partition at a time, and reads its text as a stream."""
MIN_PARTITIONS = 32
MAX_PARTITIONS = 10_000
ID_BYTES = 16

Identity = tuple[str, bytes]
"""What makes two documents the same: the source, or "" where it does not matter, and the `document_id`."""


def num_partitions(num_bytes: int) -> int:
    """Partitions for a corpus of so many bytes of text: enough for all workers of a small job, of bounded size in a large one.

    >>> num_partitions(0), num_partitions(1 << 40)
    (32, 4096)
    """
    return min(MAX_PARTITIONS, max(MIN_PARTITIONS, num_bytes // PARTITION_BYTES))


class Deduplicated(NamedTuple):
    """What `DropExactDuplicates` gives."""

    kept: beam.PCollection  # of CLEANED_SCHEMA
    rejects: beam.PCollection  # of REJECT_SCHEMA


class DropExactDuplicates(beam.PTransform):
    """Of the documents with one `document_id`, keeps the one whose source, then file, then offset comes first.

    The same documents are kept however they come in batches, and the same texts however they come in files. Batches are cut into partitions
    by `document_id`, so that what is shuffled stays batches; what comes out is gathered to `batch_bytes` again.
    """

    def __init__(
        self,
        sources: Sequence[str] = (),
        *,
        partitions: int = MIN_PARTITIONS,
        batch_bytes: int = BATCH_BYTES,
        within_source: bool = False,
    ) -> None:
        """`sources` in the order in which their copies are preferred; `within_source`: copies in different sources all stay."""
        super().__init__()
        self.sources = tuple(sources)
        self.partitions = partitions
        self.batch_bytes = batch_bytes
        self.within_source = within_source

    @no_annotations
    def expand(self, cleaned: beam.PCollection) -> Deduplicated:
        """Partition, group, choose."""
        keep_first = KeepFirst(self.sources, self.batch_bytes, within_source=self.within_source)
        chosen = (
            cleaned
            | "PartitionById" >> beam.ParDo(PartitionById(self.partitions))
            | "GroupPartitions" >> beam.GroupByKey()
            | "KeepFirst" >> beam.ParDo(keep_first).with_outputs("rejects", main="kept")
        )
        return Deduplicated(chosen.kept, chosen.rejects)


class PartitionById(beam.DoFn):
    """A batch → its parts, each keyed with its partition."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions

    def process(self, batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
        """At most one part for each partition."""
        yield from split_partitions(batch, prefixes(document_ids(batch)) % np.uint64(self.partitions))


def prefixes(ids: np.ndarray) -> np.ndarray:
    """uint64 [rows]: the first half of each identity, uint8 [rows × 16] in any shape; in the order of the identities."""
    return np.ascontiguousarray(ids).reshape(-1, ID_BYTES).view(">u8")[:, 0].astype(np.uint64)


def split_partitions(batch: pa.RecordBatch, keys: np.ndarray) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The rows of each key, in ascending order of the keys and in their own order."""
    keys = keys.astype(np.uint16 if keys.max(initial=0) < 1 << 16 else np.uint64)  # NumPy sorts short numbers by radix
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    bounds = [0, *(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).tolist(), len(order)]
    rows = batch.take(pa.array(order))
    for start, end in itertools.pairwise(bounds):
        if start < end:
            yield int(ordered[start]), rows.slice(start, end - start)


class KeepFirst(beam.DoFn):
    """A partition → its batches without documents that stood before; rejects as tagged output."""

    def __init__(self, sources: Sequence[str], batch_bytes: int, *, within_source: bool = False) -> None:
        self.sources = sources
        self.batch_bytes = batch_bytes
        self.within_source = within_source

    def process(self, partition: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[pa.RecordBatch | RejectOutput]:
        """Goes over the partition twice: for the identities of all, then batch by batch for the text."""
        _, batches = partition
        first = choose_first(batches, self.sources, within_source=self.within_source)
        gathered = Gathered(self.batch_bytes)
        seen: set[Identity] = set()
        for batch in batches:
            doubles = list(self._doubles(batch, first, seen))
            if not doubles:
                yield from gathered.add(batch)
                continue
            rows, messages = zip(*doubles, strict=True)
            dropped = batch.take(pa.array(rows))
            yield beam.pvalue.TaggedOutput("rejects", reject_rows(dropped, STAGE, ["exact_duplicate"] * len(rows), messages))
            yield from gathered.add(batch.take(pa.array(np.delete(np.arange(batch.num_rows), rows))))
        yield from gathered.flush()

    def _doubles(self, batch: pa.RecordBatch, first: dict[Identity, str], seen: set[Identity]) -> Iterator[tuple[int, str]]:
        """The rows that go, and why. Adds to `seen` who stays: should a document come twice, origin and all, one of the two goes."""
        ids = document_ids(batch)
        rows = np.flatnonzero(np.isin(prefixes(ids), prefixes(np.frombuffer(b"".join(key for _, key in first), np.uint8))))
        narrow = batch.select(["source", "origin"]).take(pa.array(rows)).to_pylist()
        for row, place in zip(rows.tolist(), narrow, strict=True):
            identity = (place["source"] if self.within_source else "", ids[row].tobytes())
            if identity not in first:
                continue
            if first[identity] == place["origin"] and identity not in seen:
                seen.add(identity)
            else:
                yield row, f"the same text as {first[identity]}"


class Gathered:
    """Small batches that wait until they are `batch_bytes` together: a partition's parts are the size of a batch over the partitions."""

    def __init__(self, batch_bytes: int) -> None:
        self._batch_bytes = batch_bytes
        self._pending: list[pa.RecordBatch] = []
        self._size = 0

    def add(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """What is ready, if anything."""
        if batch.num_rows:
            self._pending.append(batch)
            self._size += batch.nbytes
            if self._size >= self._batch_bytes:
                yield from self.flush()

    def flush(self) -> Iterator[pa.RecordBatch]:
        """The rest, if any."""
        if self._pending:
            yield pa.concat_batches(self._pending)
            self._pending, self._size = [], 0


def choose_first(batches: Iterable[pa.RecordBatch], sources: Sequence[str], *, within_source: bool = False) -> dict[Identity, str]:
    """For each identity that occurs more than once: the origin of the document that stays.

    What is kept of a batch is copied: a slice of a column would keep all of the batch alive, text included.
    """
    digests, narrow = [], []
    for batch in batches:
        digests.append(document_ids(batch).copy())
        narrow.append(batch.select(["source", "origin"]).take(pa.array(np.arange(batch.num_rows))))
    if not digests:
        return {}
    ids = np.concatenate(digests)
    rows = np.flatnonzero(occurs_again(ids))
    rank = {source: i for i, source in enumerate(sources)}
    candidates: dict[Identity, list[tuple[tuple[int, str, int], str]]] = defaultdict(list)
    for row, place in zip(rows, pa.Table.from_batches(narrow).take(pa.array(rows)).to_pylist(), strict=True):
        source, origin = place["source"], place["origin"]
        order = rank.get(source, len(rank)), *split_origin(origin)
        candidates[source if within_source else "", ids[row].tobytes()].append((order, origin))
    return {identity: min(found)[1] for identity, found in candidates.items() if len(found) > 1}


def occurs_again(ids: np.ndarray) -> np.ndarray:
    """Bool [rows]: whether an identity, uint8 [rows, 16], occurs in another row too."""
    high, low = np.ascontiguousarray(ids).view("<u8").T
    order = np.lexsort((low, high))
    same = (high[order][1:] == high[order][:-1]) & (low[order][1:] == low[order][:-1])
    again = np.zeros(len(ids), bool)
    again[order[1:][same]] = again[order[:-1][same]] = True
    return again


def split_origin(origin: str) -> tuple[str, int]:
    """File and place in it, in an order in which place 9 comes before place 10.

    >>> split_origin("gs://bucket/a.txt:10"), split_origin("a.zip#b/c.txt:7")
    (('gs://bucket/a.txt', 10), ('a.zip#b/c.txt', 7))
    """
    file, _, place = origin.rpartition(":")
    return (file, int(place)) if place.isdecimal() else (origin, 0)


def document_ids(batch: pa.RecordBatch) -> np.ndarray:
    """uint8 [rows, 16]: the column `document_id`."""
    column = batch.column("document_id")
    values = np.frombuffer(column.buffers()[1], np.uint8)
    return values.reshape(-1, ID_BYTES)[column.offset : column.offset + len(column)]
