"""albert-data: raw Chinese text to training shards."""

import contextlib
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import click

from cli.corpus_options import cleaning_config, cleaning_options, read_settings, read_sources, refuse_idle_options, source_options
from cli.options import import_tensorflow, run
from cli.progress import Progress
from cli.summaries import format_catalogue, summarize_dataset, summarize_documents

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before anything loads tensorflow: its start-up lines are no news
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # worker processes are the parallelism

BEAM = {"ignore_unknown_options": True, "allow_extra_args": True}

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
beam_arguments = click.argument("beam_arguments", nargs=-1, type=click.UNPROCESSED)
output_option = click.option("--output", required=True, metavar="DIR", help="Folder of the dataset; a killed build goes on in it.")


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


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="albert-zh-toolkit")
def data() -> None:
    """Raw Chinese text to training shards."""


@data.command(context_settings=BEAM)
@source_options
@output_option
@masking_options
@cleaning_options
@json_option
@beam_arguments
@click.pass_context
def build(context: click.Context, output: str, as_json: bool, beam_arguments: tuple[str, ...], **options: Any) -> None:
    """Clean a corpus and write training shards.

    A corpus is [FORMAT=]GLOB; albert-data formats lists the formats and the public corpora that are known by name. Options that are not
    listed go to Apache Beam: --runner, --project, --direct_num_workers …

    \b
    Examples:
      albert-data build --corpus 'wiki_zh/*/wiki_*' --vocab vocab.txt --output shards
      albert-data build --corpus blank_line=news.txt.xz --corpus 'jsonl=web/*.json.gz' \\
          --vocab vocab.txt --output shards --max-seq-length 128 --direct_num_workers 2
      albert-data build --corpora sources.yaml --sample 0.01 --vocab vocab.txt --output sample
      albert-data build --corpus 'gs://bucket/*.jsonl' --vocab vocab.txt \\
          --output gs://bucket/shards --runner DataflowRunner --project … --region …
    """
    from pipelines.build import BuildConfig, run_build

    beam_options = _beam_options(context, beam_arguments)
    config = BuildConfig(cleaning=cleaning_config(output, options), instances=_instances_config(options))
    started = time.monotonic()
    with _progress_folder():
        manifest = run_build(config, beam_options, _watch)
    print(json.dumps(manifest, ensure_ascii=False) if as_json else summarize_dataset(manifest, output, time.monotonic() - started))


@data.command(context_settings=BEAM)
@source_options
@click.option("--output", metavar="DIR", help="Folder of the documents; a killed run goes on in it.")
@cleaning_options
@click.option("--export", type=click.Choice(["jsonl"]), default=None, help="Write the documents as JSON Lines too, in OUTPUT/jsonl.")
@click.option("--explain", is_flag=True, help="Show what each rule changes or drops in a few documents, and write nothing.")
@click.option("-n", "count", type=click.IntRange(1), default=5, show_default=True, help="How many documents --explain shows.")
@click.option("--print-rules", is_flag=True, help="Print every threshold with its meaning, as YAML for --rules.")
@json_option
@beam_arguments
@click.pass_context
def clean(context: click.Context, output: str | None, as_json: bool, beam_arguments: tuple[str, ...], **options: Any) -> None:
    """Clean a corpus: the first half of a build.

    The documents lie in OUTPUT/documents as Parquet, those that were not kept in OUTPUT/rejects, by source and reason.
    albert-data instances makes shards of them.

    \b
    Examples:
      albert-data clean --corpus 'wiki_zh/*/wiki_*' --output wiki
      albert-data clean --corpus 'html=pages.zip' --explain -n 3
      albert-data clean --corpus books.tar.xz --output books --rule min_han=100 --export jsonl
      albert-data clean --print-rules > rules.yaml
    """
    from pipelines.cleaning import run_clean
    from pipelines.thresholds import print_rules, rule_configs

    beam_options = _beam_options(context, beam_arguments)
    refuse_idle_options(context)
    if options["print_rules"]:
        print(print_rules(rule_configs(read_settings(options)), as_json=as_json))
        return
    if options["explain"]:
        _explain(options, as_json)
        return
    if output is None:
        raise click.UsageError("Missing option '--output' (or --explain, or --print-rules).", context)
    config = cleaning_config(output, options)
    started = time.monotonic()
    with _progress_folder():
        manifest = run_clean(config, beam_options, _watch, export=options["export"] is not None)
    print(json.dumps(manifest, ensure_ascii=False) if as_json else summarize_documents(manifest, output, time.monotonic() - started))


