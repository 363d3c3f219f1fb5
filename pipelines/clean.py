"""Stage one: raw documents in, clean and distinct documents out, and for every other one the reason."""

import json
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.io.filesystems import FileSystems
from apache_beam.typehints.decorators import no_annotations

from corpora.files import CorpusFile
from pipelines.accounts import Account, SumAccounts, by_source
from pipelines.apply_rules import ApplyDocumentRules, ApplyLineRules
from pipelines.batches import CLEANED_SCHEMA
from pipelines.deduplicate import MIN_PARTITIONS, DropExactDuplicates, num_partitions
from pipelines.read import BATCH_BYTES, RANGE_BYTES, ReadCorpus
from pipelines.recipe import CleanConfig
from pipelines.rejects import WriteRejects

DAMAGED = "damaged.jsonl"
COMPRESSION_RATIO = 4  # of text by xz or zst, roughly: for the number of partitions


class CleanedDocuments(NamedTuple):
    """What the cleaning gives: every raw document is in one of the two."""

    kept: beam.PCollection  # of CLEANED_SCHEMA
    rejects: beam.PCollection  # of REJECT_SCHEMA


class CleanDocuments(beam.PTransform):
    """Batches of raw documents → (kept batches, rejects). Order, number and size of batches are free.

    `sources` in the order in which their copies of a text are preferred.
    """

    def __init__(
        self, config: CleanConfig, *, sources: Sequence[str] = (), partitions: int = MIN_PARTITIONS, batch_bytes: int = BATCH_BYTES
    ) -> None:
        super().__init__()
        self.config = config
        self.exact_duplicates = DropExactDuplicates(sources, partitions=partitions, batch_bytes=batch_bytes)

    @no_annotations
    def expand(self, raw: beam.PCollection) -> CleanedDocuments:
        """Line rules → exact duplicates → document rules: a copy goes before it could count as a document of its own."""
        lined = raw | "ApplyLineRules" >> beam.ParDo(ApplyLineRules(self.config)).with_outputs("rejects", main="kept")
        unique = lined.kept | "DropExactDuplicates" >> self.exact_duplicates
        ruled = unique.kept | "ApplyDocumentRules" >> beam.ParDo(ApplyDocumentRules(self.config)).with_outputs("rejects", main="kept")
        rejects = [stage.rejects for stage in (lined, unique, ruled)]
        return CleanedDocuments(ruled.kept, rejects | "FlattenRejects" >> beam.Flatten())


class CleanCorpus(beam.PTransform):
    """Files → `documents/part-*.parquet`, `rejects/clean-*.jsonl` and perhaps `documents/damaged.jsonl` below `output`; one account.

    The account's `documents.read` is counted where records are read, what is kept and rejected where it is written: that they agree is a
    check.
    """

    def __init__(
        self,
        files: Sequence[CorpusFile],
        config: CleanConfig,
        output: str,
        *,
        batch_bytes: int = BATCH_BYTES,
        range_bytes: int = RANGE_BYTES,
    ) -> None:
        super().__init__()
        self.files = files
        self.config = config
        self.output = output
        self.batch_bytes = batch_bytes
        self.range_bytes = range_bytes

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection:
        """Read, clean, write, count."""
        num_bytes = sum(file.size * (COMPRESSION_RATIO if file.compression else 1) for file in self.files)
        sources = list(dict.fromkeys(file.format for file in self.files))
        raw = begin | "ReadCorpus" >> ReadCorpus(self.files, batch_bytes=self.batch_bytes, range_bytes=self.range_bytes)
        clean = raw.batches | "CleanDocuments" >> CleanDocuments(
            self.config, sources=sources, partitions=num_partitions(num_bytes), batch_bytes=self.batch_bytes
        )
        rejects = (raw.rejects, clean.rejects) | "FlattenRejects" >> beam.Flatten()
        clean.kept | "WriteDocuments" >> WriteDocuments(FileSystems.join(self.output, "documents", "part"))
        rejects | "WriteRejects" >> WriteRejects(FileSystems.join(self.output, "rejects", "clean"))
        raw.damaged | "WriteDamaged" >> WriteDamaged(FileSystems.join(self.output, "documents", DAMAGED))
        kept_counts = clean.kept | "CountKept" >> beam.Map(count_kept).with_output_types(Account)
        reject_counts = rejects | "CountRejects" >> beam.Map(count_rejects).with_output_types(Account)
        return (raw.accounts, kept_counts, reject_counts) | "FlattenAccounts" >> beam.Flatten() | "SumAccounts" >> SumAccounts()


class WriteDocuments(beam.PTransform):
    """Batches of documents → Parquet files, a row group for a batch."""

    def __init__(self, path_prefix: str) -> None:
        super().__init__()
        self.path_prefix = path_prefix

    def expand(self, documents: beam.PCollection) -> beam.PCollection:
        """As tables, because Beam's sink wants those."""
        tables = documents | "ToTables" >> beam.Map(to_table)
        return tables | "WriteParquet" >> beam.io.WriteToParquetBatched(
            self.path_prefix, CLEANED_SCHEMA, codec="zstd", file_name_suffix=".parquet"
        )


def to_table(batch: pa.RecordBatch) -> pa.Table:
    """The batch as a table."""
    return pa.Table.from_batches([batch])


class WriteDamaged(beam.PTransform):
    """Damaged files → one JSON Lines file that names them; none if there are none."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def expand(self, damaged: beam.PCollection) -> beam.PCollection:
        """Formats and writes."""
        lines = damaged | "FormatDamaged" >> beam.Map(partial(json.dumps, ensure_ascii=False)).with_output_types(str)
        return lines | "WriteLines" >> beam.io.WriteToText(self.path, num_shards=1, shard_name_template="", skip_if_empty=True)


def count_kept(batch: pa.RecordBatch) -> Account:
    """Documents, characters and bytes of a batch that is written."""
    text = batch.column("text")
    table = pa.table({"source": batch.column("source"), "characters": pc.utf8_length(text), "bytes": pc.binary_length(text)})
    total: Counter[str] = Counter()
    sums = table.group_by("source").aggregate([("source", "count"), ("characters", "sum"), ("bytes", "sum")])
    for row in sums.to_pylist():
        counts = {"documents.kept": row["source_count"], "characters.kept": row["characters_sum"], "bytes.kept": row["bytes_sum"]}
        total.update(by_source(counts, row["source"]))
    return dict(total)


def count_rejects(batch: pa.RecordBatch) -> Account:
    """Rejects of a batch that is written, by reason, and how many of them are errors."""
    total: Counter[str] = Counter()
    sums = pa.Table.from_batches([batch]).group_by(["source", "reason", "is_error"]).aggregate([("origin", "count")])
    for row in sums.to_pylist():
        counts = {f"documents.rejected.{row['reason']}": row["origin_count"]}
        if row["is_error"]:
            counts["errors"] = row["origin_count"]
        total.update(by_source(counts, row["source"]))
    return dict(total)
