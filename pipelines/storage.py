"""Whole files on any file system that Beam knows: read, written under a temporary name and renamed, listed, removed."""

import contextlib
import json
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from apache_beam.io.filesystem import CompressionTypes, FileMetadata
from apache_beam.io.filesystems import FileSystems

COPY_BYTES = 8 << 20
TEMPORARY = "temporary"  # folder of unfinished files in an output folder


def join(folder: str, *names: str) -> str:
    """A path below a local or remote folder."""
    return FileSystems.join(folder, *names)


def exists(path: str) -> bool:
    """Whether a file or folder is there."""
    return FileSystems.exists(path)


def is_file(path: str) -> bool:
    """Whether a file is there, and not a folder."""
    return exists(path) and not ("://" not in path and Path(path).is_dir())  # object stores have no folders


def open_file(path: str) -> BinaryIO:
    """A file to read, its bytes as they are stored."""
    return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)


def read(path: str) -> bytes:
    """A file's bytes as they are stored, compressed or not."""
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
    here = "" if "/" in pattern or "://" in pattern else "./"
    found = FileSystems.match([here + pattern])[0].metadata_list
    return [FileMetadata(entry.path.removeprefix(here), entry.size_in_bytes, entry.last_updated_in_seconds) for entry in found]


def list_files(pattern: str) -> list[str]:
    """Paths that match, sorted."""
    return sorted(metadata.path for metadata in match(pattern))


@contextlib.contextmanager
def create(folder: str, name: str) -> Iterator[BinaryIO]:
    """A file to write; it gets its `name` in `folder` only when the block ends without an error, so no half file looks whole."""
    make_folder(join(folder, TEMPORARY))
    temporary = join(folder, TEMPORARY, f"{name.replace('/', '-')}-{uuid.uuid4().hex}")
    with FileSystems.create(temporary, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        yield file
    FileSystems.rename([temporary], [join(folder, name)])


def move(source: str, target: str) -> None:
    """Gives a file another path on the same file system; what stood there is replaced."""
    FileSystems.rename([source], [target])


def write(folder: str, name: str, content: bytes) -> None:
    """A whole file, at once or not at all."""
    with create(folder, name) as file:
        file.write(content)


def copy(source: str, folder: str, name: str) -> None:
    """Copies a file, at once or not at all."""
    with open_file(source) as original, create(folder, name) as file:
        shutil.copyfileobj(original, file, COPY_BYTES)


def write_json(folder: str, name: str, value: Any) -> None:
    """A value as readable JSON, keys in their given order."""
    write(folder, name, (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode())


def make_folder(path: str) -> None:
    """Makes a folder and those above it, where folders exist at all."""
    if not exists(path):
        with contextlib.suppress(OSError):  # another worker may have made it meanwhile; a real fault shows when a file is created
            FileSystems.mkdirs(path)


def remove_folder(path: str) -> None:
    """Deletes all files below a folder, and the folder where folders exist: on an object store there are only the files."""
    remove(*list_files(join(path, "**")))
    if "://" not in path:
        shutil.rmtree(path, ignore_errors=True)


def remove_temporary(*folders: str) -> None:
    """Deletes what unfinished writings left in folders."""
    for folder in folders:
        remove_folder(join(folder, TEMPORARY))


def remove(*paths: str) -> None:
    """Deletes files and folders that are there."""
    present = [path for path in paths if exists(path)]
    if present:
        FileSystems.delete(present)
