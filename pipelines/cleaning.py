"""The cleaning of a corpus as a whole: two durable stages, each skipped where a finished one fits.

files ─▶ clean, each source by itself ─▶ cleaned/SOURCE ─▶ gate ─▶ distinct, across sources ─▶ documents/
         └ only sources that are new or changed                   └ skipped if documents/manifest.json fits
"""

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any, Literal

from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from albert_core.shards import MANIFEST
from corpora.files import CorpusFile
from corpora.sources import Source
from pipelines import storage
from pipelines.accounts import Account, add_accounts, by_source
from pipelines.clean import Choice, CleanCorpus, check_account
from pipelines.decontaminate import DecontaminationConfig
from pipelines.deduplicate import num_partitions
from pipelines.distinct import FOLDER, KeepDistinct, WriteDistinct
from pipelines.errors import BuildError
from pipelines.fingerprints import fingerprint
from pipelines.manifest import documents_account
from pipelines.near_duplicates import NearDuplicatesConfig
from pipelines.output_folder import CLEANED, DOCUMENTS, REJECTS, finished_manifest, lock, other_dataset
from pipelines.read import list_sources
from pipelines.recipe import CleanConfig
from pipelines.repeated_lines import RepeatedLinesConfig
from pipelines.runners import run_job
from pipelines.write_documents import part_paths

MIN_TOLERATED_ERRORS = 100  # a small corpus may hold a few bad lines whatever their share
Stage = Literal["clean", "distinct", "instances"]
Watch = Callable[[Stage, int | None], contextlib.AbstractContextManager[None]]
KEPT = ("documents.kept", "characters.kept", "bytes.kept")


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

    def parameters(self) -> dict[str, Any]:
        """What decides the documents, beside the files."""
        names = ("clean", "repeated_lines", "near_duplicates", "decontamination")
        return {name: dataclasses.asdict(getattr(self, name)) for name in names} | {"sample": self.sample, "limit": self.limit}


def run_clean(config: CleaningConfig, options: PipelineOptions, watch: Watch | None = None) -> dict[str, Any]:
    """Cleans a corpus into `documents/`; returns their manifest. What is finished and fits is not done again.

    Raises:
      BuildError: what the user can mend; nothing that was finished is lost.
    """
    files = list_sources(config.sources)
    with lock(config.output):
        finished_manifest(config.output)
        return clean_stages(config, files, options, watch, may_replace=config.overwrite)


def clean_stages(
    config: CleaningConfig, files: Sequence[CorpusFile], options: PipelineOptions, watch: Watch | None, *, may_replace: bool
) -> dict[str, Any]:
    """Both stages, in a folder that is locked."""
    watching = watch or (lambda stage, size: contextlib.nullcontext())
    plans = {source.name: _describe(config, source, files) for source in config.sources}
    wanted = _fingerprint_of_documents(config, plans)
    manifest = storage.join(config.output, DOCUMENTS, MANIFEST)
    if storage.exists(manifest):
        cleaned = storage.read_json(manifest)
        if cleaned.get("fingerprint") == wanted:
            gate(cleaned["account"], cleaned["damaged"], config)
            return _described_anew(cleaned, config)
        if not may_replace:
            raise other_dataset(config.output)
    storage.remove(manifest)  # first: documents of which some are gone must not look finished
    sources = clean_stage(config, files, plans, options, watching)
    account = add_accounts(by_source(source["account"], name) for name, source in sources.items())
    damaged = [file for source in sources.values() for file in source["damaged"]]
    gate(account, damaged, config)
    return distinct_stage(config, sources, {"fingerprint": wanted, "damaged": damaged}, options, watching)


def _described_anew(cleaned: dict[str, Any], config: CleaningConfig) -> dict[str, Any]:
    """The manifest with what may change and leaves the documents as they are: weights, licences."""
    known = {source["name"]: source for source in cleaned["sources"]}
    described = cleaned | {"sources": [_about(source, known[source.name]) for source in config.sources]}
    if described != cleaned:
        storage.write_json(storage.join(config.output, DOCUMENTS), MANIFEST, described)
    return described


def _describe(config: CleaningConfig, source: Source, files: Sequence[CorpusFile]) -> dict[str, Any]:
    """What decides the clean documents of a source, and what people want to know of it."""
    inputs = describe_inputs([file for file in files if file.source == source.name])
    others = describe_inputs(files) if config.limit is not None else None  # the smallest keys of all: each source counts
    rules = {"clean": dataclasses.asdict(config.clean), "repeated_lines": dataclasses.asdict(config.repeated_lines)}
    choice = {"sample": config.sample, "limit": config.limit, "cap": source.cap, "others": others}
    return {
        "fingerprint": fingerprint([source.name, rules, choice, str(source.fields)], inputs, "pipelines.clean"),
        "inputs": inputs,
    }


def _fingerprint_of_documents(config: CleaningConfig, plans: dict[str, dict[str, Any]]) -> str:
    before = [[name, plans[name]["fingerprint"]] for name in config.preferred]
    return fingerprint([config.parameters(), config.decontamination.fingerprint()], before, "pipelines.distinct")


def clean_stage(
    config: CleaningConfig, files: Sequence[CorpusFile], plans: dict[str, dict[str, Any]], options: PipelineOptions, watch: Watch
) -> dict[str, dict[str, Any]]:
    """The manifest of each source, whose clean documents lie in its folder; only those that do not fit are cleaned."""
    folder, rejected = storage.join(config.output, CLEANED), storage.join(config.output, REJECTS, "clean")
    sources = {name: _finished_source(folder, name, plan["fingerprint"]) for name, plan in plans.items()}
    missing = [name for name, manifest in sources.items() if manifest is None]
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
    return {name: manifest or storage.read_json(storage.join(folder, name, MANIFEST)) for name, manifest in sources.items()}


