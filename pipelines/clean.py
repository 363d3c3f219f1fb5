"""Stage one: the files of each source in, its clean documents out, and for every other one the reason."""

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.typehints.decorators import no_annotations

from albert_core.shards import MANIFEST
from corpora.compression import SUFFIXES
from corpora.files import CorpusFile
from pipelines import storage
from pipelines.accounts import Account, SumAccounts, documents_taken, of_source
from pipelines.apply_rules import ApplyDocumentRules, ApplyLineRules
from pipelines.deduplicate import MIN_PARTITIONS, DropExactDuplicates, num_partitions
from pipelines.output_folder import CLEANED, REJECTS
from pipelines.read import BATCH_BYTES, RANGE_BYTES, ReadCorpus
from pipelines.recipe import CleanConfig
from pipelines.rejects import WriteRejects, num_reject_parts
from pipelines.repeated_lines import DropRepeatedLines, RepeatedLinesConfig
from pipelines.sampling import KeepSmallest
from pipelines.write_documents import WriteDocuments, num_parts

COMPRESSION_RATIO = 4  # of text by xz or zst, roughly: for the number of partitions
MAX_LISTED = 1000
"""Damaged files and repeated lines that a manifest names."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which records of a corpus are taken at all; see `pipelines.sampling`.

    Attributes:
      sample: the share of all records.
      limit: the most records, or None.
      caps: the most records of a source.
    """

    sample: float = 1.0
    limit: int | None = None
    caps: Mapping[str, int] = field(default_factory=dict)


class CleanedDocuments(NamedTuple):
    """What the cleaning gives: every raw document is in one of the first two."""

    kept: beam.PCollection  # of CLEANED_SCHEMA
    rejects: beam.PCollection  # of REJECT_SCHEMA
    accounts: beam.PCollection
    repeated: beam.PCollection  # {"source", "line", "documents"}: the lines that were dropped everywhere


class CleanDocuments(beam.PTransform):
    """Batches of raw documents → batches of clean ones. Order, number and size of batches are free.

    Sources are kept apart: what stands twice in two of them is a matter of the next stage, so that one can be added later.
    """

    def __init__(
        self,
        config: CleanConfig,
        repeated_lines: RepeatedLinesConfig | None = None,
        *,
        partitions: int = MIN_PARTITIONS,
        batch_bytes: int = BATCH_BYTES,
    ) -> None:
        super().__init__()
        self.config = config
        self.exact_duplicates = DropExactDuplicates(partitions=partitions, batch_bytes=batch_bytes, within_source=True)
        self.repeated_lines = DropRepeatedLines(repeated_lines or RepeatedLinesConfig(), partitions=partitions)

    @no_annotations
    def expand(self, raw: beam.PCollection) -> CleanedDocuments:
        """Copies go before lines are counted: else every copy of a document would make its lines look like boilerplate."""
        lined = raw | "ApplyLineRules" >> beam.ParDo(ApplyLineRules(self.config)).with_outputs("rejects", "accounts", main="kept")
        unique = lined.kept | "DropExactDuplicates" >> self.exact_duplicates
        plain = unique.kept | "DropRepeatedLines" >> self.repeated_lines
        ruled = plain.kept | "ApplyDocumentRules" >> beam.ParDo(ApplyDocumentRules(self.config)).with_outputs("rejects", main="kept")
        rejects = [stage.rejects for stage in (lined, unique, plain, ruled)] | "FlattenRejects" >> beam.Flatten()
        accounts = (lined.accounts, plain.accounts) | "FlattenAccounts" >> beam.Flatten()
        return CleanedDocuments(ruled.kept, rejects, accounts, plain.repeated)


