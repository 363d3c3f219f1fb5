"""The cleaning of a corpus as a whole: two durable stages, each skipped where a finished one fits.

files ─▶ clean, each source by itself ─▶ cleaned/SOURCE ─▶ gate ─▶ distinct, across sources ─▶ documents/
         └ only sources that are new or changed                   └ skipped if documents/manifest.json fits
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from albert_core.shards import MANIFEST
from corpora.files import CorpusFile
from corpora.sources import Source
from pipelines import storage
from pipelines.accounts import Account, add_accounts, by_source
from pipelines.clean import Choice, CleanCorpus, text_bytes
from pipelines.decontaminate import DecontaminationConfig, copy_for_workers
from pipelines.deduplicate import num_partitions
from pipelines.distinct import FOLDER, KeepDistinct, WriteDistinct, documents_manifest, only_kept, without_kept
from pipelines.errors import BuildError
from pipelines.export import FOLDER as EXPORTED
from pipelines.export import export_json_lines
from pipelines.fingerprints import fingerprint
from pipelines.flink import warn_of_large_tasks
from pipelines.gate import gate
from pipelines.near_duplicates import NearDuplicatesConfig
from pipelines.output_folder import (
    CLEANED,
    DOCUMENTS,
    REJECTS,
    finished_manifest,
    lock,
    other_dataset,
    own_folder,
    refuse_to_bring_back,
    remove_shards,
)
from pipelines.read import list_sources
from pipelines.recipe import CleanConfig
from pipelines.repeated_lines import RepeatedLinesConfig
from pipelines.runners import check_engine, run_job
from pipelines.submitted_jobs import asked

Stage = Literal["clean", "distinct", "instances", "build"]  # the last: all of them, as one job
Watch = Callable[[Stage, int | None], contextlib.AbstractContextManager[None]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CleaningConfig:
    """What is cleaned, and how. `sources` in the order in which their copies of a text are preferred, unless their priorities say."""

    output: str
    sources: tuple[Source, ...]
    clean: CleanConfig = dataclasses.field(default_factory=CleanConfig)
    repeated_lines: RepeatedLinesConfig = dataclasses.field(default_factory=RepeatedLinesConfig)
    near_duplicates: NearDuplicatesConfig = dataclasses.field(default_factory=NearDuplicatesConfig)
    decontamination: DecontaminationConfig = dataclasses.field(default_factory=DecontaminationConfig)
    sample: float = 1.0
    limit: int | None = None
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
        if not self.sources:
            raise BuildError(
                "no --corpus\ngive at least one, for example --corpus wiki2019zh='wiki_zh/*/wiki_*'; albert-data formats lists the others"
            )
        if not 0 < self.sample <= 1:
            raise BuildError(f"--sample {self.sample} is not in (0, 1]\nit is the share of the records that is taken, such as 0.01")
        if self.limit is not None and self.limit < 1:
            raise BuildError(f"--limit {self.limit} is less than 1\nit is the most records that are taken")
        if not 0 <= self.max_error_rate <= 1:
            raise BuildError(
                f"--max-error-rate {self.max_error_rate} is not in [0, 1]\nit is the share of documents that may be unreadable"
            )
        if not 1 << 10 <= self.batch_bytes <= 256 << 20:
            raise BuildError(f"--batch-bytes {self.batch_bytes:,} is not between 1,024 and {256 << 20:,}\nthe default is {8 << 20:,}")

    @property
    def preferred(self) -> list[str]:
        """Names of the sources, the one whose copies stay first."""
        return [source.name for source in sorted(self.sources, key=lambda source: source.priority)]

    @property
    def patterns(self) -> list[str]:
        """The globs of all sources."""
        return [spec.pattern for source in self.sources for spec in source.corpora]

    def parameters(self) -> dict[str, Any]:
        """What decides the documents, beside the files."""
        names = ("clean", "repeated_lines", "near_duplicates", "decontamination")
        return {name: dataclasses.asdict(getattr(self, name)) for name in names} | {"sample": self.sample, "limit": self.limit}


def run_clean(config: CleaningConfig, options: PipelineOptions, watch: Watch | None = None, *, export: bool = False) -> dict[str, Any]:
    """Cleans a corpus into `documents/`; returns their manifest. What is finished and fits is not done again.

    `export`: as JSON Lines too.

    Raises:
      BuildError: what the user can mend; nothing that was finished is lost.
    """
    check_engine(options, reads=config.patterns, output=config.output)
    files = list_sources(config.sources, own_folder(config.output))
    with lock(config.output, is_active=asked(options)):
        finished_manifest(config.output, made_by="albert-data clean")
        manifest = clean_stages(config, files, options, watch, may_replace=config.overwrite)
        if export:
            export_json_lines(config.output, manifest, options)
        return manifest


class CleaningState(NamedTuple):
    """What a folder holds of a cleaning already. What did not fit is gone from it."""

    fingerprint: str  # of the documents
    documents: dict[str, Any] | None  # their manifest, if they are finished
    plans: dict[str, dict[str, Any]]  # of each source, in the order of the configuration: fingerprint and inputs
    sources: dict[str, dict[str, Any]]  # the manifests of those that are finished
    missing: list[str]  # the others


def clean_stages(
    config: CleaningConfig, files: Sequence[CorpusFile], options: PipelineOptions, watch: Watch | None, *, may_replace: bool
) -> dict[str, Any]:
    """Both stages, each a job of its own, in a folder that is locked; returns the manifest of the documents."""
    watching = watch or (lambda stage, size: contextlib.nullcontext())
    state = begin_cleaning(config, files, may_replace=may_replace)
    if state.documents is not None:
        return state.documents
    sources = clean_stage(config, files, state, options, watching)
    cleaned = join_sources(config, state.fingerprint, sources)
    documents = distinct_stage(config, files, sources, cleaned, options, watching)
    gate(documents["account"], documents["damaged"], config)
    return documents


def begin_cleaning(config: CleaningConfig, files: Sequence[CorpusFile], *, may_replace: bool) -> CleaningState:
    """What is left to do; what does not fit is removed, before anything takes its place.

    Raises:
      BuildError: the folder holds finished documents of another corpus or other options, or what was read is not to be built on.
    """
    plans = {source.name: _plan(config, source, files) for source in config.sources}
    wanted = _fingerprint_of_documents(config, plans)
    folder = storage.join(config.output, DOCUMENTS)
    if storage.exists(storage.join(folder, MANIFEST)):
        documents = read_finished(folder)
        if documents is not None and documents["fingerprint"] == wanted:
            gate(documents["account"], documents["damaged"], config)
            return CleaningState(wanted, _described_anew(documents, config), plans, {}, [])
        if documents is not None and not may_replace:
            raise other_dataset(config.output)
    refuse_to_bring_back(config.output)
    if storage.exists(storage.join(folder, MANIFEST)):
        remove_shards(config.output)  # they are of documents that go
    storage.remove(storage.join(folder, MANIFEST))  # first: documents of which some are gone must not look finished
    finished, missing = _finished_sources(config, plans)
    return CleaningState(wanted, None, plans, finished, missing)


def _finished_sources(config: CleaningConfig, plans: dict[str, dict[str, Any]]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The manifests of the sources that fit, and the names of the others, of which nothing is left."""
    folder, rejected = storage.join(config.output, CLEANED), storage.join(config.output, REJECTS, "clean")
    found = {name: read_finished(storage.join(folder, name)) for name in plans}
    finished = {name: manifest for name, manifest in found.items() if manifest and manifest["fingerprint"] == plans[name]["fingerprint"]}
    if config.limit is not None and len(finished) < len(plans):
        finished = {}  # the limit is over all of them: they are chosen together
    missing = [name for name in plans if name not in finished]
    unlisted = {path.removeprefix(folder).lstrip("/").split("/")[0] for path in storage.list_files(storage.join(folder, "**"))} - set(plans)
    for name in [*missing, *sorted(unlisted)]:
        storage.remove(storage.join(folder, name, MANIFEST))
        storage.remove_folder(storage.join(folder, name))
        storage.remove_folder(storage.join(rejected, name))
    return finished, missing


