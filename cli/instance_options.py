"""The options that decide instances, for every command that makes them or foretells them."""

from collections.abc import Callable
from typing import Any

import click


def masking_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that decide instances; names are the reference's."""
    options = [
        click.option("--vocab", required=True, metavar="FILE", help="WordPiece vocabulary, one token a line, as BERT's vocab.txt."),
        click.option(
            "--masking",
            "kind",
            type=click.Choice(["static", "dynamic"]),
            default="static",
            show_default=True,
            help="static: BERT records, drawn once a copy. dynamic: one compact copy, drawn anew each epoch.",
        ),
        click.option(
            "--max-seq-length", type=int, default=512, show_default=True, help="Tokens of an instance, [CLS] and two [SEP] included."
        ),
        click.option(
            "--max-predictions-per-seq", type=int, default=None, help="Most masked tokens.  [default: masked-lm-prob × max-seq-length]"
        ),
        click.option("--masked-lm-prob", type=float, default=0.10, show_default=True, help="Share of tokens that is masked."),
        click.option(
            "--max-ngram", type=int, default=None, help="Most consecutive words masked as one.  [default: 3; 1 with --mask-unit token]"
        ),
        click.option(
            "--mask-unit", type=click.Choice(["word", "token"]), default="word", show_default=True, help="What is masked as a whole."
        ),
        click.option(
            "--dupe-factor",
            type=int,
            default=None,
            help="Copies of each document, drawn differently.  [default: 10; 1 with --masking dynamic]",
        ),
        click.option("--short-seq-prob", type=float, default=0.1, show_default=True, help="Share of instances with a shorter target."),
        click.option(
            "--eval-fraction", type=float, default=0.005, show_default=True, help="Share of documents held out into eval-* shards."
        ),
        click.option("--num-shards", type=int, default=None, help="Train shards.  [default: by size]"),
        click.option(
            "--segmenter",
            type=click.Choice(["rjieba", "jieba", "none"]),
            default="rjieba",
            show_default=True,
            help="Where words come from.",
        ),
        click.option("--lower-case/--no-lower-case", default=True, show_default=True, help="As the vocabulary wants it."),
        click.option("--seed", type=int, default=12345, show_default=True, help="All chance is keyed by it."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def instances_config(options: dict[str, Any]) -> Any:
    """The options of `masking_options` as a configuration; what was left out depends on the rest."""
    from albert_core.drawing import DrawingOptions
    from albert_core.shards import read_file
    from pipelines.errors import BuildError
    from pipelines.instances import InstancesConfig

    length, probability = options["max_seq_length"], options["masked_lm_prob"]
    predictions = options["max_predictions_per_seq"]
    wanted = max(1, round(length * probability)) if 0 < probability <= 1 else 1
    drawing = DrawingOptions(
        max_seq_length=length,
        max_predictions_per_seq=min(wanted, max(1, length - 3)) if predictions is None else predictions,
        masked_lm_prob=probability,
        max_ngram=options["max_ngram"] or (1 if options["mask_unit"] == "token" else 3) if options["max_ngram"] != 0 else 0,
        mask_unit=options["mask_unit"],
    )
    if drawing.max_predictions_per_seq < wanted:
        click.echo(
            f"albert-data: warning: --max-predictions-per-seq {drawing.max_predictions_per_seq} holds less than the {wanted} that "
            f"--masked-lm-prob {probability:g} asks for in {length} tokens: long instances are masked less",
            err=True,
        )
    try:
        vocabulary = read_file(options["vocab"])
    except OSError as error:
        fix = "give a file with one token a line, as BERT's vocab.txt; or learn one: albert-data vocab"
        raise BuildError(f"--vocab {options['vocab']}: {error.strerror or error}\n{fix}") from error
    dupe_factor = options["dupe_factor"] if options["dupe_factor"] is not None else 1 if options["kind"] == "dynamic" else 10
    names = ("kind", "short_seq_prob", "eval_fraction", "num_shards", "segmenter", "lower_case", "seed")
    return InstancesConfig(vocabulary=vocabulary, drawing=drawing, dupe_factor=dupe_factor, **{name: options[name] for name in names})
