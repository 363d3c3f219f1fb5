"""Waiting for a job: what it has counted so far, asked of its engine, and its end if the user interrupts."""

import contextlib
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

from apache_beam.metrics.metric import MetricsFilter
from apache_beam.options.pipeline_options import FlinkRunnerOptions, PipelineOptions
from apache_beam.runners.runner import PipelineResult, PipelineState

from pipelines import progress
from pipelines.flink import counts_of_flink

CANCEL_SECONDS, POLL_SECONDS = 30.0, 0.2


class JobCancelledError(KeyboardInterrupt):
    """The user interrupted, and the message says what became of the job."""


class JobGoesOnError(JobCancelledError):
    """The user interrupted, and the job heard nothing of it."""


@contextlib.contextmanager
def own_interrupts() -> Iterator[None]:
    """Keeps Ctrl-C ours: a runner that starts a server would have the signal end that first, and nobody could cancel the job any more."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def wait_for(result: PipelineResult, options: PipelineOptions) -> None:
    """Waits until the job has ended. An interruption cancels it, or a job that nobody waits for would write on.

    Raises:
      JobCancelledError: the user interrupted.
    """
    try:
        with progress.engine(ask_for_counts(result, options)):
            result.wait_until_finish()
    except KeyboardInterrupt:
        _cancel(result)


def _cancel(result: PipelineResult) -> None:
    try:
        result.cancel()
    except Exception as error:
        raise JobGoesOnError(f"the job could not be cancelled ({error}): stop it by the engine's own means") from error
    deadline = time.monotonic() + CANCEL_SECONDS
    while not PipelineState.is_terminal(result.state) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)  # asked, for a second `wait_until_finish` would read the streams of the first, and break them
    raise JobCancelledError("the job was cancelled") from None


def ask_for_counts(result: PipelineResult, options: PipelineOptions) -> Callable[[], Counter[str]]:
    """A question to the engine that runs `result`; where it does not answer, nothing was counted.

    Prism and Dataflow answer Beam's own question. A Flink job server gives metrics only when the job has ended, so the cluster is asked.
    """
    master = str(options.view_as(FlinkRunnerOptions).flink_master)
    if master.startswith("["):  # not a cluster's address
        return lambda: counts_of_beam(result)
    address = master if "://" in master else f"http://{master}"
    name = str(getattr(result, "_job_id", "")).rpartition("_")[0]
    return lambda: counts_of_flink(address, name)


def counts_of_beam(result: PipelineResult) -> Counter[str]:
    """Our counters of a job, whatever step they are of: what was attempted, for most engines commit at the end."""
    counts: Counter[str] = Counter()
    with contextlib.suppress(Exception):  # an engine may fail to answer in as many ways as there are engines; it is a display
        if hasattr(result, "_job_service"):
            result._metrics = None  # a portable result would repeat its first answer for ever
        for counter in result.metrics().query(MetricsFilter().with_namespace(progress.NAMESPACE))["counters"]:
            counts[counter.key.metric.name] += counter.attempted or counter.committed or 0
    return counts
