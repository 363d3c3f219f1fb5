"""`albert-train evaluate --task`: numbers of a fine-tuned model, its worst mistakes, and files to submit."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.progress import Progress

if TYPE_CHECKING:
    from albert_core.litert import LiteRtModel
    from albert_core.saved_model import SavedTextModel
    from albert_core.task_answers import Answer
    from albert_core.task_files import Record
    from albert_core.task_model import TaskModel

WORST = 10  # mistakes that are shown
SHOWN = 40  # characters of a text


def evaluate_task(model: str, data: str, split: str, predictions: str | None, as_json: bool) -> None:
    """Answer every record of a file; measure where it has labels, write the answers where asked to."""
    from albert_core.submissions import write_submission
    from albert_core.task_files import check_labels, find_file, read_records
    from albert_core.task_metrics import measure

    asked = _load(model)
    path = Path(data) if Path(data).is_file() else find_file(data, split)
    records = read_records(str(path), asked.task)
    check_labels(asked.task, records, asked.labels)
    with Progress(len(records), "examples", "evaluate") as progress:
        answers = asked.answer(records, report=lambda done, total: progress.update(min(done, len(records))))
    numbers = measure(asked.task, asked.labels, records, answers)
    if predictions is not None:
        write_submission(Path(predictions), asked.task, records, answers)
    if as_json:
        click.echo(json.dumps({"task": asked.task.name, "metric": asked.task.metric, **numbers}))
    else:
        _show(asked, records, answers, numbers)
        if predictions is not None:
            click.echo(f"\nanswers: {predictions}")


def _load(model: str) -> "TaskModel | LiteRtModel | SavedTextModel":
    """What answers: our own program, LiteRT, or the graph of a SavedModel."""
    from albert_core import litert, saved_model
    from albert_core.task_model import TaskModel

    if (Path(model) / litert.MODEL).exists():
        return litert.LiteRtModel.load(model)
    return saved_model.SavedTextModel.load(model) if (Path(model) / saved_model.MODEL).exists() else TaskModel.load(model)


def _show(
    asked: "TaskModel | LiteRtModel | SavedTextModel", records: "list[Record]", answers: "list[Answer]", numbers: dict[str, float]
) -> None:
    from albert_core.task_metrics import count_confusion

    if not numbers["num_examples"]:
        click.echo(f"{len(records):,} examples, none of which has a label: nothing to measure")
        return
    shares = "   ".join(f"{name} {value:.1%}" for name, value in numbers.items() if name != "num_examples")
    click.echo(f"{asked.task.name}   {shares}   {numbers['num_examples']:,} examples")
    if asked.task.kind == "classify":
        _show_confusion(asked.labels, count_confusion(asked.labels, records, answers))
        wrong = [(answer.probability, record, answer) for record, answer in zip(records, answers, strict=True) if _is_wrong(record, answer)]
        if wrong:
            click.echo("\nsurest mistakes")
        for probability, record, answer in sorted(wrong, key=lambda each: -each[0])[:WORST]:
            texts = " | ".join(text if len(text) <= SHOWN else text[:SHOWN] + "…" for text in record.texts)
            click.echo(f"  {record.label} called {answer.value} ({probability:.0%})   {texts}")


def _is_wrong(record: "Record", answer: "Answer") -> bool:
    return record.label is not None and record.label != answer.value


def _show_confusion(labels: tuple[str, ...], counts: Any) -> None:
    """Rows are what is right, columns what was said."""
    width = max(7, *(len(label) + 2 for label in labels))
    click.echo("\n" + "right \\ said".ljust(14) + "".join(label.rjust(width) for label in labels))
    for label, row in zip(labels, counts.tolist(), strict=True):
        click.echo(label.ljust(14) + "".join(f"{count:,}".rjust(width) for count in row))
