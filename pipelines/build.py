"""The job: a corpus is cleaned, its documents become shards, the manifest is written last.

corpora ─▶ cleaning (cleaning.py) ─▶ documents/ + manifest ─▶ instances ─▶ shards ─▶ manifest.json
"""

import contextlib
import dataclasses
import warnings
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from albert_core.shards import MANIFEST
from pipelines import storage
from pipelines.cleaning import CleaningConfig, Watch, clean_stages
from pipelines.dataset_card import dataset_card
from pipelines.errors import BuildError, BuildWarning
from pipelines.failures import forget_failure, read_failure
from pipelines.fingerprints import instances_fingerprint
from pipelines.gate import require_documents
from pipelines.instances import InstancesConfig
from pipelines.output_folder import (
    CARD,
    DOCUMENTS,
    began,
    finished_manifest,
    lock,
    other_dataset,
    own_folder,
    refuse_half_removed,
    remove_shards,
)
from pipelines.read import list_sources
from pipelines.read_documents import part_paths
from pipelines.runners import check_engine, run_job
from pipelines.submitted_jobs import asked
from pipelines.vocabulary_fit import misfit_of_sample, vocabulary_warning
from pipelines.write_dataset import WriteDataset

MADE_BY = "albert-data build"


@dataclasses.dataclass(frozen=True, kw_only=True)
class BuildConfig:
    """A whole build."""

    cleaning: CleaningConfig
    instances: InstancesConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardsConfig:
    """Shards of documents that were cleaned before: `documents` is the output folder of that."""

    documents: str
    output: str
    instances: InstancesConfig
    overwrite: bool = False


def run_build(config: BuildConfig, options: PipelineOptions, watch: Watch | None = None) -> dict[str, Any]:
    """Cleans and writes shards; returns the manifest. Stages that are finished and fit are not run again.

    Args:
      config: what to build.
      options: Beam's, from `parse_beam_options`.
      watch: called with the stage and its size in bytes; the context lasts as long as the stage, for a progress line.

    Raises:
      BuildError: what the user can mend; nothing that was finished is lost.
    """
    check_instances(config.instances)  # before hours of cleaning
    cleaning = config.cleaning
    check_engine(options, reads=cleaning.patterns, output=cleaning.output)
    files = list_sources(cleaning.sources, own_folder(cleaning.output))
    with lock(cleaning.output, is_active=asked(options)):
        finished = finished_manifest(cleaning.output, made_by=MADE_BY)
        may_replace = cleaning.overwrite or (finished is None and began(cleaning.output, MADE_BY))
        documents = clean_stages(cleaning, files, options, watch, may_replace=may_replace)
        shards = ShardsConfig(documents=cleaning.output, output=cleaning.output, instances=config.instances, overwrite=cleaning.overwrite)
        return instances_stage(shards, documents, finished, options, watch)


def run_instances(config: ShardsConfig, options: PipelineOptions, watch: Watch | None = None) -> dict[str, Any]:
    """Writes the shards of documents that are clean already; returns the manifest.

    Raises:
      BuildError: there are no finished documents, or the output holds something else.
    """
    check_instances(config.instances)
    check_engine(options, reads=[config.documents], output=config.output)
    documents = read_documents_manifest(config.documents)
    require_documents(documents["account"], config.documents)
    with lock(config.output, is_active=asked(options)):
        return instances_stage(config, documents, finished_manifest(config.output, made_by=MADE_BY), options, watch)


def check_instances(config: InstancesConfig) -> None:
    """Refuses a bad vocabulary, and warns of options that may not be meant."""
    config.tokenizer  # noqa: B018 - loads it
    for text in config.warnings():
        warnings.warn(text, BuildWarning, stacklevel=3)


def read_documents_manifest(folder: str) -> dict[str, Any]:
    """What the cleaning wrote.

    Raises:
      BuildError: it did not, or did not finish; or a removal of documents was interrupted there.
    """
    refuse_half_removed(folder)
    path = storage.join(folder, DOCUMENTS, MANIFEST)
    if not storage.exists(path):
        raise BuildError(f"{folder} holds no finished documents ({DOCUMENTS}/{MANIFEST})\nmake them: albert-data clean --output {folder}")
    return dict(storage.read_json(path))


def instances_stage(
    config: ShardsConfig, documents: dict[str, Any], finished: dict[str, Any] | None, options: PipelineOptions, watch: Watch | None
) -> dict[str, Any]:
    """Shards and their manifest, which is returned.

    Raises:
      BuildError: the folder holds another dataset, or no instance comes of the documents.
    """
    wanted = instances_fingerprint(config.instances.parameters(), documents, config.instances.tokenizer.sha256)
    if finished is not None:
        if finished["fingerprint"] == wanted:
            return described_anew(finished, documents, config.output)
        if not config.overwrite:
            raise other_dataset(config.output)
    remove_shards(config.output)
    forget_failure(config.output)
    paths = part_paths(documents, storage.join(config.documents, DOCUMENTS))
    misfit = misfit_of_sample(paths, [source["name"] for source in documents["sources"]], config.instances)
    if misfit:
        warnings.warn(misfit, BuildWarning, stacklevel=3)
    job = WriteDataset(config.instances, config.documents, config.output, wanted)
    with watch("instances", documents["account"].get("bytes.kept", 0)) if watch else contextlib.nullcontext():
        run_job(lambda pipeline: pipeline | "Documents" >> beam.Create([documents]) | "Instances" >> job, options)
    manifest = read_dataset(config.output)
    if not misfit and (misfit := vocabulary_warning(manifest["statistics"])):
        warnings.warn(misfit, BuildWarning, stacklevel=3)
    return described_anew(manifest, documents, config.output)


def read_dataset(output: str) -> dict[str, Any]:
    """The manifest that a job wrote.

    Raises:
      BuildError: it wrote why there is none.
    """
    failure = read_failure(output)
    if failure is not None:
        remove_shards(output)
        raise failure
    return dict(storage.read_json(storage.join(output, MANIFEST)))


def described_anew(manifest: dict[str, Any], documents: dict[str, Any], output: str) -> dict[str, Any]:
    """The manifest with what may change and leaves the shards as they are (licences), and the card that goes with it."""
    described = manifest | {"sources": documents["sources"]}
    if described != manifest:
        storage.write_json(output, MANIFEST, described)
    card = dataset_card(described).encode()
    path = storage.join(output, CARD)
    if not storage.exists(path) or storage.read(path) != card:
        storage.write(output, CARD, card)
    storage.remove_temporary(output)
    return described
