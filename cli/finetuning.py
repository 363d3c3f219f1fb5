"""`albert-train finetune`: the options of a fine-tuning, and what is printed while it goes on."""

import json
from typing import Any

import click

from cli.options import import_tensorflow
from cli.progress import Progress

OPTIMIZERS = ("adamw", "adamw-reference")


@click.command()
@click.option(
    "--task",
    required=True,
    metavar="NAME",
    help="A task by name (see below), several by commas, all, or your own: single, pair or a task.json.",
)
@click.option(
    "--data",
    required=True,
    metavar="DIR",
    help="Folder with the files of the task, as they are published; of several tasks, with such a folder each.",
)
@click.option("--model", required=True, metavar="PATH", help="Model to start from: model directory, TF1 checkpoint, Hugging Face folder.")
@click.option("--output", required=True, metavar="DIR", help="Model directory to make; the same command goes on with a stopped run.")
@click.option("--columns", metavar="A,[B,]LABEL", help="Fields of your own file, for --task single and pair.")
@click.option("--train-file", metavar="FILE", help="Training examples.  [default: train.* in --data]")
@click.option("--dev-file", metavar="FILE", help="Examples that choose the best model.  [default: dev.* in --data]")
@click.option("--learning-rate", "learning_rates", type=float, multiple=True, metavar="RATE", help="Several are tried.  [default: 1e-4]")
@click.option("--grid", is_flag=True, help="Try the rates 2e-5, 6e-5 and 1e-4.")
@click.option("--seed", "seeds", type=int, multiple=True, metavar="N", help="Several give mean and deviation.  [default: 0]")
@click.option("--num-train-epochs", type=int, metavar="N", help="Passes over the examples.  [default: the task's]")
@click.option("--train-batch-size", type=int, metavar="N", help="Examples of a step.  [default: the task's]")
@click.option("--max-seq-length", type=int, metavar="N", help="Tokens of an example; more are cut.  [default: the task's]")
@click.option("--max-train-examples", type=int, metavar="N", help="Use the first N examples only.")
@click.option("--optimizer", type=click.Choice(OPTIMIZERS), default="adamw", show_default=True, help="adamw-reference: no bias correction.")
@click.option("--warmup-proportion", type=float, default=0.1, show_default=True, help="Share of the steps until the full rate.")
@click.option("--hidden-dropout", type=float, metavar="P", help="Dropout of layers.  [default: the configuration's]")
@click.option("--attention-dropout", type=float, metavar="P", help="Dropout of attention.  [default: the configuration's]")
@click.option("--classifier-dropout", type=float, default=0.1, show_default=True, metavar="P", help="Dropout before the head.")
@click.option("--class-weights", is_flag=True, help="Let each class count as much as another.")
@click.option("--bucketing/--no-bucketing", default=True, show_default=True, help="Batches of like length; else all padded to the longest.")
@click.option(
    "--patience", type=click.IntRange(min=0), default=0, metavar="N", help="Stop after N epochs without a better dev.  [default: never]"
)
@click.option("--restarts", type=click.IntRange(min=0), default=2, show_default=True, help="Of a run that collapses into one class.")
@click.option("--from-scratch", is_flag=True, help="Random weights in the shape of --model, to see what pretraining gives.")
@click.option("--with-scratch", is_flag=True, help="With several tasks: each one from random weights too, and the gain.")
@click.option("--compute-dtype", default="float32", show_default=True, help="Of the products: float32, bfloat16, auto.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def finetune(task: str, columns: str | None, grid: bool, with_scratch: bool, as_json: bool, **options: Any) -> None:
    """Fine-tune a model on a task, and keep the best one on dev.

    Writes a model directory that evaluate and predict take, with every run's numbers in finetuning.json. Killed or stopped, the same
    command goes on. With several tasks: a table of all, as table.md and table.json.

    \b
    Tasks: lcqmc xnli afqmc tnews iflytek cmnli ocnli csl cluewsc bq chnsenticorp   (one label)
           cmrc2018 drcd (answers in a text)   c3 chid (choices)   cluener msra weibo (entities)
    Where tasks and models are published: albert-train info --catalogue

    \b
    Examples:
      albert-train finetune --task lcqmc --data lcqmc --model albert_tiny_zh --output same-question
      albert-train finetune --task afqmc --data afqmc --model tiny --output afqmc --grid --seed 0 --seed 1 --seed 2
      albert-train finetune --task all --data CLUE --model tiny --output table --seed 0 --seed 1 --seed 2 --with-scratch
      albert-train finetune --task pair --columns question,other,same --data mine --model tiny --output mine-same
    """
    import_tensorflow()
    from albert_core.finetuning import finetune as run_finetuning
    from albert_core.finetuning_recipe import GRID, FinetuningConfig
    from albert_core.task_table import ALL
    from albert_core.tasks import find_task

    if grid and options["learning_rates"]:
        raise click.UsageError("--grid and --learning-rate exclude each other: give one of them")
    rates = GRID if grid else options.pop("learning_rates") or (1e-4,)
    seeds = options.pop("seeds") or (0,)
    options.pop("learning_rates", None)
    if task == ALL or "," in task:
        _finetune_table(task, columns, with_scratch, as_json, options | {"learning_rates": rates, "seeds": seeds})
        return
    if with_scratch:
        raise click.UsageError("--with-scratch goes with several tasks: --task all, or names with commas; for one, --from-scratch")
    config = FinetuningConfig(task=find_task(task, columns=columns), learning_rates=rates, seeds=seeds, **options)
    shown = _Lines(quiet=as_json)
    result = run_finetuning(config, report=shown.add)
    shown.close()
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False))
    elif not result["finished"]:
        click.echo("stopped; the same command goes on from there")
    else:
        _show_result(result, config.output)


