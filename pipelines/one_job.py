"""The whole build as one job: what a client does between two jobs, the job does itself, so that the client may leave.

files ─▶ CleanCorpus ─▶ manifests of sources ─▶ gate ─▶ WriteDistinct ─▶ manifest of documents ─▶ gate ─▶ WriteDataset ─▶ manifest.json
         └ what is missing                      └─────── shut: failure.json, and no manifest goes on ───┘              └─▶ lock off

The stages are the transforms that a build of several jobs runs one by one. What is finished and fits enters as the manifest that it left,
so this build goes on where another one ended, and another one goes on where this one did.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from corpora.files import CorpusFile
from pipelines import storage
from pipelines.build import MADE_BY, BuildConfig, check_instances, described_anew, read_dataset
from pipelines.clean import text_bytes
from pipelines.cleaning import (
    CleaningConfig,
    CleaningState,
    Watch,
    begin_cleaning,
    clean_job,
    clear_documents,
    distinct_job,
    join_sources,
    temporary_places,
)
from pipelines.distinct import FOLDER as DISTINCT
from pipelines.errors import BuildError
from pipelines.failures import forget_failure, write_failure
from pipelines.fingerprints import instances_fingerprint
from pipelines.flink import warn_of_large_tasks
from pipelines.gate import gate
from pipelines.output_folder import (
    CLEANED,
    DOCUMENTS,
    REJECTS,
    began,
    finished_manifest,
    lock,
    other_dataset,
    own_folder,
    release_lock,
    remove_shards,
)
from pipelines.read import list_sources
from pipelines.runners import check_engine, run_job
from pipelines.submitted_jobs import asked, is_template, name_job, require_unbound
from pipelines.waiting import JobGoesOnError
from pipelines.write_dataset import WriteDataset

Manifest = dict[str, Any]


class BuildInOneJob(beam.PTransform):
    """The files of a corpus, and what a folder holds already → the dataset; or the reason why there is none (failures.py)."""

    def __init__(self, config: BuildConfig, files: Sequence[CorpusFile], state: CleaningState, fingerprint: str, lock_token: str) -> None:
        """`fingerprint`: of the dataset. `lock_token`: of the lock that goes with the job's last step."""
        super().__init__()
        self.config, self.files, self.state, self.fingerprint, self.lock_token = config, files, state, fingerprint, lock_token

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection:
        """One manifest travels from stage to stage, or none."""
        output = self.config.cleaning.output
        documents = begin | "Documents" >> (beam.Create([self.state.documents]) if self.state.documents else MakeDocuments(self))
        passed = documents | "GateDocuments" >> _pass_gate(output, _gate_documents, self.config.cleaning)
        dataset = passed | "Instances" >> WriteDataset(self.config.instances, output, output, self.fingerprint)
        places = [storage.join(output, DOCUMENTS)]
        places += temporary_places(output, self.state.plans, CLEANED, storage.join(REJECTS, "clean"), storage.join(REJECTS, DISTINCT))
        return (
            begin
            | "Output" >> beam.Create([output])
            | "LeaveFolder" >> beam.Map(leave_folder, beam.pvalue.AsList(dataset), places, self.lock_token)
        )


class MakeDocuments(beam.PTransform):
    """Stages one and two: the missing sources are cleaned, then all are compared."""

    def __init__(self, job: BuildInOneJob) -> None:
        super().__init__()
        self.config, self.files, self.state = job.config.cleaning, job.files, job.state

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection:
        """The comparison reads the clean documents of all sources as files, when the last one is written and the gate was passed."""
        sources = begin | "Finished" >> beam.Create(list(self.state.sources.items())).with_output_types(tuple[str, Manifest])
        if self.state.missing:
            cleaned = begin | "Clean" >> clean_job(self.config, self.files, self.state)
            sources = (sources, cleaned) | "FlattenSources" >> beam.Flatten()
        names = begin | "Fingerprint" >> beam.Create([self.state.fingerprint])
        joined = names | "GateSources" >> _pass_gate(self.config.output, _gate_sources, self.config, beam.pvalue.AsDict(sources))
        return joined | "Distinct" >> distinct_job(self.config, self.files)


