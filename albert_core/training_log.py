"""What a training run leaves to look at: metrics.jsonl, one line a step, and the same as TensorBoard curves."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import tensorflow as tf

METRICS = "metrics.jsonl"
EVENTS = "events"
EVENTS_EVERY = 10  # steps; TensorBoard needs no more, and an event costs as much as a line


class TrainingLog:
    """Appends to the log of a run that stands at `step`. Later lines, which a killed run left, are cut off: each step is in once."""

    def __init__(self, folder: Path, step: int):
        self._path = folder / METRICS
        _cut_after(self._path, step)
        self._file = self._path.open("a", encoding="utf-8")
        (folder / EVENTS).mkdir(exist_ok=True)
        # Written as records, which needs no tensorboard installed, as tf.summary does.
        self._events = tf.io.TFRecordWriter(str(folder / EVENTS / f"events.out.tfevents.{time.time_ns()}"))
        self._record(tf.compat.v1.Event(file_version="brain.Event:2"))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """One line, and every tenth step (or with held-out values) a point on each curve."""
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()
        if step % EVENTS_EVERY == 0 or any(name.startswith("held_out") for name in values):
            points = [tf.compat.v1.Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
            self._record(tf.compat.v1.Event(step=step, summary=tf.compat.v1.Summary(value=points)))

    def sync(self) -> None:
        """Everything written is on the disk: call before a checkpoint that says so."""
        self._events.flush()
        self._file.flush()
        os.fsync(self._file.fileno())

    def _record(self, event: Any) -> None:
        event.wall_time = time.time()
        self._events.write(event.SerializeToString())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.sync()
        self._file.close()
        self._events.close()


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's metrics.jsonl."""
    with (folder / METRICS).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _cut_after(path: Path, step: int) -> None:
    """Keep the lines of steps ≤ `step`; a last line that was cut short goes too."""
    if not path.exists():
        return
    kept = bytearray()
    for line in path.read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n") or json.loads(line)["step"] > step:
            break
        kept += line
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(kept)
    partial.replace(path)
