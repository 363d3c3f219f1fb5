"""Object stores by the scheme of a path: what this toolkit asks of one, and which there are.

Beam's own file systems for gs:// and s3:// make a client for each call, read 16 MiB where 64 KiB are wanted, delete one by one, and have
no writing that must not replace. So we talk to the same clients, made of Beam's options and credentials, and to Beam's file systems for the
rest (local, hdfs://, …).
"""

import functools
import importlib
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, Protocol

from apache_beam.io.filesystem import FileMetadata, FileSystem
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.errors import BuildError

PART_BYTES = 8 << 20
"""Of a larger object, what goes in one request. Amazon takes at least 5 MiB, and 10,000 parts: an object may have 80 GB."""
STORES = {"gs": ("pipelines.google_storage", "GoogleStorage", "gcp"), "s3": ("pipelines.amazon_storage", "AmazonStorage", "aws")}
"""Scheme → module, class, extra that it needs."""
MEANT = {
    "gcs": "write gs://BUCKET/…",
    "s3a": "write s3://BUCKET/…",
    "s3n": "write s3://BUCKET/…",
    "file": "write the path alone, without file://",
    "http": "download it first: files, gs:// and s3:// are read",
    "https": "download it first: files, gs:// and s3:// are read",
}
_SCHEME = re.compile(r"([a-zA-Z][-a-zA-Z0-9+.]*)(://|:/(?!/))")


class ObjectStore(Protocol):
    """Objects by their whole path, such as gs://bucket/folder/name. There are no folders, and an object appears when its upload ends.

    All raise BuildError for what a user has to mend (no such bucket, no credentials, no permission), OSError for other faults.
    """

    def stat(self, path: str) -> FileMetadata | None:
        """Size and time of change; None if there is no such object."""

    def list(self, prefix: str) -> Iterator[FileMetadata]:
        """All objects whose path begins so, but for the empty ones that some tools make for a folder."""

    def read(self, path: str) -> bytes:
        """A whole object. FileNotFoundError where there is none."""

    def open(self, path: str) -> BinaryIO:
        """An object as a seekable file, of which only the ranges that are read travel. FileNotFoundError where there is none."""

    def write(self, path: str, content: bytes) -> None:
        """A whole object; what stood there is replaced."""

    def write_new(self, path: str, content: bytes) -> bool:
        """The same, unless there is an object: then False. Of two at the same moment, one writes."""

    def upload(self, path: str) -> AbstractContextManager[BinaryIO]:
        """An object that is written piece by piece. If the block ends with an error, nothing has happened."""

    def copy(self, source: str, target: str) -> None:
        """A copy that the store makes itself."""

    def delete(self, paths: Sequence[str]) -> None:
        """Deletes objects, those that are there, many with one request."""

    def discard_unfinished(self, folder: str) -> None:
        """Ends uploads below a folder whose writer is gone: they cannot be seen, but may cost."""


class Parts(Protocol):
    """A large object on its way."""

    def write(self, part: bytes) -> Any:
        """Sends a part."""

    def close(self) -> None:
        """Makes the object appear."""

    def terminate(self) -> None:
        """Forgets all of it."""


class Upload(io.RawIOBase):
    """A file whose bytes become an object: a small one by one request, a larger one in parts."""

    def __init__(self, put: Callable[[bytes], object], begin: Callable[[], Parts]) -> None:
        super().__init__()
        self._put, self._begin = put, begin
        self._waiting = bytearray()
        self._parts: Parts | None = None

    def writable(self) -> bool:
        """It is for nothing else."""
        return True

    def write(self, data: Any) -> int:
        """Takes all of it."""
        self._waiting += data
        if len(self._waiting) >= PART_BYTES:
            self._parts = self._parts or self._begin()
            self._parts.write(bytes(self._waiting))
            self._waiting.clear()
        return len(data)

    def finish(self) -> None:
        """Makes the object appear."""
        if self._parts is None:
            self._put(bytes(self._waiting))
            return
        if self._waiting:
            self._parts.write(bytes(self._waiting))
        self._parts.close()

    def abandon(self) -> None:
        """Forgets what was sent."""
        if self._parts is not None:
            self._parts.terminate()


def store_of(path: str) -> ObjectStore | None:
    """The store in which a path lies; None for one of this machine's, and for those of Beam's other file systems.

    Raises:
      BuildError: a scheme that nothing here reads, or for which a package is missing.
    """
    found = _SCHEME.match(path)
    if found is None:
        return None
    scheme = found[1]
    if found[2] == ":/":
        if scheme not in STORES and scheme not in MEANT:
            return None  # a folder may be called so
        raise BuildError(f"{path} has one slash behind {scheme}:\nwrite {scheme}://BUCKET/…")
    if scheme in STORES:
        return _open_store(scheme, os.getpid(), beam_options())
    if scheme not in {system.scheme() for system in FileSystem.get_all_subclasses()}:
        raise BuildError(
            f"{path}: {scheme}:// is no file system that is known here\n{MEANT.get(scheme, 'gs://, s3:// and local paths are')}"
        )
    return None


def beam_options() -> PipelineOptions:
    """The options of the command or of the worker, as far as they were set."""
    return FileSystems._pipeline_options or _no_options()


@functools.cache
def _no_options() -> PipelineOptions:
    return PipelineOptions([])


@functools.lru_cache(maxsize=8)
def _open_store(scheme: str, process: int, options: PipelineOptions) -> ObjectStore:
    """The store as some options say; for each process its own: connections do not survive a fork."""
    module, name, extra = STORES[scheme]
    try:
        made = getattr(importlib.import_module(module), name)(options)
    except ImportError as error:
        raise BuildError(
            f"{scheme}:// needs a package that is not installed: {error.name}\ninstall it: pip install 'albert-zh-toolkit[data,{extra}]'"
        ) from error
    return made


def split_path(path: str) -> tuple[str, str]:
    """Bucket and name of an object.

    >>> split_path("gs://bucket/folder/name"), split_path("s3://bucket")
    (('bucket', 'folder/name'), ('bucket', ''))
    """
    scheme, _, rest = path.partition("://")
    bucket, _, name = rest.partition("/")
    if not bucket or set(bucket) & set("*?["):
        raise BuildError(f"{path} names no bucket\nwrite {scheme}://BUCKET/…; only what comes behind the bucket may be a pattern")
    return bucket, name


def match(store: ObjectStore, pattern: str) -> list[FileMetadata]:
    """The objects that a glob means, in Beam's sense: `*` within a folder, `**` through all."""
    split_path(pattern)  # refuses a pattern for the bucket
    prefix = re.match(r"[^*?\[]*", pattern)[0]  # type: ignore[index]
    if prefix == pattern and not pattern.endswith("/"):
        found = store.stat(pattern)
        return [found] if found else []
    wanted = re.compile(FileSystem.translate_pattern(f"{pattern}*" if pattern.endswith("/") else pattern))
    return [entry for entry in store.list(prefix) if wanted.match(entry.path)]


def batches(paths: Iterable[str], size: int) -> Iterator[list[str]]:
    """Paths in lists of at most `size`, those of a bucket together."""
    by_bucket: dict[str, list[str]] = {}
    for path in paths:
        by_bucket.setdefault(split_path(path)[0], []).append(path)
    for of_bucket in by_bucket.values():
        for start in range(0, len(of_bucket), size):
            yield of_bucket[start : start + size]
