"""What engines say when a job fails, as a cause and a fix: their own words name neither.

Each entry of the table: words that an engine uses, where they were met, and what they mean to whoever waits for the job.
"""

import re

from pipelines.environment import DIFFERENT

MEMORY_FIX = (
    "give each piece of work more: fewer at a time (--direct_num_workers here, --number_of_worker_harness_threads on Dataflow, "
    "--sdk_worker_parallelism on Flink), or a machine with more memory a core (--worker_machine_type n2-highmem-4)"
)
_MEMORY = "|".join(
    (
        r"MemoryError",  # Python and NumPy, here and in any worker
        r"[Oo]ut[ -]of[ -]memory",  # Dataflow's diagnostics, and the kernel's log that it repeats
        r"\bOOM(?: ?[Kk]ill| event)?",  # Dataflow and Kubernetes, of a container
        r"exit (?:code|status):? 137",  # a container that was killed
        r"OutOfMemoryError",  # a JVM: Flink's TaskManager
        r"cannot allocate memory|Cannot allocate memory|bad_alloc",  # C libraries: Arrow, tokenizers
    )
)
_KILLED = r"killed by signal 9 \(SIGKILL\)"  # local_workers.py: mostly by the kernel
_LOST = r"lost contact with the service|work item was attempted \d+ times without success"

TABLE: tuple[tuple[str, str, str], ...] = (
    (DIFFERENT, "{line}", "build the worker image from this checkout (docker/README.md), or install here what it has"),
    (
        r"exceeds the maximum size of a sort buffer",  # all values of a key in a task are one record, and sorters share a slot's memory
        "a Flink task has too little memory to sort in: {line}",
        "taskmanager.memory.managed.size: 512m a slot or more in Flink's config.yaml",
    ),
    (
        r"[Ii]nsufficient number of network buffers",
        "Flink has too little memory for its shuffles: {line}",
        "taskmanager.memory.network.min and .max: 256m or more in Flink's config.yaml",
    ),
    (_MEMORY, "a worker ran out of memory: {line}", MEMORY_FIX),
    (_KILLED, "a worker was killed, most often for lack of memory: {line}", MEMORY_FIX),
    (_LOST, "a worker was lost again and again, most often for lack of memory: {line}", MEMORY_FIX),
    (
        r"ImagePullBackOff|ErrImagePull|[Ff]ailed to pull (?:container )?image|Error syncing pod",
        "the workers cannot get their image: {line}",
        "is it pushed (--sdk_container_image), and may the workers' account read it (roles/artifactregistry.reader)?",
    ),
    (
        r"QUOTA_EXCEEDED|[Qq]uota '?\w+'? exceeded|IN_USE_ADDRESSES",
        "the project's quota is used up: {line}",
        "ask for less (--max_num_workers, --no_use_public_ips), or for more at console.cloud.google.com/iam-admin/quotas",
    ),
    (
        r"ZONE_RESOURCE_POOL_EXHAUSTED|does not have enough resources available",
        "the zone has no such machines left: {line}",
        "let Dataflow choose the zone (no --worker_zone), or name another --worker_machine_type or --region",
    ),
    (
        r"SERVICE_DISABLED|has not been used in project",
        "an API is not enabled in the project: {line}",
        "gcloud services enable dataflow.googleapis.com compute.googleapis.com storage.googleapis.com logging.googleapis.com",
    ),
    (
        r"already active job named",
        "the job is running already: {line}",
        "wait for it, or cancel it: gcloud dataflow jobs list --status=active",
    ),
    (
        r"State: CANCELLED",
        "the job was cancelled",
        "run the same command again: finished stages are used",
    ),
)


def explain(message: str) -> str | None:
    """Cause and fix of an engine's message; None where it is not one of those that we know."""
    for pattern, cause, fix in TABLE:
        found = re.search(pattern, message)
        if found:
            return f"{cause.format(line=_line_of(message, found.start()))}\n{fix}"
    return None


def _line_of(message: str, position: int) -> str:
    """The line of the message in which a place is, short enough to read."""
    start = message.rfind("\n", 0, position) + 1
    line = message[start : message.find("\n", position) % (len(message) + 1)].strip()
    line = re.sub(r"^(?:[\w.]+(?:Error|Exception)): | \[while running [^]]*\]$", "", line)
    return line if len(line) <= 240 else f"{line[:240]}…"
