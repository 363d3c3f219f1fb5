"""The output folder: what it holds already, and that only one build works in it."""

import contextlib
import datetime
import json
import os
import platform
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from albert_core.shards import DOCUMENTS_SUFFIX, INDEX_SUFFIX, MANIFEST, SCHEMA_VERSION, SHARD_SUFFIX
from pipelines import storage
from pipelines.errors import BuildError

CLEANED, DOCUMENTS, REJECTS, LOCK = "cleaned", "documents", "rejects", "build.lock"
CARD = "README.md"  # the dataset card
REPORT = "report.html"  # what `albert-data report` draws; it shows some text
REMOVED = "removed.txt"  # ids of documents that were removed: they must not come back
REMOVAL = "removal.json"  # journal of a removal that is not finished
REMOVE_FILE = {"gs": "gcloud storage rm", "s3": "aws s3 rm"}  # by scheme, for people
MARKER = "build.json"  # says that what lies in the folder is ours, and may be replaced
SUBMISSION = datetime.timedelta(minutes=15)  # between the lock and the job that it names: staging, and the queue of a template's launcher


def finished_manifest(output: str, *, made_by: str) -> dict[str, Any] | None:
    """The manifest of the dataset that the folder holds; a new folder is marked as made by a command.

    Raises:
      BuildError: the folder holds something else, or a removal of documents was interrupted in it.
    """
    refuse_half_removed(output)
    path = storage.join(output, MANIFEST)
    if storage.exists(path):
        try:
            manifest = storage.read_json(path)
        except ValueError:
            manifest = None
        if not isinstance(manifest, dict) or "fingerprint" not in manifest:
            raise BuildError(f"{path} is not the manifest of a dataset of this toolkit\nchoose an empty --output")
        return manifest
    foreign = [name for name in _names(output) if name not in (LOCK, storage.TEMPORARY)]
    if foreign and MARKER not in foreign:
        raise BuildError(f"--output {output} holds other files, {foreign[0]} for one\nchoose an empty folder, or one that a build began")
    if MARKER not in foreign:
        storage.write_json(output, MARKER, {"made_by": made_by, "schema_version": SCHEMA_VERSION})
    return None


def refuse_half_removed(output: str) -> None:
    """Stops what would build on files of which some are old and some are new."""
    if storage.exists(storage.join(output, REMOVAL)):
        raise BuildError(f"{output}: a removal of documents was interrupted\nfinish it first: albert-data remove {output}")


def refuse_to_bring_back(output: str) -> None:
    """Stops a cleaning of a folder from which documents were removed: the corpus may still hold them."""
    path = storage.join(output, REMOVED)
    if storage.exists(path):
        count = len(storage.read(path).split())
        raise BuildError(
            f"--output {output}: {count:,} documents were removed from it, and the corpus is to be cleaned again, which may bring them back"
            f"\nbuild into another folder, then: albert-data remove FOLDER --documents {path}; or delete {path} to have them back"
        )


def own_folder(output: str) -> str:
    """The folder if a command of ours began it, else nothing: files of the user's own that lie there are not ours to leave out."""
    return output if storage.exists(storage.join(output, MARKER)) else ""


def began(output: str, command: str) -> bool:
    """Whether it was this command that began the folder: then what is half done in it is its own, and may be replaced."""
    try:
        return bool(storage.read_json(storage.join(output, MARKER))["made_by"] == command)
    except (OSError, ValueError, TypeError, KeyError):
        return False


def other_dataset(output: str) -> BuildError:
    """The refusal to build over a finished dataset of other options."""
    return BuildError(
        f"--output {output} holds a finished dataset of another corpus or other options\n"
        "choose another folder, or replace it with --overwrite (documents that are already clean are used again)"
    )


def remove_shards(output: str) -> None:
    """Removes a dataset, its manifest first: what is left is not a dataset."""
    storage.remove(*(storage.join(output, name) for name in (MANIFEST, CARD, REPORT)))
    for suffix in (SHARD_SUFFIX, INDEX_SUFFIX, DOCUMENTS_SUFFIX):
        storage.remove(*storage.list_files(storage.join(output, f"*{suffix}")))
    storage.remove_folder(storage.join(output, storage.TEMPORARY))


class HeldLock:
    """A lock that this process holds, until its block ends or a job holds it."""

    def __init__(self, token: str) -> None:
        self.token, self.is_left = token, False

    def leave_to_job(self) -> None:
        """The lock stays when the block ends: the job's last step removes it (`release_lock`)."""
        self.is_left = True


