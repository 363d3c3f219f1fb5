"""What a worker must have in common with whoever launches the job: Python, the packages that decide bytes, and our own sources.

One line says it, `python=3.11 numpy=2.4.6 … sources=0f3a…`: the label of the worker image, and a digest of it is the image's tag. So the
launcher compares before the job starts (container_image.py), and a worker does when it starts.

`python -m pipelines.environment` prints the line, with `--tag` the tag, with `--expect LINE` it ends with 1 unless the line is this one.
"""

import argparse
import functools
import hashlib
import platform
from collections.abc import Iterator, Mapping
from importlib import metadata

import apache_beam as beam

from pipelines.fingerprints import source_digest
from pipelines.manifest import DECIDING_PACKAGES

CARRIERS = ("protobuf", "tensorflow", "tfx-bsl")
"""Packages that do not decide bytes, but without which (or with another protocol) a worker cannot do its part."""
ENTRY = "pipelines.one_job"  # which runs all that a build can
MISSING = "missing"
DIFFERENT = "the workers have another environment than the launcher"


@functools.cache
def here() -> dict[str, str]:
    """What this process has. Python by its minor version: pickled functions need the same, and a patch changes none."""
    packages = {name: _version(name) for name in sorted({*DECIDING_PACKAGES, *CARRIERS})}
    return {"python": ".".join(platform.python_version_tuple()[:2])} | packages | {"sources": source_digest(ENTRY)[:12]}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return MISSING


def as_line(environment: Mapping[str, str]) -> str:
    """One line, `name=version` parted by blanks."""
    return " ".join(f"{name}={version}" for name, version in environment.items())


def from_line(line: str) -> dict[str, str]:
    """The environment that a line means."""
    return dict(entry.partition("=")[::2] for entry in line.split())


def image_tag(environment: Mapping[str, str]) -> str:
    """The tag of a worker image that has this environment: our version and a digest, `0.1.0-3f2a9c41d07b`."""
    digest = hashlib.sha256(as_line(environment).encode()).hexdigest()
    return f"{metadata.version('albert-zh-toolkit')}-{digest[:12]}"


def differences(there: Mapping[str, str], launcher: Mapping[str, str]) -> list[str]:
    """What differs, both values named: `numpy 2.3.0 there, 2.4.6 here`."""
    names = [name for name in {**launcher, **there} if there.get(name) != launcher.get(name)]
    return [f"{name} {there.get(name, MISSING)} there, {launcher.get(name, MISSING)} here" for name in names]


class CompareEnvironments(beam.DoFn):
    """Passes on what comes, in a worker that has what the launcher had."""

    def __init__(self, launcher: Mapping[str, str]):
        self.launcher = dict(launcher)

    def setup(self) -> None:
        """Compares once a worker process.

        Raises:
          RuntimeError: something differs.
        """
        found = differences(here(), self.launcher)
        if found:
            raise RuntimeError(f"{DIFFERENT}: {'; '.join(found)}")

    def process(self, element: object) -> Iterator[object]:
        """Unchanged."""
        yield element


def compare_in_workers(pipeline: beam.Pipeline) -> None:
    """A branch of its own that fails the job where a worker is another than the launcher: once in a job, beside everything else."""
    start = pipeline | "Launcher" >> beam.Create([None])
    _ = start | "CompareEnvironments" >> beam.ParDo(CompareEnvironments(here()))


def main() -> None:
    """Prints the line or the tag, or compares."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.environment", description=main.__doc__)
    parser.add_argument("--tag", action="store_true", help="the tag of an image with this environment")
    parser.add_argument("--expect", metavar="LINE", help="end with 1 if the environment is not this one")
    options = parser.parse_args()
    if options.expect is not None:
        found = differences(here(), from_line(options.expect))
        if found:
            raise SystemExit("\n".join(found))
        return
    print(image_tag(here()) if options.tag else as_line(here()))


if __name__ == "__main__":
    main()
