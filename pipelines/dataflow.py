"""What a Dataflow job is given when nobody says otherwise: one table, each entry with its reason; an option on the command line wins.

All are options of Beam's, so that a job is the same as if they had been typed.
"""

import dataclasses
import re
from collections.abc import Callable, Sequence

from pipelines.environment import here, image_tag

RUNNER = "DataflowRunner"
REPOSITORY = "albert-zh"
MACHINE_TYPE = "n2-standard-4"
MAX_WORKERS = 20
DISK_GB = 50
SYSTEM_GB = 2.0
"""Of a worker, for its own system, the Dataflow agents and the buffers of the Shuffle service."""
THREAD_GB = 1.5
"""Of a worker, for each piece of work at a time: a process with its dictionaries is 0.45 GB (tests/benchmarks/RESULTS.md), the rest is for
a batch of documents or a shard."""
QUIET = "disable_logging_submission_environment"
_GB_PER_CORE = {"highcpu": 1.0, "standard": 4.0, "highmem": 8.0}
_N1_GB_PER_CORE = {"highcpu": 0.9, "standard": 3.75, "highmem": 6.5}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """What the defaults depend on. Empty: not known, and then there is no default that needs it."""

    output: str
    project: str
    region: str
    machine_type: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Default:
    """An option of Beam's, what it is without the user, and why. None: cannot be known, the option stays unset."""

    option: str
    value: Callable[[Job], str | None]
    reason: str
    aliases: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """An option as a job will have it."""

    option: str
    value: str
    reason: str
    given: bool


def _beside(output: str, name: str) -> str | None:
    """A folder of the output's bucket."""
    return f"{'/'.join(output.split('/')[:3])}/dataflow/{name}" if output.startswith("gs://") else None


def default_image(project: str, region: str) -> str:
    """The worker image, where docker/README.md pushes it: its tag is made of the versions that this launcher has."""
    return f"{region}-docker.pkg.dev/{project}/{REPOSITORY}/worker:{image_tag(here())}"


def job_name(output: str) -> str:
    """A name that says which dataset it makes, and not whose: Beam's own holds the user's name. Two jobs of one name cannot run at once.

    >>> job_name("gs://bucket/Shards_512/")
    'albert-data-shards-512'
    """
    last = re.sub("[^a-z0-9]+", "-", output.rstrip("/").rpartition("/")[2].lower()).strip("-")
    return f"albert-data-{last}"[:60].rstrip("-")


def memory_gb(machine_type: str) -> tuple[int, float] | None:
    """Virtual cores and GB of a Compute Engine machine type; None if its name does not tell.

    >>> memory_gb("n2-highmem-8"), memory_gb("e2-custom-4-8192"), memory_gb("f1-micro")
    ((8, 64.0), (4, 8.0), None)
    """
    custom = re.fullmatch(r"(?:\w+-)?custom-(\d+)-(\d+)(?:-ext)?", machine_type)
    if custom:
        return int(custom[1]), int(custom[2]) / 1024
    usual = re.fullmatch(r"(\w+)-(highcpu|standard|highmem)-(\d+)", machine_type)
    if usual is None:
        return None
    cores = int(usual[3])
    return cores, cores * (_N1_GB_PER_CORE if usual[1] == "n1" else _GB_PER_CORE)[usual[2]]


def harness_threads(machine_type: str) -> int | None:
    """Pieces of work at a time on a worker: one a core, fewer where memory is short.

    >>> harness_threads("n2-standard-4"), harness_threads("n2-highcpu-8")
    (4, 4)
    """
    known = memory_gb(machine_type)
    if known is None:
        return None
    cores, memory = known
    return max(1, min(cores, int((memory - SYSTEM_GB) / THREAD_GB)))


