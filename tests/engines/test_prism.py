"""The same shards from another engine. Prism runs workers over the portable protocol, as Flink and Dataflow do."""

import threading

import pytest

from pipelines import progress
from pipelines.build import run_build
from pipelines.runners import parse_beam_options
from tests.engines.prism import find_prism
from tests.pipelines.test_build import CORPORA, config
from tests.samples import DIRTY


@pytest.fixture(scope="module")
def prism() -> str:
    program = find_prism()
    if program is None:
        pytest.skip("no prism program (PRISM, PATH), and no Go that could build it")
    return program


@pytest.fixture
def seen():
    """What the progress line would show, question by question."""
    over, totals = threading.Event(), []

    def follow():
        while not over.wait(0.05):
            totals.append(progress.totals())

    follower = threading.Thread(target=follow)
    follower.start()
    yield totals
    over.set()
    follower.join()


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_prism_builds_the_same_bytes(prism, tmp_path, kind, seen):
    manifests = []
    for name, arguments in (("here", []), ("prism", ["--runner=PrismRunner", f"--prism_location={prism}"])):
        instances = {"kind": kind, "num_shards": 3, "dupe_factor": 1}
        manifests.append(run_build(config(tmp_path / name, (*CORPORA, DIRTY), instances=instances), parse_beam_options(arguments)))
    here, there = manifests
    assert there["digest"] == here["digest"]
    assert there["account"] == here["account"]
    assert there["statistics"] == here["statistics"]
    assert [shard["sha256"] for shard in there["shards"]] == [shard["sha256"] for shard in here["shards"]]
    for what in ("cleaned", "compared", "segmented"):
        assert max(total[what] for total in seen) > 0
