"""A build as one job on other engines; and one that ends well when its launcher is long gone."""

import json
import subprocess
import sys
import time

import pytest

from pipelines.build import run_build
from pipelines.one_job import run_one_job
from pipelines.runners import parse_beam_options
from pipelines.verification import verify
from tests.benchmarks.engines import assert_nothing_is_left, embedded
from tests.engines.flink_libraries import missing
from tests.engines.prism import find_prism
from tests.pipelines.test_build import CORPORA, config
from tests.samples import DIRTY, ENCYCLOPEDIA, write_vocabulary

pytestmark = [pytest.mark.engines, pytest.mark.filterwarnings("ignore::pipelines.errors.BuildWarning")]
SAME = ("digest", "account", "documents", "statistics", "shards")
OPTIONS = ["--max-seq-length", "64", "--dupe-factor", "1", "--num-shards", "3", "--eval-fraction", "0.05"]
INSTANCES = {"num_shards": 3, "dupe_factor": 1}
END_SECONDS = 300
PROGRAM = "from cli.data import main; main()"


def same(manifest):
    return {key: manifest[key] for key in SAME}


@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_prism_builds_the_same_in_one_job(tmp_path, kind):
    program = find_prism()
    if program is None:
        pytest.skip("no prism program (PRISM, PATH), and no Go that could build it")
    instances = INSTANCES | {"kind": kind}
    here = run_build(config(tmp_path / "here", (*CORPORA, DIRTY), instances=instances), parse_beam_options([]))
    options = parse_beam_options(["--runner=PrismRunner", f"--prism_location={program}"])
    assert same(run_one_job(config(tmp_path / "there", (*CORPORA, DIRTY), instances=instances), options)) == same(here)
    assert_nothing_is_left(tmp_path / "there")
    assert not (tmp_path / "there" / "build.lock").exists()


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_a_job_on_flink_ends_without_its_launcher(tmp_path):
    here = run_build(config(tmp_path / "here", [ENCYCLOPEDIA, DIRTY], instances=INSTANCES), parse_beam_options([]))
    output = tmp_path / "there"
    corpora = [argument for corpus in (ENCYCLOPEDIA, DIRTY) for argument in ("--corpus", corpus)]
    build = ["build", *corpora, "--vocab", write_vocabulary(tmp_path), "--output", output, *OPTIONS]
    with embedded(tmp_path / "flink") as (options, _):
        command = [sys.executable, "-c", PROGRAM, *map(str, build), "--no-wait", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.startswith("submitted   albert-data-")
        if not (output / "manifest.json").exists():
            again = subprocess.run(command, capture_output=True, text=True)
            assert again.returncode == 2
            assert "is in use by job albert-data-" in again.stderr
        deadline = time.monotonic() + END_SECONDS
        while (output / "build.lock").exists() and time.monotonic() < deadline:
            time.sleep(0.2)
    assert not (output / "build.lock").exists()
    assert same(json.loads((output / "manifest.json").read_text("utf-8"))) == same(here)
    assert verify(str(output)) == []
    assert_nothing_is_left(output)
