"""The lock: of a process, of a job that outlives it, and who may take it over."""

import datetime
import json

import pytest

from pipelines.errors import BuildError
from pipelines.output_folder import _host, lock, release_lock
from pipelines.verification import verify

JOB = {"runner": "DataflowRunner", "name": "wiki-1", "project": "some-project", "region": "us-central1"}
OLD, NOW = "2026-01-01T00:00:00+00:00", datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def write_lock(folder, **changes):
    holder = {"host": "elsewhere", "pid": 1, "since": OLD, "token": "x", "job": JOB} | changes
    (folder / "build.lock").write_text(json.dumps(holder))


def test_a_lock_goes_with_its_block_unless_a_job_holds_it(tmp_path):
    with lock(str(tmp_path)):
        assert "job" not in json.loads((tmp_path / "build.lock").read_text())
    assert not (tmp_path / "build.lock").exists()
    with lock(str(tmp_path), job=JOB) as held:
        held.leave_to_job()
    assert json.loads((tmp_path / "build.lock").read_text())["job"] == JOB
    assert verify(str(tmp_path)) == [
        "build.lock: job wiki-1, runner DataflowRunner, project some-project, region us-central1 has not ended"
    ]
    release_lock(str(tmp_path), "the token of a job before it")
    assert (tmp_path / "build.lock").exists()
    release_lock(str(tmp_path), held.token)
    assert not (tmp_path / "build.lock").exists()


@pytest.mark.parametrize(
    ("active", "since", "fix"),
    [
        (True, OLD, "wait for it, or cancel it"),
        (None, OLD, "wait for it; if the engine has no such job any more, remove .*build.lock"),
        (False, NOW, "wait for it; if the engine has no such job any more, remove .*build.lock"),  # its launcher may be about to submit it
    ],
    ids=["runs", "not known", "not there yet"],  # the time of day in a name would have two workers collect different tests
)
def test_the_lock_of_a_job_that_may_run_is_respected(tmp_path, active, since, fix):
    write_lock(tmp_path, since=since)
    asked = []
    with (
        pytest.raises(BuildError, match=f"is in use by job wiki-1, runner DataflowRunner, .*, submitted {since[:4]}.*\n{fix}"),
        lock(str(tmp_path), is_active=lambda job: (asked.append(job), active)[1]),
    ):
        pass
    assert asked == [JOB]
    assert json.loads((tmp_path / "build.lock").read_text())["token"] == "x"


@pytest.mark.parametrize("changes", [{}, {"host": _host(), "pid": 2**22 + 1, "since": NOW}])
def test_the_lock_of_a_job_that_is_gone_is_taken_over(tmp_path, changes):
    """Of a launcher that died on this machine before it submitted the job, at once."""
    write_lock(tmp_path, **changes)
    with lock(str(tmp_path), is_active=lambda job: False) as held:
        assert json.loads((tmp_path / "build.lock").read_text())["token"] == held.token
    assert not (tmp_path / "build.lock").exists()
