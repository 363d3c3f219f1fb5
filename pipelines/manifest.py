"""The dataset's last file: parameters, digests, accounts and statistics. No manifest, no dataset."""

import hashlib
import platform
from collections.abc import Iterable, Iterator
from importlib import metadata
from typing import Any

import apache_beam as beam

from albert_core.shards import MANIFEST, SCHEMA_VERSION, VOCABULARY
from pipelines import storage
from pipelines.accounts import Account, add_accounts, documents_taken, of_source
from pipelines.errors import BuildError
from pipelines.instances import InstancesConfig
from pipelines.statistics import summarize
from pipelines.write_shards import ShardResult

DECIDING_PACKAGES = ("apache-beam", "jieba", "lxml", "numba", "numpy", "opencc", "orjson", "pyarrow", "rjieba", "tokenizers")


class WriteManifest(beam.PTransform):
    """Shard results → the manifest, written by the pipeline itself: the launcher may be gone by then."""

    def __init__(self, output: str, config: InstancesConfig, before: dict[str, Any]):
        """`before`: what the clean stage found: inputs, account, configuration, fingerprints."""
        super().__init__()
        self.output, self.config, self.before = output, config, before

    def expand(self, results: beam.PCollection) -> beam.PCollection:
        """One small element for each shard reaches one worker."""
        return (
            results
            | "GatherShards" >> beam.combiners.ToList()
            | "Write" >> beam.ParDo(_WriteManifest(self.output, self.config, self.before))
        )


class _WriteManifest(beam.DoFn):
    def __init__(self, output: str, config: InstancesConfig, before: dict[str, Any]):
        self.output, self.config, self.before = output, config, before

    def process(self, results: list[ShardResult]) -> Iterator[str]:
        manifest = make_manifest(results, self.config, self.before)
        storage.write(self.output, VOCABULARY, self.config.vocabulary)
        storage.write_json(self.output, MANIFEST, manifest)
        yield storage.join(self.output, MANIFEST)


def make_manifest(results: Iterable[ShardResult], config: InstancesConfig, before: dict[str, Any]) -> dict[str, Any]:
    """The manifest as a value; `before` is that of the documents. Scripts rely on the keys that DESIGN.md names; do not rename them."""
    ordered = sorted(results, key=lambda result: (not result["name"].startswith("train-"), result["name"]))
    counts = add_accounts(result["counts"] for result in ordered)
    account: Account = before["account"]
    if counts.get("documents", 0) != account.get("documents.kept", 0):
        raise BuildError(
            f"{account.get('documents.kept', 0):,} documents were kept, {counts.get('documents', 0):,} came into the shards"
            "\nfiles of OUT/documents were changed or removed: delete OUT/documents and build again"
        )
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": config.kind,
        "digest": dataset_digest(ordered),
        "instances": sum(result["instances"] for result in ordered),
        "documents": documents_account(account) | {"without_instances": counts.get("documents_without_instances", 0)},
        "files": {"read": account.get("files.read", 0), "damaged": account.get("files.damaged", 0)},
        "encodings": encodings_account(account),
        "parameters": config.parameters() | before["parameters"],
        "vocabulary": {"sha256": config.tokenizer.sha256, "size": config.tokenizer.size},
        "normalization": {"lower_case": config.lower_case} | before["normalization"],
        "sources": before["sources"],
        "statistics": summarize(counts, config.drawing),
        "shards": [{key: value for key, value in result.items() if key != "counts"} for result in ordered],
        "inputs": before["inputs"],
        "packages": package_versions(),
        "fingerprint": before["fingerprint"],
        "documents_fingerprint": before["documents_fingerprint"],
        "account": account,
    }


def dataset_digest(shards: Iterable[Any]) -> str:
    """SHA-256 over the shard digests in order: equal digests, equal datasets."""
    return hashlib.sha256("".join(shard["sha256"] for shard in shards).encode()).hexdigest()


def documents_account(account: Account) -> dict[str, Any]:
    """Documents read and chosen, kept, and rejected by reason; read = kept + Σ rejected."""
    prefix = "documents.rejected."
    rejected = {key.removeprefix(prefix): value for key, value in account.items() if key.startswith(prefix) and "@" not in key}
    return {"read": documents_taken(account), "kept": account.get("documents.kept", 0), "rejected": rejected}


def encodings_account(account: Account) -> dict[str, dict[str, float]]:
    """Encodings of the files and members of archives: how many, and how sure the decisions were on average, from 0 to 1."""
    counts = {key.removeprefix("encodings."): n for key, n in account.items() if key.startswith("encodings.") and "@" not in key}
    return {
        name: {"files": count, "mean_confidence": round(account.get(f"confidence.{name}", 0) / 1000 / count, 4)}
        for name, count in sorted(counts.items(), key=lambda item: -item[1])
    }


def source_accounts(account: Account) -> dict[str, Account]:
    """The counts of each source under their bare names."""
    names = {key.partition("@")[2] for key in account} - {""}
    return {name: of_source(account, name) for name in sorted(names)}


def package_versions() -> dict[str, str]:
    """Versions of the packages that decide bytes, and of Python, whose tables of characters and readers do too."""
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in DECIDING_PACKAGES}