def read_finished(folder: str) -> dict[str, Any] | None:
    """The manifest of a folder of documents, if it and all files that it names are there; else the folder is not finished."""
    path = storage.join(folder, MANIFEST)
    if not storage.exists(path):  # an object store's own error for that is none of those below
        return None
    try:
        manifest = storage.read_json(path)
        names = {part["name"] for part in manifest["parts"]}
        whole = {"fingerprint", "account", "damaged"} <= set(manifest)
    except (OSError, ValueError, TypeError, KeyError):  # none, half of one, or of another version
        return None
    present = {path.rsplit("/", 1)[-1] for path in storage.list_files(storage.join(folder, "*.parquet"))}
    return manifest if whole and names <= present else None


def _described_anew(cleaned: dict[str, Any], config: CleaningConfig) -> dict[str, Any]:
    """The manifest with what may change and leaves the documents as they are: weights, licences."""
    known = {source["name"]: source for source in cleaned["sources"]}
    described = cleaned | {"sources": [_about(source, known[source.name]) for source in config.sources]}
    if described != cleaned:
        storage.write_json(storage.join(config.output, DOCUMENTS), MANIFEST, described)
    return described


def _plan(config: CleaningConfig, source: Source, files: Sequence[CorpusFile]) -> dict[str, Any]:
    """What decides the clean documents of a source: its files and the rules; under a limit over all sources, the other sources too."""
    inputs = describe_inputs(file for file in files if file.source == source.name)
    rules = {"clean": dataclasses.asdict(config.clean), "repeated_lines": dataclasses.asdict(config.repeated_lines)}
    choice: dict[str, Any] = {"sample": config.sample, "cap": source.cap}
    if config.limit is not None:
        choice |= {"limit": config.limit, "others": [[str(other), describe_inputs(files)] for other in config.sources]}
    return {"fingerprint": fingerprint([source.name, rules, choice, str(source.fields)], inputs, "pipelines.clean"), "inputs": inputs}


