"""Jobs that outlive the process which submits them: what a lock says of one, and whether it still runs."""

import datetime
import uuid
from collections.abc import Callable, Mapping

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, PortableOptions

from pipelines import dataflow
from pipelines.dataflow_checks import is_job_active
from pipelines.engine_names import runner_name
from pipelines.errors import BuildError
from pipelines.runners import LOCAL_RUNNERS

BOUND_RUNNERS = (*LOCAL_RUNNERS, "PrismRunner")
"""Engines that end with the process that starts them."""

Job = Mapping[str, str]
"""runner, name and, on Google Cloud, project and region."""


def is_template(options: PipelineOptions) -> bool:
    """Whether the job is only described, for others to submit: so does a Flex Template's launcher."""
    return runner_name(options) == dataflow.RUNNER and bool(options.view_as(GoogleCloudOptions).template_location)


def require_unbound(options: PipelineOptions) -> None:
    """Refuses to leave a job that would end with its launcher.

    Raises:
      BuildError: the engine, or its workers, live in this process.
    """
    if runner_name(options) in BOUND_RUNNERS:
        raise BuildError(
            f"--no-wait with --runner={runner_name(options) or 'DirectRunner'}: its job ends with this command"
            "\nleave --no-wait out, or name an engine that goes on by itself: --runner=DataflowRunner, FlinkRunner, PortableRunner"
        )
    if options.view_as(PortableOptions).environment_type == "LOOPBACK":
        raise BuildError(
            "--no-wait with --environment_type=LOOPBACK: the workers live in this command"
            "\nleave --no-wait out, or let workers run elsewhere: --environment_type=EXTERNAL or DOCKER"
        )


def name_job(options: PipelineOptions) -> Job | None:
    """What names the job that is about to be submitted, which gets a name if it has none; None if it ends with this process."""
    if runner_name(options) in BOUND_RUNNERS:
        return None
    cloud = options.view_as(GoogleCloudOptions)
    cloud.job_name = cloud.job_name or f"albert-data-{datetime.datetime.now(datetime.UTC):%m%d%H%M%S}-{uuid.uuid4().hex[:6]}"
    places = {"project": cloud.project, "region": cloud.region} if runner_name(options) == dataflow.RUNNER else {}
    return {"runner": runner_name(options), "name": cloud.job_name} | {name: value for name, value in places.items() if value}


def asked(options: PipelineOptions) -> Callable[[Job], bool | None]:
    """`is_active` with these options, for a lock."""
    return lambda job: is_active(job, options)


def is_active(job: Job, options: PipelineOptions) -> bool | None:
    """Whether a job waits or runs; None where that cannot be known. Dataflow is asked with the credentials and endpoint of `options`."""
    if job.get("runner") != dataflow.RUNNER or not {"name", "project", "region"} <= set(job):
        return None
    return is_job_active(job["name"], job["project"], job["region"], options)
