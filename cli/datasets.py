"""What stands in a dataset's folder, looked at: `albert-data inspect`, `verify`; and what can be read at all: `formats`."""

import json

import click

from cli.options import import_tensorflow, json_option
from cli.progress import Progress
from cli.summaries import format_catalogue


@click.command()
@json_option
def formats(as_json: bool) -> None:
    """List the formats that are read, and the public corpora that are known by name.

    \b
    Examples:
      albert-data formats
      albert-data formats --json | jq -r '.[].name'
    """
    from corpora.formats import describe_formats

    entries = describe_formats()
    print(json.dumps(entries, ensure_ascii=False, indent=1) if as_json else format_catalogue(entries))


@click.command()
@click.argument("path")
@click.option(
    "-n",
    "count",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="How many instances or documents; of rejects, for each reason.",
)
@click.option("--vocab", default=None, metavar="FILE", help="Vocabulary of a shard that another tool wrote.")
@click.option("--epoch", type=click.IntRange(0), default=0, show_default=True, help="Of a dynamic dataset: the epoch to draw.")
@json_option
def inspect(path: str, count: int, vocab: str | None, epoch: int, as_json: bool) -> None:
    """Show instances, documents or rejects as a person reads them.

    PATH is a dataset's folder, or one static shard, also of another BERT tool; or the folder, or one file, of its documents or rejects.

    \b
    Examples:
      albert-data inspect shards -n 5
      albert-data inspect tf_examples.tfrecord --vocab vocab.txt
      albert-data inspect shards/documents
      albert-data inspect books/jsonl
      albert-data inspect shards/rejects/clean/wiki/repeated_lines.jsonl
    """
    from pipelines.browsing import find_browser

    browse = find_browser(path)
    if browse is None:
        import_tensorflow()
        from pipelines.inspection import inspect as inspect_path

    for number, shown in enumerate(browse(count) if browse else inspect_path(path, count, vocab=vocab, epoch=epoch)):
        print(shown.json() if as_json else f"{'' if number == 0 else chr(10)}{shown.text()}")


@click.command()
@click.argument("path")
@json_option
@click.pass_context
def verify(context: click.Context, path: str, as_json: bool) -> None:
    """Recompute digests and counts of a dataset, or of cleaned documents, and check every instance. Exit code 1 on any difference.

    \b
    Example:
      albert-data verify shards
    """
    import_tensorflow()
    from pipelines.verification import verify as verify_path

    with Progress(None, "shards", "verify") as line:
        differences = verify_path(path, lambda done, total: line.update(done, f"of {total:,}"))
    if as_json:
        print(json.dumps({"path": path, "ok": not differences, "differences": differences}, ensure_ascii=False))
    else:
        print("\n".join(differences) if differences else f"{path}: everything is as the manifest says")
    context.exit(1 if differences else 0)
