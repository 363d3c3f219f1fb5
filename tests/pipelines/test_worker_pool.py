import os
import signal
import time

import apache_beam as beam
import grpc
import pytest
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc, endpoints_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that
from apache_beam.transforms.environments import ExternalEnvironment

from tests.engines.processes import children, free_port
from tests.engines.worker_pool import worker_pool

WAIT_SECONDS = 60.0


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    with worker_pool(tmp_path_factory.mktemp("pool")) as started:
        yield started


def new_worker(pool, known) -> int:
    """A worker that is not among the known ones, as soon as there is one."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        for worker in pool.workers:
            if worker not in known:
                return worker
        time.sleep(0.05)
    raise AssertionError("no new worker")


@pytest.mark.integration
def test_an_engine_gets_workers_that_are_processes_of_the_pool(pool):
    own = children(pool.process.pid)

    def check(parents) -> None:
        assert len(parents) == 3
        assert set(parents) <= set(own)

    with beam.Pipeline(runner=FnApiRunner(default_environment=ExternalEnvironment(pool.address))) as pipeline:
        assert_that(pipeline | beam.Create([1, 2, 3]) | beam.Map(lambda _: os.getppid()), check)


@pytest.mark.integration
def test_a_worker_that_is_killed_before_it_reports_for_work_is_replaced(pool):
    before = set(pool.workers)
    nobody = endpoints_pb2.ApiServiceDescriptor(url=f"localhost:{free_port()}")
    with grpc.insecure_channel(pool.address) as channel:
        stub = beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolStub(channel)
        stub.StartWorker(beam_fn_api_pb2.StartWorkerRequest(worker_id="1-1", control_endpoint=nobody))
    first = new_worker(pool, before)
    os.kill(first, signal.SIGKILL)
    second = new_worker(pool, {*before, first})
    os.kill(second, signal.SIGTERM)
    assert new_worker(pool, {*before, first, second})
