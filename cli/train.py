"""`albert-train`: pretrain, finetune, plan, evaluate, predict, serve, benchmark, info, import, export."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.benchmarks import benchmark
from cli.exports import export
from cli.finetuning import finetune
from cli.imports import import_
from cli.info import info
from cli.options import import_tensorflow, run
from cli.pretraining import pretrain
from cli.progress import Progress
from cli.serving import serve
from cli.task_evaluations import evaluate_task
from cli.task_predictions import predict_task
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
@click.option(
    "--data", required=True, metavar="DIR", help="Dataset that albert-data build has made; with --task the task's folder or file."
)
@model_option
@click.option("--task", is_flag=True, help="Measure what the model was fine-tuned on.")
@click.option(
    "--split",
    type=click.Choice(["eval", "train", "dev", "test"]),
    help="eval (held-out documents) or train; of a task train, dev or test.  [default: eval; dev]",
)
@click.option("--predictions", type=click.Path(dir_okay=False), help="With --task: write the answers here, as the benchmark takes them.")
@click.option("--eval-batch-size", type=click.IntRange(min=1), default=32, show_default=True, help="Sequences at a time.")
@click.option("--max-eval-steps", type=click.IntRange(min=1), metavar="N", help="Batches to measure on.  [default: all]")
@json_option
def evaluate(
    data: str,
    model: str,
    task: bool,
    split: str | None,
    predictions: str | None,
    eval_batch_size: int,
    max_eval_steps: int | None,
    as_json: bool,
) -> None:
    """Measure a model: loss and accuracy of masked words and of sentence order, beside what guessing reaches.

    With --task, a fine-tuned one on the data of its task: the task's numbers, what is taken for what, and the surest mistakes.

    \b
    Examples:
      albert-train evaluate --data shards --model tiny
      albert-train evaluate --data shards --model albert_tiny_zh/albert_model.ckpt --json
      albert-train evaluate --task --data afqmc --model same-question
      albert-train evaluate --task --data afqmc/test.json --model same-question --predictions afqmc_predict.json
    """
    if split is not None and (split in ("dev", "test")) > task:
        raise click.UsageError(f"--split {split} is of a task: add --task")
    if predictions is not None and not task:
        raise click.UsageError("--predictions is of a task: add --task")
    import_tensorflow()
    if task:
        evaluate_task(model, data, split or "dev", predictions, as_json)
        return
    from albert_core.evaluation import evaluate as run_evaluation

    with Progress(None, "batches", "evaluate") as progress:
        report: Callable[[int, int], None] = lambda done, total: progress.update(done, f"of {total:,}")  # noqa: E731
        numbers = run_evaluation(data, model, split=split or "eval", batch_size=eval_batch_size, max_batches=max_eval_steps, report=report)
    if as_json:
        click.echo(json.dumps(numbers))
    else:
        show_evaluation(numbers)


@train.command()
@model_option
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("--file", "file", type=click.Path(exists=True, dir_okay=False), help="Texts from a UTF-8 file, one a line.")
@click.option("--similarity", is_flag=True, help="How alike are two texts? Arguments come in pairs; lines are A, a tab, B.")
@click.option("--order", is_flag=True, help="Are two segments in order? Arguments come in pairs; lines are A, a tab, B.")
@click.option("--top-k", type=click.IntRange(min=1), default=5, show_default=True, help="Guesses for each [MASK].")
@json_option
def predict(model: str, texts: tuple[str, ...], file: str | None, similarity: bool, order: bool, top_k: int, as_json: bool) -> None:
    """Ask a model: the words behind [MASK], whether two segments stand in order, how alike two texts are; a fine-tuned one for its task.

    Without TEXT and --file, texts are read from standard input, one a line. Each [MASK] is one token: a Han character, or a Latin word.

    \b
    Examples:
      albert-train predict --model tiny '今天天[MASK]很好，我们去公[MASK]。'
      albert-train predict --model tiny --order '春天来了。' '花都开了。'
      albert-train predict --model tiny --file questions.txt --json > answers.jsonl
      albert-train predict --model same-question '花呗怎么还款' '如何还花呗'
      albert-train predict --model tiny --similarity '花呗怎么还款' '如何还花呗'
    """
    lines = list(texts) or list(_read_lines(file))
    if not lines:
        raise click.UsageError("no text to read: give TEXT, --file or lines on standard input")
    if order and similarity:
        raise click.UsageError("--order and --similarity exclude each other: give one of them")
    pairs = _pairs(lines, "--order" if order else "--similarity", from_arguments=bool(texts)) if order or similarity else []
    import_tensorflow()
    from albert_core.prediction import Predictor
    from albert_core.task_model import RECORD

    if not pairs and (Path(model) / RECORD).exists() and not any("[MASK]" in line for line in lines):
        predict_task(model, lines, from_arguments=bool(texts), top_k=top_k, as_json=as_json)
        return
    predictor = Predictor.load(model)
    if similarity:
        for (first, second), value in zip(pairs, predictor.similarity(pairs), strict=True):
            answer = {"first": first, "second": second, "similarity": value}
            click.echo(json.dumps(answer, ensure_ascii=False) if as_json else f"{value:6.3f}   {first} | {second}")
    elif order:
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


def _pairs(lines: list[str], option: str, *, from_arguments: bool) -> list[tuple[str, str]]:
    """Two arguments each, or a line each with a tab in it."""
    if from_arguments:
        if len(lines) % 2:
            raise click.UsageError(f"{option} takes texts in pairs, and {len(lines)} were given: quote each text")
        return list(zip(lines[::2], lines[1::2], strict=True))
    pairs = [line.split("\t") for line in lines]
    for number, pair in enumerate(pairs, 1):
        if len(pair) != 2:
            raise click.UsageError(f"line {number} has {len(pair) - 1} tabs: {option} wants A, one tab, B")
    return [(first, second) for first, second in pairs]


train.add_command(pretrain)
train.add_command(finetune)
train.add_command(serve)
train.add_command(plan)
train.add_command(benchmark)
train.add_command(info)
train.add_command(import_)
train.add_command(export)


def main() -> None:
    """The console script."""
    run("albert-train", train)
