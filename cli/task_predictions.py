"""`albert-train predict` with a fine-tuned model: labels, answers, entities."""

import json
from typing import TYPE_CHECKING

import click

from cli.progress import Progress

if TYPE_CHECKING:
    from albert_core.task_answers import Answer
    from albert_core.task_files import Record
    from albert_core.task_model import TaskModel


def predict_task(model: str, lines: list[str], *, from_arguments: bool, top_k: int, as_json: bool) -> None:
    """Ask for each text, pair, or question and text. Arguments are one record after the other; lines hold one each, parts by tabs.

    Choices come last: text, question, then every answer.
    """
    from albert_core.task_model import TaskModel

    asked = TaskModel.load(model)
    rows = _group(asked, lines) if from_arguments else [line.split("\t") for line in lines]
    origin = "argument" if from_arguments else "line"
    number = 2 if asked.task.kind == "choice" else None
    records = [
        asked.record_of(row[:number], where=f"{origin} {at}", choices=row[number:] if number else ()) for at, row in enumerate(rows, 1)
    ]
    with Progress(len(records), "texts", "predict") as progress:
        answers = asked.answer(records, report=lambda done, total: progress.update(min(done, len(records))))
    for record, answer in zip(records, answers, strict=True):
        value = asked.describe(record, answer, top_k=top_k)
        click.echo(
            json.dumps({"texts": list(record.texts), **value}, ensure_ascii=False) if as_json else _line(asked, record, answer, top_k)
        )


def _group(asked: "TaskModel", texts: list[str]) -> list[list[str]]:
    """Arguments as records: all of one record with choices, else as many as the task has texts."""
    if asked.task.kind == "choice":
        return [texts]
    size = asked.num_texts
    if len(texts) % size:
        raise click.UsageError(f"{asked.task.name} takes {size} texts each, and {len(texts)} were given: quote each text")
    return [texts[at : at + size] for at in range(0, len(texts), size)]


def _line(asked: "TaskModel", record: "Record", answer: "Answer", top_k: int) -> str:
    value = asked.describe(record, answer, top_k=top_k)
    text = " | ".join(record.texts)
    if asked.task.kind == "tag":
        return text + "".join(
            f"\n  {entity['type']:<14}{entity['text']}   {entity['start']}–{entity['end']}" for entity in value["entities"]
        )
    if asked.task.kind == "classify":
        return "   ".join(f"{label} {share:.1%}" for label, share in value["scores"].items()) + f"   {text}"
    return (
        f"{value.get('answer', value.get('choice'))}   {answer.probability:.1%}   {record.texts[0] if asked.task.kind == 'span' else text}"
    )
