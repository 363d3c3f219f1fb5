"""Stage two: the clean documents of all sources in, those that say something new out.

cleaned/*/part-*.parquet ─▶ exact copies ─▶ near copies ─▶ evaluation text ─▶ documents/part-*.parquet
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.typehints.decorators import no_annotations

from albert_core.shards import MANIFEST
from pipelines import storage
from pipelines.accounts import Account, SumAccounts, add_accounts
from pipelines.clean import account_of, bare, check_account
from pipelines.decontaminate import DecontaminationConfig, DropEvaluationText
from pipelines.deduplicate import DropExactDuplicates
from pipelines.manifest import documents_account, encodings_account
from pipelines.near_duplicates import DropNearDuplicates, NearDuplicatesConfig
from pipelines.output_folder import DOCUMENTS, REJECTS
from pipelines.read import BATCH_BYTES
from pipelines.read_documents import ReadDocuments
from pipelines.rejects import WriteRejects, num_reject_parts
from pipelines.write_documents import WriteDocuments, num_parts

FOLDER = "distinct"  # of its rejects


class DistinctDocuments(NamedTuple):
    """What the stage gives: every document is in one of the two."""

    kept: beam.PCollection  # of CLEANED_SCHEMA
    rejects: beam.PCollection  # of REJECT_SCHEMA


class KeepDistinct(beam.PTransform):
    """Batches of clean documents of all sources → (kept, rejects). `sources` in the order in which their copies are preferred."""

    def __init__(
        self,
        near_duplicates: NearDuplicatesConfig,
        decontamination: DecontaminationConfig,
        sources: Sequence[str],
        *,
        partitions: int,
        batch_bytes: int = BATCH_BYTES,
    ) -> None:
        super().__init__()
        self.exact_duplicates = DropExactDuplicates(sources, partitions=partitions, batch_bytes=batch_bytes)
        self.near_duplicates = DropNearDuplicates(near_duplicates, sources, partitions=partitions, batch_bytes=batch_bytes)
        self.evaluation_text = DropEvaluationText(decontamination)

    @no_annotations
    def expand(self, cleaned: beam.PCollection) -> DistinctDocuments:
        """The cheapest first: each leaves less for the next."""
        unique = cleaned | "DropExactDuplicates" >> self.exact_duplicates
        distinct = unique.kept | "DropNearDuplicates" >> self.near_duplicates
        unseen = distinct.kept | "DropEvaluationText" >> self.evaluation_text
        rejects = [stage.rejects for stage in (unique, distinct, unseen)] | "FlattenRejects" >> beam.Flatten()
        return DistinctDocuments(unseen.kept, rejects)


class WriteDistinct(beam.PTransform):
    """Parquet files of clean documents → `documents/`, `rejects/distinct/` and, last, the manifest of the documents."""

    def __init__(self, paths: Sequence[str], keep: KeepDistinct, output: str, num_bytes: int, before: dict[str, Any]) -> None:
        """`before`: the manifest, but for the files and for what this stage counts."""
        super().__init__()
        self.paths, self.keep, self.output, self.num_bytes, self.before = list(paths), keep, output, num_bytes, before

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection:
        """Read, choose, write, count."""
        documents = storage.join(self.output, DOCUMENTS)
        distinct = begin | "ReadCleaned" >> ReadDocuments(self.paths, columns=None) | "KeepDistinct" >> self.keep
        parts = distinct.kept | "WriteDocuments" >> WriteDocuments(documents, num_parts(self.num_bytes))
        rejected = storage.join(self.output, REJECTS, FOLDER)
        rejects = distinct.rejects | "WriteRejects" >> WriteRejects(rejected, num_reject_parts(self.num_bytes))
        return (
            (parts, rejects)
            | "FlattenFiles" >> beam.Flatten()
            | "AccountOfFile" >> beam.Map(account_of).with_output_types(Account)
            | "SumAccounts" >> SumAccounts()
            | "WriteManifest"
            >> beam.ParDo(_WriteDocumentsManifest(documents, self.before), beam.pvalue.AsList(parts), beam.pvalue.AsList(rejects))
        )


class _WriteDocumentsManifest(beam.DoFn):
    def __init__(self, folder: str, before: dict[str, Any]) -> None:
        self.folder, self.before = folder, before

    def process(self, account: Account, parts: list[dict[str, Any]], rejects: list[dict[str, Any]]) -> Iterator[str]:
        own_parts, own_rejects = [bare(part, "folder") for part in parts], [bare(file) for file in rejects]
        storage.write_json(self.folder, MANIFEST, documents_manifest(self.before, account, own_parts, own_rejects))
        yield self.folder


KEPT = ("documents.kept", "characters.kept", "bytes.kept")


def only_kept(account: Account) -> Account:
    """The counts of what a stage kept."""
    return {key: count for key, count in account.items() if key.partition("@")[0] in KEPT}


def without_kept(account: Account) -> Account:
    """The others: what is left of what it kept, the next stage says."""
    return {key: count for key, count in account.items() if key.partition("@")[0] not in KEPT}


def documents_manifest(
    before: dict[str, Any], account: Account, parts: Sequence[dict[str, Any]], rejects: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The manifest of the documents: `before` has the account of stage one without what it kept, `account` is that of this stage."""
    total = add_accounts([before["account"], account])
    check_account(total)
    return before | {
        "documents": documents_account(total),
        "files": {"read": total.get("files.read", 0), "damaged": total.get("files.damaged", 0)},
        "encodings": encodings_account(total),
        "account": total,
        "parts": sorted(parts, key=lambda part: str(part["name"])),
        "rejects": sorted(rejects, key=lambda file: (str(file["folder"]), str(file["name"]))),
    }
