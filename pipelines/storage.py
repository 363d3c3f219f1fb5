"""Whole files on any file system that Beam knows: read, written at once or not at all, listed, removed.

Where there are folders, a file is written under a temporary name and renamed. On an object store it is written under its own: an object
appears as a whole when its upload ends, and a renaming there is a copy and a removal, between which a process can be killed.
"""

import contextlib
import io
import json
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, cast

from apache_beam.io.filesystem import CompressionTypes, FileMetadata
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines import object_stores
from pipelines.object_stores import store_of

COPY_BYTES = 8 << 20
TEMPORARY = "temporary"  # folder of unfinished files in an output folder


THREADS = 8
"""Requests at a time, where many are made that do not need each other."""


def use_options(options: PipelineOptions) -> None:
    """Beam's options that say how object stores are reached, such as --s3_endpoint_url, for all that follows."""
    FileSystems.set_options(options)


def join(folder: str, *names: str) -> str:
    """A path below a local or remote folder."""
    if "://" not in folder:
        return os.path.join(folder, *names)
    return "/".join([folder.rstrip("/"), *names])


def exists(path: str) -> bool:
    """Whether a file or folder is there; on an object store, which has no folders, a file."""
    store = store_of(path)
    return FileSystems.exists(path) if store is None else store.stat(path) is not None


def is_file(path: str) -> bool:
    """Whether a file is there, and not a folder."""
    return exists(path) and not ("://" not in path and Path(path).is_dir())


def open_file(path: str) -> BinaryIO:
    """A file to read, its bytes as they are stored; of an object, only the ranges that are read travel."""
    store = store_of(path)
    return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) if store is None else store.open(path)


class KeptOpen:
    """Opens files as `open_file` does, and keeps the last one open: a remote one that is read piece by piece is read straight on.

    For one thread; the next file closes the one before.
    """

    def __init__(self) -> None:
        self._path, self._file = "", cast(BinaryIO, io.BytesIO())

    def __call__(self, path: str) -> BinaryIO:
        """The file at its beginning, for a `with` block that leaves it open."""
        if path != self._path:
            self._file.close()
            self._path, self._file = path, open_file(path)
        self._file.seek(0)
        return cast(BinaryIO, contextlib.nullcontext(self._file))


def read(path: str) -> bytes:
    """A file's bytes as they are stored, compressed or not."""
    if (store := store_of(path)) is not None:
        return store.read(path)
    with open_file(path) as file:
        return file.read()


def read_json(path: str) -> Any:
    """A JSON file's value."""
    return json.loads(read(path))


def as_pattern(path: str) -> str:
    """A pattern that means only this path.

    >>> as_pattern("a[1].txt")
    'a[[]1].txt'
    """
    return re.sub(r"[*?\[]", lambda character: f"[{character[0]}]", path)


def match(pattern: str) -> list[FileMetadata]:
    """The files that a glob means: path, size, time of change. A bare `*.txt` means the current folder, where Beam would find nothing."""
    if (store := store_of(pattern)) is not None:
        return object_stores.match(store, pattern)
    here = "" if "/" in pattern or "://" in pattern else "./"
    found = FileSystems.match([here + pattern])[0].metadata_list
    return [FileMetadata(entry.path.removeprefix(here), entry.size_in_bytes, entry.last_updated_in_seconds) for entry in found]


def list_files(pattern: str) -> list[str]:
    """Paths that match, sorted."""
    return sorted(metadata.path for metadata in match(pattern))


