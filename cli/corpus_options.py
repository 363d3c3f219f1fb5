"""Options that say which corpus, and how it is cleaned; from them the configuration of the cleaning."""

from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., Any]

ALONE = {
    "print_rules": ("language", "rules", "rules_file", "near_duplicates", "as_json"),
    "explain": ("corpora", "corpora_file", "fields", "language", "rules", "rules_file", "count", "as_json"),
}
"""Options that make `clean` do something else, each with those that mean something beside it."""


def with_options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options as one decorator, shown in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


source_options = with_options(
    click.option(
        "--corpus",
        "corpora",
        multiple=True,
        metavar="[FORMAT=]GLOB",
        help="Files of a corpus; may be repeated. FORMAT is guessed when left out; albert-data formats lists them.",
    ),
    click.option(
        "--corpora",
        "corpora_file",
        metavar="FILE",
        help="YAML list of sources: name, corpus, format, fields, weight, priority, cap, licence.",
    ),
    click.option(
        "--fields",
        metavar="NAME=FIELD,…",
        help="Where records of --corpus have text, title, url, quality: text=body,title=headline.",
    ),
)

choice_options = with_options(
    click.option("--sample", type=float, default=1.0, show_default=True, help="Share of the records that is taken, the same in every run."),
    click.option("--limit", type=int, default=None, metavar="N", help="Most records that are taken: those with the smallest keys."),
)

language_option = click.option(
    "--language",
    type=click.Choice(["chinese", "other"]),
    default="chinese",
    show_default=True,
    help="other: words are parted by blanks, and rules that count Chinese characters are off.",
)

rule_options = with_options(
    language_option,
    click.option("--rule", "rules", multiple=True, metavar="NAME=VALUE", help="Another threshold of a rule; --print-rules lists them."),
    click.option("--rules", "rules_file", metavar="FILE", help="YAML with such thresholds."),
)

damage_option = click.option("--allow-damaged-files", is_flag=True, help="Go on without what damaged files lost.")

cleaning_options = with_options(
    choice_options,
    rule_options,
    click.option(
        "--near-duplicates",
        type=float,
        default=None,
        metavar="JACCARD",
        help="Documents as similar as this to a better one go; 0 keeps all.  [default: 0.8]",
    ),
    click.option(
        "--decontaminate",
        multiple=True,
        metavar="GLOB",
        help="Evaluation files: documents that hold their text go; may be repeated.",
    ),
    click.option(
        "--max-error-rate", type=float, default=0.01, show_default=True, help="Share of unreadable documents that is put up with."
    ),
    damage_option,
    click.option("--overwrite", is_flag=True, help="Replace a finished dataset of other options; what is clean already is used again."),
    click.option(
        "--batch-bytes",
        type=int,
        default=8 << 20,
        show_default=True,
        help="Text that moves as one piece. The result does not depend on it.",
    ),
)


def read_sources(options: dict[str, Any]) -> tuple[Any, ...]:
    """The sources that --corpus, --corpora and --fields mean."""
    from corpora import sources
    from corpora.fields import Fields
    from pipelines import storage
    from pipelines.errors import BuildError

    fields = Fields.parse(options["fields"]) if options.get("fields") else None
    listed = [sources.source_of(corpus, fields) for corpus in options["corpora"]]
    path = options.get("corpora_file")
    if fields and path and not listed:
        raise BuildError(f"--fields means the files of --corpus, and there are none\nwrite it into {path}: fields: {{text: NAME}}")
    if path:
        try:
            text = storage.read(path).decode()
        except (OSError, UnicodeDecodeError) as error:
            raise BuildError(
                f"--corpora {path} cannot be read: {error}\ngive a YAML file; albert-data build --help has an example"
            ) from error
        listed = [*sources.read_sources(text, path), *listed]
    return tuple(sources.merge_sources(listed))


def read_settings(options: dict[str, Any]) -> dict[str, Any]:
    """The thresholds that --language, --rules, --rule and --near-duplicates set, by name; the last has the last word."""
    import yaml

    from pipelines import languages, storage
    from pipelines.errors import BuildError

    settings: dict[str, Any] = dict(languages.RULES[options["language"]])
    path = options.get("rules_file")
    if path:
        try:
            given = yaml.safe_load(storage.read(path)) or {}
        except (OSError, yaml.YAMLError) as error:
            raise BuildError(f"--rules {path} cannot be read: {error}\ngive a YAML file with lines such as min_han: 50") from error
        if not isinstance(given, dict):
            raise BuildError(f"--rules {path} is not a list of NAME: VALUE\nwrite lines such as min_han: 50")
        settings |= {_option_name(name): value for name, value in given.items()}
    for rule in options.get("rules", ()):
        name, equals, value = rule.partition("=")
        if not equals:
            raise BuildError(f"--rule {rule} has no value\nwrite it as --rule min_han=50; --print-rules lists them")
        settings[_option_name(name)] = value.strip()
    if options.get("near_duplicates") is not None:
        settings["min_jaccard"] = options["near_duplicates"]
    return settings


def _option_name(name: Any) -> str:
    """One spelling of a name, so that the last setting of it is the one that counts; YAML makes numbers of some."""
    return str(name).strip().replace("-", "_")


def cleaning_config(output: str, options: dict[str, Any]) -> Any:
    """The configuration of the cleaning."""
    from pipelines.cleaning import CleaningConfig
    from pipelines.thresholds import rule_configs

    names = ("sample", "limit", "max_error_rate", "allow_damaged_files", "overwrite", "batch_bytes")
    return CleaningConfig(
        output=output,
        sources=read_sources(options),
        decontamination=_decontamination(options["decontaminate"]),
        **rule_configs(read_settings(options)),
        **{name: options[name] for name in names},
    )


def _decontamination(patterns: tuple[str, ...]) -> Any:
    from pipelines.decontaminate import DecontaminationConfig

    return DecontaminationConfig.of(patterns)


def refuse_idle_options(context: click.Context) -> None:
    """Refuses options that would do nothing: who gave them expects something.

    Raises:
      click.UsageError: naming the first of them.
    """
    flags = {parameter.name: parameter.opts[0] for parameter in context.command.params if parameter.name}
    given = [name for name in flags if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE]
    mode = next((name for name in ALONE if name in given), None)
    if mode is None and "count" in given:
        raise click.UsageError("-n says how many documents --explain shows: give both, or neither", context)
    idle = [flags[name] for name in given if mode and name not in (mode, "beam_arguments", *ALONE[mode])]
    if mode and idle:
        raise click.UsageError(f"{flags[mode]} writes nothing, and {idle[0]} means nothing beside it: leave one out", context)
