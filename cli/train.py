"""`albert-train`: pretrain, plan, evaluate, predict, info, import, export."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from cli.exports import export
from cli.imports import import_
from cli.info import info
from cli.options import import_tensorflow, run
from cli.pretraining import pretrain
from cli.progress import Progress
from cli.training_plans import plan
from cli.training_summaries import show_evaluation

if TYPE_CHECKING:
    from albert_core.prediction import MaskedWords


model_option = click.option("--model", required=True, metavar="PATH", help="Model directory, TF1 checkpoint or Hugging Face folder.")
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before anything loads tensorflow


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def train() -> None:
    """Train Chinese ALBERT models and use them."""


@train.command()
@click.option("--data", required=True, metavar="DIR", help="Dataset that albert-data build has made.")
@model_option
@click.option("--split", type=click.Choice(["eval", "train"]), default="eval", show_default=True, help="Held-out documents, or the others.")
@click.option("--eval-batch-size", type=click.IntRange(min=1), default=32, show_default=True, help="Sequences at a time.")
@click.option("--max-eval-steps", type=click.IntRange(min=1), metavar="N", help="Batches to measure on.  [default: all]")
@json_option
def evaluate(data: str, model: str, split: str, eval_batch_size: int, max_eval_steps: int | None, as_json: bool) -> None:
    """Measure a model: loss and accuracy of masked words and of sentence order, beside what guessing reaches.

    \b
    Examples:
      albert-train evaluate --data shards --model tiny
      albert-train evaluate --data shards --model albert_tiny_zh/albert_model.ckpt --json
    """
    import_tensorflow()
    from albert_core.evaluation import evaluate as run_evaluation

    with Progress(None, "batches", "evaluate") as progress:
        report: Callable[[int, int], None] = lambda done, total: progress.update(done, f"of {total:,}")  # noqa: E731
        numbers = run_evaluation(data, model, split=split, batch_size=eval_batch_size, max_batches=max_eval_steps, report=report)
    if as_json:
        click.echo(json.dumps(numbers))
    else:
        show_evaluation(numbers)


@train.command()
@model_option
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("--file", "file", type=click.Path(exists=True, dir_okay=False), help="Texts from a UTF-8 file, one a line.")
@click.option("--order", is_flag=True, help="Are two segments in order? Arguments come in pairs; lines are A, a tab, B.")
@click.option("--top-k", type=click.IntRange(min=1), default=5, show_default=True, help="Guesses for each [MASK].")
@json_option
def predict(model: str, texts: tuple[str, ...], file: str | None, order: bool, top_k: int, as_json: bool) -> None:
    """Ask a model for the words behind [MASK], or whether two segments stand in order.

    Without TEXT and --file, texts are read from standard input, one a line. Each [MASK] is one token: a Han character, or a Latin word.

    \b
    Examples:
      albert-train predict --model tiny '今天天[MASK]很好，我们去公[MASK]。'
      albert-train predict --model tiny --order '春天来了。' '花都开了。'
      albert-train predict --model tiny --file questions.txt --json > answers.jsonl
    """
    lines = list(texts) or list(_read_lines(file))
    if not lines:
        raise click.UsageError("no text to read: give TEXT, --file or lines on standard input")
    pairs = _pairs(lines, from_arguments=bool(texts)) if order else []
    import_tensorflow()
    from albert_core.prediction import Predictor

    predictor = Predictor.load(model)
    if order:
        for (first, second), probability in zip(pairs, predictor.sentence_order(pairs), strict=True):
            _show_order(first, second, probability, as_json)
    else:
        for words in predictor.masked_words(lines, top_k=top_k):
            _show_masked_words(words, as_json)


def _show_masked_words(words: "MaskedWords", as_json: bool) -> None:
    if as_json:
        masks = [[candidate._asdict() for candidate in candidates] for candidates in words.masks]
        click.echo(json.dumps({"text": words.text, "filled": words.filled, "masks": masks}, ensure_ascii=False))
        return
    click.echo(words.filled)
    for number, candidates in enumerate(words.masks, 1):
        click.echo(f"  [MASK] {number}   " + "   ".join(f"{token} {probability:.1%}" for token, probability in candidates))


def _show_order(first: str, second: str, probability: float, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"first": first, "second": second, "in_order": probability}, ensure_ascii=False))
    else:
        click.echo(f"{probability:6.1%} in order   {first} | {second}")


def _read_lines(file: str | None) -> Iterator[str]:
    """The lines of a file or of standard input, without empty ones."""
    if file is None and sys.stdin.isatty():
        return
    with click.open_file(file or "-", encoding="utf-8") as lines:
        yield from (line.rstrip("\n") for line in lines if line.strip())


def _pairs(lines: list[str], *, from_arguments: bool) -> list[tuple[str, str]]:
    """Two arguments each, or a line each with a tab in it."""
    if from_arguments:
        if len(lines) % 2:
            raise click.UsageError(f"--order takes texts in pairs, and {len(lines)} were given: quote each text")
        return list(zip(lines[::2], lines[1::2], strict=True))
    pairs = [line.split("\t") for line in lines]
    for number, pair in enumerate(pairs, 1):
        if len(pair) != 2:
            raise click.UsageError(f"line {number} has {len(pair) - 1} tabs: --order wants A, one tab, B")
    return [(first, second) for first, second in pairs]


train.add_command(pretrain)
train.add_command(plan)
train.add_command(info)
train.add_command(import_)
train.add_command(export)


def main() -> None:
    """The console script."""
    run("albert-train", train)
