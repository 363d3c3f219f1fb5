"""Records of a task as token ids: texts cut to the model's length, the label as a number, and the way back from tokens to characters.

classify  [CLS] a [SEP]   [CLS] a [SEP] b [SEP]       one row; the longer text is cut first
choice    [CLS] text [SEP] question answer [SEP]      a row for each answer; the text is cut
span      [CLS] question [SEP] window [SEP]           overlapping windows over a long text, a feature each
tag       [CLS] window [SEP]                          windows side by side: no character is left out
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from albert_core.errors import AlbertError
from albert_core.task_files import Record
from albert_core.tasks import CHOICE, CLASSIFY, SPAN, Task
from albert_core.tokenization import Tokenizer

STRIDE = 128  # tokens between the starts of two windows over a text (BERT's run_squad.py)
MAX_QUESTION = 64  # tokens (the same)
NO_LABEL = -1
OUTSIDE = "O"
UNREADABLE = "remove it, or give the characters a place in the vocabulary: albert-data vocab --extend, then albert-train import --vocab"
EXCERPT = 20  # characters


class Row(NamedTuple):
    """One sequence."""

    input_ids: list[int]
    segment_ids: list[int]


@dataclass(frozen=True)
class Feature:
    """What goes through the model for a record: one row, for choice a row an answer.

    `target`: classify [label]; choice [right one]; span [first, last] as positions of the row, 0 where the answer is not in this window;
    tag one label a position. NO_LABEL where there is none. `bounds` int32 [T, 2]: characters [start, end) of each position that belongs to
    the text that is asked about, -1 elsewhere; only of span and tag.
    """

    record: int
    rows: tuple[Row, ...]
    target: tuple[int, ...]
    bounds: np.ndarray | None = None

    @property
    def length(self) -> int:
        """Tokens of the longest row."""
        return max(len(row.input_ids) for row in self.rows)


class Encoder:
    """Makes the features of a task."""

    def __init__(self, task: Task, tokenizer: Tokenizer, labels: Sequence[str], max_seq_length: int):
        """`labels` in the order of the head's rows; `max_seq_length` counts [CLS] and [SEP]."""
        least = {SPAN: MAX_QUESTION + 16, CLASSIFY: 5, CHOICE: 16}.get(task.kind, 3)
        if max_seq_length < least:
            raise AlbertError(f"--max-seq-length {max_seq_length} is too short for {task.kind} tasks\ngive {least} or more")
        self.task, self.tokenizer, self.max_seq_length = task, tokenizer, max_seq_length
        self._number = {label: number for number, label in enumerate(labels)}

    def encode(self, records: Sequence[Record]) -> list[Feature]:
        """The features of all records, in their order."""
        make = {CLASSIFY: self._classify, CHOICE: self._choice, SPAN: self._span}.get(self.task.kind, self._tag)
        return [feature for number, record in enumerate(records) for feature in make(number, record)]

    def check_readable(self, records: Sequence[Record]) -> None:
        """Refuse records of which the model would see nothing: no token of any text is in its vocabulary (emoji alone, another script).

        Raises:
          AlbertError: the first such record is named.
        """
        for record in records:
            if all(set(self.tokenizer.encode(text)) <= {self.tokenizer.unk_id} for text in record.texts):
                shown = " | ".join(excerpt(text) for text in record.texts)
                raise AlbertError(f"{record.where}: “{shown}” has no character that the vocabulary knows\n{UNREADABLE}")

    def count_cut(self, records: Sequence[Record]) -> list[Record]:
        """Records that are longer than the model reads, the longest first: the end of their text is left out (of classify and choice)."""
        room = self.max_seq_length - 2
        if self.task.kind not in (CLASSIFY, CHOICE):
            return []
        lengths = [sum(len(self.tokenizer.encode(text)) for text in record.texts) + len(record.texts) - 1 for record in records]
        order = sorted(range(len(records)), key=lambda at: -lengths[at])
        return [records[at] for at in order if lengths[at] > room]

    def _classify(self, number: int, record: Record) -> Iterator[Feature]:
        a, *rest = (self.tokenizer.encode(text) for text in record.texts)
        b = rest[0] if rest else None
        _cut_longest(a, b, self.max_seq_length - (2 if b is None else 3))
        label = NO_LABEL if record.label is None else self._number[record.label]
        yield Feature(number, (self._row(a, b),), (label,))

    def _choice(self, number: int, record: Record) -> Iterator[Feature]:
        text, *question = (self.tokenizer.encode(text) for text in record.texts)
        rows = []
        for choice in record.choices:
            a, b = list(text), [*(question[0] if question else []), *self.tokenizer.encode(choice)]
            b = b[: self.max_seq_length // 2]
            rows.append(self._row(a[: self.max_seq_length - 3 - len(b)], b))
        yield Feature(number, tuple(rows), (NO_LABEL if record.label is None else int(record.label),))

    def _span(self, number: int, record: Record) -> Iterator[Feature]:
        question, context = self.tokenizer.encode(record.texts[0])[:MAX_QUESTION], record.texts[1]
        ids, bounds = self._with_bounds(context)
        answer = self._answer_tokens(record, bounds)
        room = self.max_seq_length - len(question) - 3
        before = len(question) + 2
        stride = min(STRIDE, max(1, room // 2))  # an answer of half a window stands whole in one of them
        for start in range(0, max(1, len(ids) - room + stride) if len(ids) > room else 1, stride):
            end = min(start + room, len(ids))
            target = (NO_LABEL, NO_LABEL) if record.answers is None else (0, 0)
            if answer is not None and start <= answer[0] and answer[1] < end:
                target = (before + answer[0] - start, before + answer[1] - start)
            row = self._row(question, ids[start:end].tolist())
            yield Feature(number, (row,), target, _place(bounds[start:end], before, len(row.input_ids)))
            if end == len(ids):
                break

    def _tag(self, number: int, record: Record) -> Iterator[Feature]:
        ids, bounds = self._with_bounds(record.texts[0])
        tags = self._tags(record, bounds)
        room = self.max_seq_length - 2
        for start in range(0, max(1, len(ids)), room):
            row = self._row(ids[start : start + room].tolist(), None)
            inner = tags[start : start + room]
            target = (NO_LABEL, *inner, NO_LABEL)
            yield Feature(number, (row,), target, _place(bounds[start : start + room], 1, len(row.input_ids)))

    def _row(self, a: list[int], b: list[int] | None) -> Row:
        first = [self.tokenizer.cls_id, *a, self.tokenizer.sep_id]
        second = [] if b is None else [*b, self.tokenizer.sep_id]
        return Row(first + second, [0] * len(first) + [1] * len(second))

    def _with_bounds(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Token ids [T] and the characters [start, end) of each, [T, 2]: a token ends where the next begins, white space left out."""
        ids, starts = self.tokenizer.encode_offsets(text)
        ends = [*starts[1:].tolist(), len(text)] if len(starts) else []
        ends = [start + len(text[start:end].rstrip()) for start, end in zip(starts.tolist(), ends, strict=True)]
        return ids, np.stack([starts, np.array(ends, np.int32)], 1) if len(starts) else np.zeros((0, 2), np.int32)

    def _answer_tokens(self, record: Record, bounds: np.ndarray) -> tuple[int, int] | None:
        """(first, last) token of the first answer, None where the text does not hold it."""
        if not record.answers:
            return None
        context, answer = record.texts[1], record.answers[0]
        given = record.answer_start
        start = given if given is not None and context.startswith(answer, given) else context.find(answer)
        inside = (bounds[:, 1] > start) & (bounds[:, 0] < start + len(answer)) if start >= 0 and answer else np.zeros(0, bool)
        found = np.flatnonzero(inside)
        return (int(found[0]), int(found[-1])) if len(found) else None

    def _tags(self, record: Record, bounds: np.ndarray) -> list[int]:
        """A label for each token; the first token of an entity is its B."""
        if record.entities is None:
            return [NO_LABEL] * len(bounds)
        tags = [self._number[OUTSIDE]] * len(bounds)
        for entity in record.entities:
            inside = np.flatnonzero((bounds[:, 1] > entity.start) & (bounds[:, 0] < entity.end))
            for at in inside.tolist():
                tags[at] = self._number[f"{'B' if at == inside[0] else 'I'}-{entity.type}"]
        return tags


def excerpt(text: str, length: int = EXCERPT) -> str:
    """The beginning of a text, for a message."""
    return text if len(text) <= length else text[:length] + "…"


def _cut_longest(a: list[int], b: list[int] | None, room: int) -> None:
    """Shorten the longer of two token lists, from its end, until both fit (BERT's run_classifier.py)."""
    while len(a) + len(b or ()) > room:
        (a if b is None or len(a) > len(b) else b).pop()


def _place(bounds: np.ndarray, before: int, length: int) -> np.ndarray:
    """The bounds of a window at their positions in its row."""
    placed = np.full((length, 2), -1, np.int32)
    placed[before : before + len(bounds)] = bounds
    return placed


def stack_features(features: Sequence[Feature], *, width: int, pad_id: int) -> dict[str, np.ndarray]:
    """A batch: input_ids, input_mask, segment_ids int32 [B·C, width]; target int32 [B, …]; choices float32 [B, C], 0 where there is none.

    C is 1, for choice the most answers of a record.
    """
    choices = max(len(feature.rows) for feature in features)
    count = len(features) * choices
    ids, mask, segments = (np.full((count, width), value, np.int32) for value in (pad_id, 0, 0))
    there = np.zeros((len(features), choices), np.float32)
    tagged = max(len(feature.target) for feature in features)
    target = np.full((len(features), width if tagged > 2 else tagged), NO_LABEL, np.int32)
    for number, feature in enumerate(features):
        target[number, : len(feature.target)] = feature.target
        for choice, row in enumerate(feature.rows):
            at, length = number * choices + choice, len(row.input_ids)
            ids[at, :length], mask[at, :length], segments[at, :length] = row.input_ids, 1, row.segment_ids
            there[number, choice] = 1
    return {"input_ids": ids, "input_mask": mask, "segment_ids": segments, "target": target, "choices": there}


def order_batches(lengths: np.ndarray, *, batch_size: int, key: tuple[int, int], bucketed: bool) -> list[np.ndarray]:
    """Which features come together in an epoch: lists of row numbers, a function of `key` = (seed, epoch) and nothing else.

    Bucketed: the shuffled features are sorted by length within pools of POOL batches, then the batches are shuffled. So a batch holds
    sequences of nearly one length, and which ones it holds still changes from epoch to epoch.
    """
    random = np.random.default_rng(key)
    order = random.permutation(len(lengths))
    if bucketed:
        pool = POOL * batch_size
        order = np.concatenate([part[np.argsort(lengths[part], kind="stable")] for part in np.split(order, range(pool, len(order), pool))])
    batches = [order[at : at + batch_size] for at in range(0, len(order), batch_size)]
    return [batches[number] for number in random.permutation(len(batches))] if bucketed else batches


POOL = 64  # batches that are sorted together
STEP = 8  # widths are multiples of it: few different shapes, and rows that fill the vector units


def width_of(length: int, limit: int) -> int:
    """The width of a batch whose longest row has `length` tokens."""
    return min(limit, -(-length // STEP) * STEP)
