"""The options that decide instances, for every command that makes them or foretells them."""

from collections.abc import Callable
from typing import Any

import click


def _numbers(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, ...]:
    """`128,512` → (128, 512); nothing → ()."""
    try:
        return tuple(int(part) for part in value.split(",")) if value else ()
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not a list of whole numbers such as 128,256,512", context, parameter) from error


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
            "--length-bins",
            metavar="N,N,…",
            callback=_numbers,
            help="Write instances to files by length, padded to these; the last is --max-seq-length: 128,256,384,512.",
        ),
        click.option(
            "--segmenter",
            type=click.Choice(["rjieba", "jieba", "none"]),
            default=None,
            help="Where words come from.  [default: rjieba; none with --language other]",
        ),
        click.option("--user-dict", metavar="FILE", help="Words of your own, one a line, as jieba has them: WORD [FREQUENCY] [TAG]."),
        click.option("--lower-case/--no-lower-case", default=True, show_default=True, help="As the vocabulary wants it."),
        click.option("--seed", type=int, default=12345, show_default=True, help="All chance is keyed by it."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def instances_config(options: dict[str, Any]) -> Any:
    """The options of `masking_options` as a configuration; what was left out depends on the rest."""
    from albert_core.drawing import DrawingOptions
    from pipelines import languages, storage
    from pipelines.errors import BuildError
    from pipelines.instances import InstancesConfig
    from pipelines.user_dictionary import read_user_dictionary

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
    try:
        vocabulary = storage.read(options["vocab"])
    except OSError as error:
        fix = "give a file with one token a line, as BERT's vocab.txt; or learn one: albert-data vocab"
        raise BuildError(f"--vocab {options['vocab']}: {error.strerror or error}\n{fix}") from error
    dupe_factor = options["dupe_factor"] if options["dupe_factor"] is not None else 1 if options["kind"] == "dynamic" else 10
    names = ("kind", "short_seq_prob", "eval_fraction", "num_shards", "length_bins", "language", "lower_case", "seed")
    return InstancesConfig(
        vocabulary=vocabulary,
        drawing=drawing,
        dupe_factor=dupe_factor,
        segmenter=options["segmenter"] or languages.SEGMENTERS[options["language"]],
        user_dictionary=read_user_dictionary(options["user_dict"], storage.read) if options["user_dict"] else None,
        **{name: options[name] for name in names},
    )
