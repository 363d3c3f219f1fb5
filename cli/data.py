"""albert-data: raw Chinese text to training shards."""

import functools
import json
import os
import time
from typing import Any

import click

from cli.corpus_options import (
    cleaning_config,
    cleaning_options,
    language_option,
    read_settings,
    read_sources,
    refuse_idle_options,
    source_options,
)
from cli.dataflow import dataflow
from cli.datasets import formats, inspect, remove, report, verify
from cli.examples import examples
from cli.instance_options import instances_config, masking_options
from cli.jobs import BEAM, beam_arguments, beam_options, one_job_options, progress_folder, watch
from cli.options import json_option, run
from cli.planning import plan
from cli.summaries import summarize_dataset, summarize_documents, summarize_job
from cli.vocabularies import vocab

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before anything loads tensorflow: its start-up lines are no news
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # worker processes are the parallelism

output_option = click.option("--output", required=True, metavar="DIR", help="Folder of the dataset; a killed build goes on in it.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="albert-zh-toolkit")
def data() -> None:
    """Raw Chinese text to training shards."""


@data.command(context_settings=BEAM)
@source_options
@output_option
@masking_options
@cleaning_options
@one_job_options
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
          --output gs://bucket/shards --runner DataflowRunner --project … --region … --no-wait
    """
    from pipelines.build import BuildConfig, run_build
    from pipelines.one_job import run_one_job
    from pipelines.submitted_jobs import is_template, name_job

    engine = beam_options(context, beam_arguments, output)
    config = BuildConfig(cleaning=cleaning_config(output, options), instances=instances_config(options))
    started = time.monotonic()
    leaves = options["no_wait"] or is_template(engine)
    run_jobs = functools.partial(run_one_job, wait=not leaves) if leaves or options["one_job"] else run_build
    with progress_folder():
        manifest = run_jobs(config, engine, watch)
    if manifest is None:
        job = dict(name_job(engine) or {})
        print(json.dumps({"job": job, "output": output}, ensure_ascii=False) if as_json else summarize_job(job, output))
        return
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

    engine = beam_options(context, beam_arguments, output)
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
    with progress_folder():
        manifest = run_clean(config, engine, watch, export=options["export"] is not None)
    print(json.dumps(manifest, ensure_ascii=False) if as_json else summarize_documents(manifest, output, time.monotonic() - started))


def _explain(options: dict[str, Any], as_json: bool) -> None:
    from pipelines.explanations import explain_corpus
    from pipelines.thresholds import rule_configs

    for shown in explain_corpus(read_sources(options), rule_configs(read_settings(options))["clean"], options["count"]):
        print(shown.json() if as_json else f"{shown.text()}\n")


@data.command(context_settings=BEAM)
@click.option("--documents", required=True, metavar="DIR", help="The output folder of albert-data clean, or of a build.")
@output_option
@language_option
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

    engine = beam_options(context, beam_arguments, output)
    config = ShardsConfig(
        documents=options["documents"], output=output, instances=instances_config(options), overwrite=options["overwrite"]
    )
    started = time.monotonic()
    with progress_folder():
        manifest = run_instances(config, engine, watch)
    print(json.dumps(manifest, ensure_ascii=False) if as_json else summarize_dataset(manifest, output, time.monotonic() - started))


for command in (formats, inspect, verify, report, remove, vocab, plan, dataflow, examples):
    data.add_command(command)


def main() -> None:
    """Entry point of `albert-data`."""
    run("albert-data", data)
