"""How right answers are, as the benchmarks count: accuracy, macro-F1, exact match and F1 of Chinese answers, F1 of entities."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from albert_core.task_answers import Answer
from albert_core.task_files import Record
from albert_core.tasks import CHOICE, CLASSIFY, SPAN, Task

# What the evaluation of CMRC 2018 leaves out of account (cmrc2018_evaluate.py).
PUNCTUATION = frozenset("-:_*^/\\~`+=，。：？！“”；’《》……·、「」（）－～『』")
HAN = re.compile(r"[\u4e00-\u9fa5]")


def is_labelled(task: Task, record: Record) -> bool:
    """Whether the file says what is right."""
    return {SPAN: record.answers, CLASSIFY: record.label, CHOICE: record.label}.get(task.kind, record.entities) is not None


def measure(task: Task, labels: Sequence[str], records: Sequence[Record], answers: Sequence[Answer]) -> dict[str, float]:
    """The task's numbers over the labelled records; `task.metric` is the one that counts. All are shares, 0 … 1."""
    pairs = [(record, answer) for record, answer in zip(records, answers, strict=True) if is_labelled(task, record)]
    numbers: dict[str, float] = {"num_examples": len(pairs)}
    if not pairs:
        return numbers
    if task.kind in (CLASSIFY, CHOICE):
        numbers["accuracy"] = sum(record.label == answer.value for record, answer in pairs) / len(pairs)
        if task.kind == CLASSIFY:
            numbers["macro_f1"] = _macro_f1(count_confusion(labels, [r for r, _ in pairs], [a for _, a in pairs]))
    elif task.kind == SPAN:
        each = [score_answer(record.answers or (), answer.value) for record, answer in pairs]
        numbers["exact_match"], numbers["f1"] = (sum(score[at] for score in each) / len(each) for at in (0, 1))
    else:
        gold, found = ({(number, *entity) for number, pair in enumerate(pairs) for entity in part(pair)} for part in (_gold, _found))
        right = len(gold & found)
        numbers |= {"precision": right / max(len(found), 1), "recall": right / max(len(gold), 1)}
        numbers["entity_f1"] = 2 * right / max(len(gold) + len(found), 1)
    return numbers


def _gold(pair: tuple[Record, Answer]) -> Any:
    return pair[0].entities or ()


def _found(pair: tuple[Record, Answer]) -> Any:
    return pair[1].value


def count_confusion(labels: Sequence[str], records: Sequence[Record], answers: Sequence[Answer]) -> np.ndarray:
    """How often each label (row) was called which (column), int64 [L, L]."""
    number = {label: at for at, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), np.int64)
    for record, answer in zip(records, answers, strict=True):
        if record.label is not None:
            counts[number[record.label], number[answer.value]] += 1
    return counts


def _macro_f1(confusion: np.ndarray) -> float:
    """The mean F1 of the labels that occur, as right or as answer."""
    right, gold, found = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    there = gold + found > 0
    return float((2 * right[there] / (gold + found)[there]).mean())


def score_answer(gold: Sequence[str], answer: str) -> tuple[float, float]:
    """(exact match, F1) of an answer against the best of `gold`, as CMRC 2018 counts: F1 over the longest common run of characters.

    >>> score_answer(["光荣和ω-force"], "光荣和")[1]
    0.8571428571428571
    """
    found = _units(answer)
    exact = float(any("".join(_units(text)) == "".join(found) for text in gold))
    return exact, max((_overlap(_units(text), found) for text in gold), default=0.0)


def _overlap(gold: list[str], found: list[str]) -> float:
    common = SequenceMatcher(None, gold, found, autojunk=False).find_longest_match().size
    if not common:
        return 0.0
    precision, recall = common / len(found), common / len(gold)
    return 2 * precision * recall / (precision + recall)


def _units(text: str) -> list[str]:
    """Han characters one by one, words of other scripts whole, without punctuation, in lower case."""
    spaced = "".join(f" {c} " if HAN.match(c) else c for c in text.lower().strip() if c not in PUNCTUATION)
    return spaced.split()
