"""What a model got wrong, record by record: for a person to read, worst first, and for programs, a JSON object a line."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from albert_core.task_answers import Answer
from albert_core.task_files import Entity, Record
from albert_core.task_metrics import is_labelled, score_answer
from albert_core.tasks import CHOICE, SPAN, TAG, Task


class Judged(NamedTuple):
    """An answer beside what is right. `score` 0 … 1: right or not; of answers in a text, and of all entities of a text, their F1.

    `missed` and `spurious` are entities: those that were not found, and those that are none, or of another type or extent.
    """

    record: Record
    answer: Answer
    right: str
    said: str
    score: float
    missed: tuple[Entity, ...] = ()
    spurious: tuple[Entity, ...] = ()

    @property
    def is_mistake(self) -> bool:
        """Whether anything is wrong with it."""
        return self.score < 1

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        record = self.record
        value: dict[str, Any] = {"where": record.where, "id": record.identifier, "texts": list(record.texts)}
        if record.choices:
            value["choices"] = list(record.choices)
        value |= {"right": self.right, "said": self.said, "probability": self.answer.probability, "score": self.score}
        if record.entities is not None:
            value |= {name: [_named(record, entity) for entity in getattr(self, name)] for name in ("missed", "spurious")}
        return value


def judge(task: Task, records: Sequence[Record], answers: Sequence[Answer]) -> list[Judged]:
    """Every labelled record with its answer."""
    return [_judge(task, record, answer) for record, answer in zip(records, answers, strict=True) if is_labelled(task, record)]


def worst_first(task: Task, judged: Sequence[Judged]) -> list[Judged]:
    """The mistakes: the surest first; of texts with entities those with most wrong, of answers those with the least in common."""
    wrong = [each for each in judged if each.is_mistake]
    if task.kind == TAG:
        return sorted(wrong, key=lambda each: (-len(each.missed) - len(each.spurious), each.score))
    return sorted(wrong, key=lambda each: (each.score, -each.answer.probability))


def write_mistakes(path: str | Path, mistakes: Sequence[Judged]) -> None:
    """JSON Lines. The file appears whole, or not at all. OSError when it cannot be written."""
    partial = Path(path).with_name(f".{Path(path).name}.partial")
    partial.write_text("".join(json.dumps(each.to_json(), ensure_ascii=False) + "\n" for each in mistakes), encoding="utf-8")
    partial.replace(path)


def _judge(task: Task, record: Record, answer: Answer) -> Judged:
    if task.kind == SPAN:
        gold = record.answers or ()
        return Judged(record, answer, " / ".join(dict.fromkeys(gold)), answer.value, score_answer(gold, answer.value)[1])
    if task.kind == TAG:
        return _judge_entities(record, answer)
    right, said = record.label or "", answer.value
    score = float(right == said)
    if task.kind == CHOICE:
        right, said = record.choices[int(right)], record.choices[int(said)]
    return Judged(record, answer, right, said, score)


def _judge_entities(record: Record, answer: Answer) -> Judged:
    gold, found = set(record.entities or ()), set(answer.value)
    missed, spurious = tuple(sorted(gold - found)), tuple(sorted(found - gold))
    score = 2 * len(gold & found) / (len(gold) + len(found)) if gold or found else 1.0
    right, said = ("; ".join(_show(record, entity) for entity in sorted(entities)) for entities in (gold, found))
    return Judged(record, answer, right, said, score, missed, spurious)


def _show(record: Record, entity: Entity) -> str:
    return f"{record.texts[0][entity.start : entity.end]} ({entity.type})"


def _named(record: Record, entity: Entity) -> dict[str, Any]:
    return {"text": record.texts[0][entity.start : entity.end], "type": entity.type, "start": entity.start, "end": entity.end}
