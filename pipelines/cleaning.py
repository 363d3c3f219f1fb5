"""The cleaning of a corpus as a whole: two durable stages, each skipped where a finished one fits.

files ─▶ clean, each source by itself ─▶ cleaned/SOURCE ─▶ gate ─▶ distinct, across sources ─▶ documents/
         └ only sources that are new or changed                   └ skipped if documents/manifest.json fits
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from albert_core.shards import MANIFEST
from corpora.files import CorpusFile
from corpora.sources import Source
from pipelines import storage
from pipelines.accounts import Account, add_accounts, by_source
from pipelines.clean import Choice, CleanCorpus
from pipelines.decontaminate import DecontaminationConfig
from pipelines.deduplicate import num_partitions
from pipelines.distinct import FOLDER, KeepDistinct, WriteDistinct, documents_manifest, only_kept, without_kept
from pipelines.errors import BuildError
from pipelines.export import FOLDER as EXPORTED
from pipelines.export import export_json_lines
from pipelines.fingerprints import fingerprint
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

Stage = Literal["clean", "distinct", "instances"]
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
    with lock(config.output):
        finished_manifest(config.output, made_by="albert-data clean")
        manifest = clean_stages(config, files, options, watch, may_replace=config.overwrite)
        if export:
            export_json_lines(config.output, manifest, options)
        return manifest


def clean_stages(
    config: CleaningConfig, files: Sequence[CorpusFile], options: PipelineOptions, watch: Watch | None, *, may_replace: bool
) -> dict[str, Any]:
    """Both stages, in a folder that is locked."""
    watching = watch or (lambda stage, size: contextlib.nullcontext())
    plans = {source.name: _plan(config, source, files) for source in config.sources}
    wanted = _fingerprint_of_documents(config, plans)
    folder = storage.join(config.output, DOCUMENTS)
    has_documents = storage.exists(storage.join(folder, MANIFEST))
    if has_documents:
        cleaned = read_finished(folder)
        if cleaned is not None and cleaned["fingerprint"] == wanted:
            gate(cleaned["account"], cleaned["damaged"], config)
            return _described_anew(cleaned, config)
        if cleaned is not None and not may_replace:
            raise other_dataset(config.output)
    refuse_to_bring_back(config.output)
    if has_documents:
        remove_shards(config.output)  # they are of documents that go
    storage.remove(storage.join(folder, MANIFEST))  # first: documents of which some are gone must not look finished
    sources = clean_stage(config, files, plans, options, watching)
    account = add_accounts(by_source(source["account"], name) for name, source in sources.items())
    damaged = [file for source in sources.values() for file in source["damaged"]]
    gate(account, damaged, config)
    documents = distinct_stage(config, sources, {"fingerprint": wanted, "damaged": damaged}, options, watching)
    gate(documents["account"], damaged, config)
    return documents


def read_finished(folder: str) -> dict[str, Any] | None:
    """The manifest of a folder of documents, if it and all files that it names are there; else the folder is not finished."""
    try:
        manifest = storage.read_json(storage.join(folder, MANIFEST))
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
    config: CleaningConfig, files: Sequence[CorpusFile], plans: dict[str, dict[str, Any]], options: PipelineOptions, watch: Watch
) -> dict[str, dict[str, Any]]:
    """The manifest of each source, whose clean documents lie in its folder; only those that do not fit are cleaned."""
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
    if missing:
        new = [file for file in files if file.source in missing]
        caps = {source.name: source.cap for source in config.sources if source.cap is not None and source.name in missing}
        job = CleanCorpus(
            new,
            config.clean,
            config.output,
            repeated_lines=config.repeated_lines,
            choice=Choice(sample=config.sample, limit=config.limit, caps=caps),
            descriptions={name: plans[name] for name in missing},
            batch_bytes=config.batch_bytes,
        )
        with watch("clean", sum(file.size for file in new)):
            run_job(lambda pipeline: pipeline | "Clean" >> job, options)
        for name in missing:
            storage.remove_temporary(storage.join(folder, name), storage.join(rejected, name))
    return {name: finished.get(name) or storage.read_json(storage.join(folder, name, MANIFEST)) for name in plans}


def distinct_stage(
    config: CleaningConfig, sources: dict[str, dict[str, Any]], before: dict[str, Any], options: PipelineOptions, watch: Watch
) -> dict[str, Any]:
    """`documents/` and their manifest, which is returned. Where no document can have a double, the clean ones are copied as they are."""
    folder, cleaned = storage.join(config.output, DOCUMENTS), storage.join(config.output, CLEANED)
    rejected = storage.join(config.output, REJECTS, FOLDER)
    for stale in (folder, rejected, storage.join(config.output, EXPORTED)):
        storage.remove_folder(stale)
    accounts = [by_source(source["account"], name) for name, source in sources.items()]
    parts = [part for source in sources.values() for part in source["parts"]]
    num_bytes = sum(account.get("bytes.kept", 0) for account in accounts)
    manifest = before | {
        "parameters": config.parameters(),
        "normalization": config.clean.text_normalization(),
        "sources": [_about(source, sources[source.name]) for source in config.sources],
        "inputs": [entry for source in sources.values() for entry in source["inputs"]],
        "account": add_accounts(without_kept(account) for account in accounts),
    }
    if len(sources) == 1 and not needs_comparison(config, accounts[0]):
        for part in parts:
            storage.copy(storage.join(cleaned, part["folder"], part["name"]), folder, part["name"])
        kept = [{key: part[key] for key in part if key != "folder"} for part in parts]
        storage.write_json(folder, MANIFEST, documents_manifest(manifest, only_kept(accounts[0]), kept, []))
    else:
        keep = KeepDistinct(
            config.near_duplicates,
            config.decontamination,
            config.preferred,
            partitions=num_partitions(num_bytes),
            batch_bytes=config.batch_bytes,
        )
        job = WriteDistinct(keep, config.output, num_bytes)
        with watch("distinct", num_bytes):
            run_job(lambda pipeline: pipeline | "Cleaned" >> beam.Create([manifest | {"parts": parts}]) | "Distinct" >> job, options)
    storage.remove_temporary(folder, *(storage.join(rejected, name) for name in sources))
    return dict(storage.read_json(storage.join(folder, MANIFEST)))


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
