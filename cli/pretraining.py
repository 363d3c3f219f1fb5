"""`albert-train pretrain`: the options of a run, and what is printed while it goes on."""

import textwrap
from typing import Any

import click

from cli.options import import_tensorflow
from cli.progress import Progress
from cli.training_summaries import LossTable, show_evaluation

PRESETS = ("small-machine", "reference", "domain-adaptation", "extension")
OPTIMIZERS = ("lamb", "lamb-brightmart", "adamw", "adamw-reference")
STRATEGIES = ("auto", "one", "mirrored", "multi-worker", "tpu")
PRESET_HELP = """\b
Presets (--preset), each option of which can be given anew:
  small-machine      AdamW, batch 32, rate 1e-3, 10,000 steps: two hours of two cores teach tiny to read
  reference          LAMB, batch 4096, rate 0.00176, 125,000 steps (xxlarge: a million), for TPU pods;
                     another --train-batch-size scales the rate by √(batch / 4096)
  domain-adaptation  AdamW, batch 32, rate 5e-5, 10,000 steps from --init-checkpoint: a trained model
                     reads the text of your field
  extension          as reference, 25,000 steps more from the finished run --init-checkpoint, with its
                     optimizer slots; --without-slots begins with empty ones
All warm up for a tenth of the steps, compute in bfloat16 where the hardware does, and drop nothing out
unless the config.json of --model says so."""
EXAMPLES = """\b
Examples:
  albert-train pretrain --data shards --model tiny --output tiny --num-train-steps 300
  albert-train pretrain --data wiki=3 --data news=1 --model tiny --output tiny
  albert-train pretrain --data shards-128 --data shards-512 --curriculum 128:0.9,512:0.1 \\
      --model base --output base --train-batch-size 256 --gradient-accumulation-steps 8
  albert-train pretrain --data mine --model tiny --output mine-tiny \\
      --preset domain-adaptation --init-checkpoint albert_tiny_zh
  albert-train pretrain --data gs://bucket/shards --model base --output gs://bucket/base \\
      --preset reference --tpu my-tpu --tpu-zone us-central1-a --gcp-project my-project"""


@click.command(epilog=PRESET_HELP)
@click.option(
    "--data",
    required=True,
    multiple=True,
    metavar="DIR[=WEIGHT]",
    help="Dataset of albert-data build; several are mixed, by weight or size.",
)
@click.option(
    "--model", required=True, metavar="NAME|config.json", help="tiny … xxlarge, tiny_google …, bert_base, or a configuration file."
)
@click.option("--output", required=True, metavar="DIR", help="Model directory to make; the same command goes on with a stopped run.")
@click.option("--preset", type=click.Choice(PRESETS), default="small-machine", show_default=True, help="See below.")
@click.option("--init-checkpoint", metavar="PATH", help="Start from these weights in place of random ones.")
@click.option("--with-slots/--without-slots", default=None, help="Take over optimizer slots and step of --init-checkpoint too.")
@click.option(
    "--curriculum", metavar="LENGTH:SHARE,…", help="Sequence lengths one after the other, by share of the steps: 128:0.9,512:0.1."
)
@click.option("--num-train-steps", type=int, metavar="N", help="Updates of the whole run.")
@click.option("--num-warmup-steps", type=int, metavar="N", help="Updates until the full rate.  [default: a tenth]")
@click.option("--train-batch-size", type=int, metavar="N", help="Sequences of a step, over all devices.")
@click.option("--learning-rate", type=float, metavar="RATE", help="Highest rate of the schedule.")
@click.option("--optimizer", type=click.Choice(OPTIMIZERS), help="Update rule.")
@click.option("--save-checkpoints-steps", type=int, metavar="N", help="Steps between checkpoints.  [default: 1000; small-machine 200]")
@click.option("--keep-checkpoints", type=int, metavar="N", help="Newest checkpoints to keep.  [default: 5]")
@click.option("--eval-steps", type=int, metavar="N", help="Measure on held-out data every N steps, and keep the best model in DIR/best.")
@click.option("--max-eval-steps", type=int, metavar="N", help="Batches of such a measurement; the last one takes all.  [default: all]")
@click.option("--seed", type=int, metavar="N", help="Of weights, order and dropout.  [default: 0]")
@click.option(
    "--gradient-accumulation-steps", type=int, metavar="N", help="Parts that a batch is cut into, where it is too large.  [default: 1]"
)
@click.option("--rematerialize", is_flag=True, default=None, help="Compute activations twice in place of keeping them: for large models.")
@click.option("--compute-dtype", metavar="TYPE", help="Of the products: float32, bfloat16, auto.  [default: auto]")
@click.option("--xla", is_flag=True, default=None, help="Compile forward and backward pass by XLA; a TPU always does.")
@click.option("--strategy", type=click.Choice(STRATEGIES), help="Devices: one, mirrored (those of this machine), multi-worker, tpu.")
@click.option("--num-replicas", type=int, metavar="N", help="Devices of mirrored: GPUs, else virtual CPUs.  [default: all GPUs]")
@click.option("--tpu", metavar="NAME", help='Cloud TPU; "local" for the chips of this machine.')
@click.option("--tpu-zone", metavar="ZONE", help="Where the TPU is.")
@click.option("--gcp-project", metavar="PROJECT", help="Whose the TPU is.")
@click.option("--steps-per-call", type=int, metavar="N", help="Steps between two looks of the host.  [default: 1; GPU and TPU 20]")
@click.option(
    "--stop-at-loss-ratio",
    type=float,
    metavar="X",
    help="Stop when the loss is X times its lowest; 0: only when it is no number.  [default: 1.5]",
)
def pretrain(preset: str, **options: Any) -> None:  # noqa: D103 - its text is put together below
    import_tensorflow()
    from albert_core.pretraining import pretrain as run_pretraining
    from albert_core.recipes import PretrainingConfig

    config = PretrainingConfig.preset(preset, **options)
    with Progress(config.num_train_steps, "steps", "pretrain") as progress:
        table = LossTable(config.num_train_steps, progress)
        result = run_pretraining(config, report=lambda step, values: progress.update(step, table.add(step, values)))
    if not result["finished"]:
        click.echo(f"stopped at step {result['step']:,} of {config.num_train_steps:,}; the same command goes on from there")
        return
    if result["evaluation"] is not None:
        click.echo("\nheld-out data:")
        show_evaluation(result["evaluation"])
    click.echo(f"\nmodel: {config.output}    next: albert-train predict --model {config.output} '今天天[MASK]很好。'")


pretrain.help = (
    textwrap.dedent("""\
    Pretrain a model on a dataset: masked words and sentence order.

    Writes a model directory with metrics.jsonl, one line a step, and TensorBoard curves. Killed or stopped at any moment, the same command
    goes on and gives the values that it would have given undisturbed.

    """)
    + EXAMPLES
)
