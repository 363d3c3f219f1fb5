"""A worker of another version than the launcher, for real: a pool of workers with sources of its own, behind an engine."""

import shutil
from pathlib import Path

import pytest

from pipelines.build import run_build
from pipelines.environment import here
from pipelines.runners import JobFailedError, parse_beam_options
from tests.engines.prism import find_prism
from tests.engines.worker_pool import TREE, worker_pool
from tests.pipelines.test_build import CORPORA, config

pytestmark = pytest.mark.engines
ROOMS = ("albert_core", "cli", "corpora", "pipelines", "tests")


@pytest.fixture
def other_tree(tmp_path) -> Path:
    """A checkout of which one file is newer."""
    for room in ROOMS:
        shutil.copytree(TREE / room, tmp_path / "tree" / room, ignore=shutil.ignore_patterns("__pycache__", "*.nb[ic]"))
    with (tmp_path / "tree" / "pipelines" / "rules.py").open("a", encoding="utf-8") as file:
        file.write("\n# changed after the image was built\n")
    return tmp_path / "tree"


def test_a_job_on_workers_of_other_sources_ends_and_names_both(tmp_path, other_tree):
    program = find_prism()
    if program is None:
        pytest.skip("no prism program (PRISM, PATH), and no Go that could build it")
    build = config(tmp_path / "out", CORPORA, instances={"num_shards": 1, "dupe_factor": 1})
    with worker_pool(tmp_path, tree=other_tree) as pool:
        options = parse_beam_options(["--runner=PrismRunner", f"--prism_location={program}", *pool.options()[:2]])
        with pytest.raises(JobFailedError) as caught:
            run_build(build, options)
    what, fix = str(caught.value).splitlines()
    assert what.startswith("the workers have another environment than the launcher: sources ")
    assert what.endswith(f" there, {here()['sources']} here")
    assert "docker/README.md" in fix
    assert not (tmp_path / "out" / "manifest.json").exists()
