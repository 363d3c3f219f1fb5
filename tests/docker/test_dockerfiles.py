"""The Dockerfiles fit the project: versions, pins, what they copy. `test_steps.py` runs them."""

import re
import subprocess
import tomllib
from importlib import metadata

import pytest

from pipelines.container_image import ENVIRONMENT_LABEL
from tests.docker.dockerfiles import FOLDER, ROOT, context_files, ignored, read_steps

DOCKERFILES = sorted(FOLDER.glob("*.Dockerfile"))
OURS = ("worker", "trainer", "cli")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PINS = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text("utf-8").split())


def test_the_dockerfiles_are_there():
    assert set(OURS) <= {path.stem for path in DOCKERFILES}


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
def test_python_and_beam_are_the_projects(path):
    images = [
        word for step in read_steps(path) for word in re.findall(r"(?:FROM\s|--from=)?([\w./-]+:[\w.-]+)", f"{step.name} {step.words}")
    ]
    versions = {image for image in images if image.startswith(("python:", "apache/"))}
    python = PROJECT["requires-python"].removeprefix(">=").partition(",")[0]
    assert versions <= {f"python:{python}-slim", f"apache/beam_python{python}_sdk:{PINS['apache-beam']}"}
    assert any(step.name == "FROM" for step in read_steps(path))


@pytest.mark.parametrize("name", OURS)
def test_every_installation_is_pinned_and_its_extras_exist(name):
    installed = re.findall(r"pip install (.*?)(?:&&|$)", " && ".join(step.words for step in read_steps(FOLDER / f"{name}.Dockerfile")))
    assert len(installed) == 2
    libraries, package = (arguments.strip() for arguments in installed)
    assert libraries.startswith("--constraint constraints.txt")
    assert package == "--no-deps ."
    extras = set(re.search(r"\[(.*)\]", libraries)[1].split(","))
    assert extras == {"worker": {"data", "gcp"}, "trainer": {"tpu"}, "cli": {"data", "gcp", "report", "train", "serve"}}[name]
    assert extras <= set(PROJECT["optional-dependencies"])


def test_the_worker_has_the_label_that_the_launcher_reads_and_checks_it():
    steps = read_steps(FOLDER / "worker.Dockerfile")
    assert f'{ENVIRONMENT_LABEL}="$ENVIRONMENT"' in [step.words for step in steps if step.name == "LABEL"]
    assert 'python -m pipelines.environment --expect "$ENVIRONMENT"' in [step.words for step in steps if step.name == "RUN"]
    assert steps[-1] == ("ENTRYPOINT", '["/opt/apache/beam/boot"]')


def test_this_environment_is_the_pinned_one():
    """What `python -m pipelines.environment` says here is what an image of constraints.txt has."""
    from pipelines.environment import here

    named = {name: version for name, version in here().items() if name not in ("python", "sources")}
    pins = {re.sub("[-_.]+", "-", name).lower(): version for name, version in PINS.items()}
    assert named == {name: pins[name] for name in named}
    assert metadata.version("albert-zh-toolkit") == PROJECT["version"]


def test_images_hold_the_packages_and_nothing_else_of_a_checkout():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    rooms = ("albert_core/", "cli/", "corpora/", "pipelines/")
    others = ("LICENSE", "README.md", "constraints.txt", "pyproject.toml")
    there = [file for file in listed.stdout.splitlines() if (ROOT / file).exists()]
    assert {file for file in there if file.startswith(rooms) or file in others} <= set(context_files())
    assert {file for file in context_files() if not file.startswith(rooms)} <= set(others)


@pytest.mark.parametrize(
    ("path", "is_ignored"),
    [
        ("key.json", True),
        (".git/config", True),
        (".venv/bin/python", True),
        ("tests/conftest.py", True),
        ("docker/worker.Dockerfile", True),
        ("pipelines/build.py", False),
        ("pipelines/report/report.css", False),
        ("corpora/samples/news.md", False),
        ("pipelines/report/__pycache__/page.cpython-311.pyc", True),
        ("albert_core/__pycache__/drawing.draw-190.py311.nbi", True),
        ("albert_core/stray.pyc", True),
    ],
)
def test_dockerignore(path, is_ignored):
    patterns = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line and not line.startswith("#")]
    assert ignored(path, patterns) is is_ignored