def _explain(options: dict[str, Any], as_json: bool) -> None:
    from pipelines.explanations import explain_corpus
    from pipelines.thresholds import rule_configs

    for shown in explain_corpus(read_sources(options), rule_configs(read_settings(options))["clean"], options["count"]):
        print(shown.json() if as_json else f"{shown.text()}\n")


@data.command(context_settings=BEAM)
@click.option("--documents", required=True, metavar="DIR", help="The output folder of albert-data clean, or of a build.")
@output_option
@masking_options
@click.option("--overwrite", is_flag=True, help="Replace a finished dataset of other options.")
@json_option
@beam_arguments
@click.pass_context
def instances(context: click.Context, output: str, as_json: bool, beam_arguments: tuple[str, ...], **options: Any) -> None:
    """Write training shards of documents that are clean: the second half of a build.

    \b
    Examples:
      albert-data instances --documents wiki --vocab vocab.txt --output wiki
      albert-data instances --documents wiki --vocab vocab.txt --output wiki-128 --max-seq-length 128 --masking dynamic
    """
    from pipelines.build import ShardsConfig, run_instances

    beam_options = _beam_options(context, beam_arguments)
    config = ShardsConfig(
        documents=options["documents"], output=output, instances=_instances_config(options), overwrite=options["overwrite"]
    )
    started = time.monotonic()
    with _progress_folder():
        manifest = run_instances(config, beam_options, _watch)
    print(json.dumps(manifest, ensure_ascii=False) if as_json else summarize_dataset(manifest, output, time.monotonic() - started))


@data.command()
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


def _beam_options(context: click.Context, arguments: tuple[str, ...]) -> Any:
    """Beam's options, from what the command does not know itself."""
    from pipelines.runners import parse_beam_options

    return parse_beam_options(arguments, [name for parameter in context.command.params for name in parameter.opts])


def _instances_config(options: dict[str, Any]) -> Any:
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


@contextlib.contextmanager
def _progress_folder() -> Iterator[None]:
    """Where local workers say how far they are."""
    from pipelines import progress

    with tempfile.TemporaryDirectory() as folder:
        os.environ[progress.FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[progress.FOLDER]


@contextlib.contextmanager
def _watch(stage: str, size: int | None) -> Iterator[None]:
    """A progress line while a stage runs. `size` in bytes: workers count characters, so it says how much, but not how long."""
    from pipelines import progress

    progress.reset()
    label, what = {"clean": ("clean", "cleaned"), "distinct": ("compare", "compared"), "instances": ("instances", "segmented")}[stage]
    done = threading.Event()
    whole = f"of {size / 1e6:,.1f} MB of {'files' if stage == 'clean' else 'text'}" if size else ""
    with Progress(None, "characters", label) as line:

        def follow() -> None:
            while not done.wait(0.5):
                shards = progress.total("shards")
                line.update(progress.total(what), f"{whole}  {shards:,} shards written" if shards else whole)

        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        try:
            yield
        finally:
            done.set()
            follower.join()


@data.command()
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


@data.command()
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


@data.command(context_settings=BEAM)
@source_options
@click.option("--output", required=True, metavar="FILE", help="Where the vocabulary goes.")
@click.option("--size", type=int, default=21_128, show_default=True, help="Most entries, specials included.")
@click.option("--min-count", type=int, default=2, show_default=True, help="Words that occur less often are not learned from.")
@click.option("--lower-case/--no-lower-case", default=True, show_default=True)
@json_option
@beam_arguments
@click.pass_context
def vocab(context: click.Context, as_json: bool, beam_arguments: tuple[str, ...], **options: Any) -> None:
    """Learn a WordPiece vocabulary from a corpus.

    \b
    Example:
      albert-data vocab --corpus 'wiki_zh/*/wiki_*' --size 21128 --output vocab.txt
    """
    import_tensorflow()
    from pipelines.vocabulary import VocabularyConfig, learn_vocabulary

    chosen = {name: options[name] for name in ("output", "size", "min_count", "lower_case")}
    entries = learn_vocabulary(VocabularyConfig(sources=read_sources(options), **chosen), _beam_options(context, beam_arguments))
    told = {"output": options["output"], "entries": len(entries)}
    print(json.dumps(told) if as_json else f"{len(entries):,} entries in {options['output']}, such as {' '.join(entries[5:25])}")


def main() -> None:
    """Entry point of `albert-data`."""
    run("albert-data", data)
