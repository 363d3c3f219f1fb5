"""`albert-train export`: a model in a form that other programs read."""

import json
from typing import Any

import click

from cli.options import import_tensorflow, json_option


@click.command()
@click.option("--model", required=True, metavar="PATH", help="Model directory, TF1 checkpoint or Hugging Face folder.")
@click.option("--format", "format", required=True, metavar="NAME", help="huggingface, tf1, albert, litert, onnx or savedmodel: see below.")
@click.option("--output", required=True, metavar="DIR", help="Folder to make; new or empty.")
@click.option(
    "--head",
    type=click.Choice(["task", "encoder", "masked_words"]),
    help="litert, onnx: what it answers.  [default: the task of a fine-tuned model, else encoder]",
)
@click.option(
    "--quantize",
    type=click.Choice(["none", "dynamic", "full"]),
    help="litert: weights in 8 bits with dynamic, with full activations too.  [default: none]",
)
@click.option(
    "--representative", metavar="FILE", help="litert, for full: a file of the task, or lines of text (.txt), such as will be asked."
)
@click.option(
    "--max-seq-length", type=click.IntRange(min=1), metavar="N", help="litert: tokens of its shape.  [default: the task's, else 128]"
)
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
    head: str | None,
    quantize: str | None,
    representative: str | None,
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
      litert       for phones: model.tflite; evaluate --task and benchmark measure it
      onnx         model.onnx, for any number of sequences of any length
      savedmodel   reads text: labels of a fine-tuned model, embeddings and masked words of others; for TF Serving

    \b
    Examples:
      albert-train export --model tiny --format huggingface --output tiny_hf
      albert-train export --model tiny --format tf1 --output tiny_tf1 --json
      albert-train export --model same-question --format litert --quantize dynamic --output phone
      albert-train export --model tiny --format litert --head masked_words --output phone-words
      albert-train export --model same-question --format savedmodel --output serving/same-question/1
    """
    if format != "litert" and (quantize or max_seq_length or representative):
        raise click.UsageError(f"--quantize, --representative and --max-seq-length are of litert, not of {format}: leave them out")
    if head and format not in ("litert", "onnx"):
        raise click.UsageError(f"--head is of litert and onnx, not of {format}: leave it out")
    import_tensorflow()
    from albert_core.exporting import export_model

    if format == "litert":
        from albert_core.litert import export_litert

        report = export_litert(
            model, output, head=head, quantize=quantize or "none", representative=representative, max_seq_length=max_seq_length
        )
    elif format == "onnx":
        from albert_core.onnx_export import export_onnx

        report = export_onnx(model, output, head=head)
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
