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


def compare_task_forms(models: list[str], data: str, split: str, as_json: bool) -> None:
    """The same questions to several forms of one model: a table of numbers, size, latency and memory."""
    from albert_core.form_comparison import compare_forms
    from albert_core.task_files import check_labels, find_file, read_records

    forms = {model: _load(model) for model in models}
    first = forms[models[0]]
    records = read_records(str(Path(data) if Path(data).is_file() else find_file(data, split)), first.task)
    check_labels(first.task, records, first.labels)
    with Progress(len(records) * len(forms), "examples", "evaluate") as progress:
        result = compare_forms(forms, records, report=lambda done, total: progress.update(done))
    if as_json:
        click.echo(json.dumps(result))
        return
    metric, width = result["metric"], max(map(len, models))
    click.echo(f"{'model':<{width}}  form        {metric:>9}  same answers       MB   p50 ms   p95 ms   p99 ms   peak MB")
    for row in result["forms"]:
        times = "".join(f"{row[name]:9.1f}" for name in ("p50_ms", "p95_ms", "p99_ms"))
        memory = f"{row['peak_mb']:10.1f}" if row["peak_mb"] else ""
        size = f"{row['bytes'] / 1e6:9.1f}"
        click.echo(f"{row['model']:<{width}}  {row['form']:<10}  {row[metric]:9.2%}  {row['same_answers']:12.2%}{size}{times}{memory}")
    click.echo(f"{len(records):,} examples; {result['threads']} threads, one sequence of {row['tokens']} tokens at a time")


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
