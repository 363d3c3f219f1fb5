"""`albert-data examples`: fine-tuning data preprocessed by the function that a served model has inside."""

import json
import time
from typing import Any

import click

from cli.jobs import BEAM, beam_arguments, beam_options
from cli.options import import_tensorflow, json_option


@click.command(context_settings=BEAM)
@click.option("--task", "name", required=True, metavar="NAME", help="A task by name, or your own: single, pair or a task.json.")
@click.option("--data", required=True, metavar="DIR", help="Folder with the files of the task, as they are published.")
@click.option("--vocab", "vocabulary", required=True, metavar="FILE", help="The vocabulary of the model that will be fine-tuned.")
@click.option("--output", required=True, metavar="DIR", help="Folder of the examples.")
@click.option("--max-seq-length", type=int, metavar="N", help="Tokens of an example; more are cut.  [default: the task's]")
@click.option("--columns", metavar="A,[B,]LABEL", help="Fields of your own file, for --task single and pair.")
@click.option("--train-file", metavar="FILE", help="Training examples.  [default: train.* in --data]")
@click.option("--dev-file", metavar="FILE", help="Examples that choose the best model.  [default: dev.* in --data]")
@click.option("--records-per-shard", type=click.IntRange(min=1), default=16_384, show_default=True, metavar="N", help="Examples of a file.")
@click.option("--lower-case/--no-lower-case", default=True, show_default=True, help="As the model was trained.")
@json_option
@beam_arguments
@click.pass_context
def examples(
    context: click.Context, name: str, columns: str | None, as_json: bool, beam_arguments: tuple[str, ...], **options: Any
) -> None:
    """Preprocess the data of a task for albert-train finetune --data OUTPUT.

    For tasks of one text or two with a label. tensorflow-transform runs the tokenizer that an exported SavedModel has inside; what comes
    out is what finetune would make of the files itself. Options that are not listed go to Apache Beam.

    \b
    Examples:
      albert-data examples --task afqmc --data afqmc --vocab tiny/vocab.txt --output afqmc-examples
      albert-train finetune --task afqmc --data afqmc-examples --model tiny --output same-question
    """
    engine = beam_options(context, beam_arguments, options["output"])
    import_tensorflow()
    from albert_core.tasks import find_task
    from pipelines.examples import ExamplesConfig, run_examples

    config = ExamplesConfig(task=find_task(name, columns=columns), **options)
    started = time.monotonic()
    manifest = run_examples(config, engine)
    print(json.dumps(manifest, ensure_ascii=False) if as_json else _summarize(manifest, config.output, time.monotonic() - started))


def _summarize(manifest: dict[str, Any], output: str, seconds: float) -> str:
    lines = [
        f"{output}: {manifest['task']['name']}, {len(manifest['labels'])} labels, {manifest['max_seq_length']} tokens, {seconds:,.0f} s"
    ]
    for name, split in manifest["splits"].items():
        shards = [shard for shard in manifest["shards"] if shard["split"] == name]
        size = sum(shard["bytes"] for shard in shards)
        lines.append(
            f"{name:<8}{split['records']:,} records, {split['labelled']:,} with a label; {len(shards)} shards, {size / 1e6:,.1f} MB"
        )
    return "\n".join([*lines, f"digest  {manifest['digest']}"])
