"""Documents with the very same text: one stays, the others are rejected and name it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.typehints.decorators import no_annotations

from pipelines.read import BATCH_BYTES
from pipelines.rejects import RejectOutput, reject_rows

STAGE = "deduplicate"
PARTITION_BYTES = 256 << 20
"""Of text: a worker holds the identities of one partition at a time, and reads its text as a stream."""
MIN_PARTITIONS = 32
MAX_PARTITIONS = 10_000
ID_BYTES = 16


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

    def __init__(self, sources: Sequence[str] = (), *, partitions: int = MIN_PARTITIONS, batch_bytes: int = BATCH_BYTES) -> None:
        super().__init__()
        self.sources = tuple(sources)
        self.partitions = partitions
        self.batch_bytes = batch_bytes

    @no_annotations
    def expand(self, cleaned: beam.PCollection) -> Deduplicated:
        """Partition, group, choose."""
        chosen = (
            cleaned
            | "PartitionById" >> beam.ParDo(PartitionById(self.partitions))
            | "GroupPartitions" >> beam.GroupByKey()
            | "KeepFirst" >> beam.ParDo(KeepFirst(self.sources, self.batch_bytes)).with_outputs("rejects", main="kept")
        )
        return Deduplicated(chosen.kept, chosen.rejects)


class PartitionById(beam.DoFn):
    """A batch → its parts, each keyed with its partition."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions

    def process(self, batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
        """At most one part for each partition."""
        keys = document_ids(batch).view("<u8")[:, 0] % self.partitions
        order = np.argsort(keys, kind="stable")
        firsts = np.flatnonzero(np.diff(keys[order], prepend=-1))
        for rows in np.split(order, firsts[1:]):
            yield int(keys[rows[0]]), batch.take(pa.array(rows))


class KeepFirst(beam.DoFn):
    """A partition → its batches without documents that stood before; rejects as tagged output."""

    def __init__(self, sources: Sequence[str], batch_bytes: int) -> None:
        self.sources = sources
        self.batch_bytes = batch_bytes

    def process(self, partition: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[pa.RecordBatch | RejectOutput]:
        """Goes over the partition twice: for the identities of all, then batch by batch for the text."""
        _, batches = partition
        kept_origin = choose_first(batches, self.sources)
        pending: list[pa.RecordBatch] = []
        for batch in batches:
            ids, origins = batch.column("document_id").to_pylist(), batch.column("origin").to_pylist()
            keep = np.array([kept_origin.get(key, origin) == origin for key, origin in zip(ids, origins, strict=True)], bool)
            pending.append(batch if keep.all() else batch.filter(pa.array(keep)))
            if sum(part.nbytes for part in pending) >= self.batch_bytes:
                yield pa.concat_batches(pending)
                pending = []
            if not keep.all():
                doubles = batch.filter(pa.array(~keep))
                messages = [f"the same text as {kept_origin[key]}" for key in doubles.column("document_id").to_pylist()]
                yield beam.pvalue.TaggedOutput("rejects", reject_rows(doubles, STAGE, ["exact_duplicate"] * len(messages), messages))
        if pending:
            yield pa.concat_batches(pending)


def choose_first(batches: Iterable[pa.RecordBatch], sources: Sequence[str]) -> dict[bytes, str]:
    """For each `document_id` that occurs more than once: the origin of the document that stays."""
    narrow = [batch.select(["document_id", "source", "origin"]) for batch in batches]
    table = pa.Table.from_batches(narrow)
    counts = table.group_by("document_id").aggregate([("origin", "count")])
    repeated = counts.filter(pc.greater(counts["origin_count"], 1))["document_id"]
    if not len(repeated):
        return {}
    rank = {source: i for i, source in enumerate(sources)}
    first: dict[bytes, tuple[tuple[int, str, int], str]] = {}
    for row in table.filter(pc.is_in(table["document_id"], value_set=repeated.combine_chunks())).to_pylist():
        candidate = (rank.get(row["source"], len(rank)), *split_origin(row["origin"])), row["origin"]
        first[row["document_id"]] = min(first.get(row["document_id"], candidate), candidate)
    return {key: origin for key, (_, origin) in first.items()}


def split_origin(origin: str) -> tuple[str, int]:
    """File and place in it, in an order in which place 9 comes before place 10.

    >>> split_origin("gs://bucket/a.txt:10")
    ('gs://bucket/a.txt', 10)
    """
    file, _, place = origin.rpartition(":")
    return file, int(place)


def document_ids(batch: pa.RecordBatch) -> np.ndarray:
    """uint8 [rows, 16]: the column `document_id`."""
    column = batch.column("document_id")
    values = np.frombuffer(column.buffers()[1], np.uint8)
    return values.reshape(-1, ID_BYTES)[column.offset : column.offset + len(column)]
