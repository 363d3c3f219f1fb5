"""Python workers as processes of their own, started when an engine asks for one: `--environment_type=EXTERNAL --environment_config=…`.

    python -m tests.engines.worker_pool PORT

Beam's own pool (`apache_beam.runners.worker.worker_pool_main`) is meant for one engine process a machine: it knows workers by an id that
two TaskManagers give to two workers, and then ends the wrong one. Here a worker ends when its connection does, and starts in milliseconds.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import grpc
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc
from apache_beam.runners.worker.sdk_worker import SdkHarness
from apache_beam.utils.thread_pool_executor import shared_unbounded_instance

from pipelines.allocator import keep_freed_memory
from pipelines.local_workers import server, start_server
from tests.engines.processes import HOST, children, free_port, program

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
    command = [sys.executable, "-m", "tests.engines.worker_pool", port]
    sources = {"PYTHONPATH": str(tree), "PYTHONSAFEPATH": "1"}  # that tree, whatever the current folder is
    with program(command, folder / "worker-pool.log", port=port, environment=sources) as process:
        yield WorkerPool(f"{HOST}:{port}", process)


class StartWorkers(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """Answers an engine: each worker is a fork of a process that has everything loaded."""

    def StartWorker(self, request: Any, _: Any) -> Any:
        process = server().Process(target=work, args=(request.control_endpoint.url, request.worker_id))
        process.start()
        threading.Thread(target=self._watch, args=(process, request.worker_id), daemon=True).start()
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(self, request: Any, _: Any) -> Any:
        return beam_fn_api_pb2.StopWorkerResponse()

    def _watch(self, process: Any, name: str) -> None:
        print(f"worker {name} is process {process.pid}", flush=True)
        process.join()
        print(f"worker {name}, process {process.pid}, ended with {process.exitcode}", flush=True)


def work(address: str, name: str) -> None:
    """A worker's life."""
    keep_freed_memory()
    SdkHarness(address, worker_id=name, state_cache_size=0).run()


def serve(port: int) -> None:
    """Serves until a signal ends it."""
    start_server()
    pool = grpc.server(shared_unbounded_instance(), options=[("grpc.http2.max_ping_strikes", 0)])
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(StartWorkers(), pool)
    pool.add_insecure_port(f"{HOST}:{port}")
    pool.start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))  # without waiting for workers: whoever stops the pool ends its process group
    pool.wait_for_termination()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
