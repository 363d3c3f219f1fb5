"""Files of a run in a local folder or on an object store (gs://…), through TensorFlow's file systems.

A file is written under another name and renamed, so that it is there as a whole or not at all, whatever the file system.
"""

import hashlib
import json
from pathlib import Path

import tensorflow as tf

from albert_core.errors import AlbertError

CHUNK = 1 << 24  # bytes


def is_remote(path: str | Path) -> bool:
    """Whether the path names a file system of its own, as gs:// does."""
    return "://" in str(path)


def require_file_system(path: str | Path) -> None:
    """Refuses a path that TensorFlow cannot reach: `gs://` is built in, `s3://` is not.

    Raises:
      AlbertError: with what to do instead.
    """
    scheme, _, rest = str(path).partition("://")
    if not rest:
        return
    try:
        tf.io.gfile.exists(f"{scheme}://")
    except tf.errors.UnimplementedError as error:
        fix = "give a local folder or gs://…; what is to be read, copy there first"
        raise AlbertError(f"{path}: TensorFlow has no file system for {scheme}:// here\n{fix}") from error
    except tf.errors.OpError:  # a path of nothing, which the file system that is there does not like
        return


def join(folder: str | Path, name: str) -> str:
    """A file's path in a folder."""
    return f"{str(folder).rstrip('/')}/{name}"


def partial_name(path: str | Path) -> str:
    """What a file is called while it is written: hidden, beside it."""
    folder, slash, name = str(path).rpartition("/")
    return f"{folder}{slash}.{name}.partial"


def exists(path: str | Path) -> bool:
    """Whether there is a file or folder."""
    require_file_system(path)
    return bool(tf.io.gfile.exists(str(path)))


def list_names(folder: str | Path) -> list[str]:
    """Names of what is in a folder, sorted; none when there is no folder."""
    require_file_system(folder)
    try:
        return sorted(name.rstrip("/") for name in tf.io.gfile.listdir(str(folder)))
    except tf.errors.NotFoundError:
        return []


def make_folder(folder: str | Path) -> None:
    """Make a folder and those above it; fine if it is there."""
    require_file_system(folder)
    with saying(f"{folder} cannot be made"):
        tf.io.gfile.makedirs(str(folder))


def read_bytes(path: str | Path) -> bytes:
    """A whole file. FileNotFoundError when it is missing."""
    require_file_system(path)
    try:
        with tf.io.gfile.GFile(str(path), "rb") as file:
            return file.read()
    except tf.errors.NotFoundError as error:
        raise FileNotFoundError(f"{path}: {error.message}") from error


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a whole file, or leave what was there.

    Raises:
      AlbertError: the storage refuses: full, not allowed, not there.
    """
    require_file_system(path)
    partial = partial_name(path)
    with saying(f"{path} cannot be written"):
        remove(partial)
        with tf.io.gfile.GFile(partial, "wb") as file:
            file.write(content)
        tf.io.gfile.rename(partial, str(path), overwrite=True)


def write_json(path: str | Path, value: object) -> None:
    """Write `value` readably; the file is there as a whole or not at all."""
    write_bytes(path, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())


def rename(old: str | Path, new: str | Path) -> None:
    """Give a file another name, over one that has it."""
    with saying(f"{new} cannot be written"):
        tf.io.gfile.rename(str(old), str(new), overwrite=True)


def remove(path: str | Path) -> None:
    """Remove a file, if it is there."""
    if exists(path):
        tf.io.gfile.remove(str(path))


def sha256_of(path: str | Path) -> str:
    """Hex digest of a file's bytes."""
    digest = hashlib.sha256()
    try:
        with tf.io.gfile.GFile(str(path), "rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    except tf.errors.NotFoundError as error:
        raise FileNotFoundError(f"{path}: {error.message}") from error
    return digest.hexdigest()


class saying:  # noqa: N801 - reads as a word: with saying("… cannot be written")
    """What TensorFlow and the operating system raise when they cannot write, as a user reads it."""

    def __init__(self, what: str):
        self._what = what

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, tf.errors.OpError | OSError):
            reason = error.message if isinstance(error, tf.errors.OpError) else (error.strerror or str(error))
            raise AlbertError(
                f"{self._what}: {(reason or type(error).__name__).splitlines()[0]}\n"
                "make room or name another folder; the same command goes on from the newest checkpoint"
            ) from error
