"""The Dockerfiles' steps, run in a fresh environment: minutes each. `pytest -m "engines and slow" tests/docker`."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from pipelines.container_image import ENVIRONMENT_LABEL
from pipelines.environment import as_line, here
from tests.docker.dockerfiles import FOLDER, run_steps
from tests.docker.test_dockerfiles import PINS
from tests.samples import ENCYCLOPEDIA, write_vocabulary

pytestmark = [pytest.mark.engines, pytest.mark.slow]
IMPORTS = {
    "worker": "import apache_beam, pipelines.build, google.cloud.dataflow; from pipelines.segmenters import describe_segmenter",
    "trainer": "import albert_core, tensorflow; assert tensorflow.__version__.startswith('2.20.')",
    "cli": "import pipelines.report.report, albert_core.service, pipelines.build",
}


@pytest.mark.parametrize("name", IMPORTS)
def test_the_steps_of_a_dockerfile_give_what_the_image_is_for(name, tmp_path):
    variables = run_steps(FOLDER / f"{name}.Dockerfile", tmp_path, {"ENVIRONMENT": as_line(here())})
    own = {key: value for key, value in variables.items() if not key.startswith("LABEL ")}
    own |= {"TPU_SKIP_MDS_QUERY": "1", "TPU_WORKER_HOSTNAMES": "localhost"}  # or libtpu waits for Google's metadata server

    def run(*command: object) -> str:
        done = subprocess.run([str(word) for word in command], cwd=tmp_path, env=own, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    run("python", "-c", IMPORTS[name])
    frozen = dict(re.findall(r"^([^ @=]+)==(\S+)$", run("pip", "freeze"), re.MULTILINE))
    pins = {_canonical(pin): version for pin, version in PINS.items()}
    other = {package: version for package, version in frozen.items() if pins.get(_canonical(package), version) != version}
    assert other == {}
    unpinned = {_canonical(package) for package in frozen} - set(pins)
    assert unpinned <= (
        {"libtpu", "tensorflow-tpu", "tensorboard", "tensorboard-data-server"} if name == "trainer" else {"pip", "setuptools"}
    )
    if name == "worker":
        assert variables[f"LABEL {ENVIRONMENT_LABEL}"] == as_line(here())
    if name == "trainer":
        assert "tensorflow" not in {_canonical(package) for package in frozen}
        assert run("albert-train", "info", "tiny").strip()
    else:
        _build(run, tmp_path)


def _build(run, folder: Path) -> None:
    """A dataset, by the command of the image."""
    vocab = write_vocabulary(folder)
    options = ["--max-seq-length", 64, "--dupe-factor", 1, "--json"]
    out = run("albert-data", "build", "--corpus", ENCYCLOPEDIA, "--vocab", vocab, "--output", folder / "out", *options)
    assert json.loads(out)["instances"] > 100


def _canonical(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()
