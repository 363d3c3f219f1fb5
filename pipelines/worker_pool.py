"""Python workers for an engine that asks for them: `--environment_type EXTERNAL --environment_config localhost:PORT`.

    python -m pipelines.worker_pool PORT

Beam has such a pool too (`apache_beam.runners.worker.worker_pool_main`). This one starts a worker in milliseconds, as a fork of a process
that has everything loaded; it serves several engine processes of one machine, which give their workers the same ids; and it starts a worker
anew that is killed before it has reported for work, for which a Flink TaskManager otherwise waits for ever.
"""

import os
import signal
import sys
import threading
from typing import Any

import grpc
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc
from apache_beam.runners.worker.sdk_worker import SdkHarness
from apache_beam.utils.thread_pool_executor import shared_unbounded_instance

from pipelines.allocator import keep_freed_memory
from pipelines.local_workers import server, start_server

HOST = "localhost"


class StartWorkers(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """Answers an engine."""

    def StartWorker(self, request: Any, _: Any) -> Any:  # noqa: N802 - the protocol's name
        """Starts a worker, which connects to the engine by itself."""
        self._start(request.control_endpoint.url, request.worker_id)
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(self, request: Any, _: Any) -> Any:  # noqa: N802
        """Nothing: a worker ends when the engine closes its connection."""
        return beam_fn_api_pb2.StopWorkerResponse()

    def _start(self, address: str, name: str) -> None:
        process = server().Process(target=work, args=(address, name))
        process.start()
        threading.Thread(target=self._watch, args=(process, address, name), daemon=True).start()

    def _watch(self, process: Any, address: str, name: str) -> None:
        print(f"worker {name} of {address} is process {process.pid}", flush=True)
        process.join()
        print(f"worker {name}, process {process.pid}, ended with {process.exitcode}", flush=True)
        if process.exitcode < 0:  # killed. If it had reported for work, the engine turns its successor away, and that ends by itself
            self._start(address, name)


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
        signal.signal(number, lambda *_: os._exit(0))  # workers end with their connections
    print(f"waiting for engines at {HOST}:{port}", flush=True)
    pool.wait_for_termination()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
