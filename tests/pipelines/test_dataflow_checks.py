"""Each mistake against a real server: Google's storage by its emulator, its other answers as Google gives them."""

import warnings
from collections.abc import Iterator

import pytest

from pipelines import storage
from pipelines.container_image import ENVIRONMENT_LABEL
from pipelines.dataflow_checks import check_job, expected_label
from pipelines.environment import as_line, here
from pipelines.errors import BuildError, BuildWarning
from pipelines.runners import parse_beam_options
from tests.engines.json_server import json_server, worker_registry
from tests.engines.object_stores import FORBIDDEN, READ_ONLY, Store, google_storage

JOBS = "/v1b3/projects/some-project/locations/europe-west1/jobs"
BASE = ["--runner=DataflowRunner", "--project=some-project", "--region=europe-west1"]
DISABLED = {
    "error": {
        "code": 403,
        "message": "Dataflow API has not been used in project 123 before or it is disabled. Enable it by visiting https://…",
        "status": "PERMISSION_DENIED",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "SERVICE_DISABLED",
                "domain": "googleapis.com",
                "metadata": {"service": "dataflow.googleapis.com", "consumer": "projects/123"},
            }
        ],
    }
}
"""As Google answers for an API that nobody has enabled."""
DENIED = {"error": {"code": 403, "message": "The caller does not have permission", "status": "PERMISSION_DENIED"}}


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with google_storage() as store:
        yield store


def check(output: str, *arguments: str, reads: str = "gs://corpora/*.jsonl") -> None:
    check_job(parse_beam_options([*BASE, *arguments], output=output), reads=[reads], output=output)


def refused(output: str, *arguments: str, reads: str = "gs://corpora/*.jsonl") -> list[str]:
    """The lines of the error."""
    with pytest.raises(BuildError) as caught:
        check(output, *arguments, reads=reads)
    return str(caught.value).splitlines()


@pytest.mark.parametrize("option", ["--project", "--region", "--temp_location"])
def test_what_a_job_needs_is_asked_for(option):
    arguments = [argument for argument in BASE if not argument.startswith(option)]
    output = "s3://bucket/shards" if option == "--temp_location" else "gs://bucket/shards"
    with pytest.raises(BuildError, match=f"^--runner DataflowRunner without {option}\ngive it: {option} "):
        check_job(parse_beam_options(arguments, output=output), reads=[], output=output)


def test_paths_of_this_machine_are_refused():
    assert refused("gs://bucket/shards", reads="wiki/*.json")[0].startswith("the input wiki/*.json is on this machine")
    assert refused("shards", "--temp_location=gs://bucket/temp")[0].startswith("--output shards is on this machine")
    assert refused("gs://bucket/shards", "--temp_location=/tmp")[0] == "--temp_location /tmp is not on gs://"


def test_no_credentials(monkeypatch, tmp_path):
    for name in ("STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_GCE_CHECK", "true")  # or Google's library asks for the metadata server of a machine of its own
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    what, fix = refused("gs://bucket/shards")
    assert what == "no credentials for Google Cloud"
    assert "gcloud auth application-default login" in fix


def test_a_bucket_that_is_not_there(store):
    what, fix = refused("gs://nobody-made-this/shards")
    assert what == "the bucket gs://nobody-made-this does not exist"
    assert fix.startswith("make it: gcloud storage buckets create")
    assert refused(f"{store.bucket}/shards", "--temp_location=gs://nobody-made-this/temp")[0] == what


@pytest.mark.parametrize("bucket", [READ_ONLY, FORBIDDEN])
def test_a_bucket_that_may_not_be_written_to(store, bucket):
    what, fix = refused(f"gs://{bucket}/shards")
    assert what == f"the bucket gs://{bucket} may not be written to, or not deleted from"
    assert "roles/storage.objectAdmin" in fix


def test_a_bucket_that_fits_is_left_as_it_was(store):
    check(f"{store.bucket}/shards")
    assert storage.list_files(f"{store.bucket}/**") == []


@pytest.mark.parametrize(
    ("answer", "what", "fix"),
    [
        (
            (403, DISABLED),
            "Dataflow in the project some-project is not enabled (dataflow.googleapis.com)",
            "enable it: gcloud services enable dataflow.googleapis.com --project some-project, and wait a few minutes",
        ),
        (
            (403, DENIED),
            "Dataflow in the project some-project may not be used with these credentials",
            "give this account roles/dataflow.developer (docker/README.md)",
        ),
        ((404, {}), "Dataflow in the project some-project does not exist", "is it spelt right? gcloud projects list"),
        ((401, {}), "the credentials for Google Cloud do not work: Anonymous credentials cannot be refreshed.", None),
        ((503, {}), None, "is the network there? try again"),
    ],
)
def test_a_project_without_the_service(store, answer, what, fix):
    with json_server({JOBS: answer}) as server:
        said = refused(f"{store.bucket}/shards", f"--dataflow_endpoint=http://{server.address}")
    assert len(said) == 2
    assert what is None or said[0] == what
    assert fix is None or said[1] == fix
    assert [request.path for request in server.requests] == [JOBS]


def test_a_project_with_the_service(store):
    with json_server({JOBS: (200, {"jobs": []})}) as server:
        check(f"{store.bucket}/shards", f"--dataflow_endpoint=http://{server.address}")
        assert [request.path for request in server.requests] == [JOBS]
        check(f"{store.bucket}/shards", f"--dataflow_endpoint=http://{server.address}", f"--template_location={store.bucket}/t")
        assert len(server.requests) == 1  # a template is only written


def test_an_image_of_other_versions(store):
    label = as_line(here() | {"python": "3.12", "numpy": "1.26.4"})
    with json_server(worker_registry({ENVIRONMENT_LABEL: label})) as server:
        image = f"{server.address}/albert-zh/worker:1"
        what, fix = refused(f"{store.bucket}/shards", f"--sdk_container_image={image}")
    assert what == (
        "the workers have another environment than the launcher: python 3.12 there, 3.11 here; "
        f"numpy 1.26.4 there, {here()['numpy']} here (image {image})"
    )
    assert fix.startswith("build and push it as docker/README.md says")


def test_an_image_that_fits_one_that_is_not_there_and_one_that_does_not_say(store):
    with json_server(worker_registry(dict([expected_label().split("=", 1)]), index=True)) as server, warnings.catch_warnings():
        warnings.simplefilter("error")
        check(f"{store.bucket}/shards", f"--sdk_container_image={server.address}/albert-zh/worker:1")
        what, fix = refused(f"{store.bucket}/shards", f"--sdk_container_image={server.address}/albert-zh/worker:2")
        assert what == f"there is no image {server.address}/albert-zh/worker:2"
        assert "docker/README.md" in fix
    with json_server(worker_registry({})) as server, pytest.warns(BuildWarning, match="does not say which versions are in it"):
        check(f"{store.bucket}/shards", f"--sdk_container_image={server.address}/albert-zh/worker:1")
