"""The file that stands in place of a manifest when a job ended without one: who launched the job may be gone by then."""

import warnings

from albert_core.shards import MANIFEST
from pipelines import storage
from pipelines.errors import BuildError, BuildWarning

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
    """Removes the reason, before the next job; whoever launches that may not have seen it yet, so it is said."""
    failure = read_failure(output)
    if failure is not None:
        warnings.warn(f"the last job in {output} wrote no dataset: {failure}", BuildWarning, stacklevel=3)
    storage.remove(storage.join(output, FAILURE))
