"""What can be known to be wrong with a Dataflow job before it starts: asked here, and said with its fix. Nothing is left behind.

Without credentials (an emulator, --no_auth) only servers on this machine are asked.
"""

import contextlib
import logging
import os
import uuid
import warnings
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, WorkerOptions

from pipelines.container_image import ENVIRONMENT_LABEL, ImageName, parse_image, read_labels
from pipelines.environment import DIFFERENT, as_line, differences, from_line, here
from pipelines.errors import BuildError, BuildWarning

EMULATOR = "STORAGE_EMULATOR_HOST"
LOGIN = "log in: gcloud auth application-default login; or name a key file: export GOOGLE_APPLICATION_CREDENTIALS=key.json"
SECONDS = 60


def check_job(options: PipelineOptions, *, reads: Iterable[str], output: str) -> None:
    """Refuses a job that cannot run.

    Args:
      options: Beam's, with the defaults of `dataflow.py`.
      reads: what the job reads, paths or patterns.
      output: the folder that it writes to.

    Raises:
      BuildError: the first thing that is wrong.
    """
    cloud = options.view_as(GoogleCloudOptions)
    _require_options(cloud)
    _require_remote(reads, output)
    credentials = find_credentials(options)
    for folder in dict.fromkeys((output, cloud.temp_location, cloud.staging_location)):
        if folder.startswith("gs://"):
            check_bucket(folder, options, anonymous=credentials is None)
    if not cloud.template_location and (credentials is not None or _is_local(cloud.dataflow_endpoint)):
        check_service(cloud, credentials)
    image = options.view_as(WorkerOptions).sdk_container_image
    if image:
        check_image(parse_image(image), image, credentials)


def _require_options(cloud: Any) -> None:
    for name, value, example in (
        ("--project", cloud.project, "--project my-project (gcloud projects list)"),
        ("--region", cloud.region, "--region us-central1, where the bucket is"),
        (
            "--temp_location",
            cloud.temp_location,
            "--temp_location gs://BUCKET/temp; left out, it lies in the bucket of an --output on gs://",
        ),
    ):
        if not value:
            raise BuildError(f"--runner DataflowRunner without {name}\ngive it: {example}")
    for name in ("temp_location", "staging_location"):
        if not str(getattr(cloud, name) or cloud.temp_location).startswith("gs://"):
            raise BuildError(f"--{name} {getattr(cloud, name)} is not on gs://\nDataflow keeps what it stages there: gs://BUCKET/FOLDER")


def _require_remote(reads: Iterable[str], output: str) -> None:
    for path in (*reads, output):
        if "://" not in path:
            what = "--output" if path == output else "the input"
            raise BuildError(
                f"{what} {path} is on this machine, which Dataflow's workers cannot reach"
                "\ncopy it: gcloud storage cp -r … gs://BUCKET/, and name it so"
            )


def find_credentials(options: PipelineOptions) -> Any:
    """Google's credentials of this process; None with --no_auth or the storage emulator, which needs none.

    Raises:
      BuildError: there are none, or Google's libraries are not installed.
    """
    try:
        import google.auth
        from google.auth.exceptions import DefaultCredentialsError
        from google.cloud import dataflow, storage  # noqa: F401 - asked for later, missing now
    except ImportError as error:
        raise BuildError(
            f"Google Cloud's libraries are not installed: {error.name}\npip install --constraint constraints.txt '.[data,gcp]'"
        ) from error
    cloud = options.view_as(GoogleCloudOptions)
    if cloud.no_auth or os.environ.get(EMULATOR):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a missing quota project: Dataflow is asked for one by name
            logging.getLogger("google.auth").setLevel(logging.ERROR)  # it says that this machine is none of Google's
            credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    except DefaultCredentialsError as error:
        raise BuildError(f"no credentials for Google Cloud\n{LOGIN}") from error
    return credentials


def check_bucket(folder: str, options: PipelineOptions, *, anonymous: bool) -> None:
    """Writes an empty object and deletes it again.

    Raises:
      BuildError: the bucket is not there, or may not be written to.
    """
    from apache_beam.io.gcp.gcsio import create_storage_client, parse_gcs_path

    name, path = parse_gcs_path(f"{folder.rstrip('/')}/", object_optional=True)
    with _translated(f"the bucket gs://{name}"):
        client = create_storage_client(options, use_credentials=not anonymous)
        probe = client.bucket(name).blob(f"{path}.albert-data-probe-{uuid.uuid4().hex}")
        probe.upload_from_string(b"", timeout=SECONDS, retry=None)
        probe.delete(timeout=SECONDS, retry=None)


def check_service(cloud: Any, credentials: Any) -> None:
    """Asks for one job of the project.

    Raises:
      BuildError: the project is not there, has not enabled Dataflow, or does not let us see its jobs.
    """
    from google.cloud import dataflow

    request = dataflow.ListJobsRequest(project_id=cloud.project, location=cloud.region, page_size=1)
    with _translated(f"Dataflow in the project {cloud.project}", cloud.project):
        jobs_client(cloud, credentials).list_jobs(request=request, timeout=SECONDS, retry=None)


