"""A fine-tuned model, asked: records in, answers out. Its folder says by task.json what the rows of its head mean."""

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import tensorflow as tf

from albert_core.errors import AlbertError
from albert_core.model_source import ModelSource, read_model
from albert_core.modeling import Albert
from albert_core.task_answers import Answer, read_answers
from albert_core.task_features import Encoder, Feature, stack_features, width_of
from albert_core.task_files import Record
from albert_core.task_heads import task_log_probs
from albert_core.tasks import CHOICE, CLASSIFY, SPAN, TAG, Task

RECORD = "task.json"
FIXED_LABELS = {SPAN: ("start", "end"), CHOICE: ("score",)}
TOKENS_AT_ONCE = 8192  # of a batch: 64 texts of 128 tokens, 16 of 512

BATCH = {"input_ids": tf.int32, "input_mask": tf.int32, "segment_ids": tf.int32, "choices": tf.float32}  # of stack_features, what is read

Report = Callable[[int, int], None]


class TaskModel:
    """A model and what it was fine-tuned on. Asked from any thread."""

    def __init__(self, model: Albert, task: Task, labels: Sequence[str], encoder: Encoder):
        self.model, self.task, self.labels, self.encoder = model, task, tuple(labels), encoder
        signature = {name: tf.TensorSpec([None, None], dtype) for name, dtype in BATCH.items()}
        self._log_probs = tf.function(lambda batch: task_log_probs(model, task.kind, batch), input_signature=[signature], autograph=False)
        self._lock = threading.Lock()  # tf.function may trace, which one thread at a time does

    @classmethod
    def load(cls, path: str | Path, *, task: Task | None = None) -> Self:
        """The model of a folder that `finetune` has made; with `task` one that another program has fine-tuned on it.

        Raises:
          AlbertError: it is no model, or has no task.json or no head for it.
        """
        origin = f"--task {task.name}" if task else str(Path(path) / RECORD)
        described = describe_task(task) if task else read_task(path)
        source = read_model(path)
        task, labels = described.task, described.labels
        length = min(described.max_seq_length, source.config.max_position_embeddings)
        check_head(source, labels, origin)
        return cls(source.build(), task, labels, Encoder(task, source.tokenizer(), labels, length))

    def answer(self, records: Sequence[Record], *, report: Report = lambda done, total: None) -> list[Answer]:
        """The answers to `records`, computed from the longest to the shortest so that little is padding. `report(done, all features)`."""
        return self.answer_features(records, self.encoder.encode(records), report=report)

    def answer_features(
        self, records: Sequence[Record], features: Sequence[Feature], *, report: Report = lambda done, total: None
    ) -> list[Answer]:
        """The same where the features of the records have been made before."""
        outputs: list[np.ndarray] = [np.zeros(0)] * len(features)
        done = 0
        for batch in _batches(features):
            width = width_of(features[batch[0]].length, self.encoder.max_seq_length)
            stacked = stack_features([features[at] for at in batch], width=width, pad_id=self.encoder.tokenizer.pad_id)
            with self._lock:
                log_probs = self._log_probs({name: tf.constant(stacked[name]) for name in BATCH}).numpy()
            for at, row in zip(batch, log_probs, strict=True):
                outputs[at] = cut_output(self.task, row, features[at].length)
            done += len(batch)
            report(done, len(features))
        return read_answers(self.task, self.labels, records, features, outputs)

    def record_of(self, texts: Sequence[str], *, where: str = "the text", choices: Sequence[str] = ()) -> Record:
        """The record of texts that somebody asks about.

        Raises:
          AlbertError: there are more or fewer than the task has, or one is empty.
        """
        names = self.text_names
        if len(texts) != len(names):
            raise AlbertError(
                f"{where}: {len(texts)} texts, {self.task.name} takes {len(names)}: {' and '.join(names)}\ngive them, each quoted"
            )
        if empty := [name for name, text in zip(names, texts, strict=True) if not text.strip()]:
            raise AlbertError(f"{where}: the {empty[0]} is empty\ngive a text")
        return Record(where, where, tuple(texts), choices=tuple(choices))

    @property
    def num_texts(self) -> int:
        """Texts of a record, without choices."""
        return len(self.text_names)

    @property
    def text_names(self) -> tuple[str, ...]:
        """What each of them is."""
        return self.task.text_names

    def describe(self, record: Record, answer: Answer, *, top_k: int = 5) -> dict[str, Any]:
        """An answer as JSON has it: label and scores (the `top_k` highest), entities, choice or answer, each with its probability."""
        if self.task.kind == TAG:
            text = record.texts[0]
            return {"entities": [{"text": text[e.start : e.end], "type": e.type, "start": e.start, "end": e.end} for e in answer.value]}
        if self.task.kind == CLASSIFY:
            scores = sorted(zip(self.labels, answer.scores, strict=True), key=lambda item: -item[1])
            return {"label": answer.value, "probability": answer.probability, "scores": dict(scores[:top_k])}
        if self.task.kind == CHOICE:
            return {"choice": record.choices[int(answer.value)], "probability": answer.probability}
        return {"answer": answer.value, "probability": answer.probability}


