"""Stage one: raw documents in, clean and distinct documents out, and for every other one the reason."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.io.filesystems import FileSystems
from apache_beam.typehints.decorators import no_annotations

from corpora.files import CorpusFile
from pipelines import progress, rules
from pipelines.accounts import Account, SumAccounts, by_source
from pipelines.batches import CLEANED_SCHEMA
from pipelines.deduplicate import ID_BYTES, MIN_PARTITIONS, DropExactDuplicates, num_partitions
from pipelines.errors import BuildError
from pipelines.read import BATCH_BYTES, RANGE_BYTES, ReadCorpus
from pipelines.rejects import RejectOutput, WriteRejects, reject_rows

DAMAGED = "damaged.jsonl"
COMPRESSION_RATIO = 4  # of text by xz or zst, roughly: for the number of partitions


@dataclass(frozen=True, kw_only=True)
class CleanConfig:
    """Thresholds of the rules; `pipelines/rules.py` says what each means and where its default is from.

    A minimum of 0 or a maximum of 1 turns a rule off.
    """

    min_line_characters: int = rules.MIN_LINE_CHARACTERS
    min_line_han_share: float = rules.MIN_LINE_HAN_SHARE
    boilerplate_words: tuple[str, ...] = rules.BOILERPLATE_WORDS
    boilerplate_labels: tuple[str, ...] = rules.BOILERPLATE_LABELS
    max_boilerplate_line_characters: int = rules.MAX_BOILERPLATE_LINE_CHARACTERS
    min_han: int = rules.MIN_HAN
    min_han_share: float = rules.MIN_HAN_SHARE
    max_kana_share: float = rules.MAX_KANA_SHARE
    max_hangul_share: float = rules.MAX_HANGUL_SHARE
    max_repeated_share: float = rules.MAX_REPEATED_SHARE
    max_garbled_share: float = rules.MAX_GARBLED_SHARE

    def __post_init__(self) -> None:
        """Refuses values that mean nothing."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_share") and not 0 <= value <= 1:
                raise BuildError(f"{field.name} {value} is not a share\ngive a number from 0 to 1; the default is {field.default}")
            if isinstance(field.default, int) and value < 0:
                raise BuildError(f"{field.name} {value} is negative\ngive 0 to turn the rule off; the default is {field.default}")

    def line_rules(self) -> tuple[Callable[[str], str], ...]:
        """Text in, text without some lines out, in order."""
        return (
            partial(rules.drop_short_lines, minimum=self.min_line_characters),
            partial(rules.drop_foreign_lines, minimum=self.min_line_han_share),
            partial(
                rules.drop_boilerplate_lines,
                words=self.boilerplate_words,
                labels=self.boilerplate_labels,
                maximum=self.max_boilerplate_line_characters,
            ),
        )

    def document_rules(self) -> dict[str, Callable[[str], str | None]]:
        """Reason → rule that says why a document goes, if it does; the first counts."""
        return {
            "too_few_han": partial(rules.too_few_han, minimum=self.min_han),
            "low_han_share": partial(rules.low_han_share, minimum=self.min_han_share),
            "too_much_kana": partial(rules.too_much_kana, maximum=self.max_kana_share),
            "too_much_hangul": partial(rules.too_much_hangul, maximum=self.max_hangul_share),
            "repeated_lines": partial(rules.repeated_lines, maximum=self.max_repeated_share),
            "garbled": partial(rules.garbled, maximum=self.max_garbled_share),
        }


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


class ApplyLineRules(beam.DoFn):
    """Raw batch → cleaned batch with identities; documents of which nothing is left are rejects."""

    def __init__(self, config: CleanConfig) -> None:
        self.config = config

    def setup(self) -> None:
        """The rules with their thresholds."""
        self.rules = (*rules.TEXT_RULES, *self.config.line_rules())

    def process(self, raw: pa.RecordBatch) -> Iterator[pa.RecordBatch | RejectOutput]:
        """One batch out, and one of rejects."""
        texts = [apply_rules(text, self.rules) for text in raw.column("text").to_pylist()]
        keep = pa.array([bool(text) for text in texts])
        kept = raw.filter(keep)
        if kept.num_rows:
            bodies = [text.encode() for text in texts if text]
            ids = pa.array([hashlib.blake2b(body, digest_size=ID_BYTES).digest() for body in bodies], pa.binary(ID_BYTES))
            columns = [
                ids,
                kept.column("source"),
                kept.column("origin"),
                kept.column("title"),
                pa.array(bodies, pa.binary()).cast(pa.string()),
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=CLEANED_SCHEMA)
        if kept.num_rows < raw.num_rows:
            empty = raw.filter(pc.invert(keep))
            reasons = ["empty"] * empty.num_rows
            messages = ["no line of text is left after markup, menus and lines without Chinese"] * empty.num_rows
            yield beam.pvalue.TaggedOutput("rejects", reject_rows(empty, "lines", reasons, messages))
        progress.add("cleaned", sum(map(len, texts)))


def apply_rules(text: str, text_rules: Sequence[Callable[[str], str]]) -> str:
    """`text` after all rules in order."""
    for rule in text_rules:
        text = rule(text)
    return text


class ApplyDocumentRules(beam.DoFn):
    """Cleaned batch → the documents that no rule drops; the others are rejects with reason and figures."""

    def __init__(self, config: CleanConfig) -> None:
        self.config = config

    def setup(self) -> None:
        """The rules with their thresholds."""
        self.rules = self.config.document_rules()

    def process(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch | RejectOutput]:
        """One batch out, and one of rejects."""
        verdicts = [first_reason(text, self.rules) for text in batch.column("text").to_pylist()]
        dropped = [verdict for verdict in verdicts if verdict is not None]
        keep = pa.array([verdict is None for verdict in verdicts])
        if len(dropped) < len(verdicts):
            yield batch.filter(keep) if dropped else batch
        if dropped:
            reasons, messages = zip(*dropped, strict=True)
            yield beam.pvalue.TaggedOutput("rejects", reject_rows(batch.filter(pc.invert(keep)), "documents", reasons, messages))


def first_reason(text: str, document_rules: dict[str, Callable[[str], str | None]]) -> tuple[str, str] | None:
    """Reason and message of the first rule that drops `text`."""
    for reason, rule in document_rules.items():
        message = rule(text)
        if message is not None:
            return reason, message
    return None


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
