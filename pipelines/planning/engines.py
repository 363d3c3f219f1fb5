"""What is known of the engines that run a build: how long it takes on so many workers, and what it holds in memory.

    seconds = start + jobs × job + fixed + max(serial, CPU ÷ (workers × cores × utilisation))

`fixed` is CPU that no worker can share: imports, dictionaries, the launching of jobs. `serial` is what one worker must read alone: the
longest file that cannot be split. `CPU` is that of the build's functions: on the small pieces of a sample they take about as much more as
the runner adds. Every figure says where it is from; what could not be measured is marked.
"""

import math
import os
from dataclasses import dataclass

from pipelines.errors import BuildError
from pipelines.planning.estimates import Estimate

JOB_CPU_SECONDS = 1.0
"""Of CPU for a job that reads nothing: Beam builds and translates the pipeline (tests/benchmarks/RESULTS.md, "Cleaning")."""
PROCESS_CPU_SECONDS = 2.0
"""Of CPU until the command has imported what it needs: a build of 32 documents in three jobs took 5.6 s in all."""
DIRECT_BASE_BYTES = 720 << 20
DIRECT_BYTES_PER_BYTE = 6.0
"""Peak memory of the direct runner, which keeps whole collections: 720 MB, and six bytes for each byte of clean text. Builds of 10, 38, 48
and 193 MB of clean text took 775, 928, 1,038 and 1,850 MB."""
WORKER_BYTES = 450 << 20
"""A worker process with its libraries, dictionary and tables."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """How an engine runs our jobs.

    Attributes:
      cores: of a worker that does Python.
      start_seconds: until the first job runs.
      job_seconds: for each job, whatever it does.
      utilisation: share of the workers' time that is work, with more than one.
      keeps_all: whether whole collections stay in memory.
      source: where the figures are from.
    """

    cores: int = 1
    start_seconds: float
    job_seconds: float
    utilisation: float
    keeps_all: bool = False
    source: str


ENGINES: dict[str, Engine] = {
    "DirectRunner": Engine(
        start_seconds=0,
        job_seconds=0,
        utilisation=0.6,
        keeps_all=True,
        source="one worker: measured on whole builds; several: two took 24 s where one took 29, their share of the work is parallel by 1.8",
    ),
    "PrismRunner": Engine(
        start_seconds=4,
        job_seconds=3,
        utilisation=0.8,
        keeps_all=True,
        source="job_seconds measured on a small job here, utilisation assumed",
    ),
    "FlinkRunner": Engine(
        start_seconds=10,
        job_seconds=18,
        utilisation=0.8,
        source="18 s of staging a job measured on a local cluster, utilisation assumed",
    ),
    "PortableRunner": Engine(
        start_seconds=10,
        job_seconds=9,
        utilisation=0.8,
        source="9 s measured with embedded Flink here, utilisation assumed",
    ),
    "DataflowRunner": Engine(
        start_seconds=0,
        job_seconds=240,
        utilisation=0.7,
        source="assumed, not measured: no account here; each job starts its own workers",
    ),
}


def find_engine(name: str) -> str:
    """The engine that a runner's name means; Beam's default is the direct runner.

    Raises:
      BuildError: an engine of which nothing is known here.
    """
    if name in ("", "FnApiRunner"):
        return "DirectRunner"
    for known in ENGINES:
        if known.lower() in (name.lower(), f"{name.lower()}runner"):
            return known
    raise BuildError(f"--runner {name}: nothing is known here of how fast it is\nknown: {', '.join(ENGINES)}")


@dataclass(frozen=True, kw_only=True)
class Duration:
    """How long a build takes, and the sum that says so."""

    seconds: Estimate
    formula: str


def duration(
    name: str, workers: int, cores: int | None, *, work: Estimate, fixed_seconds: float, serial_seconds: float, num_jobs: int
) -> Duration:
    """Of a build on `workers` workers.

    Args:
      name: of the engine.
      workers: processes or machines.
      cores: of each, if not the usual.
      work: seconds of CPU that workers share, on a core like this one.
      fixed_seconds: that they do not.
      serial_seconds: of the longest file that one worker reads alone.
      num_jobs: one after the other.
    """
    engine = ENGINES[name]
    num_cores = cores or engine.cores
    utilisation = 1.0 if workers * num_cores == 1 else engine.utilisation
    parallel = work.times(1 / (workers * num_cores * utilisation))
    longest = parallel if parallel.value >= serial_seconds else Estimate(serial_seconds)
    fixed = engine.start_seconds + num_jobs * engine.job_seconds + fixed_seconds
    formula = (
        f"{engine.start_seconds:g} s + {num_jobs} jobs × {engine.job_seconds:g} s + {fixed_seconds:,.0f} s fixed + "
        f"max({serial_seconds:,.0f} s read by one worker, "
        f"{work.value:,.0f} s of CPU ÷ ({workers:,} workers × {num_cores} cores × {utilisation:g}))"
    )
    return Duration(seconds=Estimate(fixed + longest.value, longest.error), formula=formula)


def peak_bytes(name: str, workers: int, kept_bytes: Estimate, worker_bytes: float) -> Estimate:
    """Memory of one machine: of all that the direct runner keeps, or of a worker elsewhere."""
    if not ENGINES[name].keeps_all:
        return Estimate(WORKER_BYTES + worker_bytes)
    held = kept_bytes.times(DIRECT_BYTES_PER_BYTE)
    others = (WORKER_BYTES + worker_bytes) * workers if workers > 1 else 0.0
    return Estimate(DIRECT_BASE_BYTES + held.value + others, held.error)


def machine_bytes() -> float:
    """Memory of this machine, or what its container may use; infinite where nobody says."""
    try:
        physical = float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (ValueError, OSError):
        return math.inf
    try:
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:
            return min(physical, float(file.read()))
    except (OSError, ValueError):  # no control group, or "max"
        return physical
