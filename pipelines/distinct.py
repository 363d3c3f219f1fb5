"""Stage two: the clean documents of all sources in, those that say something new out.

cleaned/*/part-*.parquet ─▶ exact copies ─▶ near copies ─▶ evaluation text ─▶ documents/part-*.parquet
manifest of the clean documents ───────────────────────────────────────────▶ that of the documents, written last
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.typehints.decorators import no_annotations

from albert_core.shards import MANIFEST
from pipelines import storage
from pipelines.accounts import Account, SumAccounts, add_accounts
from pipelines.clean import account_of, bare, check_account
from pipelines.decontaminate import Copies, DecontaminationConfig, DropEvaluationText
from pipelines.deduplicate import DropExactDuplicates
from pipelines.manifest import documents_account, encodings_account
from pipelines.near_duplicates import DropNearDuplicates, NearDuplicatesConfig
from pipelines.output_folder import CLEANED, DOCUMENTS, REJECTS
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
        copies: Copies = (),
    ) -> None:
        """`copies`: of evaluation files, for workers elsewhere."""
        super().__init__()
        self.exact_duplicates = DropExactDuplicates(sources, partitions=partitions, batch_bytes=batch_bytes)
        self.near_duplicates = DropNearDuplicates(near_duplicates, sources, partitions=partitions, batch_bytes=batch_bytes)
        self.evaluation_text = DropEvaluationText(decontamination, copies)

    @no_annotations
    def expand(self, cleaned: beam.PCollection) -> DistinctDocuments:
        """The cheapest first: each leaves less for the next."""
        unique = cleaned | "DropExactDuplicates" >> self.exact_duplicates
        distinct = unique.kept | "DropNearDuplicates" >> self.near_duplicates
        unseen = distinct.kept | "DropEvaluationText" >> self.evaluation_text
        rejects = [stage.rejects for stage in (unique, distinct, unseen)] | "FlattenRejects" >> beam.Flatten()
        return DistinctDocuments(unseen.kept, rejects)


class WriteDistinct(beam.PTransform):
    """The manifest of all clean documents → `documents/`, `rejects/distinct/` and, last, the manifest of the documents, which it gives.

    What comes in is the manifest but for what this stage counts; its parts are the files of clean documents. If none comes, nothing is
    written, and none goes on.
    """

    def __init__(self, keep: KeepDistinct, output: str, num_bytes: int) -> None:
        """`num_bytes`: about how much text there is, for the number of files."""
        super().__init__()
        self.keep, self.output, self.num_bytes = keep, output, num_bytes

    def expand(self, cleaned: beam.PCollection) -> beam.PCollection:
        """Read, choose, write, count."""
        documents = storage.join(self.output, DOCUMENTS)
        batches = cleaned | "ReadCleaned" >> ReadDocuments(storage.join(self.output, CLEANED), columns=None)
        distinct = batches | "KeepDistinct" >> self.keep
        parts = distinct.kept | "WriteDocuments" >> WriteDocuments(documents, num_parts(self.num_bytes))
        rejected = storage.join(self.output, REJECTS, FOLDER)
        rejects = distinct.rejects | "WriteRejects" >> WriteRejects(rejected, num_reject_parts(self.num_bytes))
        account = (
            (parts, rejects)
            | "FlattenFiles" >> beam.Flatten()
            | "AccountOfFile" >> beam.Map(account_of).with_output_types(Account)
            | "SumAccounts" >> SumAccounts()
        )
        counted = (beam.pvalue.AsSingleton(account), beam.pvalue.AsList(parts), beam.pvalue.AsList(rejects))
        return cleaned | "WriteManifest" >> beam.Map(_write_documents_manifest, documents, *counted).with_output_types(dict[str, Any])


def _write_documents_manifest(
    before: dict[str, Any], folder: str, account: Account, parts: list[dict[str, Any]], rejects: list[dict[str, Any]]
) -> dict[str, Any]:
    manifest = documents_manifest(before, account, [bare(part, "folder") for part in parts], [bare(file) for file in rejects])
    storage.write_json(folder, MANIFEST, manifest)
    return manifest


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