def _fingerprint_of_documents(config: CleaningConfig, plans: dict[str, dict[str, Any]]) -> str:
    before = [[name, plans[name]["fingerprint"]] for name in config.preferred]
    rules = [dataclasses.asdict(config.near_duplicates), config.decontamination.fingerprint()]
    return fingerprint(rules, before, "pipelines.distinct")


def clean_stage(
    config: CleaningConfig, files: Sequence[CorpusFile], state: CleaningState, options: PipelineOptions, watch: Watch
) -> dict[str, dict[str, Any]]:
    """The manifest of each source, whose clean documents lie in its folder; only those that are missing are cleaned."""
    if state.missing:
        job = clean_job(config, files, state)
        warn_of_large_tasks(options, text_bytes(job.files))
        with watch("clean", sum(file.size for file in job.files)):
            run_job(lambda pipeline: pipeline | "Clean" >> job, options)
        storage.remove_temporary(*temporary_places(config.output, state.missing, CLEANED, storage.join(REJECTS, "clean")))
    folder = storage.join(config.output, CLEANED)
    return {name: state.sources.get(name) or storage.read_json(storage.join(folder, name, MANIFEST)) for name in state.plans}


def clean_job(config: CleaningConfig, files: Sequence[CorpusFile], state: CleaningState) -> CleanCorpus:
    """What cleans the sources that are missing."""
    missing = state.missing
    caps = {source.name: source.cap for source in config.sources if source.cap is not None and source.name in missing}
    return CleanCorpus(
        [file for file in files if file.source in missing],
        config.clean,
        config.output,
        repeated_lines=config.repeated_lines,
        choice=Choice(sample=config.sample, limit=config.limit, caps=caps),
        descriptions={name: state.plans[name] for name in missing},
        batch_bytes=config.batch_bytes,
    )


def temporary_places(output: str, sources: Iterable[str], *folders: str) -> list[str]:
    """Where jobs that write a folder for each source may leave unfinished files."""
    return [storage.join(output, folder, name) for folder in folders for name in sources]


