"""`albert-train`: pretrain, evaluate, predict, info, import, export."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from cli.exports import export
from cli.imports import import_
from cli.info import info
from cli.options import import_tensorflow, run
from cli.progress import Progress

if TYPE_CHECKING:
    from albert_core.prediction import MaskedWords


PRESET_HELP = """\b
Presets (--preset), each option of which can be given anew:
  small-machine  AdamW, batch 32, rate 1e-3, 10,000 steps: a laptop sees the loss fall in minutes
  reference      LAMB, batch 4096, rate 0.00176, 125,000 steps, for TPU pods; another --train-batch-size
                 scales the rate by √(batch / 4096)
Both warm up for a tenth of the steps."""

model_option = click.option("--model", required=True, metavar="PATH", help="Model directory, TF1 checkpoint or Hugging Face folder.")
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before anything loads tensorflow


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def train() -> None:
    """Train Chinese ALBERT models and use them."""


@train.command(epilog=PRESET_HELP)
@click.option("--data", required=True, metavar="DIR", help="Dataset that albert-data build has made.")
@click.option(
    "--model",
    required=True,
    metavar="NAME|config.json",
    help="tiny … xxlarge, tiny_google … xxlarge_google, bert_base, or a configuration file.",
)
@click.option("--output", required=True, metavar="DIR", help="Model directory to make; the same command goes on with a stopped run.")
@click.option("--preset", type=click.Choice(["small-machine", "reference"]), default="small-machine", show_default=True, help="See below.")
@click.option("--init-checkpoint", metavar="PATH", help="Start from these weights in place of random ones.")
@click.option("--num-train-steps", type=int, metavar="N", help="Updates of the whole run.")
@click.option("--num-warmup-steps", type=int, metavar="N", help="Updates until the full rate.  [default: a tenth]")
@click.option("--train-batch-size", type=int, metavar="N", help="Sequences of a step.")
@click.option("--learning-rate", type=float, metavar="RATE", help="Highest rate of the schedule.")
@click.option("--optimizer", type=click.Choice(["lamb", "lamb-brightmart", "adamw", "adamw-reference"]), help="Update rule.")
@click.option("--save-checkpoints-steps", type=int, metavar="N", help="Steps between checkpoints.  [default: 1000; small-machine 200]")
@click.option("--keep-checkpoints", type=int, metavar="N", help="Newest checkpoints to keep.  [default: 5]")
@click.option("--eval-steps", type=int, metavar="N", help="Measure on held-out data every N steps; 0: at the end only.  [default: 0]")
@click.option("--max-eval-steps", type=int, metavar="N", help="Batches of such a measurement; the last one takes all.  [default: all]")
@click.option("--seed", type=int, metavar="N", help="Of weights, order and dropout.  [default: 0]")
@click.option(
    "--gradient-accumulation-steps", type=int, metavar="N", help="Parts that a batch is cut into, where it is too large.  [default: 1]"
)
@click.option("--compute-dtype", metavar="TYPE", help="Of the products: float32, bfloat16 where the processor has it.  [default: float32]")
def pretrain(preset: str, **options: Any) -> None:
    """Pretrain a model on a dataset: masked words and sentence order.

    Writes a model directory with metrics.jsonl, one line a step. Killed or stopped at any moment, the same command goes on and gives the
    values that it would have given undisturbed.

    \b
    Examples:
      albert-train pretrain --data shards --model tiny --output tiny --num-train-steps 300
      albert-train pretrain --data shards --model tiny --output more --init-checkpoint albert_tiny_zh
      albert-train pretrain --data gs://bucket/shards --model base --output base --preset reference
    """
    import_tensorflow()
    from albert_core.pretraining import PretrainingConfig
    from albert_core.pretraining import pretrain as run_pretraining

    config = PretrainingConfig.preset(preset, **options)
    with Progress(config.num_train_steps, "steps", "pretrain") as progress:
        table = LossTable(config.num_train_steps, progress)
        result = run_pretraining(config, report=lambda step, values: progress.update(step, table.add(step, values)))
    if not result["finished"]:
        click.echo(f"stopped at step {result['step']:,} of {config.num_train_steps:,}; the same command goes on from there")
        return
    if result["evaluation"] is not None:
        click.echo("\nheld-out data:")
        _show_evaluation(result["evaluation"])
    click.echo(f"\nmodel: {config.output}    next: albert-train predict --model {config.output} '今天天[MASK]很好。'")


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
        _show_evaluation(numbers)


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


class LossTable:
    """A dozen lines of a run, printed as they come: means over the steps since the line before."""

    ROWS = 10

    def __init__(self, num_steps: int, progress: Progress):
        self._every = max(1, num_steps // self.ROWS)
        self._since: list[dict[str, float]] = []
        self._progress, self._begun = progress, False

    def add(self, step: int, values: dict[str, float]) -> str:
        """Take in a step; returns a note for the progress line."""
        self._since.append(values)
        if step % self._every == 0:
            self._close(step)
        return f"loss {values['loss']:.3f}  words {values['masked_lm_accuracy']:.1%}  order {values['sentence_order_accuracy']:.1%}"

    def _close(self, step: int) -> None:
        """Make a line of what came since the last one."""
        names = ("loss", "masked_lm_loss", "masked_lm_accuracy", "sentence_order_loss", "sentence_order_accuracy", "sequences_per_second")
        loss, words, words_right, order, order_right, speed = (
            sum(values[name] for values in self._since) / len(self._since) for name in names
        )
        self._progress.clear()
        if not self._begun:
            click.echo(f"{'step':>8}{'loss':>9}{'words':>9}{'right':>9}{'order':>9}{'right':>9}{'seq/s':>9}")
            self._begun = True
        click.echo(f"{step:>8,}{loss:>9.3f}{words:>9.3f}{words_right:>9.1%}{order:>9.3f}{order_right:>9.1%}{speed:>9,.0f}")
        sys.stdout.flush()
        self._since.clear()


def _show_evaluation(numbers: dict[str, Any]) -> None:
    click.echo(
        f"  masked words    loss {numbers['masked_lm_loss']:.3f}   right {numbers['masked_lm_accuracy']:.1%}"
        f"   (most frequent token: {numbers['masked_lm_baseline']:.1%})   {numbers['num_predictions']:,} words"
    )
    click.echo(
        f"  sentence order  loss {numbers['sentence_order_loss']:.3f}   right {numbers['sentence_order_accuracy']:.1%}"
        f"   (most frequent order: {numbers['sentence_order_baseline']:.1%})   {numbers['num_instances']:,} pairs"
    )


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


train.add_command(info)
train.add_command(import_)
train.add_command(export)


def main() -> None:
    """The console script."""
    run("albert-train", train)
