"""`albert-train evaluate --task`: numbers of a fine-tuned model, its worst mistakes, and files to submit."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from albert_core.errors import AlbertError
from cli.progress import Progress
from cli.questions import shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from albert_core.litert import LiteRtModel
    from albert_core.mistakes import Judged
    from albert_core.saved_model import SavedTextModel
    from albert_core.task_answers import Answer
    from albert_core.task_files import Record
    from albert_core.task_model import TaskModel

WORST = 10  # mistakes that are shown
SHOWN = 40  # characters of a text


def evaluate_task(model: str, data: str, split: str, as_json: bool, files: dict[str, str | None], language: str) -> None:
    """Answer every record of a file; measure where it has labels, write what is asked for.

    `files`: where answers ("predictions"), mistakes ("mistakes") and the page with pictures ("report") go, None for what is not wanted.
    """
    from albert_core.mistakes import judge, worst_first, write_mistakes
    from albert_core.submissions import check_writable, submission_name, write_submission
    from albert_core.task_data import say_what_is_cut
    from albert_core.task_features import Encoder
    from albert_core.task_files import check_labels, find_file, read_records
    from albert_core.task_metrics import is_labelled, measure

    wanted = {name: Path(file) for name, file in files.items() if file is not None}
    for name, file in wanted.items():
        if name != "predictions" or not file.is_dir():
            check_writable(file)
    asked = _load(model)
    task = asked.task
    if "predictions" in wanted and wanted["predictions"].is_dir():
        wanted["predictions"] /= submission_name(task)
    path = Path(data) if Path(data).is_file() else find_file(data, split)
    records = read_records(str(path), task)
    check_labels(task, records, asked.labels)
    labelled = [record for record in records if is_labelled(task, record)]
    if not labelled and wanted.keys() != {"predictions"}:
        fix = f"give a file with {' or '.join(task.label)}" if task.layout == "fields" else "give a file with labels"
        raise AlbertError(f"{path} has no labels: there is nothing to measure\n{fix}, or --predictions FILE to write the answers")
    if isinstance(encoder := getattr(asked, "encoder", None), Encoder):  # a SavedModel has its own, in the graph
        encoder.check_readable(labelled)
        say_what_is_cut(str(path), encoder, records)
    with Progress(len(records), "examples", "evaluate") as progress:
        answers = asked.answer(records, report=lambda done, total: progress.update(min(done, len(records))))
    numbers = measure(task, asked.labels, records, answers)
    judged = judge(task, records, answers)
    mistakes = worst_first(task, judged)
    if "predictions" in wanted:
        write_submission(wanted["predictions"], task, records, answers)
    if "mistakes" in wanted:
        write_mistakes(wanted["mistakes"], mistakes)
    if "report" in wanted:
        from albert_core.task_report.report import write_report

        write_report(wanted["report"], task, asked.labels, judged, numbers, model=model, data=str(path), language=language)
    if as_json:
        click.echo(json.dumps({"task": task.name, "metric": task.metric, **numbers}))
        return
    _show(asked, records, answers, numbers, mistakes)
    for name, file in wanted.items():
        click.echo(f"{'answers' if name == 'predictions' else name}: {file}")


def _load(model: str) -> "TaskModel | LiteRtModel | SavedTextModel":
    """What answers: our own program, LiteRT, or the graph of a SavedModel."""
    from albert_core import litert, saved_model
    from albert_core.task_model import TaskModel

    if (Path(model) / litert.MODEL).exists():
        return litert.LiteRtModel.load(model)
    return saved_model.SavedTextModel.load(model) if (Path(model) / saved_model.MODEL).exists() else TaskModel.load(model)


def _show(
    asked: "TaskModel | LiteRtModel | SavedTextModel",
    records: "list[Record]",
    answers: "list[Answer]",
    numbers: dict[str, float],
    mistakes: "list[Judged]",
) -> None:
    from albert_core.task_metrics import count_confusion

    if not numbers["num_examples"]:
        click.echo(f"{len(records):,} examples, none of which has a label: nothing to measure")
        return
    shares = "   ".join(f"{name} {value:.1%}" for name, value in numbers.items() if name != "num_examples")
    click.echo(f"{asked.task.name}   {shares}   {numbers['num_examples']:,} examples")
    if asked.task.kind == "classify":
        _show_confusion(asked.labels, count_confusion(asked.labels, records, answers))
    if mistakes:
        click.echo(f"\n{len(mistakes):,} mistakes, {'those with most wrong' if asked.task.kind == 'tag' else 'the surest'} first")
    for each in mistakes[:WORST]:
        for line in _mistake(asked.task.kind, each):
            click.echo(line)


def _mistake(kind: str, each: "Judged") -> "Iterator[str]":
    """One mistake, as lines."""
    sure = f"({each.answer.probability:.0%})"
    texts = " | ".join(shorten(text, SHOWN) for text in each.record.texts[: 1 if kind == "span" else None])
    if kind == "classify":
        yield f"  {each.right} called {each.said} {sure}   {texts}"
        return
    yield f"  {texts}"
    if kind != "tag":
        yield f"    right: {shorten(each.right)}   said: {shorten(each.said)} {sure}"
        return
    for name, entities in (("missed", each.missed), ("spurious", each.spurious)):
        if entities:
            words = ", ".join(f"{each.record.texts[0][entity.start : entity.end]} ({entity.type})" for entity in entities)
            yield f"    {name}: {words}"


def _show_confusion(labels: tuple[str, ...], counts: Any) -> None:
    """Rows are what is right, columns what was said."""
    width = max(7, *(len(label) + 2 for label in labels))
    click.echo("\n" + "right \\ said".ljust(14) + "".join(label.rjust(width) for label in labels))
    for label, row in zip(labels, counts.tolist(), strict=True):
        click.echo(label.ljust(14) + "".join(f"{count:,}".rjust(width) for count in row))
