"""What stands in a dataset's folder: `albert-data inspect`, `verify`, `report`, `remove`; and what can be read at all: `formats`."""

import json
from collections.abc import Iterable
from typing import Any, Literal

import click

from cli.options import import_tensorflow, json_option
from cli.progress import Progress
from cli.summaries import format_catalogue, summarize_removal


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
@click.option("--start", type=click.IntRange(0), default=0, show_default=True, help="How many to pass over.")
@click.option("--shard", default=None, metavar="NAME", help="Of a dataset: the shard to look into.  [default: the first]")
@click.option("--document", default=None, metavar="ID", help="Instances of this document; or the document, where documents are shown.")
@click.option("--words", is_flag=True, help="Mark where words begin.")
@click.option("--vocab", default=None, metavar="FILE", help="Vocabulary of a shard that another tool wrote.")
@click.option("--epoch", type=click.IntRange(0), default=0, show_default=True, help="Of a dynamic dataset: the epoch to draw.")
@json_option
def inspect(path: str, as_json: bool, **which: Any) -> None:
    """Show instances, documents or rejects as a person reads them.

    PATH is a dataset's folder, or one static shard, also of another BERT tool; or the folder, or one file, of its documents or rejects.

    \b
    Examples:
      albert-data inspect shards -n 5 --words
      albert-data inspect shards --document 8f3c5a0d92e14b7786aa31f05cd2e914
      albert-data inspect shards --shard eval-00000-of-00001.tfrecord --start 100
      albert-data inspect tf_examples.tfrecord --vocab vocab.txt
      albert-data inspect shards/documents
      albert-data inspect books/jsonl
      albert-data inspect shards/rejects/clean/wiki/repeated_lines.jsonl
    """
    from pipelines.browsing import Page, find_browser

    browse = find_browser(path)
    if browse is None:
        import_tensorflow()
        from pipelines.inspection import Wanted
        from pipelines.inspection import inspect as inspect_path

        found: Iterable[Any] = inspect_path(path, Wanted(**which))
    else:
        page = {name: which.pop(name) for name in ("count", "start", "document")}
        if idle := [name for name, value in which.items() if value]:
            raise click.UsageError(f"--{idle[0]} means nothing for documents and rejects: leave it out")
        found = browse(Page(**page))
    for number, shown in enumerate(found):
        print(shown.json() if as_json else f"{'' if number == 0 else chr(10)}{shown.text()}")


@click.command()
@click.argument("path")
@click.option("--thorough", is_flag=True, help="Compare every instance with the text of its document, not a few of each file.")
@click.option("--documents", default=None, metavar="DIR", help="Where the documents lie, if not in PATH: the output of albert-data clean.")
@json_option
@click.pass_context
def verify(context: click.Context, path: str, thorough: bool, documents: str | None, as_json: bool) -> None:
    """Recompute digests and counts of a dataset, or of cleaned documents, and check every instance. Exit code 1 on any difference.

    \b
    Examples:
      albert-data verify shards
      albert-data verify shards --thorough
      albert-data verify wiki-128 --thorough --documents wiki
    """
    import_tensorflow()
    from pipelines.verification import verify as verify_path

    compared: list[str] = []
    with Progress(None, "shards", "verify") as line:
        differences = verify_path(
            path, lambda done, total: line.update(done, f"of {total:,}"), thorough=thorough, documents=documents, tell=compared.append
        )
    if as_json:
        print(json.dumps({"path": path, "ok": not differences, "differences": differences, "compared": compared}, ensure_ascii=False))
    else:
        print("\n".join(differences) if differences else f"{path}: everything is as the manifest says")
        if thorough:
            print("\n".join(compared))
    context.exit(1 if differences else 0)


@click.command()
@click.argument("path")
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Of the page.")
@click.option("--output", default=None, metavar="FILE", help="Where the page goes.  [default: PATH/report.html]")
def report(path: str, language: Literal["en", "zh"], output: str | None) -> None:
    """Write the statistics of a dataset, or of cleaned documents, as one HTML page with pictures.

    What was read, kept and why not the rest; lengths, masks, [UNK], shards, by source; a few instances. The page needs nothing beside it,
    no network either. It holds text of the corpus: give it to nobody whom you would not give that.

    \b
    Examples:
      albert-data report shards
      albert-data report shards --language zh --output report.zh.html
    """
    from pipelines.report.report import write_report

    import_tensorflow()
    print(write_report(path, language=language, output=output))


@click.command()
@click.argument("path")
@click.option("--document", "ids", multiple=True, metavar="ID", help="A document, by its 32 hexadecimal digits; may be repeated.")
@click.option("--documents", "files", multiple=True, metavar="FILE", help="A file with an id on each line; may be repeated.")
@json_option
def remove(path: str, ids: tuple[str, ...], files: tuple[str, ...], as_json: bool) -> None:
    """Remove documents from a finished dataset: their instances from the shards, their text from the cleaned documents.

    What is left is byte for byte what a build without them writes, in as many shards. Ids are kept in PATH/removed.txt: the same build
    again leaves them out, and a new cleaning is refused. Rejects are not touched; of exact copies they repeat the first characters. Other
    datasets that were made of the same documents have to be named by themselves. Stop what trains on the dataset first; the shards that
    change need their room twice for a while. Killed in the middle, the same command finishes it.

    \b
    Examples:
      albert-data remove shards --document 8f3c5a0d92e14b7786aa31f05cd2e914
      albert-data remove shards --documents takedown.txt
    """
    from pipelines.removal import read_ids, remove_documents

    summary = remove_documents(path, read_ids(ids, files))
    print(json.dumps(summary, ensure_ascii=False) if as_json else summarize_removal(summary, path))