DEFAULTS = (
    Default(
        option="--temp_location",
        value=lambda job: _beside(job.output, "temp"),
        reason="in the bucket of the output, where the job may write anyway",
    ),
    Default(
        option="--staging_location",
        value=lambda job: _beside(job.output, "staging"),
        reason="likewise; the job's graph lies there, 0.3 MB for a stage",
    ),
    Default(
        option="--sdk_container_image",
        value=lambda job: default_image(job.project, job.region) if job.project and job.region else None,
        reason="Python, packages and sources as here: the tag is a digest of them (python -m pipelines.environment)",
        aliases=("--worker_harness_container_image",),
    ),
    Default(
        option="--sdk_location", value=lambda job: "container", reason="Beam is in the image: nothing is installed while workers start"
    ),
    Default(
        option="--job_name", value=lambda job: job_name(job.output), reason="says which dataset it makes; Beam's has the user's name in it"
    ),
    Default(option="--labels", value=lambda job: "tool=albert-zh-toolkit", reason="bills can be parted by labels", aliases=("--label",)),
    Default(
        option="--autoscaling_algorithm",
        value=lambda job: "THROUGHPUT_BASED",
        reason="reading and shards keep many workers busy, the sums between them one",
    ),
    Default(
        option="--max_num_workers",
        value=lambda job: str(MAX_WORKERS),
        reason=f"what an hour may cost at most: {MAX_WORKERS} workers; albert-data plan says how many a corpus needs",
    ),
    Default(
        option="--worker_machine_type",
        value=lambda job: MACHINE_TYPE,
        reason="4 GB a core: a process with its dictionaries takes 0.45 GB, a batch or a shard about 1 GB more",
        aliases=("--machine_type",),
    ),
    Default(
        option="--number_of_worker_harness_threads",
        value=lambda job: None if (threads := harness_threads(job.machine_type)) is None else str(threads),
        reason=f"pieces of work at a time on a worker: one a core, if each has {THREAD_GB} GB beside {SYSTEM_GB:.0f} GB for the system",
    ),
    Default(
        option="--disk_size_gb",
        value=lambda job: str(DISK_GB),
        reason="the image unpacked is about 4 GB; what is shuffled lies in the Shuffle service, the default of batch jobs, not on workers",
    ),
    Default(
        option="--worker_disk_type",
        value=lambda job: "compute.googleapis.com/projects//zones//diskTypes/pd-ssd",
        reason="a standard disk of 50 GB writes 6 MB/s: workers would spend minutes on unpacking the image",
        aliases=("--disk_type",),
    ),
    Default(
        option="--experiments",
        value=lambda job: QUIET,
        reason="without it, Beam stages what pip freeze says: with the folder of an editable install. Workers compare versions themselves",
        aliases=("--experiment",),
    ),
)
ALWAYS = {
    "--streaming": "off: every corpus ends",
    "--save_main_session": "off: workers import the functions, they are in the image",
    "runner v2": "Beam 2.77 knows no other",
}


def complete(arguments: Sequence[str], output: str) -> list[str]:
    """The arguments for Beam with a default for each option of the table that is not among them. Experiments are added, for they add up."""
    return [*arguments, *(f"{setting.option}={setting.value}" for setting in settings(arguments, output) if not setting.given)]


def settings(arguments: Sequence[str], output: str) -> list[Setting]:
    """Every option of the table as the job will have it."""
    project, region = (_given(arguments, (option,)) for option in ("--project", "--region"))
    machine_type = _given(arguments, ("--worker_machine_type", "--machine_type"))
    job = Job(
        output=output,
        project=project[-1] if project else "",
        region=region[-1] if region else "",
        machine_type=machine_type[-1] if machine_type else MACHINE_TYPE,
    )
    return [setting for entry in DEFAULTS if (setting := _setting(entry, job, arguments)) is not None]


def _setting(entry: Default, job: Job, arguments: Sequence[str]) -> Setting | None:
    given = _given(arguments, (entry.option, *entry.aliases))
    if given and entry.option != "--experiments":
        return Setting(option=entry.option, value=",".join(given), reason="given", given=True)
    value = entry.value(job)
    return None if value is None else Setting(option=entry.option, value=value, reason=entry.reason, given=QUIET in given)


def _given(arguments: Sequence[str], names: Sequence[str]) -> list[str]:
    """The values of an option on a command line: `--name=value` and `--name value`."""
    found = []
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=False):
        name, equals, value = argument.partition("=")
        if name in names:
            found.append(value if equals else following)
    return found
