"""A build as one job on other engines; and jobs that end well when their launcher is long gone: on Flink, and as Dataflow gets them."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipelines import storage
from pipelines.build import run_build
from pipelines.one_job import run_one_job
from pipelines.runners import parse_beam_options
from pipelines.verification import verify
from tests.benchmarks.engines import assert_nothing_is_left, embedded
from tests.engines.flink_libraries import missing
from tests.engines.object_stores import google_storage
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


def test_the_templates_launcher_describes_a_job_that_runs_by_itself(tmp_path):
    """What it stages for Dataflow is run here, with the workers in this process and no launcher."""
    here = run_build(config(tmp_path / "here", [ENCYCLOPEDIA, DIRTY], instances=INSTANCES), parse_beam_options([]))
    launcher = tmp_path / "launch.py"
    launcher.write_text("from cli.flex_template import main\n\nmain()\n")
    with google_storage() as store:
        bucket = store.bucket
        for file in (ENCYCLOPEDIA, DIRTY, write_vocabulary(tmp_path)):
            storage.write(f"{bucket}/given", file.name, file.read_bytes())
        output, template = f"{bucket}/out", f"{bucket}/staging/template_launches/1/job_object"
        ours = {"corpus": f"{bucket}/given/{ENCYCLOPEDIA.name};{bucket}/given/{DIRTY.name}", "vocab": f"{bucket}/given/vocab.txt"}
        ours |= {"output": output, "overwrite": "false"} | {
            name[2:].replace("-", "_"): value for name, value in zip(OPTIONS[::2], OPTIONS[1::2], strict=True)
        }
        googles = {"runner": "DataflowRunner", "project": "some-project", "region": "us-central1", "job_name": "wiki-1"}
        googles |= {"temp_location": f"{bucket}/temp", "staging_location": f"{bucket}/staging", "template_location": template}
        command = [sys.executable, launcher, *(f"--{name}={value}" for name, value in (ours | googles).items())]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        job = json.loads(storage.read(template))
        assert (job["name"], job["type"]) == ("wiki-1", "JOB_TYPE_BATCH")
        lock = json.loads(storage.read(f"{output}/build.lock"))
        assert lock["job"] == {"runner": "DataflowRunner", "name": "wiki-1", "project": "some-project", "region": "us-central1"}
        assert verify(output) == ["build.lock: job wiki-1, runner DataflowRunner, project some-project, region us-central1 has not ended"]
        (staged,) = storage.list_files(f"{bucket}/staging/**pipeline.pb")
        pipeline = storage.read(staged)
        assert str(Path.cwd()).encode() not in pipeline
        again = subprocess.run(command, capture_output=True, text=True)
        assert again.returncode == 2
        assert "is in use by job wiki-1" in again.stderr
        run_here(pipeline)
        assert not storage.exists(f"{output}/build.lock")
        assert same(storage.read_json(f"{output}/manifest.json")) == same(here)
        assert verify(output) == []
        written = {path.removeprefix(f"{output}/") for path in storage.list_files(f"{output}/**")}
    assert written == {str(path.relative_to(tmp_path / "here")) for path in (tmp_path / "here").rglob("*") if path.is_file()}


def run_here(description: bytes) -> None:
    """Runs a staged pipeline with the workers in this process."""
    pipeline = beam_runner_api_pb2.Pipeline.FromString(description)
    for environment in pipeline.components.environments.values():
        environment.urn = python_urns.EMBEDDED_PYTHON
        environment.ClearField("payload")
    FnApiRunner().run_via_runner_api(pipeline, parse_beam_options([])).wait_until_finish()
