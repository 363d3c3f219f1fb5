"""What a training run leaves to look at: metrics.jsonl, one line a step, and the same as TensorBoard curves."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import tensorflow as tf

from albert_core import storage

METRICS = "metrics.jsonl"
EVENTS = "events"
EVENTS_EVERY = 10  # steps; TensorBoard needs no more, and an event costs as much as a line


class TrainingLog:
    """Appends to the log of a run that stands at `step`. Later lines, which a killed run left, are cut off: each step is in once.

    An object store cannot append: there the lines wait for `sync`, which writes the whole file.
    """

    def __init__(self, folder: str | Path, step: int, *, write: bool = True):
        """`write`: False on a host whose lines another one writes."""
        self._silent = not write
        if self._silent:
            return
        self._path = storage.join(folder, METRICS)
        kept = _until(self._path, step)
        self._remote: bytearray | None = None
        if storage.is_remote(folder):
            self._remote = bytearray(kept)
        else:
            if storage.exists(self._path):
                storage.write_bytes(self._path, kept)
            self._file = Path(self._path).open("a", encoding="utf-8")  # noqa: SIM115 - open as long as the run
        storage.make_folder(storage.join(folder, EVENTS))
        # Written as records, which needs no tensorboard installed, as tf.summary does.
        self._events = tf.io.TFRecordWriter(storage.join(folder, f"{EVENTS}/events.out.tfevents.{time.time_ns()}"))
        self._record(tf.compat.v1.Event(file_version="brain.Event:2"))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """One line, and every tenth step (or with held-out values) a point on each curve."""
        if self._silent:
            return
        line = json.dumps({"step": step, **values}) + "\n"
        if self._remote is not None:
            self._remote += line.encode()
        else:
            self._file.write(line)
            self._file.flush()
        if step % EVENTS_EVERY == 0 or any(name.startswith("held_out") for name in values):
            points = [tf.compat.v1.Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
            self._record(tf.compat.v1.Event(step=step, summary=tf.compat.v1.Summary(value=points)))

    def sync(self) -> None:
        """Everything written is on the disk: call before a checkpoint that says so."""
        if self._silent:
            return
        self._events.flush()
        if self._remote is not None:
            storage.write_bytes(self._path, bytes(self._remote))
            return
        self._file.flush()
        os.fsync(self._file.fileno())

    def _record(self, event: Any) -> None:
        event.wall_time = time.time()
        self._events.write(event.SerializeToString())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._silent:
            return
        self.sync()
        if self._remote is None:
            self._file.close()
        self._events.close()


def read_metrics(folder: str | Path) -> list[dict[str, Any]]:
    """The lines of a run's metrics.jsonl."""
    return [json.loads(line) for line in storage.read_bytes(storage.join(folder, METRICS)).splitlines()]


def _until(path: str, step: int) -> bytes:
    """The lines of steps ≤ `step`; a last line that was cut short goes too."""
    if not storage.exists(path):
        return b""
    kept = bytearray()
    for line in storage.read_bytes(path).splitlines(keepends=True):
        if not line.endswith(b"\n") or json.loads(line)["step"] > step:
            break
        kept += line
    return bytes(kept)
