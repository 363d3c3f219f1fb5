"""`albert-train import`: a model of any form as our model directory."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from cli.options import import_tensorflow, json_option

if TYPE_CHECKING:
    from albert_core.model_source import ModelSource

NAMES_SHOWN = 2


@click.command("import")
@click.argument("checkpoint", metavar="PATH")
@click.option("--output", required=True, metavar="DIR", help="Model directory to make; new or empty.")
@click.option(
    "--config", metavar="NAME|FILE", help="Configuration of a checkpoint that has none beside it: tiny … xxlarge, or a JSON file."
)
@click.option("--vocab", metavar="FILE", help="Vocabulary; where the model has another, word vectors move with their tokens.")
@click.option("--extend-positions", type=click.IntRange(min=1), metavar="N", help="Give it N positions, the old ones repeated.")
@click.option("--task", metavar="NAME", help="What the labels of a fine-tuned checkpoint mean: lcqmc, xnli … or a task.json.")
@json_option
def import_(
    checkpoint: str, output: str, config: str | None, vocab: str | None, extend_positions: int | None, task: str | None, as_json: bool
) -> None:
    """Make a model directory of a released model, and say what was taken of it, what was left and why.

    PATH is a TF1 checkpoint (a prefix, or its folder) of albert_zh, Google's ALBERT or BERT, pretrained or fine-tuned; a Hugging Face
    folder; or a model directory. Which it is, is told by its files and the names in them. The other commands read all of them as they
    are: import is for the report, another vocabulary, or more positions. Where published models are: albert-train info --catalogue.

    \b
    Examples:
      albert-train import albert_tiny_489k --output tiny
      albert-train import albert_model.ckpt-250000 --config base_google --vocab vocab_chinese.txt --output base
      albert-train import bert-base-chinese --output bert --extend-positions 1024 --json
      albert-train import albert_lcqmc_checkpoints --task lcqmc --output same-question
    """
    import_tensorflow()
    from albert_core.importing import count_taken, import_model
    from albert_core.tasks import find_task

    found = None if task is None else find_task(task)
    source = import_model(checkpoint, output, config=config, vocab=vocab, extend_positions=extend_positions, task=found)
    counts = count_taken(source)
    if as_json:
        click.echo(json.dumps(_report(source, output, sum(count.values for count in counts.values())), ensure_ascii=False))
        return
    sizes = f"{source.config.num_hidden_layers} layers of {source.config.hidden_size}"
    click.echo(f"{output}: {source.config.variant} format, {sizes}, from the {source.format} {source.path}\n\ntaken")
    for part, count in counts.items():
        click.echo(f"  {part:<28}{count.variables:>5} variables{count.values:>16,} values")
    click.echo(f"  {'total':<28}{len(source.tensors):>5} variables{sum(count.values for count in counts.values()):>16,} values")
    for line in _left(source):
        click.echo(line)
    question = "'今天天[MASK]很好。'" if source.heads.masked_words else "TEXT" if task else "--similarity TEXT TEXT"
    click.echo(f"\nnext: albert-train info {output}    albert-train predict --model {output} {question}")


def _left(source: "ModelSource") -> Iterator[str]:
    """What was skipped, by reason, what is missing, and the notes."""
    reasons: dict[str, list[str]] = {}
    for name, reason in source.skipped.items():
        reasons.setdefault(reason, []).append(name)
    if reasons:
        yield "skipped"
    for reason, names in sorted(reasons.items(), key=lambda item: -len(item[1])):
        more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
        yield f"  {reason:<28}{len(names):>5} variables: {', '.join(names[:NAMES_SHOWN])}{more}"
    if source.missing:
        yield f"missing, drawn anew\n  {', '.join(source.missing)}"
    if source.notes:
        yield "notes"
    for note in source.notes:
        yield f"  {note}"


def _report(source: "ModelSource", output: str, values: int) -> dict[str, object]:
    """The exact lists."""
    return {
        "output": output,
        "path": str(source.path),
        "format": source.format,
        "variant": source.config.variant,
        "config": source.config.to_json(),
        "parameters": values,
        "taken": sorted(source.tensors),
        "skipped": source.skipped,
        "missing": source.missing,
        "notes": source.notes,
    }
