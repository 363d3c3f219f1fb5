"""Documents with the very same text: one stays, the others are rejected and name it."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.typehints.decorators import no_annotations

from pipelines.line_frequencies import find
from pipelines.partitions import CutBatches, Gathered, split_partitions
from pipelines.read import BATCH_BYTES
from pipelines.rejects import RejectOutput, reject_rows

STAGE = "deduplicate"
PARTITION_BYTES = 256 << 20
"""Of text: a worker holds the identities of one partition at a time, and reads its text as a stream."""
MIN_PARTITIONS = 32
MAX_PARTITIONS = 10_000
ID_BYTES = 16
MAX_PENDING = 1 << 20
"""Prefixes that wait to be counted, 8 bytes each."""

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


class PartitionById(CutBatches):
    """Batches → their documents, each part keyed with its partition."""

    def process(self, batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
        """What is ready, if anything."""
        yield from self.wait(batch)

    def cut(self, rows: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
        """At most one part for each partition."""
        yield from split_partitions(rows, prefixes(document_ids(rows)) % np.uint64(self.partitions))


def prefixes(ids: np.ndarray) -> np.ndarray:
    """uint64 [rows]: the first half of each identity, uint8 [rows × 16] in any shape; in the order of the identities."""
    return np.ascontiguousarray(ids).reshape(-1, ID_BYTES).view(">u8")[:, 0].astype(np.uint64)


class KeepFirst(beam.DoFn):
    """A partition → its batches without documents that stood before; rejects as tagged output."""

    def __init__(self, sources: Sequence[str], batch_bytes: int, *, within_source: bool = False) -> None:
        self.sources = sources
        self.batch_bytes = batch_bytes
        self.within_source = within_source

    def process(self, partition: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[pa.RecordBatch | RejectOutput]:
        """Goes over the partition three times: for the identities, for the places of copies, then batch by batch for the text."""
        _, batches = partition
        first = choose_first(batches, self.sources, within_source=self.within_source)
        copied = np.unique(prefixes(np.frombuffer(b"".join(identity for _, identity in first), np.uint8)))
        gathered = Gathered(self.batch_bytes)
        seen: set[Identity] = set()
        for batch in batches:
            doubles = list(self._doubles(batch, first, copied, seen))
            if not doubles:
                yield from gathered.add(batch)
                continue
            rows, messages = zip(*doubles, strict=True)
            dropped = batch.take(pa.array(rows))
            yield beam.pvalue.TaggedOutput("rejects", reject_rows(dropped, STAGE, ["exact_duplicate"] * len(rows), messages))
            yield from gathered.add(batch.take(pa.array(np.delete(np.arange(batch.num_rows), rows))))
        yield from gathered.flush()

    def _doubles(
        self, batch: pa.RecordBatch, first: dict[Identity, str], copied: np.ndarray, seen: set[Identity]
    ) -> Iterator[tuple[int, str]]:
        """The rows that go, and why. Adds to `seen` who stays: should a document come twice, origin and all, one of the two goes."""
        ids = document_ids(batch)
        rows = np.flatnonzero(find(prefixes(ids), copied) >= 0)
        narrow = batch.select(["source", "origin"]).take(pa.array(rows)).to_pylist()
        for row, place in zip(rows.tolist(), narrow, strict=True):
            identity = (place["source"] if self.within_source else "", ids[row].tobytes())
            if identity not in first:
                continue
            if first[identity] == place["origin"] and identity not in seen:
                seen.add(identity)
            else:
                yield row, f"the same text as {first[identity]}"


def choose_first(batches: Iterable[pa.RecordBatch], sources: Sequence[str], *, within_source: bool = False) -> dict[Identity, str]:
    """For each identity that occurs more than once: the origin of the document that stays.

    Goes over the batches twice. Of a text only the first place so far is remembered, so that a million copies take no more room than two.
    """
    copied = repeated_prefixes(batches)
    if not len(copied):
        return {}
    rank = {source: i for i, source in enumerate(sources)}
    first: dict[Identity, tuple[tuple[int, str, int], str]] = {}
    again: set[Identity] = set()
    for batch in batches:
        ids = document_ids(batch)
        rows = np.flatnonzero(find(prefixes(ids), copied) >= 0)
        for row, place in zip(rows.tolist(), batch.select(["source", "origin"]).take(pa.array(rows)).to_pylist(), strict=True):
            source, origin = place["source"], place["origin"]
            identity = source if within_source else "", ids[row].tobytes()
            found = (rank.get(source, len(rank)), *split_origin(origin)), origin
            if identity in first:
                again.add(identity)
            first[identity] = min(first.get(identity, found), found)
    return {identity: first[identity][1] for identity in again}


def repeated_prefixes(batches: Iterable[pa.RecordBatch]) -> np.ndarray:
    """uint64, ascending: the prefixes that two or more documents have. That the identities are equal is yet to be seen."""
    distinct = repeated = np.empty(0, np.uint64)
    pending: list[np.ndarray] = []
    num_pending = 0
    for batch in itertools.chain(batches, [None]):
        if batch is not None:
            pending.append(prefixes(document_ids(batch)))
            num_pending += batch.num_rows
        if batch is None or num_pending > max(MAX_PENDING, len(distinct)):
            distinct, counts = np.unique(np.concatenate([distinct, *pending]), return_counts=True)
            repeated = np.union1d(repeated, distinct[counts > 1])
            pending, num_pending = [], 0
    return repeated


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
