"""`albert-train export`: a model in a form that other programs read."""

import json
from typing import Any

import click

from cli.options import import_tensorflow, json_option


@click.command()
@click.option("--model", required=True, metavar="PATH", help="Model directory, TF1 checkpoint or Hugging Face folder.")
@click.option("--format", "format", required=True, metavar="NAME", help="huggingface, tf1, albert, litert or savedmodel: see below.")
@click.option("--output", required=True, metavar="DIR", help="Folder to make; new or empty.")
@click.option("--quantize", type=click.Choice(["none", "dynamic"]), help="litert: weights in 8 bits with dynamic.  [default: none]")
@click.option("--max-seq-length", type=click.IntRange(min=1), metavar="N", help="litert: tokens of its shape.  [default: the task's]")
@click.option("--verify/--no-verify", default=True, show_default=True, help="Read the folder back and compare tensors and outputs.")
@click.option(
    "--transformers-python",
    metavar="PYTHON",
    envvar="ALBERT_TRANSFORMERS_PYTHON",
    help="Interpreter with torch and transformers, to verify with them.  [default: this one, if it has them]",
)
@json_option
def export(
    model: str,
    format: str,  # noqa: A002
    output: str,
    quantize: str | None,
    max_seq_length: int | None,
    verify: bool,
    transformers_python: str | None,
    as_json: bool,
) -> None:
    """Write a model in a form that other programs read.

    \b
    Formats:
      huggingface  a folder for transformers; a pre-norm model has no such form
      tf1          a TF1 checkpoint that the original scripts restore
      albert       our model directory
      litert       a fine-tuned model for phones: model.tflite; evaluate --task measures it
      savedmodel   reads text: labels of a fine-tuned model, embeddings and masked words of others; for TF Serving

    \b
    Examples:
      albert-train export --model tiny --format huggingface --output tiny_hf
      albert-train export --model tiny --format tf1 --output tiny_tf1 --json
      albert-train export --model same-question --format litert --quantize dynamic --output phone
      albert-train export --model same-question --format savedmodel --output serving/same-question/1
    """
    if format != "litert" and (quantize or max_seq_length):
        raise click.UsageError(f"--quantize and --max-seq-length are of litert, not of {format}: leave them out")
    import_tensorflow()
    from albert_core.exporting import export_model

    if format == "litert":
        from albert_core.litert import export_litert

        report = export_litert(model, output, quantize=quantize or "none", max_seq_length=max_seq_length)
    elif format == "savedmodel":
        from albert_core.saved_model import export_saved_model

        report = export_saved_model(model, output)
    else:
        report = export_model(model, output, format=format, verify=verify, transformers_python=transformers_python)
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
    else:
        _show(report, output)


def _show(report: dict[str, Any], output: str) -> None:
    click.echo(f"{output}: {report['format']}, {report['parameters']:,} parameters\n")
    for name, size in report["files"].items():
        click.echo(f"  {name:<40}{size:>16,} bytes")
    click.echo("\nchecked, largest difference over largest value:" if report["checks"] else "\nnot verified")
    for check in report["checks"]:
        click.echo(f"  {check['name']:<40}{check['largest_difference']:>16.1e}")
    for note in report["notes"]:
        click.echo(f"  {note}")
