import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from pipelines.spread import Spread

PLACES = [("部分.parquet", 0), ("部分.parquet", 1), ("part-1.parquet", 0)]


def built(runner: str) -> beam.Pipeline:
    """A pipeline for that engine, which the in-process runner can run."""
    pipeline = beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions([f"--runner={runner}"]))
    assert_that(pipeline | beam.Create(PLACES) | Spread(), equal_to(PLACES))
    return pipeline


@pytest.mark.parametrize("runner", ["DirectRunner", "DataflowRunner", "FlinkRunner", "PortableRunner"])
def test_every_element_arrives_once_whatever_the_engine(runner):
    built(runner).run().wait_until_finish()


@pytest.mark.parametrize(("runner", "states"), [("DirectRunner", 0), ("DataflowRunner", 0), ("FlinkRunner", 1), ("PortableRunner", 1)])
def test_only_flink_is_given_state_which_makes_it_end_a_bundle_with_each_element(runner, states):
    transforms = built(runner).to_runner_api().components.transforms.values()
    payloads = [beam.portability.api.beam_runner_api_pb2.ParDoPayload.FromString(t.spec.payload) for t in transforms if is_pardo(t)]
    assert sum(len(payload.state_specs) for payload in payloads) == states


def test_the_type_of_the_elements_is_kept():
    pipeline = beam.Pipeline(options=PipelineOptions(["--runner=FlinkRunner"]))
    assert (pipeline | beam.Create(PLACES) | Spread()).element_type == beam.typehints.Tuple[str, int]


def is_pardo(transform) -> bool:
    return transform.spec.urn == "beam:transform:pardo:v1"
