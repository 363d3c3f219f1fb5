"""Answers as the benchmarks take them: the files that are uploaded for test sets without labels."""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from albert_core.errors import AlbertError
from albert_core.task_answers import Answer
from albert_core.task_files import Record
from albert_core.tasks import CHOICE, SPAN, TAG, Task

RENEWED = ("tnews", "cluewsc", "c3", "chid")


def write_submission(path: Path, task: Task, records: Sequence[Record], answers: Sequence[Answer]) -> None:
    """One file, as CLUE takes it. Spans and ChID: an object of answers by question; all others: a JSON object a line, {"id", "label"}.

    Lines stand in the order of the test file, which is what is compared. Labels are strings, choices their numbers.

    Raises:
      OSError: it cannot be written. It appears whole, or not at all.
    """
    if task.kind == SPAN or task.layout == "chid":
        values = {record.identifier: _value(task, record, answer) for record, answer in zip(records, answers, strict=True)}
        content = json.dumps(values, ensure_ascii=False, indent=2) + "\n"
    else:
        lines = (
            {"id": _number(record.identifier), "label": _value(task, record, answer)}
            for record, answer in zip(records, answers, strict=True)
        )
        content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(content, encoding="utf-8")
    partial.replace(path)


def submission_name(task: Task) -> str:
    """What CLUE calls the file of a task: with 11 where its test set was renewed (CLUE 1.1, submission notes of September 2021)."""
    return f"{task.name}{'11' if task.name in RENEWED else ''}_predict.json"


def check_writable(path: Path) -> None:
    """Refuse a place where no file can be, before anything is computed for it.

    Raises:
      AlbertError: there is no such folder, or it is one.
    """
    if path.is_dir():
        raise AlbertError(f"{path} is a folder\ngive the name of a file in it")
    if not path.parent.is_dir():
        raise AlbertError(f"{path} cannot be written: there is no folder {path.parent}\nmake it, or give another place")


def _number(identifier: str) -> int | str:
    return int(identifier) if identifier.isascii() and identifier.isdigit() else identifier


def _value(task: Task, record: Record, answer: Answer) -> Any:
    if task.kind == CHOICE:
        return int(answer.value)
    if task.kind != TAG:
        return answer.value
    found: dict[str, dict[str, list[list[int]]]] = defaultdict(lambda: defaultdict(list))
    for entity in answer.value:
        found[entity.type][record.texts[0][entity.start : entity.end]].append([entity.start, entity.end - 1])
    return found
