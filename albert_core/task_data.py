"""The data of a fine-tuning: both files read, checked against each other, and encoded."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from albert_core.errors import AlbertError
from albert_core.finetuning_recipe import FinetuningConfig
from albert_core.model_source import ModelSource
from albert_core.task_features import Encoder, Feature
from albert_core.task_files import Record, check_labels, find_file, list_labels, read_records
from albert_core.task_metrics import is_labelled
from albert_core.tasks import CLASSIFY, Task

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TaskData:
    """The records of a task, as features too."""

    task: Task
    labels: tuple[str, ...]
    encoder: Encoder
    train: list[Feature]
    dev_records: list[Record]
    prior: np.ndarray  # how many training examples each label has
    num_unlabelled: int

    @classmethod
    def read(cls, config: FinetuningConfig, source: ModelSource) -> "TaskData":
        """Read and encode both files.

        Raises:
          AlbertError: a file, a record or a label cannot be used; which one is named.
        """
        task = config.task
        length = min(config.max_seq_length or task.max_seq_length, source.config.max_position_embeddings)
        if config.max_seq_length and config.max_seq_length > length:
            raise AlbertError(
                f"--max-seq-length {config.max_seq_length} is more than the {length} positions of {config.model}\ngive at most {length}"
            )
        train_file, dev_file = (
            given or find_file(config.data, split) for given, split in ((config.train_file, "train"), (config.dev_file, "dev"))
        )
        given = read_records(str(train_file), task)
        train = [record for record in given if is_labelled(task, record)][: config.max_train_examples]
        if not train:
            fix = f"give a column {' or '.join(task.label)}, or name yours: --task single or pair with --columns"
            raise AlbertError(f"{given[0].where}: neither this record nor any after it has a label\n{fix}")
        labels = list_labels(task, train)
        dev = read_records(str(dev_file), task)
        check_labels(task, train, labels)
        check_labels(task, dev, labels)
        if not any(is_labelled(task, record) for record in dev):
            raise AlbertError(f"{dev_file} has no labels\ngive the labelled file: --dev-file")
        encoder = Encoder(task, source.tokenizer(), labels, length)
        encoder.check_readable(train)
        encoder.check_readable([record for record in dev if is_labelled(task, record)])
        for file, records in ((train_file, train), (dev_file, dev)):
            say_what_is_cut(str(file), encoder, records)
        features = encoder.encode(train)
        counts = np.bincount([feature.target[0] for feature in features], minlength=1) if task.kind == CLASSIFY else np.ones(1)
        prior = np.pad(counts.astype(np.float64), (0, max(0, len(labels) - len(counts))))
        return cls(
            task=task, labels=labels, encoder=encoder, train=features, dev_records=dev, prior=prior, num_unlabelled=len(given) - len(train)
        )  # fmt: skip


def say_what_is_cut(file: str, encoder: Encoder, records: Sequence[Record]) -> None:
    """Warn of texts longer than the model reads: how many, and where the longest stands."""
    if cut := encoder.count_cut(records):
        characters = sum(map(len, cut[0].texts))
        log.warning(
            "%s: %s of %s records have more than %s tokens, and are cut; the longest, %s, has %s characters",
            file, f"{len(cut):,}", f"{len(records):,}", encoder.max_seq_length, cut[0].where.rpartition(", ")[2], f"{characters:,}",
        )  # fmt: skip
