import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineResult, PipelineState

from pipelines import progress
from pipelines.runners import parse_beam_options
from pipelines.waiting import JobCancelledError, counts_of_beam, wait_for


def test_a_job_of_beam_tells_what_its_workers_counted():
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        _ = pipeline | beam.Create([3, 4]) | "First" >> beam.Map(count) | "Second" >> beam.Map(count)
    assert counts_of_beam(pipeline.result) == {"cleaned": 14}
    assert counts_of_beam(object()) == {}


def count(number: int) -> int:
    progress.add("cleaned", number)
    return number


class Interrupted(PipelineResult):
    """A job whose waiting the user interrupts."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__(PipelineState.RUNNING)
        self.error, self.calls = error, []

    def wait_until_finish(self, duration=None):
        self.calls.append("wait")
        raise KeyboardInterrupt

    @property
    def state(self):
        self.calls.append("state")
        return PipelineState.CANCELLED if self.calls.count("state") > 1 else PipelineState.CANCELLING

    def cancel(self):
        self.calls.append("cancel")
        if self.error:
            raise self.error


def test_an_interruption_cancels_the_job():
    result = Interrupted()
    with pytest.raises(JobCancelledError, match=r"^the job was cancelled$"):
        wait_for(result, parse_beam_options([]))
    assert result.calls == ["wait", "cancel", "state", "state"]


def test_a_job_that_cannot_be_cancelled_is_said_to_go_on():
    with pytest.raises(JobCancelledError, match=r"could not be cancelled \(no connection\): stop it by the engine's own means"):
        wait_for(Interrupted(OSError("no connection")), parse_beam_options([]))