@contextlib.contextmanager
def lock(
    output: str, *, job: Mapping[str, str] | None = None, is_active: Callable[[Mapping[str, str]], bool | None] = lambda job: None
) -> Iterator[HeldLock]:
    """Keeps a second build out of the folder. A lock whose process is gone, on this machine, or whose job is, is taken over.

    Args:
      output: the folder.
      job: what names the job that may outlive this process (submitted_jobs.py), if there is one.
      is_active: whether a job, named like that by the lock that is there, still runs; None if nobody knows.

    Of two that come at the same moment one gets in, on gs:// and s3:// too (`storage.write_new`). What an earlier run left half written
    is removed, when the lock is taken and when it is given back.

    Raises:
      BuildError: another build is running, or may be on another machine.
    """
    token = uuid.uuid4().hex
    try:
        storage.make_folder(output)
        path = storage.join(output, LOCK)
        since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        holder = {"host": _host(), "pid": os.getpid(), "since": since, "token": token} | ({"job": dict(job)} if job else {})
        content = json.dumps(holder, indent=1).encode()
        if not storage.write_new(output, LOCK, content):
            _require_gone(output, path, is_active)
            storage.remove(path)
            storage.write_new(output, LOCK, content)
        if _holder(path).get("token") != token:
            raise BuildError(f"--output {output} was taken by another build at the same moment\nrun one of the two")
        storage.discard_unfinished(output)
    except OSError as error:
        raise BuildError(f"--output {output} cannot be written: {error}\nchoose a folder that exists or can be made, with room") from error
    held = HeldLock(token)
    try:
        yield held
    finally:
        if not held.is_left:
            storage.discard_unfinished(output)
            release_lock(output, token)


def release_lock(output: str, token: str) -> None:
    """Removes a lock, if it is still the one of this token: a job that was thought dead does not remove its successor's."""
    path = storage.join(output, LOCK)
    if storage.exists(path) and _holder(path).get("token") == token:
        storage.remove(path)


def _require_gone(output: str, path: str, is_active: Callable[[Mapping[str, str]], bool | None]) -> None:
    """Refuses a folder whose lock belongs to a process or a job that runs, or may run where it cannot be asked.

    Raises:
      BuildError: with how to remove the lock.
    """
    holder = _holder(path)
    here, job = holder.get("host") == _host(), holder.get("job")
    delete = f"remove its lock: {REMOVE_FILE.get(path.partition('://')[0], 'rm')} {path}"
    if (here and _is_running(holder.get("pid", -1))) or not (here or job):
        raise BuildError(
            f"--output {output} is in use by process {holder.get('pid')} on {holder.get('host')}, since {holder.get('since')}"
            f"\nwait for it; if that process is gone, {delete}"
        )
    if not job:
        return
    active = is_active(job)
    if active is None or active or not (here or _is_older(holder.get("since"), SUBMISSION)):
        fix = "wait for it, or cancel it" if active else f"wait for it; if the engine has no such job any more, {delete}"
        raise BuildError(f"--output {output} is in use by {describe_job(holder)}, submitted {holder.get('since')}\n{fix}")


def job_of_lock(output: str) -> str | None:
    """The job that holds a folder, for people; None if none does."""
    path = storage.join(output, LOCK)
    holder = _holder(path) if storage.exists(path) else {}
    return describe_job(holder) if "job" in holder else None


def describe_job(holder: Mapping[str, Any]) -> str:
    """The job that a lock names."""
    job = holder["job"]
    return ", ".join([f"job {job.get('name', '')}", *(f"{name} {job[name]}" for name in ("runner", "project", "region") if name in job)])


def _is_older(since: Any, age: datetime.timedelta) -> bool:
    try:
        return datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(since) > age
    except (TypeError, ValueError):  # none, or no time
        return True


def _host() -> str:
    """This machine, and within it the container: two containers may have the same host name, and each a process 1."""
    try:
        return f"{platform.node()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:  # not Linux
        return platform.node()


def _holder(path: str) -> dict[str, Any]:
    """Who holds a lock; nobody, if it was only half written, or is gone meanwhile."""
    try:
        return dict(json.loads(storage.read(path)))
    except (FileNotFoundError, ValueError, TypeError):
        return {"host": _host(), "pid": -1}


def _is_running(pid: int) -> bool:
    if pid <= 0 or pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _names(folder: str) -> list[str]:
    """First path components of the files below a folder."""
    files = storage.list_files(storage.join(folder, "**"))
    return sorted({path.removeprefix(folder).lstrip("/").split("/")[0] for path in files})
