"""The same shards from Flink: inside the job server, and from a cluster of two TaskManagers, one of which is killed in the middle."""

import threading
from pathlib import Path

import apache_beam as beam
import pytest

from pipelines import progress
from pipelines.build import run_build
from pipelines.runners import parse_beam_options, run_job
from pipelines.spread import Spread
from tests.benchmarks.engines import assert_nothing_is_left, clustered, embedded
from tests.engines.flink_libraries import missing
from tests.pipelines.test_build import CORPORA, config
from tests.samples import DIRTY

pytestmark = pytest.mark.engines
SAME = ("digest", "account", "documents", "statistics")


def build(output, options=()):
    instances = {"kind": "static", "num_shards": 3, "dupe_factor": 1}
    return run_build(config(output, (*CORPORA, DIRTY), instances=instances), parse_beam_options(list(options)))


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """What the in-process runner makes."""
    return build(tmp_path_factory.mktemp("here") / "out")


class NumberInBundle(beam.DoFn):
    """Writes how manieth of its bundle an element is, under its name."""

    def __init__(self, folder):
        self.folder = folder

    def start_bundle(self):
        self.number = 0

    def process(self, element):
        self.number += 1
        Path(self.folder, str(element)).write_text(str(self.number))


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_each_element_that_is_spread_is_a_bundle_of_its_own(tmp_path):
    """What it makes leaves the memory with its bundle."""
    (tmp_path / "seen").mkdir()

    def wire(pipeline):
        return pipeline | beam.Create(range(5)) | Spread() | beam.ParDo(NumberInBundle(str(tmp_path / "seen")))

    with embedded(tmp_path / "flink") as (options, _):
        run_job(wire, parse_beam_options(options))
    assert {file.name: file.read_text() for file in (tmp_path / "seen").iterdir()} == {str(element): "1" for element in range(5)}


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_an_embedded_flink_builds_the_same_bytes(tmp_path, expected):
    with embedded(tmp_path / "flink") as (options, _):
        manifest = build(tmp_path / "out", options)
    assert {key: manifest[key] for key in SAME} == {key: expected[key] for key in SAME}
    assert_nothing_is_left(tmp_path / "out")


@pytest.mark.skipif(missing(cluster=True) is not None, reason=str(missing(cluster=True)))
def test_a_cluster_with_fewer_slots_than_tasks_builds_the_same_bytes(tmp_path, expected):
    with clustered(tmp_path / "flink") as (options, _, _):
        manifest = build(tmp_path / "out", [*options, "--parallelism=5", "--execution_mode_for_batch=BATCH_FORCED"])
    assert {key: manifest[key] for key in SAME} == {key: expected[key] for key in SAME}


@pytest.mark.skipif(missing(cluster=True) is not None, reason=str(missing(cluster=True)))
def test_a_cluster_that_loses_a_task_manager_builds_the_same_bytes_and_says_how_far_it_is(tmp_path, expected):
    over, seen = threading.Event(), []

    def follow():
        while not over.wait(0.5):
            cleaned = progress.totals()["cleaned"]
            if cleaned and not seen:
                cluster.kill_task_manager(0)
            seen.extend([cleaned] if cleaned else [])

    with clustered(tmp_path / "flink") as (options, cluster, _):
        cluster.add_task_manager()  # stands by
        follower = threading.Thread(target=follow)
        follower.start()
        try:
            manifest = build(tmp_path / "out", options)
        finally:
            over.set()
            follower.join()
    assert seen
    assert {key: manifest[key] for key in SAME} == {key: expected[key] for key in SAME}
    assert_nothing_is_left(tmp_path / "out")
