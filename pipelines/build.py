"""The job: two durable stages, each skipped when a finished one fits, and a gate between them.

corpora ─▶ clean ─▶ documents/ + rejects/ + account ─▶ gate ─▶ instances ─▶ shards ─▶ manifest.json
           └ skipped if documents/manifest.json has this fingerprint          └ written last
"""

import contextlib
import dataclasses
import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any, Literal

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from albert_core.shards import MANIFEST
from corpora.files import CorpusFile
from corpora.formats import parse_corpus
from pipelines import storage
from pipelines.accounts import Account
from pipelines.clean import DAMAGED, CleanCorpus
from pipelines.errors import BuildError
from pipelines.fingerprints import fingerprint
from pipelines.instances import InstancesConfig, MakeShards, ReadDocuments
from pipelines.manifest import WriteManifest, documents_account
from pipelines.output_folder import DOCUMENTS, REJECTS, finished_manifest, lock, other_dataset, remove_shards
from pipelines.read import list_corpora
from pipelines.recipe import CleanConfig
from pipelines.runners import run_job

ACCOUNT = "account.json"
MIN_TOLERATED_ERRORS = 100  # a small corpus may hold a few bad lines whatever their share
Stage = Literal["clean", "instances"]
Watch = Callable[[Stage, int | None], contextlib.AbstractContextManager[None]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class BuildConfig:
    """A whole build. `corpora` as on the command line: [FORMAT=]GLOB."""

    output: str
    corpora: tuple[str, ...]
    clean: CleanConfig = dataclasses.field(default_factory=CleanConfig)
    instances: InstancesConfig
    max_error_rate: float = 0.01
    allow_damaged_files: bool = False
    overwrite: bool = False
    batch_bytes: int = 8 << 20

    def __post_init__(self) -> None:
        """Refuses what cannot be built, naming value and limit."""
        if set(self.output) & set("*?["):
            raise BuildError(
                f"--output {self.output} holds one of the characters * ? [\nthey mean a pattern to Beam: name the folder without them"
            )
        if not self.corpora:
            raise BuildError(
                "no --corpus\ngive at least one, for example --corpus wiki2019zh='wiki_zh/*/wiki_*'; albert-data build --help has more"
            )
        if not 0 <= self.max_error_rate <= 1:
            raise BuildError(
                f"--max-error-rate {self.max_error_rate} is not in [0, 1]\nit is the share of documents that may be unreadable"
            )
        if not 1 << 10 <= self.batch_bytes <= 256 << 20:
            raise BuildError(f"--batch-bytes {self.batch_bytes:,} is not between 1,024 and {256 << 20:,}\nthe default is {8 << 20:,}")


def run_build(config: BuildConfig, options: PipelineOptions, watch: Watch | None = None) -> dict[str, Any]:
    """Cleans and writes shards; returns the manifest. Stages that are finished and fit are not run again.

    Args:
      config: what to build.
      options: Beam's, from `parse_beam_options`.
      watch: called with the stage and its size in bytes; the context lasts as long as the stage, for a progress line.

    Raises:
      BuildError: what the user can mend; nothing that was finished is lost.
    """
    watching = watch or (lambda stage, size: contextlib.nullcontext())
    config.instances.tokenizer  # noqa: B018 - a bad vocabulary is said before hours of cleaning
    files = list_corpora(parse_corpus(corpus) for corpus in config.corpora)
    with lock(config.output):
        finished = finished_manifest(config.output)
        cleaned = clean_stage(config, files, options, watching, may_replace=config.overwrite or finished is None)
        gate(cleaned, config)
        return instances_stage(config, cleaned, finished, options, watching)


def clean_stage(
    config: BuildConfig, files: Sequence[CorpusFile], options: PipelineOptions, watch: Watch, *, may_replace: bool
) -> dict[str, Any]:
    """Documents as Parquet and rejects, with their account; returns the stage's manifest."""
    inputs = describe_inputs(files)
    wanted = fingerprint(dataclasses.asdict(config.clean), inputs, "pipelines.clean")
    folder = storage.join(config.output, DOCUMENTS)
    stage_manifest = storage.join(folder, MANIFEST)
    if storage.exists(stage_manifest):
        cleaned = storage.read_json(stage_manifest)
        if cleaned["fingerprint"] == wanted:
            return cleaned
        if not may_replace:
            raise other_dataset(config.output)
    storage.remove(stage_manifest)  # first: documents of which some are gone must not look finished
    storage.remove_folder(folder)
    storage.remove_folder(storage.join(config.output, REJECTS))
    with watch("clean", sum(file.size for file in files)):
        run_job(lambda pipeline: _wire_clean(pipeline, files, config), options)
    account: Account = storage.read_json(storage.join(folder, ACCOUNT))
    cleaned = {
        "fingerprint": wanted,
        "account": account,
        "clean": dataclasses.asdict(config.clean),
        "inputs": inputs,
        "sources": sorted({file.format for file in files}),
        "documents": [path.rsplit("/", 1)[-1] for path in storage.list_files(storage.join(folder, "*.parquet"))],
    }
    check_account(account)
    storage.write_json(folder, MANIFEST, cleaned)
    storage.remove_folder(storage.join(folder, storage.TEMPORARY))
    return cleaned


def _scheme(path: str) -> str:
    return path.partition("://")[0] if "://" in path else ""


def _wire_clean(pipeline: beam.Pipeline, files: Sequence[CorpusFile], config: BuildConfig) -> None:
    account = pipeline | "Clean" >> CleanCorpus(files, config.clean, config.output, batch_bytes=config.batch_bytes)
    account | "WriteAccount" >> beam.Map(
        lambda value, folder: storage.write_json(folder, ACCOUNT, value), storage.join(config.output, DOCUMENTS)
    )


def instances_stage(
    config: BuildConfig, cleaned: dict[str, Any], finished: dict[str, Any] | None, options: PipelineOptions, watch: Watch
) -> dict[str, Any]:
    """Shards and their manifest, which is returned."""
    wanted = fingerprint(config.instances.parameters(), [cleaned["fingerprint"], config.instances.tokenizer.sha256], "pipelines.instances")
    if finished is not None:
        if finished["fingerprint"] == wanted:
            return finished
        if not config.overwrite:
            raise other_dataset(config.output)
    remove_shards(config.output)
    text_bytes = cleaned["account"].get("bytes.kept", 0)
    plan = config.instances.plan(config.output, text_bytes, cleaned["sources"])
    paths = [storage.join(config.output, DOCUMENTS, name) for name in cleaned["documents"]]

    def wire(pipeline: beam.Pipeline) -> None:
        documents = pipeline | "ReadDocuments" >> ReadDocuments(paths)
        results = documents | "MakeShards" >> MakeShards(config.instances, plan)
        results | "WriteManifest" >> WriteManifest(config.output, config.instances, cleaned | {"fingerprint": wanted})

    with watch("instances", text_bytes):
        run_job(wire, options)
    return storage.read_json(storage.join(config.output, MANIFEST))


def gate(cleaned: dict[str, Any], config: BuildConfig) -> None:
    """Stops a build whose corpus was not read as it should be. The cleaned documents stay: with a looser limit it goes on from them.

    Raises:
      BuildError: damaged files, too many errors, or no documents.
    """
    account: Account = cleaned["account"]
    damaged = account.get("files.damaged", 0)
    if damaged and not config.allow_damaged_files:
        listed = storage.join(config.output, DOCUMENTS, DAMAGED)
        first = json.loads(storage.read(listed).splitlines()[0])
        raise BuildError(
            f"{damaged} of {account['files.read']} files are damaged: {first['file']}: {first['error']}\nwhat they lost cannot be counted; "
            f"replace them (all are named in {listed}), or go on without with --allow-damaged-files"
        )
    errors, read = account.get("errors", 0), account.get("documents.read", 0)
    if errors > max(MIN_TOLERATED_ERRORS, config.max_error_rate * read):
        raise BuildError(
            f"{errors:,} of {read:,} documents could not be read: more than {MIN_TOLERATED_ERRORS} and than --max-error-rate "
            f"{config.max_error_rate:g}\nlook at {storage.join(config.output, REJECTS)}; if the corpus is like that, raise --max-error-rate"
        )
    if account.get("documents.kept", 0) == 0:
        reasons = (
            ", ".join(f"{name} {count:,}" for name, count in documents_account(account)["rejected"].items()) or "the files hold no document"
        )
        raise BuildError(
            f"no document is left of {read:,}: {reasons}\nlook at {storage.join(config.output, REJECTS)} and at --corpus FORMAT="
        )


def check_account(account: Account) -> None:
    """Every document read was kept or rejected; anything else is a fault of ours, and no dataset may come of it."""
    documents = documents_account(account)
    accounted = documents["kept"] + sum(documents["rejected"].values())
    if documents["read"] != accounted:
        raise AssertionError(f"{documents['read']} documents read, {accounted} accounted for: {account}")


def describe_inputs(files: Sequence[CorpusFile]) -> list[dict[str, Any]]:
    """Path, format, size and time of change of each input: its fingerprint without reading it."""
    found: dict[str, float] = {}
    by_scheme = itertools.groupby(sorted((file.path for file in files), key=_scheme), _scheme)  # Beam asks one file system for a whole list
    for paths in (list(group) for _, group in by_scheme):
        for start in range(0, len(paths), 1000):
            for result in FileSystems.match(paths[start : start + 1000]):
                found.update({entry.path: entry.last_updated_in_seconds for entry in result.metadata_list})
    return [
        {"path": file.path, "format": file.format, "encoding": file.encoding, "bytes": file.size, "changed": found.get(file.path, 0.0)}
        for file in files
    ]
