"""Builds of the sample corpus that take a second: few short instances, all of which the samples' own vocabulary can say."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions

from albert_core.drawing import DrawingOptions
from corpora.sources import merge_sources, source_of
from pipelines.build import BuildConfig
from pipelines.cleaning import CleaningConfig
from pipelines.instances import InstancesConfig
from pipelines.near_duplicates import NearDuplicatesConfig
from tests.samples import vocabulary

ONE_WORKER = PipelineOptions([])


def small_build(output: Path, corpora: Sequence[Path], changes: Mapping[str, Any]) -> BuildConfig:
    """Instances of at most 64 tokens; a tenth of the documents is held out. `changes`: options of the instances."""
    drawing = DrawingOptions(max_seq_length=64, max_predictions_per_seq=6)
    instances = InstancesConfig(**({"vocabulary": vocabulary(), "drawing": drawing, "eval_fraction": 0.1} | dict(changes)))
    sources = tuple(merge_sources([source_of(str(path)) for path in corpora]))
    near_duplicates = NearDuplicatesConfig(min_jaccard=0)
    return BuildConfig(cleaning=CleaningConfig(output=str(output), sources=sources, near_duplicates=near_duplicates), instances=instances)
