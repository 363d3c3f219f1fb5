"""Options that say which corpus, and how it is cleaned; from them the configuration of the cleaning."""

from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., Any]


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

cleaning_options = with_options(
    click.option("--sample", type=float, default=1.0, show_default=True, help="Share of the records that is taken, the same in every run."),
    click.option("--limit", type=int, default=None, metavar="N", help="Most records that are taken: those with the smallest keys."),
    click.option("--rule", "rules", multiple=True, metavar="NAME=VALUE", help="Another threshold of a rule; --print-rules lists them."),
    click.option("--rules", "rules_file", metavar="FILE", help="YAML with such thresholds."),
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
    click.option("--allow-damaged-files", is_flag=True, help="Go on without what damaged files lost."),
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
    """The thresholds that --rules and --rule set; the command line has the last word."""
    import yaml

    from pipelines import storage
    from pipelines.errors import BuildError

    settings: dict[str, Any] = {}
    path = options.get("rules_file")
    if path:
        try:
            settings = yaml.safe_load(storage.read(path)) or {}
        except (OSError, yaml.YAMLError) as error:
            raise BuildError(f"--rules {path} cannot be read: {error}\ngive a YAML file with lines such as min_han: 50") from error
        if not isinstance(settings, dict):
            raise BuildError(f"--rules {path} is not a list of NAME: VALUE\nwrite lines such as min_han: 50")
    for rule in options.get("rules", ()):
        name, equals, value = rule.partition("=")
        if not equals:
            raise BuildError(f"--rule {rule} has no value\nwrite it as --rule min_han=50; --print-rules lists them")
        settings[name.strip()] = value.strip()
    return settings


def cleaning_config(output: str, options: dict[str, Any]) -> Any:
    """The configuration of the cleaning."""
    from pipelines.cleaning import CleaningConfig
    from pipelines.thresholds import rule_configs

    settings = read_settings(options)
    if options["near_duplicates"] is not None:
        settings["min_jaccard"] = options["near_duplicates"]
    names = ("sample", "limit", "max_error_rate", "allow_damaged_files", "overwrite", "batch_bytes")
    return CleaningConfig(
        output=output,
        sources=read_sources(options),
        decontamination=_decontamination(options["decontaminate"]),
        **rule_configs(settings),
        **{name: options[name] for name in names},
    )


def _decontamination(patterns: tuple[str, ...]) -> Any:
    from pipelines.decontaminate import DecontaminationConfig

    return DecontaminationConfig.of(patterns)
