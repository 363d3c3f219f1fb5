"""Documents that say almost the same as a better one: those go, and name it.

    SortIntoBuckets   documents → rows of (bucket, rank, key), a few for each document
    PairUp            the documents of a bucket, in pairs
    ChoosePairs       each pair once, a bounded number for a document
    Distribute        documents → those that are the second of no pair stay; the others, and the firsts that they are to be compared with,
                      go to the second's partition
    Compare           a second goes iff its Jaccard similarity to one of its firsts is high enough

The texts of all documents are shuffled once, those of candidates twice. Everything is a function of the documents in a partition or a
bucket, not of their order: the same documents stay however they are bundled.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.typehints.decorators import no_annotations

from pipelines import progress
from pipelines.batches import CLEANED_SCHEMA
from pipelines.candidate_pairs import BUCKETS, CHOSEN, PAIRS, bucket_rows, choose_pairs, pair_up
from pipelines.deduplicate import MIN_PARTITIONS, PartitionById, document_ids, prefixes
from pipelines.errors import BuildError
from pipelines.line_frequencies import find
from pipelines.partitions import CutBatches, Gathered, split_partitions
from pipelines.read import BATCH_BYTES
from pipelines.rejects import RejectOutput, reject_rows
from pipelines.shingles import find_similar

STAGE = "near_duplicates"
LOWEST_JACCARD = 0.7
WANTED = pa.schema([("first", pa.uint64()), ("partition", pa.int64())])
FIRSTS = pa.schema([("first", pa.uint64()), ("origin", pa.string()), ("text", pa.large_string())])
"""Texts of many partitions may meet in one: more than the 2 GiB that the offsets of `string` reach."""

Part = tuple[int, pa.RecordBatch]
"""A partition and what belongs there. What a batch holds is told by its schema."""


@dataclass(frozen=True, kw_only=True)
class NearDuplicatesConfig:
    """How alike is too alike. `min_jaccard` 0 turns the comparison off."""

    min_jaccard: float = 0.8
    """Of the sets of character 5-grams without white space. RefinedWeb (2023) and SlimPajama (2023) take 0.8, FineWeb (2024) 0.75."""

    def __post_init__(self) -> None:
        """Refuses what the buckets cannot find."""
        if self.min_jaccard and not LOWEST_JACCARD <= self.min_jaccard <= 1:
            raise BuildError(
                f"min_jaccard {self.min_jaccard} is not between {LOWEST_JACCARD} and 1"
                "\ntexts that are less alike are not found reliably; the default is 0.8, 0 keeps all"
            )

    @property
    def is_on(self) -> bool:
        """Whether documents are compared at all."""
        return self.min_jaccard > 0


class WithoutNearDuplicates(NamedTuple):
    """What `DropNearDuplicates` gives: every document is in one of the two."""

    kept: beam.PCollection  # of CLEANED_SCHEMA
    rejects: beam.PCollection  # of REJECT_SCHEMA


class DropNearDuplicates(beam.PTransform):
    """Distinct documents → those without a similar one that ranks before: of a preferred source, then longer, then of smaller identity."""

    def __init__(
        self,
        config: NearDuplicatesConfig,
        sources: Sequence[str] = (),
        *,
        partitions: int = MIN_PARTITIONS,
        batch_bytes: int = BATCH_BYTES,
    ) -> None:
        """`sources` in the order in which their documents are preferred."""
        super().__init__()
        self.config = config
        self.source_ranks = {source: i for i, source in enumerate(sources)}
        self.partitions = partitions
        self.batch_bytes = batch_bytes

    @no_annotations
    def expand(self, documents: beam.PCollection) -> WithoutNearDuplicates:
        """Find candidates by their buckets, bring their texts together, compare."""
        if not self.config.is_on:
            return WithoutNearDuplicates(documents, documents | "NoRejects" >> beam.FlatMap(_nothing))
        pairs = (
            documents
            | "SortIntoBuckets" >> beam.ParDo(SortIntoBuckets(self.source_ranks, self.partitions))
            | "GroupBuckets" >> beam.GroupByKey()
            | "PairUp" >> beam.ParDo(PairUp(self.partitions))
            | "GroupPairs" >> beam.GroupByKey()
            | "ChoosePairs" >> beam.ParDo(ChoosePairs(self.partitions)).with_outputs("wanted", main="chosen")
        )
        parts = documents | "PartitionById" >> beam.ParDo(PartitionById(self.partitions))
        sent = (
            (parts, pairs.chosen, pairs.wanted)
            | "FlattenDocuments" >> beam.Flatten()
            | "GroupDocuments" >> beam.GroupByKey()
            | "Distribute" >> beam.ParDo(Distribute(self.batch_bytes)).with_outputs("seconds", "firsts", main="kept")
        )
        compared = (
            (sent.seconds, sent.firsts, pairs.chosen)
            | "FlattenCandidates" >> beam.Flatten()
            | "GroupCandidates" >> beam.GroupByKey()
            | "Compare" >> beam.ParDo(Compare(self.config.min_jaccard)).with_outputs("rejects", main="kept")
        )
        return WithoutNearDuplicates((sent.kept, compared.kept) | "FlattenKept" >> beam.Flatten(), compared.rejects)


def _nothing(_: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    return iter(())


def partition_rows(batch: pa.RecordBatch, column: str, partitions: int) -> Iterator[Part]:
    """The rows of a batch by the partition of a column of 64-bit numbers."""
    yield from split_partitions(batch, batch.column(column).to_numpy() % np.uint64(partitions))


class SortIntoBuckets(CutBatches):
    """Documents → rows of BUCKETS, partitioned by bucket."""

    def __init__(self, source_ranks: dict[str, int], partitions: int) -> None:
        super().__init__(partitions)
        self.source_ranks = source_ranks

    def process(self, batch: pa.RecordBatch) -> Iterator[Part]:
        """What is ready, if anything."""
        yield from self.wait(bucket_rows(batch, self.source_ranks))
        progress.add("compared", pc.sum(pc.utf8_length(batch.column("text"))).as_py() or 0)

    def cut(self, rows: pa.RecordBatch) -> Iterator[Part]:
        """At most one part for each partition."""
        yield from partition_rows(rows, "bucket", self.partitions)


class PairUp(beam.DoFn):
    """A partition of buckets → pairs of documents, partitioned by the second."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions

    def process(self, item: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[Part]:
        """Rows of PAIRS."""
        rows = pa.concat_batches(item[1])
        pairs = pair_up(*(rows.column(name).to_numpy() for name in BUCKETS.names))
        yield from partition_rows(pa.record_batch([pa.array(column) for column in pairs], schema=PAIRS), "second", self.partitions)


class ChoosePairs(beam.DoFn):
    """A partition of pairs → those to compare, in order, and, as tagged output, where the text of each first is wanted."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions

    def process(self, item: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[Part | beam.pvalue.TaggedOutput[Literal["wanted"], Part]]:
        """Rows of CHOSEN, all of a partition's seconds together, and of WANTED, partitioned by the first."""
        partition, batches = item
        rows = pa.concat_batches(batches)
        firsts, seconds = choose_pairs(*(rows.column(name).to_numpy() for name in PAIRS.names))
        yield partition, pa.record_batch([pa.array(firsts), pa.array(seconds)], schema=CHOSEN)
        wanted = np.unique(firsts)
        places = pa.array(np.full(len(wanted), partition))
        for part in partition_rows(pa.record_batch([pa.array(wanted), places], schema=WANTED), "first", self.partitions):
            yield beam.pvalue.TaggedOutput("wanted", part)


class Distribute(beam.DoFn):
    """A partition of documents, and of what is asked of them → those that stay; seconds and firsts as tagged outputs."""

    def __init__(self, batch_bytes: int) -> None:
        self.batch_bytes = batch_bytes

    def process(
        self, item: tuple[int, Iterable[pa.RecordBatch]]
    ) -> Iterator[pa.RecordBatch | beam.pvalue.TaggedOutput[Literal["seconds"], Part] | beam.pvalue.TaggedOutput[Literal["firsts"], Part]]:
        """Goes over the partition twice: for the pairs, which are small, then batch by batch for the texts."""
        own, batches = item
        seconds = np.unique(_rows_of(batches, CHOSEN).column("second").to_numpy())
        wanted = _rows_of(batches, WANTED).sort_by("first")
        firsts, places = wanted.column("first").to_numpy(), wanted.column("partition").to_numpy()
        gathered = Gathered(self.batch_bytes)
        for batch in _of_schema(batches, CLEANED_SCHEMA):
            keys = prefixes(document_ids(batch))
            for place, part in _send(batch, keys, firsts, places):
                yield beam.pvalue.TaggedOutput("firsts", (place, part))
            is_second = find(keys, seconds) >= 0
            if is_second.any():
                yield beam.pvalue.TaggedOutput("seconds", (own, batch.filter(pa.array(is_second))))
                batch = batch.filter(pa.array(~is_second))
            yield from gathered.add(batch)
        yield from gathered.flush()


def _send(batch: pa.RecordBatch, keys: np.ndarray, firsts: np.ndarray, places: np.ndarray) -> Iterator[Part]:
    """The documents that are wanted, for each partition that wants some. `firsts` ascending, `places` the partition of each."""
    begins, ends = np.searchsorted(firsts, keys), np.searchsorted(firsts, keys, side="right")
    rows = np.repeat(np.arange(len(keys)), ends - begins)
    asked = np.concatenate([np.arange(begin, end) for begin, end in zip(begins, ends, strict=True) if begin < end] or [rows])
    for place in np.unique(places[asked]):
        mine = rows[places[asked] == place]
        part = batch.select(["origin", "text"]).take(pa.array(mine))
        yield (
            int(place),
            pa.RecordBatch.from_arrays(
                [pa.array(keys[mine]), part.column("origin"), part.column("text").cast(pa.large_string())], schema=FIRSTS
            ),
        )


class Compare(beam.DoFn):
    """A partition of seconds, their firsts and the pairs → the seconds that are like none of theirs; rejects as tagged output."""

    def __init__(self, min_jaccard: float) -> None:
        self.min_jaccard = min_jaccard

    def process(self, item: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[pa.RecordBatch | RejectOutput]:
        """Batch by batch of the seconds, with the firsts that each needs."""
        _, batches = item
        pairs, firsts = _rows_of(batches, CHOSEN), _rows_of(batches, FIRSTS).combine_chunks()
        origins, texts = _array(firsts, "origin"), _array(firsts, "text")
        first_rows = _rows_with(firsts.column("first").to_numpy(), pairs.column("first").to_numpy())
        for batch in _of_schema(batches, CLEANED_SCHEMA):
            rows = _rows_with(prefixes(document_ids(batch)), pairs.column("second").to_numpy())
            order = np.argsort(rows, kind="stable")  # a second's pairs keep their order
            order = order[(rows[order] >= 0) & (first_rows[order] >= 0)]
            found, similarities = find_similar(batch.column("text"), texts, rows[order], first_rows[order], self.min_jaccard)
            yield from _decide(batch, found, similarities, origins)


def _rows_with(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """int64 [wanted]: a row with each key, -1 where there is none."""
    order = np.argsort(keys)
    places = find(wanted, keys[order])
    return np.where(places >= 0, order[places], -1) if len(keys) else places


def _decide(
    batch: pa.RecordBatch, found: np.ndarray, similarities: np.ndarray, origins: pa.Array
) -> Iterator[pa.RecordBatch | RejectOutput]:
    stays = found < 0
    if stays.any():
        yield batch.filter(pa.array(stays))
    if not stays.all():
        alike = zip(similarities[~stays], origins.take(pa.array(found[~stays])).to_pylist(), strict=True)
        messages = [f"{similarity:.2f} of its 5-grams as in {origin}" for similarity, origin in alike]
        rejects = reject_rows(batch.filter(pa.array(~stays)), STAGE, ["near_duplicate"] * len(messages), messages)
        yield beam.pvalue.TaggedOutput("rejects", rejects)


def _of_schema(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    return (batch for batch in batches if batch.schema.names == schema.names)


def _rows_of(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_batches(list(_of_schema(batches, schema)), schema)


def _array(table: pa.Table, name: str) -> pa.Array:
    """A column of a table that has been combined."""
    column = table.column(name)
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)
