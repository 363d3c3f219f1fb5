"""What the dataset's last file says: parameters, digests, accounts and statistics. No manifest, no dataset."""

import hashlib
import platform
from collections.abc import Iterable
from importlib import metadata
from typing import Any

from albert_core.shards import SCHEMA_VERSION
from pipelines.accounts import Account, documents_taken, of_source
from pipelines.errors import BuildError
from pipelines.instances import InstancesConfig
from pipelines.segmenters import describe_segmenter
from pipelines.statistics import summarize
from pipelines.vocabulary_fit import vocabulary_warning
from pipelines.write_shards import ShardResult

DECIDING_PACKAGES = ("apache-beam", "jieba", "lxml", "numba", "numpy", "opencc", "orjson", "pyarrow", "rjieba", "tokenizers")


def describe_shard(result: ShardResult) -> dict[str, Any]:
    """A shard as the manifest lists it."""
    return {key: value for key, value in result.items() if key != "counts"}


def counts_of(result: ShardResult) -> Account:
    """The counts of a shard."""
    return result["counts"]


def make_manifest(
    shards: Iterable[dict[str, Any]], counts: Account, config: InstancesConfig, documents: dict[str, Any], fingerprint: str
) -> dict[str, Any]:
    """The manifest as a value. Scripts rely on the keys that DESIGN.md names; do not rename them.

    Args:
      shards: what was written, in any order.
      counts: those of the shards and of the tokens of the documents, summed.
      config: what decides the shards.
      documents: the manifest of the documents.
      fingerprint: tells whether the same options make the same shards of the same documents.

    Raises:
      BuildError: not all documents came into the shards, or no instance to train on came of them.
    """
    ordered = sorted(shards, key=lambda shard: (not shard["name"].startswith("train-"), shard.get("max_seq_length", 0), shard["name"]))
    account: Account = documents["account"]
    if counts.get("documents", 0) != account.get("documents.kept", 0):
        raise BuildError(
            f"{account.get('documents.kept', 0):,} documents were kept, {counts.get('documents', 0):,} came into the shards"
            "\nfiles of OUT/documents were changed or removed: delete OUT/documents and build again"
        )
    if not any(shard["instances"] for shard in ordered if shard["name"].startswith("train-")):
        raise no_instances(counts, config)
    statistics = summarize(counts, config.drawing, [source["name"] for source in documents["sources"]])
    misfit = vocabulary_warning(statistics)
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": config.kind,
        "digest": dataset_digest(ordered),
        "instances": sum(shard["instances"] for shard in ordered),
        "documents": documents_account(account) | {"without_instances": counts.get("documents_without_instances", 0)},
        "files": {"read": account.get("files.read", 0), "damaged": account.get("files.damaged", 0)},
        "encodings": encodings_account(account),
        "parameters": config.parameters() | documents["parameters"],
        "vocabulary": {"sha256": config.tokenizer.sha256, "size": config.tokenizer.size},
        "segmenter": describe_segmenter(config.segmenter),
        "normalization": {"lower_case": config.lower_case} | documents["normalization"],
        "sources": documents["sources"],
        "warnings": config.warnings() + ([misfit] if misfit else []),
        "statistics": statistics,
        "shards": ordered,
        "inputs": documents["inputs"],
        "packages": package_versions(),
        "fingerprint": fingerprint,
        "documents_fingerprint": documents["fingerprint"],
        "account": account,
    }


def no_instances(counts: Account, config: InstancesConfig) -> BuildError:
    """Why nothing to train on came of documents that were kept."""
    documents, held_out, single = (counts.get(name, 0) for name in ("documents", "documents_held_out", "single_sentence"))
    if held_out == documents:
        return BuildError(
            f"all {documents:,} documents are held out, none is left to train on: --eval-fraction {config.eval_fraction:g}"
            "\nuse a smaller one, 0 for none, or more documents"
        )
    if single:
        return BuildError(
            f"no instance came of {documents - held_out:,} documents: each of {single:,} chunks is one sentence without a clause mark, and "
            f"an instance has two parts\nsentences end at 。！？ and lines: does the corpus hold documents, not single sentences "
            f"(--corpus FORMAT=)? is --max-seq-length {config.drawing.max_seq_length} long enough for two?"
        )
    return BuildError(
        f"no instance came of {documents - held_out:,} documents: none was used with --dupe-factor {config.dupe_factor} and these weights"
        "\nraise the weights (--corpora) or --dupe-factor"
    )


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
