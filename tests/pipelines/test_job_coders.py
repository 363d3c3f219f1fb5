"""What crosses a shuffle, in every job of a build: keys with coders that give a key one code on any worker, and batches as Arrow."""

import re

import apache_beam as beam
import pytest
from apache_beam.coders import coders
from apache_beam.portability import common_urns, python_urns

from pipelines import build, cleaning
from pipelines.runners import make_runner, parse_beam_options
from tests.pipelines.test_build import CORPORA, config

GROUPS = common_urns.primitives.GROUP_BY_KEY.urn
CODERS_OF_KEYS = {"string_utf8", "varint", "tuple", "kv", "DeterministicFastPrimitivesCoderV2"}
"""The last is that of `None`, the key of a sum over everything."""


@pytest.fixture(scope="module")
def shuffled(tmp_path_factory) -> dict[str, tuple[str, str]]:
    """For each grouping of a build with all its stages, the coders of keys and of values."""
    found: dict[str, tuple[str, str]] = {}

    def run(wire, options):
        pipeline = beam.Pipeline(runner=make_runner(options), options=options)
        wire(pipeline)
        components = pipeline.to_runner_api().components
        for transform in components.transforms.values():
            if transform.spec.urn == GROUPS:
                (collection,) = transform.inputs.values()
                pair = components.coders[components.pcollections[collection].coder_id]
                key, value = (describe(components, part) for part in pair.component_coder_ids)
                found[transform.unique_name] = key, value
        pipeline.run()

    with pytest.MonkeyPatch.context() as patch:
        for module in (build, cleaning):
            patch.setattr(module, "run_job", run)
        build.run_build(config(tmp_path_factory.mktemp("coders"), CORPORA, limit=90), parse_beam_options([]))
    return found


def describe(components, coder_id: str) -> str:
    """A coder and those that it is made of, such as kv[varint,ArrowBatchCoder]."""
    coder = components.coders[coder_id]
    if coder.spec.urn == python_urns.PICKLED_CODER:
        name = type(coders.deserialize_coder(coder.spec.payload)).__name__
    else:
        name = coder.spec.urn.split(":")[-2]
    parts = [describe(components, part) for part in coder.component_coder_ids]
    return f"{name}[{','.join(parts)}]" if parts else name


def test_every_stage_is_looked_at(shuffled):
    names = " ".join(shuffled)
    assert len(shuffled) > 15
    for step in ("KeepSmallest", "DropRepeatedLines", "DropNearDuplicates", "WriteRejects", "GroupByShard", "WriteManifest"):
        assert step in names


def test_a_key_has_one_code_on_every_worker(shuffled):
    for name, (key, _) in shuffled.items():
        assert set(re.findall(r"\w+", key)) <= CODERS_OF_KEYS, (name, key)


def test_batches_travel_as_arrow_and_nothing_large_is_pickled(shuffled):
    values = {name: value for name, (_, value) in shuffled.items()}
    ours = {name: value for name, value in values.items() if "Reshuffle" not in name and "SumAccounts" not in name}
    pickled = {name for name, value in ours.items() if "FastPrimitives" in value}
    assert {name.split("/")[1] for name in pickled} <= {"KeepSmallest"}  # arrays of keys, which pickle as they lie in memory
    assert sum(value == "ArrowBatchCoder" for value in ours.values()) >= 10
    spread = next(value for name, value in values.items() if "SpreadBatches" in name)
    assert spread.startswith("tuple[ArrowBatchCoder,")
    assert all(len(value) < 200 for value in values.values())  # not a coder for each of the files that are read together
