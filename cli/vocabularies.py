"""`albert-data vocab`: WordPiece vocabularies, learned from a corpus."""

import json
from typing import Any

import click

from cli.corpus_options import read_sources, source_options
from cli.jobs import BEAM, beam_arguments, beam_options
from cli.options import import_tensorflow, json_option


@click.command(context_settings=BEAM)
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
    entries = learn_vocabulary(VocabularyConfig(sources=read_sources(options), **chosen), beam_options(context, beam_arguments))
    told = {"output": options["output"], "entries": len(entries)}
    print(json.dumps(told) if as_json else f"{len(entries):,} entries in {options['output']}, such as {' '.join(entries[5:25])}")
