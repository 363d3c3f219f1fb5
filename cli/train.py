"""`albert-train`: pretrain, finetune, plan, evaluate, predict, serve, benchmark, info, import, export."""

import json
import os
from collections.abc import Callable

import click

from cli.benchmarks import benchmark
from cli.exports import export
from cli.finetuning import finetune
from cli.imports import import_
from cli.info import info
from cli.options import import_tensorflow, run
from cli.predictions import predict
from cli.pretraining import pretrain
from cli.progress import Progress
from cli.serving import serve
from cli.task_evaluations import compare_task_forms, evaluate_task
from cli.training_plans import plan
from cli.training_summaries import show_evaluation

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
@click.option("--predictions", metavar="FILE|DIR", help="With --task: write the answers as the benchmark takes them, in a DIR by its name.")
@click.option("--mistakes", metavar="FILE", help="With --task: write every mistake here, worst first, as JSON Lines.")
@click.option("--report", metavar="FILE.html", help="With --task: write a page with pictures; needs the extra report.")
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Of the page.")
@click.option(
    "--compare",
    multiple=True,
    metavar="PATH",
    help="With --task: another form of the model, such as a LiteRT folder; repeats. Accuracy, size, latency and memory of all.",
)
@click.option("--eval-batch-size", type=click.IntRange(min=1), default=32, show_default=True, help="Sequences at a time.")
@click.option("--max-eval-steps", type=click.IntRange(min=1), metavar="N", help="Batches to measure on.  [default: all]")
@json_option
def evaluate(
    data: str,
    model: str,
    task: bool,
    split: str | None,
    compare: tuple[str, ...],
    language: str,
    eval_batch_size: int,
    max_eval_steps: int | None,
    as_json: bool,
    **files: str | None,
) -> None:
    """Measure a model: loss and accuracy of masked words and of sentence order, beside what guessing reaches.

    With --task, a fine-tuned one on the data of its task: the task's numbers, what is taken for what, and the surest mistakes.

    \b
    Examples:
      albert-train evaluate --data shards --model tiny
      albert-train evaluate --data shards --model albert_tiny_zh/albert_model.ckpt --json
      albert-train evaluate --task --data afqmc --model same-question
      albert-train evaluate --task --data afqmc --model same-question --report same-question.html --mistakes mistakes.jsonl
      albert-train evaluate --task --data afqmc --model same-question --compare phone --compare phone-int8
      albert-train evaluate --task --data afqmc/test.json --model same-question --predictions afqmc_predict.json
    """
    if split is not None and (split in ("dev", "test")) > task:
        raise click.UsageError(f"--split {split} is of a task: add --task")
    if not task and (given := [name for name, file in files.items() if file is not None]):
        raise click.UsageError(f"--{given[0]} is of a task: add --task")
    if compare and (not task or any(file is not None for file in files.values())):
        raise click.UsageError("--compare is of a task, and writes no files: add --task, and leave those out")
    import_tensorflow()
    if compare:
        compare_task_forms([model, *compare], data, split or "dev", as_json)
        return
    if task:
        evaluate_task(model, data, split or "dev", as_json, files, language)
        return
    from albert_core.evaluation import evaluate as run_evaluation

    with Progress(None, "batches", "evaluate") as progress:
        report: Callable[[int, int], None] = lambda done, total: progress.update(done, f"of {total:,}")  # noqa: E731
        numbers = run_evaluation(data, model, split=split or "eval", batch_size=eval_batch_size, max_batches=max_eval_steps, report=report)
    if as_json:
        click.echo(json.dumps(numbers))
    else:
        show_evaluation(numbers)


train.add_command(pretrain)
train.add_command(finetune)
train.add_command(predict)
train.add_command(serve)
train.add_command(plan)
train.add_command(benchmark)
train.add_command(info)
train.add_command(import_)
train.add_command(export)


def main() -> None:
    """The console script."""
    run("albert-train", train)