def _finetune_table(names: str, columns: str | None, with_scratch: bool, as_json: bool, options: dict[str, Any]) -> None:
    """Several tasks, then their table."""
    from albert_core.finetuning_recipe import FinetuningConfig
    from albert_core.task_table import choose_tasks, finetune_table, to_markdown

    for name in ("columns", "train_file", "dev_file"):
        if columns if name == "columns" else options[name]:
            raise click.UsageError(f"--{name.replace('_', '-')} is of one task: leave it out, or give one --task")
    if with_scratch and options["from_scratch"]:
        raise click.UsageError("--with-scratch and --from-scratch exclude each other: give one of them")
    tasks = choose_tasks(names, options["data"])
    shown = _Lines(quiet=as_json)
    table = finetune_table(FinetuningConfig(task=tasks[0], **options), tasks, with_scratch=with_scratch, report=shown.add)
    shown.close()
    if as_json:
        click.echo(json.dumps(table, ensure_ascii=False))
    elif not table["finished"]:
        click.echo("stopped; the same command goes on from there")
    else:
        click.echo(f"\n{to_markdown(table)}\ntable: {options['output']}/table.md")


class _Lines:
    """A progress line a run, and a line of the table an epoch."""

    def __init__(self, *, quiet: bool):
        self._quiet, self._run = quiet, ""
        self._progress: Progress | None = None
        self._losses: list[float] = []

    def add(self, run: str, step: int, total: int, values: dict[str, float]) -> None:
        """Take in a step of a run."""
        if run != self._run:
            self.close()
            self._run, self._losses = run, []
            self._progress = Progress(total, "steps", run)
        assert self._progress is not None  # made with the first step of a run
        self._losses.append(values["loss"])
        self._progress.update(step, f"loss {values['loss']:.3f}")
        if "dev" in values and not self._quiet:
            self._progress.clear()
            mean = sum(self._losses) / len(self._losses)
            note = "   one answer to everything" if values["one_answer"] else ""
            click.echo(f"{run}   epoch {values['epoch']:.0f}   loss {mean:.3f}   dev {values['dev']:.1%}{note}")
            self._losses = []

    def close(self) -> None:
        """The line of the run ends."""
        if self._progress is not None:
            self._progress.__exit__(None, None, None)


def _show_result(result: dict[str, Any], output: str) -> None:
    for run in result["runs"]:
        if run["attempts"] > 1:
            how = "and still did" if run["collapsed"] else f"rate {run['learning_rate']:g} and seed {run['seed']} learnt"
            click.echo(
                f"rate {run['asked_rate']:g}, seed {run['asked_seed']} collapsed: one answer to everything, a loss no better than guessing;"
            )
            click.echo(f"  it was started again {run['attempts'] - 1} times, {how}")
    for rate in result["rates"]:
        deviation = f" ± {rate['deviation']:.1%}" if rate["deviation"] is not None else ""
        click.echo(f"rate {rate['learning_rate']:g}   dev {result['metric']} {rate['mean']:.1%}{deviation} ({rate['num_seeds']} seeds)")
    best = result["best"]
    click.echo(f"\nbest: {best['run']}, epoch {best['best_epoch']}, {best['dev']:.1%}")
    click.echo(f"model: {output}    next: albert-train predict --model {output} TEXT")