def jobs_client(cloud: Any, credentials: Any) -> Any:
    """Who answers questions about jobs: Dataflow, or the server of `--dataflow_endpoint`."""
    from google.api_core.client_options import ClientOptions
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import dataflow

    local = _is_local(cloud.dataflow_endpoint)
    endpoint = cloud.dataflow_endpoint.rstrip("/")
    return dataflow.JobsV1Beta3Client(
        credentials=credentials or AnonymousCredentials(),
        client_options=ClientOptions(api_endpoint=endpoint if local else urlsplit(endpoint).netloc or endpoint),
        transport="rest" if local else None,
    )


def is_job_active(name: str, project: str, region: str, options: PipelineOptions) -> bool | None:
    """Whether a job of that name waits or runs; None if Dataflow does not say, for want of credentials, network or permission."""
    cloud = options.view_as(GoogleCloudOptions)
    try:
        credentials = find_credentials(options)
        if credentials is None and not _is_local(cloud.dataflow_endpoint):
            return None
        from google.cloud import dataflow

        active = dataflow.ListJobsRequest.Filter.ACTIVE
        request = dataflow.ListJobsRequest(project_id=project, location=region, filter=active, name=name)
        found = jobs_client(cloud, credentials).list_jobs(request=request, timeout=SECONDS, retry=None)
        return any(job.name == name for job in found)
    except Exception:  # of Google's libraries, in any of their ways: what is not known must not be guessed
        return None


def check_image(image: ImageName, name: str, credentials: Any) -> None:
    """Compares the label of the worker image with this environment. Workers compare again: the label is what its builder said.

    Raises:
      BuildError: there is no such image, or it has another environment.
    """
    if not (image.is_local or (credentials is not None and image.can_be_asked)):
        return
    labels = read_labels(image, None if credentials is None else _token(credentials))
    build = "build and push it as docker/README.md says, from this checkout"
    if labels is None:
        raise BuildError(f"there is no image {name}\nits tag is made of the versions here; {build}")
    if ENVIRONMENT_LABEL not in labels:
        warnings.warn(
            f"{name} does not say which versions are in it (label {ENVIRONMENT_LABEL})\nthe workers will compare, when they have started",
            BuildWarning,
            stacklevel=4,
        )
        return
    found = differences(from_line(labels[ENVIRONMENT_LABEL]), here())
    if found:
        raise BuildError(f"{DIFFERENT}: {'; '.join(found)} (image {name})\n{build}, or install here what the image has")


def expected_label() -> str:
    """The label of an image that fits."""
    return f"{ENVIRONMENT_LABEL}={as_line(here())}"


def _token(credentials: Any) -> str:
    import google.auth.transport.requests

    with _translated("Google Cloud"):
        if not credentials.valid:
            credentials.refresh(google.auth.transport.requests.Request())
    return str(credentials.token)


def _is_local(endpoint: str) -> bool:
    return (urlsplit(endpoint).hostname or "") in ("localhost", "127.0.0.1")


@contextlib.contextmanager
def _translated(what: str, project: str = "PROJECT") -> Iterator[None]:
    """Google's answers as causes with fixes."""
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except exceptions.NotFound as error:
        fix = "make it: gcloud storage buckets create gs://…" if "bucket" in what else "is it spelt right? gcloud projects list"
        raise BuildError(f"{what} does not exist\n{fix}") from error
    except exceptions.Unauthorized as error:
        raise BuildError(f"{what} does not know these credentials\n{LOGIN}") from error
    except exceptions.Forbidden as error:
        raise BuildError(_forbidden(what, project, error)) from error
    except GoogleAuthError as error:
        raise BuildError(f"the credentials for Google Cloud do not work: {str(error).splitlines()[0]}\n{LOGIN}") from error
    except (exceptions.GoogleAPICallError, exceptions.RetryError, OSError) as error:
        raise BuildError(f"{what} does not answer: {str(error).splitlines()[0]}\nis the network there? try again") from error


def _forbidden(what: str, project: str, error: Any) -> str:
    if getattr(error, "reason", None) == "SERVICE_DISABLED" or "has not been used in project" in str(error):
        service = (getattr(error, "error_info", None) and error.error_info.metadata.get("service")) or "dataflow.googleapis.com"
        return f"{what} is not enabled ({service})\nenable it: gcloud services enable {service} --project {project}, and wait a few minutes"
    if "bucket" in what:
        return f"{what} may not be written to, or not deleted from\ngive this account roles/storage.objectAdmin on it (docker/README.md)"
    return f"{what} may not be used with these credentials\ngive this account roles/dataflow.developer (docker/README.md)"
