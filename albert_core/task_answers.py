"""From what the head says back to answers: a label, the right choice, words of the text, entities."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from albert_core.task_features import Feature
from albert_core.task_files import Entity, Record
from albert_core.tasks import CHOICE, CLASSIFY, SPAN, Task

MAX_ANSWER = 64  # tokens
BEST_ENDS = 20  # places that are looked at as start and as end of an answer


class Answer(NamedTuple):
    """What a model says of a record. `value`: a label, the number of a choice, a text, or a tuple of entities.

    `probability` is that of the value (of entities: of the least sure token); `scores` that of each label or choice, else empty.
    """

    value: Any
    probability: float
    scores: tuple[float, ...] = ()


def read_answers(
    task: Task, labels: Sequence[str], records: Sequence[Record], features: Sequence[Feature], outputs: Sequence[np.ndarray]
) -> list[Answer]:
    """An answer for each record. `outputs` are the log-probabilities of each feature, cut to its own length."""
    grouped: dict[int, list[tuple[Feature, np.ndarray]]] = defaultdict(list)
    for feature, output in zip(features, outputs, strict=True):
        grouped[feature.record].append((feature, output))
    return [_answer(task, labels, record, grouped[number]) for number, record in enumerate(records)]


def _answer(task: Task, labels: Sequence[str], record: Record, parts: list[tuple[Feature, np.ndarray]]) -> Answer:
    if task.kind in (CLASSIFY, CHOICE):
        probabilities = np.exp(parts[0][1][: len(record.choices) or None].astype(np.float64))
        best = int(probabilities.argmax())
        return Answer(labels[best] if task.kind == CLASSIFY else str(best), float(probabilities[best]), tuple(probabilities.tolist()))
    if task.kind == SPAN:
        score, start, end = max((_best_span(feature, output) for feature, output in parts), default=(-np.inf, 0, 0))
        return Answer(record.texts[1][start:end], float(np.exp(score)))
    found: list[Entity] = []
    sure = 1.0
    for feature, output in parts:
        assert feature.bounds is not None  # tag features have them
        best = output.argmax(-1)
        inside = feature.bounds[:, 0] >= 0
        sure = min(sure, float(np.exp(output.max(-1)[inside].min(initial=0.0))))
        found += _entities([labels[number] for number in best[inside]], feature.bounds[inside])
    return Answer(tuple(found), sure)


def _best_span(feature: Feature, output: np.ndarray) -> tuple[float, int, int]:
    """(log-probability, first character, end) of the best answer in a window, output [2, T]."""
    assert feature.bounds is not None  # span features have them
    inside = np.flatnonzero(feature.bounds[:, 0] >= 0)
    starts, ends = (inside[np.argsort(-row[inside], kind="stable")[:BEST_ENDS]] for row in output)
    scores = output[0][starts][:, None] + output[1][ends][None]
    lengths = ends[None] - starts[:, None]
    scores = np.where((lengths >= 0) & (lengths < MAX_ANSWER), scores, -np.inf)
    if not np.isfinite(scores).any():
        return -np.inf, 0, 0
    start, end = np.unravel_index(scores.argmax(), scores.shape)
    return float(scores[start, end]), int(feature.bounds[starts[start], 0]), int(feature.bounds[ends[end], 1])


def _entities(tags: list[str], bounds: np.ndarray) -> list[Entity]:
    """Entities of B-, I- and O; an I- that continues nothing begins one."""
    found: list[Entity] = []
    kind = ""
    for tag, (start, end) in zip(tags, bounds.tolist(), strict=True):
        mark, _, name = tag.partition("-")
        if mark == "I" and name == kind:
            found[-1] = found[-1]._replace(end=end)
        elif name:
            found.append(Entity(start, end, name))
        kind = name
    return found