def _finished_source(folder: str, name: str, wanted: str) -> dict[str, Any] | None:
    path = storage.join(folder, name, MANIFEST)
    manifest = storage.read_json(path) if storage.exists(path) else None
    return manifest if manifest is not None and manifest["fingerprint"] == wanted else None


def distinct_stage(
    config: CleaningConfig, sources: dict[str, dict[str, Any]], before: dict[str, Any], options: PipelineOptions, watch: Watch
) -> dict[str, Any]:
    """`documents/` and their manifest, which is returned. Where no document can have a double, the clean ones are copied as they are."""
    folder, cleaned = storage.join(config.output, DOCUMENTS), storage.join(config.output, CLEANED)
    storage.remove_folder(folder)
    storage.remove_folder(storage.join(config.output, REJECTS, FOLDER))
    accounts = [by_source(source["account"], name) for name, source in sources.items()]
    manifest = before | {
        "parameters": config.parameters(),
        "normalization": config.clean.text_normalization(),
        "sources": [_about(source, sources[source.name]) for source in config.sources],
        "inputs": [entry for source in sources.values() for entry in source["inputs"]],
    }
    parts = [part for source in sources.values() for part in source["parts"]]
    num_bytes = sum(account.get("bytes.kept", 0) for account in accounts)
    if len(sources) == 1 and not needs_comparison(config, accounts[0]):
        for part in parts:
            storage.copy(storage.join(cleaned, part["folder"], part["name"]), folder, part["name"])
        kept = {key: count for key, count in accounts[0].items() if key.partition("@")[0] in KEPT}
        storage.write_json(folder, MANIFEST, manifest | {"parts": [_without_folder(part) for part in parts], "distinct_account": kept})
    else:
        keep = KeepDistinct(
            config.near_duplicates,
            config.decontamination,
            config.preferred,
            partitions=num_partitions(num_bytes),
            batch_bytes=config.batch_bytes,
        )
        job = WriteDistinct(part_paths(cleaned, parts), keep, config.output, num_bytes, manifest)
        with watch("distinct", num_bytes):
            run_job(lambda pipeline: pipeline | "Distinct" >> job, options)
    finished = storage.read_json(storage.join(folder, MANIFEST))
    before_distinct = ({key: count for key, count in account.items() if key.partition("@")[0] not in KEPT} for account in accounts)
    finished["account"] = add_accounts([*before_distinct, finished.pop("distinct_account")])
    check_account(finished["account"])
    require_documents(finished["account"], config)
    storage.write_json(folder, MANIFEST, finished)
    return dict(finished)


def _without_folder(part: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in part.items() if key != "folder"}


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


def gate(account: Account, damaged: Sequence[dict[str, Any]], config: CleaningConfig) -> None:
    """Stops a build whose corpus was not read as it should be. The cleaned documents stay: with a looser limit it goes on from them.

    Raises:
      BuildError: damaged files, or too many errors.
    """
    num_damaged = account.get("files.damaged", 0)
    if num_damaged and not config.allow_damaged_files:
        listed = storage.join(config.output, CLEANED, "SOURCE", MANIFEST)
        raise BuildError(
            f"{num_damaged} of {account['files.read']} files are damaged: {damaged[0]['file']}: {damaged[0]['error']}\n"
            f"what they lost cannot be counted; replace them (all are named in {listed}), or go on without with --allow-damaged-files"
        )
    errors, read = account.get("errors", 0), documents_account(account)["read"]
    if errors > max(MIN_TOLERATED_ERRORS, config.max_error_rate * read):
        raise BuildError(
            f"{errors:,} of {read:,} documents could not be read: more than {MIN_TOLERATED_ERRORS} and than --max-error-rate "
            f"{config.max_error_rate:g}\nlook at {storage.join(config.output, REJECTS)}; if the corpus is like that, raise --max-error-rate"
        )
    require_documents(account, config)


def require_documents(account: Account, config: CleaningConfig) -> None:
    """Stops a build of nothing."""
    if account.get("documents.kept", 0) == 0:
        documents = documents_account(account)
        reasons = ", ".join(f"{name} {count:,}" for name, count in documents["rejected"].items()) or "the files hold no document"
        raise BuildError(
            f"no document is left of {documents['read']:,}: {reasons}\n"
            f"look at {storage.join(config.output, REJECTS)} and at --corpus FORMAT="
        )


def describe_inputs(files: Sequence[CorpusFile]) -> list[dict[str, Any]]:
    """Path, format, size and time of change of each input: its fingerprint without reading it."""
    found: dict[str, float] = {}
    by_scheme = itertools.groupby(sorted((file.path for file in files), key=_scheme), _scheme)  # Beam asks one file system for a whole list
    for paths in (list(group) for _, group in by_scheme):
        for start in range(0, len(paths), 1000):
            for result in FileSystems.match([storage.as_pattern(path) for path in paths[start : start + 1000]]):
                found.update({entry.path: entry.last_updated_in_seconds for entry in result.metadata_list})
    return [
        {
            "path": file.path,
            "source": file.source,
            "format": file.format,
            "archive": file.archive,
            "encoding": file.encoding,
            "bytes": file.size,
            "changed": found.get(file.path, 0.0),
        }
        for file in files
    ]


def _scheme(path: str) -> str:
    return path.partition("://")[0] if "://" in path else ""
