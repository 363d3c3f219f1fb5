"""The data of a fine-tuning: both files read, checked against each other, and encoded; or the examples that `albert-data` made of them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from albert_core.errors import AlbertError
from albert_core.finetuning_recipe import FinetuningConfig
from albert_core.model_source import ModelSource
from albert_core.task_examples import TaskExamples, to_features
from albert_core.task_features import Encoder, Feature, Row
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
    dev: list[Feature]
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
        examples = _find_examples(config, source)
        length = min(config.max_seq_length or task.max_seq_length, source.config.max_position_embeddings)
        if examples:
            length = examples.max_seq_length
            if length > source.config.max_position_embeddings:
                raise AlbertError(
                    f"{config.data} has examples of {length} tokens, {config.model} has {source.config.max_position_embeddings} positions\n"
                    f"write them with --max-seq-length {source.config.max_position_embeddings}"
                )
        elif config.max_seq_length and config.max_seq_length > length:
            raise AlbertError(
                f"--max-seq-length {config.max_seq_length} is more than the {length} positions of {config.model}\ngive at most {length}"
            )
        (train_file, given, given_rows), (dev_file, dev, dev_rows) = (_read(config, examples, split) for split in ("train", "dev"))
        kept = [at for at, record in enumerate(given) if is_labelled(task, record)][: config.max_train_examples]
        train = [given[at] for at in kept]
        if not train:
            fix = f"give a column {' or '.join(task.label)}, or name yours: --task single or pair with --columns"
            raise AlbertError(f"{given[0].where}: neither this record nor any after it has a label\n{fix}")
        labels = list_labels(task, train)
        check_labels(task, train, labels)
        check_labels(task, dev, labels)
        if not any(is_labelled(task, record) for record in dev):
            raise AlbertError(f"{dev_file} has no labels\ngive the labelled file: --dev-file")
        encoder = Encoder(task, source.tokenizer(), labels, length)
        if examples:
            features, dev_features = to_features(train, [given_rows[at] for at in kept], labels), to_features(dev, dev_rows, labels)
        else:
            encoder.check_readable(train)
            encoder.check_readable([record for record in dev if is_labelled(task, record)])
            for file, records in ((train_file, train), (dev_file, dev)):
                say_what_is_cut(str(file), encoder, records)
            features, dev_features = encoder.encode(train), encoder.encode(dev)
        counts = np.bincount([feature.target[0] for feature in features], minlength=1) if task.kind == CLASSIFY else np.ones(1)
        prior = np.pad(counts.astype(np.float64), (0, max(0, len(labels) - len(counts))))
        return cls(
            task=task, labels=labels, encoder=encoder, train=features, dev=dev_features, dev_records=dev, prior=prior,
            num_unlabelled=len(given) - len(train),
        )  # fmt: skip


def say_what_is_cut(file: str, encoder: Encoder, records: Sequence[Record]) -> None:
    """Warn of texts longer than the model reads: how many, and where the longest stands."""
    if cut := encoder.count_cut(records):
        characters = sum(map(len, cut[0].texts))
        log.warning(
            "%s: %s of %s records have more than %s tokens, and are cut; the longest, %s, has %s characters",
            file, f"{len(cut):,}", f"{len(records):,}", encoder.max_seq_length, cut[0].where.rpartition(", ")[2], f"{characters:,}",
        )  # fmt: skip


def _find_examples(config: FinetuningConfig, source: ModelSource) -> TaskExamples | None:
    """The examples that --data holds in place of files, if it does and they fit."""
    examples = TaskExamples.find(config.data)
    if examples and (named := next((name for name in ("train_file", "dev_file") if getattr(config, name)), None)):
        raise AlbertError(
            f"--{named.replace('_', '-')} does not go with {config.data}, which holds examples already\n"
            "leave it out, or give the task's files"
        )
    if examples:
        tokenizer = source.tokenizer()
        examples.check(
            config.task, vocabulary_sha256=tokenizer.sha256, lower_case=tokenizer.lower_case, max_seq_length=config.max_seq_length
        )
    return examples


def _read(config: FinetuningConfig, examples: TaskExamples | None, split: str) -> tuple[str, list[Record], list[Row]]:
    """(where they are from, the records of a split, their sequences if they are made already)."""
    if examples:
        return f"{config.data}, {split}", *examples.read(split)
    given = config.train_file if split == "train" else config.dev_file
    path = str(given or find_file(config.data, split))
    return path, read_records(path, config.task), []
