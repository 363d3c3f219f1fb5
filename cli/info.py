"""`albert-train info`: the sizes of a model, what they cost, and what ALBERT saves; or a table of all published ones."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.catalogue import show_catalogue
from cli.options import import_tensorflow, json_option

if TYPE_CHECKING:
    from albert_core.config import AlbertConfig
    from albert_core.parameters import Heads

# Millions of parameters as published: tiny by the README of brightmart/albert_zh, the others by table 1 of ALBERT (arXiv 1909.11942),
# which counts over 30,000 words. Its 235 million for xxlarge is more than its released weights hold: 222.6 million over those words.
PUBLISHED_VOCAB_SIZE = 30_000
PUBLISHED = {
    "tiny": 4,
    "base": 12,
    "large": 18,
    "xlarge": 60,
    "xxlarge": 235,
    "base_google": 12,
    "large_google": 18,
    "xlarge_google": 60,
    "xxlarge_google": 235,
    "bert_base": 108,
}
TOKENS = 128
MEGA, GIGA = 1e6, 1e9
SAVED_HOW = {
    "factorised word embedding": "V × E + E × H in place of V × H (ALBERT §3.1)",
    "shared encoder layers": "each layer runs the weights of another (ALBERT §3.1)",
}


@click.command()
@click.argument("model", required=False, metavar="[NAME|PATH]")
@click.option(
    "--tokens", type=click.IntRange(min=1), metavar="N", help="Length of the sequence that is counted.  [default: 128, or all positions]"
)
@click.option("--catalogue", is_flag=True, help="The published models and tasks: where they are, how large, what imports them.")
@json_option
def info(model: str | None, tokens: int | None, catalogue: bool, as_json: bool) -> None:
    """Print the sizes of a model: parameters by part, what factorisation and sharing save against BERT, memory and FLOPs.

    NAME is a published size; PATH a model directory, a TF1 checkpoint, a Hugging Face folder or a config.json. Without either: a table of
    all published sizes.

    \b
    Examples:
      albert-train info
      albert-train info base --tokens 512
      albert-train info albert_tiny_zh --json
      albert-train info --catalogue
    """
    if catalogue:
        if model is not None:
            raise click.UsageError("--catalogue is the list of all: leave NAME out")
        show_catalogue(as_json)
        return
    if model is None:
        rows = size_table(tokens or TOKENS)
        click.echo(json.dumps(rows) if as_json else _table(rows, tokens or TOKENS))
        return
    config, heads = _find(model)
    described = describe(config, heads, tokens or min(TOKENS, config.max_position_embeddings))
    click.echo(json.dumps(described) if as_json else _description(model, config, described))


def _find(model: str) -> tuple["AlbertConfig", "Heads"]:
    """The model that NAME or PATH means. TensorFlow is loaded only to look into a checkpoint."""
    from albert_core.config import SIZES, AlbertConfig
    from albert_core.parameters import PRETRAINING

    if model in SIZES or not (Path(model).exists() or Path(f"{model}.index").exists()):
        return AlbertConfig.named(model), PRETRAINING
    if Path(model).suffix == ".json":
        return AlbertConfig.from_file(model), PRETRAINING
    import_tensorflow()
    from albert_core.model_source import describe_model

    return describe_model(model)


def describe(config: "AlbertConfig", heads: "Heads", tokens: int) -> dict[str, Any]:
    """All figures of one model. FLOPs are of one sequence; a training step masks 15 % of its tokens where there is a head for them."""
    from albert_core import costs
    from albert_core.parameters import count_by_part, savings_against_bert

    parts = count_by_part(config, heads)
    predictions = tokens * 15 // 100 if heads.masked_words else 0
    return {
        "config": config.to_json(),
        "variant": config.variant,
        "parameters": parts,
        "total": sum(parts.values()),
        "savings": savings_against_bert(config),
        "tokens": tokens,
        "multiply_adds": costs.multiply_adds(config, tokens=tokens),
        "flops": costs.flops(config, tokens=tokens),
        "training_flops": costs.flops(config, tokens=tokens, predictions=predictions, heads=heads, training=True),
        "predictions": predictions,
        "weight_bytes": costs.weight_bytes(config, heads),
        "training_bytes": costs.training_bytes(config, heads),
        "forward_bytes": costs.forward_bytes(config, batch=1, tokens=tokens),
    }


def _description(model: str, config: "AlbertConfig", found: dict[str, Any]) -> str:
    sizes = f"{config.num_hidden_layers} layers of {config.hidden_size}, {config.num_attention_heads} heads"
    head = f"{model}: {sizes}, vocabulary {config.vocab_size:,} × {config.embedding_size} ({config.variant} format)"
    total, savings, tokens = found["total"], found["savings"], found["tokens"]
    bert = total + sum(savings.values())
    lines = [head, "", "parameters"]
    lines += [f"  {name:<36}{count:>14,}  {100 * count / bert:6.1f} %" for name, count in [*found["parameters"].items(), ("total", total)]]
    lines += [
        f"  {f'saved by {name}':<36}{count:>14,}  {100 * count / bert:6.1f} %   {SAVED_HOW[name]}"
        for name, count in savings.items()
        if count
    ]
    lines += [f"  {'BERT of these sizes':<36}{bert:>14,}   100.0 %", ""]
    run = sum(found["multiply_adds"].values())
    lines.append(f"multiply-adds of a sequence of {tokens} tokens, forward")
    lines += [f"  {name:<36}{count:>14,}  {100 * count / run:6.1f} %" for name, count in found["multiply_adds"].items()]
    lines += [f"  {'total':<36}{run:>14,}   {found['flops'] / GIGA:,.2f} GFLOP", ""]
    step = f"{found['training_flops'] / GIGA:,.2f} GFLOP a sequence"
    lines.append(f"training step                         {step}, {found['predictions']} words masked")
    lines.append(f"memory, float32                       {_megabytes(found['weight_bytes'])} weights; training holds ")
    lines[-1] += f"{_megabytes(found['training_bytes'])} (with gradients and two moments)"
    lines.append(f"                                      {_megabytes(found['forward_bytes'])} of activations for one sequence, forward")
    return "\n".join(lines)


def size_table(tokens: int) -> list[dict[str, Any]]:
    """A row for each published size."""
    from albert_core import costs
    from albert_core.config import SIZES, AlbertConfig
    from albert_core.parameters import list_parameters

    rows = []
    baseline = costs.flops(AlbertConfig.named("bert_base"), tokens=tokens)
    for name in SIZES:
        config = AlbertConfig.named(name)
        encoder = sum(parameter.count for parameter in list_parameters(config, costs.ENCODER_ONLY))
        forward = costs.flops(config, tokens=tokens)
        rows.append(
            {
                "name": name,
                "variant": config.variant,
                "num_hidden_layers": config.num_hidden_layers,
                "hidden_size": config.hidden_size,
                "num_attention_heads": config.num_attention_heads,
                "parameters": encoder,
                "with_heads": sum(parameter.count for parameter in list_parameters(config)),
                "published_millions": PUBLISHED.get(name),
                "parameters_of_30000_words": encoder + (PUBLISHED_VOCAB_SIZE - config.vocab_size) * config.embedding_size,
                "weight_bytes": costs.weight_bytes(config),
                "training_bytes": costs.training_bytes(config),
                "flops": forward,
                "bert_base_flops_over_its_own": baseline / forward,
            }
        )
    return rows


COLUMNS = ("", "layers", "hidden", "heads", "parameters", "of 30,000", "published", "with heads", "weights", "GFLOP", "vs BERT")
WIDTHS = (-15, 7, 8, 7, 13, 13, 11, 13, 9, 9, 10)  # negative: to the left


def _table(rows: list[dict[str, Any]], tokens: int) -> str:
    lines = [_row(COLUMNS)]
    for row in rows:
        faster = row["bert_base_flops_over_its_own"]
        cells = [row["name"], *(str(row[key]) for key in ("num_hidden_layers", "hidden_size", "num_attention_heads"))]
        cells += [f"{row['parameters']:,}", f"{row['parameters_of_30000_words']:,}"]
        cells += [f"{row['published_millions']} M" if row["published_millions"] else "–", f"{row['with_heads']:,}"]
        cells += [
            _megabytes(row["weight_bytes"]),
            f"{row['flops'] / GIGA:,.2f}",
            f"{faster:.1f} ×" if faster > 0.95 else f"1/{1 / faster:.1f}",
        ]
        lines.append(_row(cells))
    lines += [
        "",
        "parameters: embeddings, encoder and pooler, over 21,128 words, and over the 30,000 of the published counts (tiny's: 21,128).",
        "with heads: with those for masked words and sentence order; weights: the size of that in float32.",
        f"GFLOP: forward pass of one sequence of {tokens} tokens; vs BERT: how many of them cost one of bert_base.",
    ]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "".join(cell.ljust(-width) if width < 0 else cell.rjust(width) for cell, width in zip(cells, WIDTHS, strict=True))


def _megabytes(count: int) -> str:
    return f"{count / MEGA:,.0f} MB" if count >= 100 * MEGA else f"{count / MEGA:,.1f} MB"
