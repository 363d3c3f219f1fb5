"""What a lock says of a job, and whether the job still runs: asked of a server that answers as Dataflow does."""

import pytest

from pipelines.runners import parse_beam_options
from pipelines.submitted_jobs import is_active, is_template, name_job
from tests.engines.json_server import json_server

JOB = {"runner": "DataflowRunner", "name": "wiki-1", "project": "some-project", "region": "us-central1"}
JOBS = "/v1b3/projects/some-project/locations/us-central1/jobs"
DATAFLOW = ["--runner=DataflowRunner", "--project=some-project", "--region=us-central1", "--no_auth"]
RUNNING = {"id": "2026-11-29_01", "name": "wiki-1", "currentState": "JOB_STATE_RUNNING"}


@pytest.mark.parametrize(
    ("answer", "active"),
    [
        ((200, {"jobs": [RUNNING]}), True),
        ((200, {"jobs": [RUNNING | {"name": "wiki-10"}]}), False),
        ((200, {"jobs": []}), False),
        ((403, {"error": {"code": 403, "message": "The caller does not have permission"}}), None),
        ((503, {}), None),
    ],
)
def test_dataflow_is_asked_after_a_job(answer, active):
    pytest.importorskip("google.cloud.dataflow", reason="needs the extra gcp")
    with json_server({JOBS: answer}) as server:
        assert is_active(JOB, parse_beam_options([*DATAFLOW, f"--dataflow_endpoint=http://{server.address}"])) is active
    assert {request.path for request in server.requests} == {JOBS}


def test_nobody_is_asked_who_cannot_know():
    assert is_active(JOB, parse_beam_options(DATAFLOW)) is None  # without credentials Google is not asked
    assert is_active({"runner": "PortableRunner", "name": "wiki-1"}, parse_beam_options([])) is None
    assert is_active({}, parse_beam_options([])) is None


def test_a_job_is_named_as_it_will_be():
    named = parse_beam_options([*DATAFLOW, "--job_name=wiki-1"])
    assert name_job(named) == JOB
    flink = parse_beam_options(["--runner=FlinkRunner"])
    job = name_job(flink)
    assert job == name_job(flink) == {"runner": "FlinkRunner", "name": flink.get_all_options()["job_name"]}
    assert job["name"].startswith("albert-data-")
    for bound in ([], ["--runner=DirectRunner"], ["--runner=PrismRunner"]):
        assert name_job(parse_beam_options(bound)) is None


def test_a_template_is_dataflows():
    assert is_template(parse_beam_options([*DATAFLOW, "--template_location=gs://b/job"]))
    assert not is_template(parse_beam_options(DATAFLOW))
