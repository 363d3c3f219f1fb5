"""The dataset's last file: parameters, digests, accounts and statistics. No manifest, no dataset."""

import hashlib
import platform
from collections.abc import Iterable, Iterator
from importlib import metadata
from typing import Any

import apache_beam as beam

from albert_core.shards import MANIFEST, SCHEMA_VERSION, VOCABULARY
from pipelines import storage
from pipelines.accounts import Account, SumAccounts, documents_taken, of_source
from pipelines.errors import BuildError
from pipelines.instances import InstancesConfig, MadeShards
from pipelines.segmenters import describe_segmenter
from pipelines.statistics import summarize
from pipelines.vocabulary_fit import vocabulary_warning
from pipelines.write_shards import ShardResult

FAILURE = "failure.json"
"""In place of a manifest: why shards that were written are no dataset."""
DECIDING_PACKAGES = ("apache-beam", "jieba", "lxml", "numba", "numpy", "opencc", "orjson", "pyarrow", "rjieba", "tokenizers")


class WriteManifest(beam.PTransform):
    """What `MakeShards` gives → the manifest, written by the pipeline itself: the launcher may be gone by then."""

    def __init__(self, output: str, config: InstancesConfig, before: dict[str, Any]):
        """`before`: what the clean stage found: inputs, account, configuration, fingerprints."""
        super().__init__()
        self.output, self.config, self.before = output, config, before

    def expand(self, made: MadeShards) -> beam.PCollection:
        """One small element for each shard reaches one worker, and all counts as one sum."""
        shards = made.results | "DescribeShards" >> beam.Map(describe_shard).with_output_types(dict[str, Any])
        counts = made.results | "CountsOfShards" >> beam.Map(counts_of).with_output_types(Account)
        return (
            (counts, made.accounts)
            | "FlattenCounts" >> beam.Flatten()
            | "SumAccounts" >> SumAccounts()
            | "Write" >> beam.ParDo(_WriteManifest(self.output, self.config, self.before), beam.pvalue.AsList(shards))
        )


def describe_shard(result: ShardResult) -> dict[str, Any]:
    """A shard as the manifest lists it."""
    return {key: value for key, value in result.items() if key != "counts"}


def counts_of(result: ShardResult) -> Account:
    """The counts of a shard."""
    return result["counts"]


class _WriteManifest(beam.DoFn):
    def __init__(self, output: str, config: InstancesConfig, before: dict[str, Any]):
        self.output, self.config, self.before = output, config, before

    def process(self, counts: Account, shards: list[dict[str, Any]]) -> Iterator[str]:
        try:
            manifest = make_manifest(shards, counts, self.config, self.before)
        except BuildError as error:  # raised in a worker, most engines would keep one line of it, and try again
            storage.write_json(self.output, FAILURE, {"error": str(error)})
            return
        storage.write(self.output, VOCABULARY, self.config.vocabulary)
        storage.write_json(self.output, MANIFEST, manifest)
        yield storage.join(self.output, MANIFEST)


def make_manifest(shards: Iterable[dict[str, Any]], counts: Account, config: InstancesConfig, before: dict[str, Any]) -> dict[str, Any]:
    """The manifest as a value; `before` is that of the documents. Scripts rely on the keys that DESIGN.md names; do not rename them.

    `counts`: those of the shards and of the tokens of the documents, summed.

    Raises:
      BuildError: not all documents came into the shards, or no instance to train on came of them.
    """
    ordered = sorted(shards, key=lambda shard: (not shard["name"].startswith("train-"), shard.get("max_seq_length", 0), shard["name"]))
    account: Account = before["account"]
    if counts.get("documents", 0) != account.get("documents.kept", 0):
        raise BuildError(
            f"{account.get('documents.kept', 0):,} documents were kept, {counts.get('documents', 0):,} came into the shards"
            "\nfiles of OUT/documents were changed or removed: delete OUT/documents and build again"
        )
    if not any(shard["instances"] for shard in ordered if shard["name"].startswith("train-")):
        raise no_instances(counts, config)
    statistics = summarize(counts, config.drawing, [source["name"] for source in before["sources"]])
    misfit = vocabulary_warning(statistics)
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": config.kind,
        "digest": dataset_digest(ordered),
        "instances": sum(shard["instances"] for shard in ordered),
        "documents": documents_account(account) | {"without_instances": counts.get("documents_without_instances", 0)},
        "files": {"read": account.get("files.read", 0), "damaged": account.get("files.damaged", 0)},
        "encodings": encodings_account(account),
        "parameters": config.parameters() | before["parameters"],
        "vocabulary": {"sha256": config.tokenizer.sha256, "size": config.tokenizer.size},
        "segmenter": describe_segmenter(config.segmenter),
        "normalization": {"lower_case": config.lower_case} | before["normalization"],
        "sources": before["sources"],
        "warnings": config.warnings() + ([misfit] if misfit else []),
        "statistics": statistics,
        "shards": ordered,
        "inputs": before["inputs"],
        "packages": package_versions(),
        "fingerprint": before["fingerprint"],
        "documents_fingerprint": before["documents_fingerprint"],
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
