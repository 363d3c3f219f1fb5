"""Worker processes of a run on one machine, forked from one that has everything loaded.

Beam's own processes each spend two seconds on imports, for every job anew, and a process that dies leaves the job waiting for ever. Here
one server process imports once; workers are forks of it and start in milliseconds; one that dies ends the job with a message.
"""

import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping
from multiprocessing import forkserver
from typing import Any

from apache_beam.portability.api import endpoints_pb2
from apache_beam.runners.portability.fn_api_runner.worker_handlers import GrpcWorkerHandler, WorkerHandler
from apache_beam.runners.worker import sdk_worker_main
from apache_beam.transforms import environments
from google.protobuf import json_format, text_format

from pipelines.allocator import keep_freed_memory

FORKED = "albert_zh:env:forked_process:v1"
PRELOADED = ("pipelines.build",)
STOP_SECONDS = 10.0


@environments.Environment.register_urn(FORKED, None)
class ForkedProcesses(environments.Environment):
    """Where user code runs: in forks on this machine."""

    def to_runner_api_parameter(self, context: Any) -> tuple[str, None]:
        """What names the environment in a pipeline."""
        return FORKED, None

    @classmethod
    def from_runner_api_parameter(cls, *description: Any) -> "ForkedProcesses":
        """The same environment again."""
        return cls()


@WorkerHandler.register_environment(FORKED, None)
class ForkedWorkerHandler(GrpcWorkerHandler):
    """Starts and ends a worker process, and watches over it."""

    def __init__(self, payload: None, state: Any, provision_info: Any, grpc_server: Any):
        super().__init__(state, provision_info, grpc_server)
        self._logging_address = self.port_from_worker(grpc_server.logging_port)
        self._stopping = threading.Event()

    def start_worker(self) -> None:
        """Forks a worker; it connects by itself."""
        environment = {
            "WORKER_ID": self.worker_id,
            "CONTROL_API_SERVICE_DESCRIPTOR": _descriptor(self.control_address),
            "LOGGING_API_SERVICE_DESCRIPTOR": _descriptor(self._logging_address),
            "PIPELINE_OPTIONS": json_format.MessageToJson(self.provision_info.provision_info.pipeline_options),
        }
        self._process = server().Process(target=run_worker, args=(dict(os.environ) | environment,), daemon=True)
        self._process.start()
        threading.Thread(target=self._watch, daemon=True).start()

    def stop_worker(self) -> None:
        """Waits for the worker, which ends when its connection does."""
        self._stopping.set()
        self._process.join(STOP_SECONDS)
        if self._process.is_alive():
            self._process.kill()

    def _watch(self) -> None:
        """A worker that is gone does not answer: whoever waits for it is told."""
        self._process.join()
        if not self._stopping.is_set():
            code = self._process.exitcode or 0
            how = f"was killed by signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"ended with exit code {code}"
            while not self._stopping.wait(0.2):  # what is asked of it later is not answered either
                self.control_conn.abort(RuntimeError(f"a worker process {how}"))


def server() -> Any:
    """The context whose processes are forks of the server; the first call starts it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def start_server() -> None:
    """Starts the server now, so that it imports while the job is being planned."""
    server()
    forkserver.ensure_running()
    _ignore_lost_connections()


@functools.cache
def _ignore_lost_connections() -> None:
    """Beam's thread that reads a worker's answers ends with a traceback on standard error when the worker dies; `_watch` says it better."""
    usual = threading.excepthook

    def hook(failure: threading.ExceptHookArgs) -> None:
        if failure.thread is None or failure.thread.name != "beam_control_read":
            usual(failure)

    threading.excepthook = hook


def run_worker(environment: Mapping[str, str]) -> None:
    """A worker's life: connects to the job, does what it is told, ends with the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command hears Ctrl-C and closes the connection
    os.environ.update(environment)
    keep_freed_memory()
    sdk_worker_main.main([])


def _descriptor(address: str) -> str:
    return text_format.MessageToString(endpoints_pb2.ApiServiceDescriptor(url=address))
