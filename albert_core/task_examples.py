"""Training examples of a task as shards: the contract between `albert-data examples`, which writes them, and `finetune`, which reads them.

    manifest.json                               task, labels, tokens, vocabulary, counts and digests; written last: without it, no examples
    train-00000-of-00002.tfrecord, dev-00000…   a tf.train.Example a record, in the order of the task's file
    transform/                                  the graph of tensorflow-transform that made them

An example holds int64 lists: `input_ids`, `input_mask` and `segment_ids` as long as the sequence is, `label` (-1: none), `number` (of the
record in its file). Padding is the reader's: tf.data's `padded_batch` fills all three with 0, which is right for each.
"""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import tensorflow as tf

from albert_core.errors import AlbertError
from albert_core.shards import MANIFEST
from albert_core.task_features import NO_LABEL, Feature, Row
from albert_core.task_files import Record
from albert_core.tasks import Task
from albert_core.tfrecord import split_frames

KIND, SCHEMA_VERSION = "task_examples", 1
TRANSFORM = "transform"
SEQUENCES = INPUT_IDS, INPUT_MASK, SEGMENT_IDS = ("input_ids", "input_mask", "segment_ids")
LABEL, NUMBER = "label", "number"
FREE = ("about", "metric", "max_seq_length", "num_train_epochs", "train_batch_size", "published")  # of a task: does not decide features


def encode_example(values: dict[str, Sequence[int]]) -> bytes:
    """An example as it stands in a shard, the same bytes every time: keys in order."""
    features = {name: tf.train.Feature(int64_list=tf.train.Int64List(value=value)) for name, value in values.items()}
    return bytes(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(deterministic=True))


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskExamples:
    """The examples of a folder."""

    folder: Path
    manifest: dict[str, Any]

    @classmethod
    def find(cls, data: str | Path) -> Self | None:
        """Those of `data`, None where it is no such folder.

        Raises:
          AlbertError: the manifest is damaged, or of another version.
        """
        path = Path(data) / MANIFEST
        if not path.is_file():
            return None
        try:
            manifest = json.loads(path.read_bytes())
            version = manifest["schema_version"] if manifest["kind"] == KIND else None
        except (ValueError, TypeError, KeyError) as error:
            raise AlbertError(f"{path} cannot be read: {error}\nwrite the examples anew: albert-data examples") from error
        if version is None:
            raise AlbertError(
                f"{data} is a dataset of kind {manifest['kind']}, for pretraining\n"
                "give the folder of a task, or what albert-data examples made"
            )
        if version != SCHEMA_VERSION:
            raise AlbertError(
                f"{path} has schema version {version}, known is {SCHEMA_VERSION}\nwrite the examples anew: albert-data examples"
            )
        return cls(folder=Path(data), manifest=manifest)

    @property
    def max_seq_length(self) -> int:
        """Tokens that the longest example may have."""
        return int(self.manifest["max_seq_length"])

    @property
    def labels(self) -> tuple[str, ...]:
        """What the numbers in `label` mean."""
        return tuple(self.manifest["labels"])

    def check(self, task: Task, *, vocabulary_sha256: str, lower_case: bool, max_seq_length: int | None) -> None:
        """Refuse what these examples do not fit.

        Raises:
          AlbertError: another task, vocabulary, case or length; both values are named.
        """
        theirs = Task.from_json(self.manifest["task"], origin=str(self.folder / MANIFEST))
        if different := [name for name, value in _deciding(task).items() if _deciding(theirs)[name] != value]:
            raise AlbertError(
                f"{self.folder} holds examples of the task {theirs.name}, --task is {task.name}: {different[0]} differs\n"
                f"write them for it: albert-data examples --task {task.name}"
            )
        made = self.manifest["vocabulary"]["sha256"]
        if made != vocabulary_sha256:
            raise AlbertError(
                f"{self.folder} was made with another vocabulary (SHA-256 {made[:12]}…) than the model has ({vocabulary_sha256[:12]}…)\n"
                "write the examples with the vocab.txt beside the model"
            )
        if self.manifest["normalization"]["lower_case"] != lower_case:
            raise AlbertError(
                f"{self.folder} was made with lower_case {not lower_case}, the model has {lower_case}\n"
                f"write the examples with {'--lower-case' if lower_case else '--no-lower-case'}"
            )
        if max_seq_length not in (None, self.max_seq_length):
            raise AlbertError(
                f"--max-seq-length {max_seq_length}, but {self.folder} was cut to {self.max_seq_length} tokens\n"
                "leave it out, or write the examples with it"
            )

    def read(self, split: str) -> tuple[list[Record], list[Row]]:
        """The records of a split, whose texts are gone, and their sequences, in the order of the file.

        Raises:
          AlbertError: a shard is missing or damaged.
        """
        records: list[Record] = []
        rows: list[Row] = []
        for shard in self.manifest["shards"]:
            if shard["split"] == split:
                for example in self._examples(shard):
                    label, number = example[LABEL][0], example[NUMBER][0]
                    where = f"{self.folder}, example {number} of {split}"
                    records.append(Record(where, str(number), (), None if label == NO_LABEL else self.labels[label]))
                    rows.append(Row(example[INPUT_IDS], example[SEGMENT_IDS]))
        return records, rows

    def _examples(self, shard: dict[str, Any]) -> list[dict[str, list[int]]]:
        path = self.folder / shard["name"]
        try:
            content = path.read_bytes()
        except OSError as error:
            raise AlbertError(f"{path} cannot be read: {error.strerror}\nwrite the examples anew: albert-data examples") from error
        if hashlib.sha256(content).hexdigest() != shard["sha256"]:
            raise AlbertError(f"{path} is not as it was written: its SHA-256 differs\nwrite the examples anew: albert-data examples")
        examples = (tf.train.Example.FromString(record).features.feature for record in split_frames(content))
        return [{name: list(example[name].int64_list.value) for name in (INPUT_IDS, SEGMENT_IDS, LABEL, NUMBER)} for example in examples]


def to_features(records: Sequence[Record], rows: Sequence[Row], labels: Sequence[str]) -> list[Feature]:
    """The features that `Encoder.encode` would have made of the texts."""
    numbers = {label: number for number, label in enumerate(labels)}
    return [
        Feature(at, (row,), (NO_LABEL if record.label is None else numbers[record.label],))
        for at, (record, row) in enumerate(zip(records, rows, strict=True))
    ]


def _deciding(task: Task) -> dict[str, Any]:
    return {name: value for name, value in task.to_json().items() if name not in FREE}
