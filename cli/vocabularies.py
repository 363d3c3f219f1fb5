"""`albert-data vocab`: WordPiece vocabularies, learned from a corpus, or an existing one extended."""

import json
import time
from typing import Any

import click

from cli.corpus_options import choice_options, damage_option, read_settings, read_sources, rule_options, source_options
from cli.jobs import BEAM, beam_arguments, beam_options, progress_folder, watch
from cli.options import import_tensorflow, json_option
from cli.summaries import columns

SHOWN_ENTRIES = 20
OF_LEARNING = ("size", "character_coverage")
OF_EXTENDING = ("additions", "add_file", "count")
OF_A_CORPUS = ("corpora", "corpora_file", "fields", "sample", "limit", "rules", "rules_file", "min_count", "allow_damaged_files", "count")


@click.command(context_settings=BEAM)
@source_options
@click.option("--output", required=True, metavar="FILE", help="Where the vocabulary goes.")
@click.option("--size", type=int, default=21_128, show_default=True, help="Most entries, specials included.")
@click.option("--min-count", type=int, default=2, show_default=True, help="Words that occur less often are not learned from.")
@click.option(
    "--character-coverage",
    type=float,
    default=0.9999,
    show_default=True,
    help="Share of Han and marks in the text that get entries, the most frequent first.",
)
@click.option("--lower-case/--no-lower-case", default=True, show_default=True)
@click.option("--extend", metavar="VOCAB", help="Put entries into the [unused…] slots of this vocabulary instead of learning one.")
@click.option("--add", "additions", multiple=True, metavar="TEXT", help="With --extend: every character, and word of letters, of TEXT.")
@click.option("--add-file", metavar="FILE", help="With --extend: entries, one a line.")
@click.option("--count", type=click.IntRange(1), metavar="N", help="With --extend: of --corpus, the N most frequent characters it lacks.")
@choice_options
@rule_options
@damage_option
@json_option
@beam_arguments
@click.pass_context
def vocab(context: click.Context, as_json: bool, beam_arguments: tuple[str, ...], **options: Any) -> None:
    """Learn a WordPiece vocabulary from a corpus, or extend one.

    --extend leaves every id as it is, so that a released model still fits: only [unused…] slots are taken, in ascending order. Their
    embeddings are untrained in such a model; they learn in further pretraining.

    \b
    Examples:
      albert-data vocab --corpus 'wiki_zh/*/wiki_*' --size 21128 --output vocab.txt
      albert-data vocab --extend vocab.txt --add '“”‘’—–…' --output vocab-quotes.txt
      albert-data vocab --extend vocab.txt --corpus 'news/*.txt' --count 50 --output vocab-news.txt
    """
    engine = beam_options(context, beam_arguments, options["output"])
    _refuse_idle(context, options)
    if options["extend"]:
        _extend(options, engine, as_json)
        return
    import_tensorflow()
    from pipelines.vocabulary import VocabularyConfig, describe, learn_vocabulary

    chosen = {name: options[name] for name in ("output", "size", "min_count", "character_coverage")}
    config = VocabularyConfig(counting=_counting(options), **chosen)
    started = time.monotonic()
    with progress_folder(), watch("clean", None):
        learned = learn_vocabulary(config, engine)
    told = describe(learned, options["output"])
    print(json.dumps(told, ensure_ascii=False) if as_json else _summarize(told, learned.entries, time.monotonic() - started))


def _counting(options: dict[str, Any]) -> Any:
    from pipelines.count_words import CountingConfig
    from pipelines.thresholds import rule_configs

    rules = rule_configs(read_settings(options))
    names = ("lower_case", "sample", "limit", "allow_damaged_files")
    return CountingConfig(
        sources=read_sources(options),
        clean=rules["clean"],
        repeated_lines=rules["repeated_lines"],
        **{name: options[name] for name in names},
    )


def _extend(options: dict[str, Any], engine: Any, as_json: bool) -> None:
    import_tensorflow()
    from pipelines.vocabulary_extension import ExtensionConfig, run_extend

    config = ExtensionConfig(
        vocabulary=options["extend"],
        output=options["output"],
        additions=options["additions"],
        add_file=options["add_file"],
        counting=_counting(options) if options["count"] else None,
        count=options["count"] or 0,
        min_count=options["min_count"],
        lower_case=options["lower_case"],
    )
    with progress_folder(), watch("clean", None):
        extended = run_extend(config, engine)
    if as_json:
        rows = [added._asdict() | {"count": extended.counts.get(added.token)} for added in extended.added]
        print(json.dumps({"output": config.output, "added": rows, "slots_left": extended.num_slots_left}, ensure_ascii=False))
        return
    shown = [(added.token, "→", f"{added.id:,}", added.replaced, _times(extended.counts.get(added.token))) for added in extended.added]
    print("\n".join(columns([("entry", "", "id", "replaces", "in the corpus" if extended.counts else ""), *shown], left=2)))
    print(f"{len(shown):,} entries added in {config.output}; {extended.num_slots_left:,} [unused…] slots are left")


def _times(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def _refuse_idle(context: click.Context, options: dict[str, Any]) -> None:
    """Refuses options that would do nothing: who gave them expects something."""
    flags = {parameter.name: parameter.opts[0] for parameter in context.command.params if parameter.name}
    given = [name for name in flags if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE]
    if not options["extend"]:
        if idle := [name for name in OF_EXTENDING if name in given]:
            raise click.UsageError(f"{flags[idle[0]]} means nothing without --extend VOCAB: give both, or neither", context)
        return
    if idle := [name for name in OF_LEARNING if name in given]:
        raise click.UsageError(f"{flags[idle[0]]} means nothing beside --extend, which adds to what is there: leave it out", context)
    of_a_corpus = [name for name in OF_A_CORPUS if name in given]
    if of_a_corpus and not ({"corpora", "corpora_file"} & set(given) and "count" in given):
        raise click.UsageError(
            f"{flags[of_a_corpus[0]]} with --extend: --corpus and --count N belong together: give both, or neither", context
        )


def _summarize(told: dict[str, Any], entries: list[str], seconds: float) -> str:
    kinds, coverage, documents = told["kinds"], told["coverage"], told["documents"]
    first = [entry for entry in entries if not entry.startswith("[")][:SHOWN_ENTRIES]
    words = [entry for entry in entries if len(entry) > 2 and not entry.startswith(("[", "##"))]
    lines = [
        f"documents   {documents['read']:,} read, {documents['kept']:,} kept, in {seconds:,.0f} s",
        f"entries     {told['entries']:,} in {told['output']}: {kinds['han']:,} Han, {kinds['characters']:,} other characters, "
        f"{kinds['words']:,} words of letters, {kinds['pieces']:,} ## pieces, {kinds['special']} special",
        f"such as     {' '.join(first)}",
        *([f"words       {' '.join(words[:: max(1, len(words) // SHOWN_ENTRIES)][:SHOWN_ENTRIES])}"] if words else []),
        f"coverage    {1 - coverage['unknown_share']:.3%} of {coverage['tokens']:,} tokens of the corpus, the rest is [UNK]; "
        f"{coverage['tokens_per_character']:.3f} tokens a character",
    ]
    return "\n".join(lines)
