import os
import signal
from pathlib import Path

import apache_beam as beam
import pytest

from pipelines.local_workers import PRELOADED
from pipelines.runners import JobFailedError, parse_beam_options, run_job
from tests.pipelines.jobs import TWO_WORKERS


def say_who(number: int, folder: str) -> int:
    """Leaves a file that names the process, its parent, and what it had loaded when it was born."""
    import sys

    loaded = all(name in sys.modules for name in PRELOADED)
    Path(folder, f"{number}").write_text(f"{os.getpid()} {os.getppid()} {loaded}", "utf-8")
    return number


def die(number: int) -> int:
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_work_is_done_by_forks_of_one_process_that_has_everything_loaded(tmp_path):
    run_job(
        lambda pipeline: pipeline | beam.Create(range(40)) | beam.Reshuffle() | beam.Map(say_who, str(tmp_path)),
        parse_beam_options(TWO_WORKERS),
    )
    said = [path.read_text("utf-8").split() for path in tmp_path.iterdir()]
    assert len(said) == 40
    workers, parents, loaded = (set(part) for part in zip(*said, strict=True))
    assert len(workers) == 2
    assert str(os.getpid()) not in workers
    assert len(parents) == 1
    assert loaded == {"True"}


def test_a_worker_that_is_killed_ends_the_job_with_a_message():
    what = r"a worker was killed, most often for lack of memory: a worker process was killed by signal 9 \(SIGKILL\)"
    with pytest.raises(JobFailedError, match=f"^{what}\n.*--direct_num_workers"):
        run_job(lambda pipeline: pipeline | beam.Create(range(40)) | beam.Reshuffle() | beam.Map(die), parse_beam_options(TWO_WORKERS))