def _gate_sources(fingerprint: str, config: CleaningConfig, sources: dict[str, Manifest]) -> Manifest:
    return join_sources(config, fingerprint, sources)


def _gate_documents(documents: Manifest, config: CleaningConfig) -> Manifest:
    gate(documents["account"], documents["damaged"], config)
    return documents


def _pass_gate(output: str, check: Callable[..., Manifest], *arguments: Any) -> beam.PTransform:
    """What `check` makes of an element; nothing, and the reason as a file, where it refuses."""
    return beam.FlatMap(_if_passed, output, check, *arguments).with_output_types(Manifest)


def _if_passed(element: Any, output: str, check: Callable[..., Manifest], *arguments: Any) -> Iterator[Manifest]:
    try:
        yield check(element, *arguments)
    except BuildError as error:
        write_failure(output, error)


def leave_folder(output: str, dataset: list[Manifest], places: Sequence[str], lock_token: str) -> str:
    """The job's last step, which waits for all others: what is no dataset, and what was left half written, goes; and the lock."""
    if not dataset:
        remove_shards(output)
    storage.remove_temporary(*places)
    storage.discard_unfinished(output)
    release_lock(output, lock_token)
    return output


def run_one_job(config: BuildConfig, options: PipelineOptions, watch: Watch | None = None, *, wait: bool = True) -> Manifest | None:
    """Launches the build as one job, and returns the manifest of the dataset; None if the job goes on without the launcher.

    Args:
      config: what to build.
      options: Beam's, from `parse_beam_options`.
      watch: as for `run_build`.
      wait: for the end of the job. A template (`--template_location`) is never waited for.

    Raises:
      BuildError: what the user can mend; nothing that was finished is lost.
    """
    check_instances(config.instances)
    cleaning = config.cleaning
    check_engine(options, reads=cleaning.patterns, output=cleaning.output)
    files = list_sources(cleaning.sources, own_folder(cleaning.output))
    if not wait and not is_template(options):
        require_unbound(options)
    submitted = name_job(options)
    with lock(cleaning.output, job=submitted, is_active=asked(options)) as held:
        finished = finished_manifest(cleaning.output, made_by=MADE_BY)
        may_replace = cleaning.overwrite or (finished is None and began(cleaning.output, MADE_BY))
        state = begin_cleaning(cleaning, files, may_replace=may_replace)
        fingerprint = _fingerprint(config, state)
        if finished is not None and state.documents is not None and finished["fingerprint"] == fingerprint:
            return described_anew(finished, state.documents, cleaning.output)
        if finished is not None and not cleaning.overwrite:
            raise other_dataset(cleaning.output)
        remove_shards(cleaning.output)
        forget_failure(cleaning.output)
        if state.documents is None:
            clear_documents(cleaning.output)
        warn_of_large_tasks(options, text_bytes(file for file in files if file.source in state.missing))
        job = BuildInOneJob(config, files, state, fingerprint, held.token)
        size = sum(file.size for file in files if file.source in state.missing)
        try:
            with watch("build", size) if watch and wait else contextlib.nullcontext():
                run_job(lambda pipeline: pipeline | "Build" >> job, options, wait=wait)
        except JobGoesOnError:
            held.leave_to_job()
            raise
        if not wait:
            held.leave_to_job()
            return None
        return read_dataset(cleaning.output)


def _fingerprint(config: BuildConfig, state: CleaningState) -> str:
    """Of the dataset, before its documents are there."""
    sources = [{"name": source.name, "weight": source.weight} for source in config.cleaning.sources]
    documents = {"fingerprint": state.fingerprint, "sources": sources}
    return instances_fingerprint(config.instances.parameters(), documents, config.instances.tokenizer.sha256)
