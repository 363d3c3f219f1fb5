"""A pool of Python workers, for Flink: `pipelines.worker_pool` as a program."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pipelines.worker_pool import HOST
from tests.engines.processes import children, free_port, program

TREE = Path(__file__).parents[2]


class WorkerPool(NamedTuple):
    """A running pool."""

    address: str
    process: subprocess.Popen[bytes]

    @property
    def workers(self) -> list[int]:
        """The workers that it has started and that still run, by process id."""
        return [worker for child in children(self.process.pid) for worker in children(child)]

    def options(self, workers: int = 1) -> list[str]:
        """Beam's options for so many workers of this pool, at each engine process."""
        return [
            "--environment_type=EXTERNAL",
            f"--environment_config={self.address}",
            f"--parallelism={workers}",
            f"--sdk_worker_parallelism={workers}",
        ]


@contextlib.contextmanager
def worker_pool(folder: Path, tree: Path = TREE) -> Iterator[WorkerPool]:
    """A pool of this interpreter with the sources of a tree; its log goes to `folder`."""
    port = free_port()
    command = [sys.executable, "-m", "pipelines.worker_pool", port]
    sources = {"PYTHONPATH": str(tree), "PYTHONSAFEPATH": "1"}  # that tree, whatever the current folder is
    with program(command, folder / "worker-pool.log", port=port, environment=sources) as process:
        yield WorkerPool(f"{HOST}:{port}", process)