class CleanCorpus(beam.PTransform):
    """Files → `cleaned/SOURCE/part-*.parquet`, `rejects/clean/SOURCE/REASON.jsonl`, and each source's manifest, written last.

    What is read is counted where records are read, what is kept and rejected where it is written: that they agree is a check.
    Gives (source, manifest) of each when all is done.
    """

    def __init__(
        self,
        files: Sequence[CorpusFile],
        config: CleanConfig,
        output: str,
        *,
        repeated_lines: RepeatedLinesConfig | None = None,
        choice: Choice | None = None,
        descriptions: dict[str, dict[str, Any]] | None = None,
        batch_bytes: int = BATCH_BYTES,
        range_bytes: int = RANGE_BYTES,
    ) -> None:
        """`descriptions`: what the manifest of each source says beside the account."""
        super().__init__()
        self.files = files
        self.config = config
        self.output = output
        self.repeated_lines = repeated_lines
        self.choice = choice or Choice()
        self.descriptions = descriptions or {file.source: {} for file in files}
        self.batch_bytes = batch_bytes
        self.range_bytes = range_bytes

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection:
        """Read, choose, clean, write, count."""
        num_bytes = text_bytes(self.files)
        raw = begin | "ReadCorpus" >> ReadCorpus(
            self.files, sample=self.choice.sample, batch_bytes=self.batch_bytes, range_bytes=self.range_bytes
        )
        batches, accounts = raw.batches, [raw.accounts]
        if self.choice.limit is not None or self.choice.caps:
            chosen = batches | "KeepSmallest" >> KeepSmallest(self.choice.limit, self.choice.caps)
            batches, accounts = chosen.batches, [raw.accounts, chosen.accounts]
        clean = batches | "CleanDocuments" >> CleanDocuments(
            self.config, self.repeated_lines, partitions=num_partitions(num_bytes), batch_bytes=self.batch_bytes
        )
        cleaned, rejected = storage.join(self.output, CLEANED), storage.join(self.output, REJECTS, "clean")
        source_bytes = {source: text_bytes(file for file in self.files if file.source == source) for source in self.descriptions}
        parts = clean.kept | "WriteDocuments" >> WriteDocuments(cleaned, {name: num_parts(size) for name, size in source_bytes.items()})
        reject_parts = {name: num_reject_parts(size) for name, size in source_bytes.items()}
        rejects = (raw.rejects, clean.rejects) | "FlattenRejects" >> beam.Flatten() | "WriteRejects" >> WriteRejects(rejected, reject_parts)
        written = (parts, rejects) | "FlattenFiles" >> beam.Flatten() | "AccountOfFile" >> beam.Map(account_of).with_output_types(Account)
        everything = [*accounts, clean.accounts, written] | "FlattenAccounts" >> beam.Flatten()
        return (
            everything
            | "SumAccounts" >> SumAccounts()
            | "WriteSources"
            >> beam.ParDo(
                WriteSources(cleaned, self.descriptions),
                beam.pvalue.AsList(parts),
                beam.pvalue.AsList(rejects),
                beam.pvalue.AsList(raw.damaged),
                beam.pvalue.AsList(clean.repeated),
            ).with_output_types(tuple[str, dict[str, Any]])
        )


def account_of(file: dict[str, Any]) -> Account:
    """The account of a file that was written."""
    return dict(file["account"])


def text_bytes(files: Iterable[CorpusFile]) -> int:
    """About how many bytes of text files hold. Of one that was not looked at, the name says whether it is compressed."""
    return sum(file.size * (COMPRESSION_RATIO if is_compressed(file) else 1) for file in files)


def is_compressed(file: CorpusFile) -> bool:
    """Whether the text of a file takes more room than the file."""
    return file.compression is not None or file.archive == "zip" or file.path.lower().endswith((".zip", *SUFFIXES))


class WriteSources(beam.DoFn):
    """The account of a whole job → the manifest of each source in its folder: without one, the folder holds nothing that counts."""

    def __init__(self, folder: str, descriptions: dict[str, dict[str, Any]]) -> None:
        self.folder, self.descriptions = folder, descriptions

    def process(
        self,
        account: Account,
        parts: list[dict[str, Any]],
        rejects: list[dict[str, Any]],
        damaged: list[dict[str, Any]],
        repeated: list[dict[str, Any]],
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """One small file for each source. What comes in no order is sorted, and then cut to the most that a manifest lists."""
        by_name, by_file = operator.itemgetter("name"), operator.itemgetter("file", "error")
        for source, description in self.descriptions.items():
            own_damaged = [bare(file, "source") for file in damaged if file["source"] == source]
            own_repeated = [bare(line, "source") for line in repeated if line["source"] == source]
            manifest = description | {
                "account": of_source(account, source),
                "parts": sorted((bare(part) for part in parts if part["folder"] == source), key=by_name),
                "rejects": sorted((bare(file, "folder") for file in rejects if file["folder"] == source), key=by_name),
                "damaged": sorted(own_damaged, key=by_file)[:MAX_LISTED],
                "repeated_lines": sorted(own_repeated, key=lambda line: (-line["documents"], line["line"]))[:MAX_LISTED],
            }
            check_account(manifest["account"])
            storage.write_json(storage.join(self.folder, source), MANIFEST, manifest)
            yield source, manifest


def bare(row: dict[str, Any], *without: str) -> dict[str, Any]:
    """A row as a manifest has it."""
    return {key: value for key, value in row.items() if key not in ("account", *without)}


def check_account(account: Account) -> None:
    """Every document read was kept or rejected; anything else is a fault of ours, and no dataset may come of it."""
    rejected = sum(count for key, count in account.items() if key.startswith("documents.rejected.") and "@" not in key)
    read, kept = documents_taken(account), account.get("documents.kept", 0)
    if read != kept + rejected:
        raise AssertionError(f"{read} documents read, {kept + rejected} accounted for: {account}")
