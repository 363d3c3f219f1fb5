"""Weights on disk: TF1 "name-based" bundles, in and out, and the numbered checkpoints of a training run.

A bundle is `PREFIX.index` and `PREFIX.data-00000-of-00001`, as the TF1 Saver writes it: the original scripts restore ours, we theirs.
A training checkpoint is a bundle `model.ckpt-STEP` of weights, optimizer slots and `global_step`, plus `model.ckpt-STEP.json` with the
SHA-256 of its files. The JSON is renamed into place last: without it, or with another digest, there is no checkpoint.
"""

import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from albert_core import storage
from albert_core.errors import AlbertError

INDEX, DATA = ".index", ".data-00000-of-00001"
PREFIX = "model.ckpt"
STATE_FILE = re.compile(rf"{re.escape(PREFIX)}-(\d+)\.json")  # written last: it makes a checkpoint
SLOT = re.compile(r"/(adam|lamb)_[mv]$|^global_step$")  # what an optimizer keeps beside the weights

log = logging.getLogger(__name__)


def write_bundle(prefix: str | Path, variables: Mapping[str, tf.Variable | np.ndarray]) -> None:
    """Write `variables` under their names. Both files appear under a temporary name first, the index last.

    Raises:
      AlbertError: the storage refuses them: no room, no right, no such folder. What was there before is still there.
    """
    partial = storage.partial_name(prefix)
    names = sorted(variables)
    tensors = [tf.convert_to_tensor(variables[name]) for name in names]
    with storage.saying(f"checkpoint {prefix} cannot be saved"):
        tf.raw_ops.SaveV2(prefix=partial, tensor_names=names, shape_and_slices=[""] * len(names), tensors=tensors)
        for suffix in (DATA, INDEX):
            storage.rename(f"{partial}{suffix}", f"{prefix}{suffix}")


class StoredVariable(NamedTuple):
    """What a bundle says of a variable before it is read."""

    shape: tuple[int, ...]
    dtype: tf.DType


def list_bundle(prefix: str | Path) -> dict[str, StoredVariable]:
    """The variables of a TF1 checkpoint by name.

    Raises:
      AlbertError: no checkpoint has this prefix, or its files are damaged.
    """
    with _reader(prefix) as reader:
        types = reader.get_variable_to_dtype_map()
        shapes = reader.get_variable_to_shape_map()
        return {name: StoredVariable(tuple(shape), types[name]) for name, shape in sorted(shapes.items())}


def read_bundle(prefix: str | Path, *, with_slots: bool = False, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Tensors of a TF1 checkpoint: those of `names`, else all; without optimizer slots and `global_step` unless asked for.

    Raises:
      AlbertError: no checkpoint has this prefix, or its files are damaged.
    """
    with _reader(prefix) as reader:
        if names is None:
            names = [name for name in reader.get_variable_to_shape_map() if with_slots or not SLOT.search(name)]
        return {name: reader.get_tensor(name) for name in sorted(names)}


@contextmanager
def _reader(prefix: str | Path) -> Iterator[Any]:
    """TensorFlow's reader of a bundle; what it raises is said as a user reads it."""
    if not storage.exists(f"{prefix}{INDEX}"):
        raise AlbertError(f"no checkpoint {prefix}: {prefix}{INDEX} does not exist\ngive the path without .index, as in albert_model.ckpt")
    try:
        yield tf.compat.v1.train.NewCheckpointReader(str(prefix))
    except (tf.errors.OpError, ValueError, RuntimeError, IndexError) as error:  # a short file is an IndexError
        reason = str(error).splitlines()[0]
        raise AlbertError(f"checkpoint {prefix} is damaged: {reason}\ncopy its .index and .data files anew") from error


def assign(variables: Mapping[str, tf.Variable], values: Mapping[str, np.ndarray], *, origin: str | Path) -> None:
    """Set every variable from `values`; what `values` holds beyond them is left alone.

    Raises:
      AlbertError: one is missing, or has another shape: both are named. Nothing has been assigned then.
    """
    if missing := sorted(set(variables) - set(values)):
        rest = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise AlbertError(f"{origin} lacks {', '.join(missing[:3])}{rest}\nit is of another model: compare its config.json")
    for name, variable in variables.items():
        if tuple(variable.shape) != values[name].shape:
            raise AlbertError(
                f"{origin}: {name} has shape {list(values[name].shape)}, the configuration asks for {list(variable.shape)}\n"
                "give the config.json that the checkpoint was made with"
            )
    for name, variable in variables.items():
        variable.assign(values[name])


@dataclass(frozen=True, kw_only=True)
class CheckpointFolder:
    """The numbered checkpoints of one training run, in a local folder or on an object store. Keeps the newest `keep`."""

    path: str | Path
    keep: int = 5

    def steps(self) -> list[int]:
        """Steps of the finished checkpoints, rising."""
        return sorted(int(found[1]) for name in storage.list_names(self.path) if (found := STATE_FILE.fullmatch(name)))

    def prefix(self, step: int) -> str:
        """The bundle of a step."""
        return storage.join(self.path, f"{PREFIX}-{step}")

    def save(self, step: int, variables: Mapping[str, tf.Variable], *, good_until: int | None = None) -> None:
        """Write a checkpoint; then, and only then, remove those beyond `keep`, oldest first.

        The newest one up to step `good_until` stays, however old: a run that goes wrong after it can go back there.
        """
        storage.make_folder(self.path)
        prefix = self.prefix(step)
        write_bundle(prefix, variables)
        digests = {f"{PREFIX}-{step}{suffix}": storage.sha256_of(f"{prefix}{suffix}") for suffix in (DATA, INDEX)}
        storage.write_json(f"{prefix}.json", {"step": step, "sha256": digests})
        saved = self.steps()
        good = max((old for old in saved if good_until is not None and old <= good_until), default=None)
        for old in saved[: -self.keep]:
            if old == good:
                continue
            for suffix in (".json", INDEX, DATA):  # the JSON first: a kill in between leaves no checkpoint that looks whole
                storage.remove(f"{self.prefix(old)}{suffix}")

    def restore_newest(self, variables: Mapping[str, tf.Variable]) -> int:
        """Set `variables` from the newest intact checkpoint and return its step; 0 when there is none at all.

        A damaged one is named in a warning, and the one before is taken.

        Raises:
          AlbertError: there are checkpoints, and all are damaged.
        """
        damaged = []
        for step in reversed(self.steps()):
            if (reason := self.find_damage(step)) is None:
                prefix = self.prefix(step)
                assign(variables, read_bundle(prefix, with_slots=True), origin=prefix)
                return step
            damaged.append(reason)
            log.warning("%s; trying the checkpoint before it", reason)
        if damaged:
            raise AlbertError(f"{damaged[0]}, and no other is intact\nremove {self.path} to start from step 0")
        return 0

    def find_damage(self, step: int) -> str | None:
        """Why the checkpoint of `step` cannot be used, else None."""
        state = f"{PREFIX}-{step}.json"
        try:
            digests = json.loads(storage.read_bytes(storage.join(self.path, state)))["sha256"]
            for name, digest in digests.items():
                if storage.sha256_of(storage.join(self.path, name)) != digest:
                    return f"checkpoint {storage.join(self.path, name)} is damaged: its SHA-256 is not the one in {state}"
        except (OSError, ValueError, KeyError) as error:
            return f"checkpoint {self.prefix(step)} is incomplete: {error}"
        return None
