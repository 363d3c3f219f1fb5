"""`albert-train benchmark`: how fast models answer here."""

import json

import click

from cli.options import import_tensorflow
from cli.progress import Progress


@click.command()
@click.option(
    "--model",
    "models",
    required=True,
    multiple=True,
    metavar="PATH|SIZE",
    help="Model, LiteRT folder, SavedModel, or a size with random weights; repeats.",
)
@click.option(
    "--max-seq-length", "lengths", type=click.IntRange(min=3), multiple=True, metavar="N", help="Tokens; repeats.  [default: 128]"
)
@click.option(
    "--compute-dtype",
    "dtypes",
    type=click.Choice(["float32", "bfloat16"]),
    multiple=True,
    help="Of the products; repeats.  [default: both]",
)
@click.option(
    "--eval-batch-size", type=click.IntRange(min=1), default=32, show_default=True, help="Sequences at a time for the throughput."
)
@click.option("--repeats", type=click.IntRange(min=1), default=50, show_default=True, help="Calls of one sequence that are timed.")
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="Threads to use.  [default: all cores]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def benchmark(
    models: tuple[str, ...], lengths: tuple[int, ...], dtypes: tuple[str, ...], eval_batch_size: int, repeats: int, threads: int | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Time models on this machine: the latency of one sequence, and sequences a second.

    Of models the encoder is timed, as far as their task reads it; of SavedModels all from the strings on; of LiteRT folders (export
    --format litert) the whole, at its one length and one sequence at a time, and the memory that it takes in a process of its own.
    All take turns call by call, so that other load on the machine slows each alike.

    \b
    Examples:
      albert-train benchmark --model albert_tiny_zh --model bert_base
      albert-train benchmark --model same-question --model phone --threads 1 --max-seq-length 128 --max-seq-length 512
    """
    import_tensorflow()
    from albert_core.benchmarking import DTYPES
    from albert_core.benchmarking import benchmark as run_benchmark

    with Progress(None, "rounds", "benchmark") as progress:
        result = run_benchmark(
            models, lengths=lengths or (128,), dtypes=dtypes or DTYPES, batch_size=eval_batch_size, repeats=repeats, threads=threads,
            report=lambda done, total: progress.update(done, f"of {total}"),
        )  # fmt: skip
    if as_json:
        click.echo(json.dumps(result))
        return
    width = max(len("model"), *(len(row["model"]) for row in result["rows"]))
    click.echo(f"{'model':<{width}}  form        tokens   p50 ms   p95 ms   p99 ms   batch   a second       MB   peak MB")
    for row in result["rows"]:
        times = "".join(f"{row[name]:9.1f}" for name in ("p50_ms", "p95_ms", "p99_ms"))
        memory = f"{row['peak_mb']:10.1f}" if row["peak_mb"] else ""
        click.echo(
            f"{row['model']:<{width}}  {row['form']:<10}  {row['tokens']:6d}{times}"
            f"{row['batch_size']:8d}{row['sequences_per_second']:11.1f}{row['bytes'] / 1e6:9.1f}{memory}"
        )
    click.echo(f"threads: {result['threads']}; p50, p95, p99: one sequence at a time; peak MB: what LiteRT adds to a process of its own")
