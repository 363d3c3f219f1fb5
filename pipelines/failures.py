"""The file that stands in place of a manifest when a job ended without one: who launched the job may be gone by then."""

from albert_core.shards import MANIFEST
from pipelines import storage
from pipelines.errors import BuildError

FAILURE = "failure.json"


def write_failure(output: str, error: BuildError) -> None:
    """Leaves the reason. Raised in a worker, most engines would keep one line of it, and try again."""
    storage.write_json(output, FAILURE, {"error": str(error)})


def read_failure(output: str) -> BuildError | None:
    """Why the last job in a folder wrote no manifest; None if it did, or if none has ended there."""
    path = storage.join(output, FAILURE)
    if storage.exists(storage.join(output, MANIFEST)) or not storage.exists(path):
        return None
    return BuildError(str(storage.read_json(path)["error"]))


def forget_failure(output: str) -> None:
    """Removes the reason, before the next job."""
    storage.remove(storage.join(output, FAILURE))
