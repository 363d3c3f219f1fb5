"""The same shards from another engine. Prism runs workers over the portable protocol, as Flink and Dataflow do."""

import pytest

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


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_prism_builds_the_same_bytes(prism, tmp_path, kind):
    manifests = []
    for name, arguments in (("here", []), ("prism", ["--runner=PrismRunner", f"--prism_location={prism}"])):
        instances = {"kind": kind, "num_shards": 3, "dupe_factor": 1}
        manifests.append(run_build(config(tmp_path / name, (*CORPORA, DIRTY), instances=instances), parse_beam_options(arguments)))
    here, there = manifests
    assert there["digest"] == here["digest"]
    assert there["account"] == here["account"]
    assert there["statistics"] == here["statistics"]
    assert [shard["sha256"] for shard in there["shards"]] == [shard["sha256"] for shard in here["shards"]]
