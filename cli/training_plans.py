"""`albert-train plan`: memory, greatest batch, time and price of a run, before it is started."""

import json
from typing import TYPE_CHECKING, Any

import click

from cli.options import import_tensorflow, json_option

if TYPE_CHECKING:
    from albert_core.training_plan import Plan, Workload

TABLE_MODELS = ("tiny", "small", "base", "large", "xlarge", "xxlarge")
TABLE_LENGTHS = (64, 128, 256, 320, 384, 512)
PREDICTION_SHARE = 10  # a tenth of the tokens, as the reference's 51 of 512
MEGA, GIGA, TERA, GIB = 1e6, 1e9, 1e12, 2**30


@click.command()
@click.option("--model", metavar="NAME|config.json", help="What is trained.  [default: a table of all sizes]")
@click.option(
    "--tpu",
    "chips",
    default="v3-8",
    show_default=True,
    metavar="CHIP",
    help="v2-8, v3-256, v4-8, v5e-16, v6e-4 …; also titan-x, t4, l4, a100-8.",
)
@click.option("--max-seq-length", type=click.IntRange(min=1), default=512, show_default=True, help="Tokens of a sequence.")
@click.option("--max-predictions-per-seq", type=click.IntRange(min=1), help="Masked words of one.  [default: a tenth of the tokens]")
@click.option("--train-batch-size", type=click.IntRange(min=1), metavar="N", help="Sequences of a step.  [default: the most that fit]")
@click.option("--num-train-steps", type=click.IntRange(min=1), default=125_000, show_default=True, help="Updates of the run.")
@click.option(
    "--optimizer", type=click.Choice(["lamb", "lamb-brightmart", "adamw"]), default="lamb", show_default=True, help="Update rule."
)
@click.option("--gradient-accumulation-steps", type=click.IntRange(min=1), default=1, show_default=True, help="Parts of a batch.")
@click.option("--rematerialize", is_flag=True, help="Compute activations twice in place of keeping them.")
@click.option("--fine-tuning", is_flag=True, help="A classifier in place of the pretraining heads.")
@click.option("--utilization", type=float, metavar="SHARE", help="Of the published peak.  [default: 0.42 TPU, 0.35 GPU]")
@click.option("--price", type=float, metavar="DOLLARS", help="Of the whole slice, an hour.  [default: list price]")
@click.option("--compile", "compile_step", is_flag=True, help="Also compile the step for the TPU; needs the plan extra, takes minutes.")
@json_option
def plan(model: str | None, chips: str, as_json: bool, compile_step: bool, price: float | None, **options: Any) -> None:
    """Predict what a pretraining run needs: memory by part, the greatest batch, FLOPs, hours, price.

    The estimate is from the shapes; --compile asks the TPU's own compiler, on a machine without a TPU. Without --model: the greatest batch
    of all published sizes on one device, by length.

    \b
    Examples:
      albert-train plan --model base --tpu v3-256 --train-batch-size 4096
      albert-train plan --model xxlarge --tpu v4-128 --rematerialize --train-batch-size 4096 --json
      albert-train plan --tpu titan-x --fine-tuning
      albert-train plan --model tiny --tpu v5e-4 --max-seq-length 128 --compile
    """
    import_tensorflow()
    from albert_core import training_plan
    from albert_core.chips import parse_slice
    from albert_core.config import SIZES, AlbertConfig

    parsed = parse_slice(chips)
    tokens = options["max_seq_length"]
    settings = {
        "chips": parsed,
        "tokens": tokens,
        "predictions": options["max_predictions_per_seq"] or max(1, tokens // PREDICTION_SHARE),
        "num_steps": options["num_train_steps"],
        "optimizer": options["optimizer"],
        "parts": options["gradient_accumulation_steps"],
        "rematerialize": options["rematerialize"],
        "fine_tuning": options["fine_tuning"],
        "utilization": options["utilization"],
        "dollars_per_hour": price,
    }
    if model is None:
        configs = {name: AlbertConfig.named(name) for name in TABLE_MODELS}
        work = training_plan.Workload(config=configs["base"], **settings)
        table = training_plan.batch_table(parsed.chip, configs, list(TABLE_LENGTHS), work)
        click.echo(json.dumps(table) if as_json else _batch_table(table, work))
        return
    config = AlbertConfig.named(model) if model in SIZES or not model.endswith(".json") else AlbertConfig.from_file(model)
    work = training_plan.Workload(config=config, batch=options["train_batch_size"], **settings)
    made = training_plan.make_plan(work, compile_step=compile_step)
    click.echo(json.dumps(made.to_json()) if as_json else _description(model, work, made))


def _batch_table(table: dict[str, dict[int, int]], work: "Workload") -> str:
    chip = work.chips.chip
    what = "fine-tuning" if work.fine_tuning else "pretraining"
    lines = [f"greatest batch of {what} on one {chip.name} device, {chip.memory / GIB:.0f} GiB, {chip.compute_dtype}", ""]
    lines.append(f"{'tokens':<10}" + "".join(f"{length:>8}" for length in TABLE_LENGTHS))
    lines += [f"{name:<10}" + "".join(f"{row[length]:>8,}" for length in TABLE_LENGTHS) for name, row in table.items()]
    return "\n".join([*lines, "", "0: not even one sequence fits; --rematerialize makes room"])


def _description(model: str, work: "Workload", made: "Plan") -> str:
    chips = work.chips
    lines = [
        f"{model}, {work.tokens} tokens, batch {made.batch:,} on {chips.name}: {chips.num_devices} devices, {chips.num_chips} chips",
        "",
    ]
    lines.append(f"memory of a device, {made.batch_per_device:,} sequences" + (f" in {work.parts} parts" if work.parts > 1 else ""))
    lines += [f"  {part:<18}{size / GIGA:>9.3f} GB" for part, size in made.memory.items()]
    total = sum(made.memory.values())
    verdict = "fits" if made.fits else "DOES NOT FIT"
    lines.append(f"  {'in all':<18}{total / GIGA:>9.3f} GB of {made.usable_memory / GIGA:.1f} GB that a step can have: {verdict}")
    greatest = made.greatest_batch_per_device
    lines += [f"  greatest batch    {greatest:>9,} a device, {greatest * chips.num_devices:,} in all", ""]
    rate = made.step_flops / made.seconds_per_step / chips.num_devices / TERA
    peak = chips.chip.peak_flops / TERA
    lines.append(
        f"a step            {made.step_flops / TERA:,.1f} TFLOP, {made.seconds_per_step:.4f} s at {rate:.1f} of {peak:.1f} TFLOP/s a device"
    )
    lines.append(f"{work.num_steps:,} steps".ljust(18) + f"{made.hours:,.1f} hours" + (f", ${made.dollars:,.0f}" if made.dollars else ""))
    if (compiled := made.compiled) is not None:
        lines += ["", f"compiled for {compiled.num_devices} devices"]
        if not compiled.fits:
            lines.append(f"  does not fit: {compiled.reason}")
        else:
            memory = compiled.argument_bytes + compiled.temporary_bytes
            hours = compiled.optimal_seconds * work.num_steps / 3600
            lines.append(f"  memory            {memory / GIGA:.3f} GB a device; the estimate is {total / memory:.0%} of it")
            lines.append(f"  FLOP              {compiled.flops / TERA:.3f} T a device, {compiled.all_reduces} all-reduces")
            lines.append(f"  the compiler's own time  {compiled.optimal_seconds:.4f} s a step, {hours:,.1f} hours in all")
    return "\n".join(lines)