def _batches(features: Sequence[Feature]) -> Iterable[list[int]]:
    """Numbers of features, longest first, as many at a time as TOKENS_AT_ONCE allow."""
    order = sorted(range(len(features)), key=lambda at: -features[at].length)
    start = 0
    while start < len(order):
        first = features[order[start]]
        count = max(1, TOKENS_AT_ONCE // (first.length * len(first.rows)))
        yield order[start : start + count]
        start += count


def cut_output(task: Task, output: np.ndarray, length: int) -> np.ndarray:
    """The part of an output that is not padding."""
    if task.kind in (CLASSIFY, CHOICE):
        return output
    return output[:, :length] if task.kind == SPAN else output[:length]


class DescribedTask(NamedTuple):
    """What task.json says."""

    task: Task
    labels: list[str]
    max_seq_length: int


def read_task(folder: str | Path) -> DescribedTask:
    """What `write_task` wrote.

    Raises:
      AlbertError: it is missing or damaged.
    """
    record = Path(folder) / RECORD
    if not record.exists():
        raise AlbertError(
            f"{folder} was not fine-tuned on a task: it has no {RECORD}\nfine-tune it: albert-train finetune --task NAME --model {folder}"
        )
    try:
        described = json.loads(record.read_bytes())
        return DescribedTask(Task.from_json(described["task"], origin=str(record)), described["labels"], int(described["max_seq_length"]))
    except (ValueError, KeyError, TypeError) as error:
        raise AlbertError(f"{record} cannot be read: {error}\ncopy it anew from where the model was fine-tuned") from error


def describe_task(task: Task) -> DescribedTask:
    """What task.json would say of a model that another program has fine-tuned on `task`, with the labels in its declared order.

    Raises:
      AlbertError: the declaration does not say what the labels are.
    """
    labels = task.labels if task.kind == CLASSIFY else FIXED_LABELS.get(task.kind, ())
    if not labels:
        raise AlbertError(
            f"--task {task.name} does not say which labels the head has, or in which order\n"
            'declare them: a file mine.json with {"name": "mine", "labels": ["…", "…"]}, and --task mine.json'
        )
    return DescribedTask(task, list(labels), task.max_seq_length)


def check_head(source: ModelSource, labels: Sequence[str], origin: str) -> None:
    """Refuse a model whose head has not a row for each of `labels`, which `origin` names.

    Raises:
      AlbertError: both numbers are named.
    """
    found = source.heads.num_labels
    if found != len(labels):
        there = f"a head of {found} labels" if found else "no head for a task"
        raise AlbertError(
            f"{source.path} has {there}, {origin} has {len(labels)}: {', '.join(labels[:12])}\n"
            f"{'give the task that it was fine-tuned on' if found else 'fine-tune it first: albert-train finetune --task NAME'}"
        )


def write_task(folder: str | Path, task: Task, labels: Sequence[str], max_seq_length: int) -> None:
    """What `TaskModel.load` reads beside the weights."""
    described: dict[str, Any] = {"task": task.to_json(), "labels": list(labels), "max_seq_length": max_seq_length}
    (Path(folder) / RECORD).write_text(json.dumps(described, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