@contextlib.contextmanager
def create(folder: str, name: str) -> Iterator[BinaryIO]:
    """A file to write; it gets its `name` in `folder` only when the block ends without an error, so no half file looks whole."""
    if (store := store_of(folder)) is not None:
        with store.upload(join(folder, name)) as file:
            yield file
        return
    make_folder(join(folder, TEMPORARY))
    temporary = join(folder, TEMPORARY, f"{name.replace('/', '-')}-{uuid.uuid4().hex}")
    with FileSystems.create(temporary, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        yield file
    FileSystems.rename([temporary], [join(folder, name)])


def move(source: str, target: str) -> None:
    """Gives a file another path on the same file system; what stood there is replaced.

    On an object store a process may be killed between the copy and the removal: then both are there, and the same call again ends it.
    """
    if (store := store_of(source)) is None:
        FileSystems.rename([source], [target])
        return
    store.copy(source, target)
    store.delete([source])


def move_all(pairs: Sequence[tuple[str, str]]) -> None:
    """Moves files, (from, to) each, in their order; on an object store, several at a time."""
    if pairs and (store := store_of(pairs[0][0])) is not None:
        each(lambda pair: store.copy(*pair), pairs)
        store.delete([source for source, _ in pairs])
        return
    for source, target in pairs:
        move(source, target)


def write(folder: str, name: str, content: bytes) -> None:
    """A whole file, at once or not at all."""
    with create(folder, name) as file:
        file.write(content)


def write_new(folder: str, name: str, content: bytes) -> bool:
    """A whole file, unless there is one of that name: then False, and nothing is written. Of two at the same moment, one writes.

    That holds for local folders, gs:// and s3://; on Beam's other file systems, which have no such operation, both may.
    """
    path = join(folder, name)
    if (store := store_of(folder)) is not None:
        return store.write_new(path, content)
    if "://" in folder:
        if not (found := exists(path)):
            write(folder, name, content)
        return not found
    beside = f"{path}-{uuid.uuid4().hex}"
    try:
        Path(beside).write_bytes(content)
        try:
            os.link(beside, path)  # unlike a renaming, it fails where there is a file; and the file is whole
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            with open(path, "xb") as file:
                file.write(content)
    except FileExistsError:
        return False
    finally:
        Path(beside).unlink(missing_ok=True)
    return True


def copy(source: str, folder: str, name: str) -> None:
    """Copies a file, at once or not at all; within an object store, nothing travels."""
    if (store := store_of(folder)) is not None and store is store_of(source):
        store.copy(source, join(folder, name))
        return
    with open_file(source) as original, create(folder, name) as file:
        shutil.copyfileobj(original, file, COPY_BYTES)


def write_json(folder: str, name: str, value: Any) -> None:
    """A value as readable JSON, keys in their given order."""
    write(folder, name, (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode())


def make_folder(path: str) -> None:
    """Makes a folder and those above it, where folders exist at all."""
    if store_of(path) is None and not exists(path):
        with contextlib.suppress(OSError):  # another worker may have made it meanwhile; a real fault shows when a file is created
            FileSystems.mkdirs(path)


def remove_folder(path: str) -> None:
    """Deletes all files below a folder, and the folder where folders exist: on an object store there are only the files."""
    remove(*list_files(join(as_pattern(path), "**")))
    if "://" not in path:
        shutil.rmtree(path, ignore_errors=True)


def remove_temporary(*folders: str) -> None:
    """Deletes what unfinished writings left in folders. On an object store they leave nothing there."""
    for folder in folders:
        if store_of(folder) is None:
            remove_folder(join(folder, TEMPORARY))


def discard_unfinished(folder: str) -> None:
    """Deletes what unfinished writings left below a folder of ours: temporary files, and uploads that nobody will end.

    While somebody writes there, what he writes is lost.
    """
    if (store := store_of(folder)) is not None:
        store.discard_unfinished(folder)
    remove_folder(join(folder, TEMPORARY))


def remove(*paths: str) -> None:
    """Deletes files and folders that are there."""
    if paths and (store := store_of(paths[0])) is not None:
        store.delete(paths)
        return
    present = [path for path in paths if exists(path)]
    if present:
        FileSystems.delete(present)


def each(work: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """What `work` gives for each item, in order; on several at a time, for it waits for answers."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, items))