def join_sources(config: CleaningConfig, fingerprint: str, sources: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The manifests of all sources as one, that of the documents but for what the next stage counts; its parts are the clean ones.

    Raises:
      BuildError: the corpus was not read as it should be.
    """
    named = [(source, sources[source.name]) for source in config.sources]
    accounts = [by_source(manifest["account"], source.name) for source, manifest in named]
    damaged = [file for _, manifest in named for file in manifest["damaged"]]
    gate(add_accounts(accounts), damaged, config)
    return {
        "fingerprint": fingerprint,
        "damaged": damaged,
        "parameters": config.parameters(),
        "normalization": config.clean.text_normalization(),
        "sources": [_about(source, manifest) for source, manifest in named],
        "inputs": [entry for _, manifest in named for entry in manifest["inputs"]],
        "account": add_accounts(without_kept(account) for account in accounts),
        "parts": [part for _, manifest in named for part in manifest["parts"]],
    }


def distinct_stage(
    config: CleaningConfig,
    files: Sequence[CorpusFile],
    sources: dict[str, dict[str, Any]],
    cleaned: dict[str, Any],
    options: PipelineOptions,
    watch: Watch,
) -> dict[str, Any]:
    """`documents/` and their manifest, which is returned. Where no document can have a double, the clean ones are copied as they are."""
    clear_documents(config.output)
    folder = storage.join(config.output, DOCUMENTS)
    accounts = [by_source(source["account"], name) for name, source in sources.items()]
    if len(sources) == 1 and not needs_comparison(config, accounts[0]):
        for part in cleaned["parts"]:
            storage.copy(storage.join(config.output, CLEANED, part["folder"], part["name"]), folder, part["name"])
        kept = [{key: part[key] for key in part if key != "folder"} for part in cleaned["parts"]]
        storage.write_json(folder, MANIFEST, documents_manifest(cleaned, only_kept(accounts[0]), kept, []))
    else:
        job = distinct_job(config, files)
        with watch("distinct", sum(account.get("bytes.kept", 0) for account in accounts)):
            run_job(lambda pipeline: pipeline | "Cleaned" >> beam.Create([cleaned]) | "Distinct" >> job, options)
    storage.remove_temporary(folder, *temporary_places(config.output, sources, storage.join(REJECTS, FOLDER)))
    return dict(storage.read_json(storage.join(folder, MANIFEST)))


def clear_documents(output: str) -> None:
    """Removes documents that are not finished, and what was made of them."""
    for stale in (DOCUMENTS, storage.join(REJECTS, FOLDER), EXPORTED):
        storage.remove_folder(storage.join(output, stale))


def distinct_job(config: CleaningConfig, files: Sequence[CorpusFile]) -> WriteDistinct:
    """What compares the clean documents of all sources. How many files it writes follows from the corpus, as in the stage before."""
    num_bytes = text_bytes(files)
    keep = KeepDistinct(
        config.near_duplicates,
        config.decontamination,
        config.preferred,
        partitions=num_partitions(num_bytes),
        batch_bytes=config.batch_bytes,
        copies=copy_for_workers(config.decontamination, config.output),
    )
    return WriteDistinct(keep, config.output, num_bytes)


def needs_comparison(config: CleaningConfig, account: Account) -> bool:
    """Whether documents of a single source may have doubles yet, or must be compared with others."""
    changed = account.get("lines.repeated", 0) > 0  # texts that are shorter now may be the same
    return changed or config.near_duplicates.is_on or config.decontamination.is_on


def _about(source: Source, manifest: dict[str, Any]) -> dict[str, Any]:
    """A source as manifests and the dataset card name it."""
    return {
        "name": source.name,
        "corpora": [f"{spec.format}={spec.pattern}" if spec.format else spec.pattern for spec in source.corpora],
        "licence": source.licence,
        "weight": source.weight,
        "priority": source.priority,
        "cap": source.cap,
        "repeated_lines": manifest["repeated_lines"],
    }


def describe_inputs(files: Iterable[CorpusFile]) -> list[dict[str, Any]]:
    """Path, format, size and time of change of each input: its fingerprint without reading it."""
    names = ("path", "source", "format", "archive", "encoding", "size", "changed")
    return [{name: getattr(file, name) for name in names} for file in files]
