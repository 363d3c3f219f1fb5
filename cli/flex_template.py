"""The launcher of the Dataflow Flex Template: its parameters are the options of `albert-data build`, and its answer is one job.

gcloud … flex-template run --parameters corpus=gs://…,max_seq_length=128
  ─▶ Google's launcher program: this one with --corpus=gs://… --max_seq_length=128 --runner=DataflowRunner --template_location=gs://… …
  ─▶ albert-data build --corpus gs://… --max-seq-length 128 --runner=DataflowRunner --template_location=gs://… …
  ─▶ the job's description at that place; the launcher program submits it when this one has left

`python -m cli.flex_template metadata` prints the template's description, docker/flex_template.json.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import click

from cli.data import build, data
from cli.options import EXIT_USER_ERROR, fail, run

SEPARATOR = ";"
"""Between the values of a parameter that may be given several times: gcloud parts parameters at commas."""
IDLE = ("one_job", "no_wait", "json", "batch_bytes")
"""Options that mean nothing to somebody who launches a template."""
BUCKET_PATH, WHOLE, NUMBER, TRUTH = r"^gs://\S+$", r"^-?[0-9]+$", r"^[0-9]*\.?[0-9]+$", "^(true|false)$"
FILES = ("corpora", "rules", "user_dict", "vocab")
BEAM_PARAMETERS = {
    "sdk_container_image": "The image of the workers, as docker/worker.Dockerfile or docker/launcher.Dockerfile makes it.",
    "disk_size_gb": "Of a worker, in GB.",
    "dataflow_service_options": "Options of the Dataflow service, parted by semicolons.",
}
"""Options of Beam that gcloud has no flag for."""


def main() -> None:
    """Entry point of the image: Google's launcher program starts it with `--name=value` for each parameter."""
    if sys.argv[1:] == ["metadata"]:
        print(json.dumps(describe_template(), ensure_ascii=False, indent=1))
        return
    try:
        sys.argv[1:] = ["build", *to_arguments(sys.argv[1:])]
    except click.UsageError as error:
        fail("albert-data", error.format_message(), EXIT_USER_ERROR)
    run("albert-data", data)


def to_arguments(given: Sequence[str]) -> list[str]:
    """Parameters as Google's launcher hands them over → the command line of `albert-data build`; what is not its own goes to Beam.

    >>> to_arguments(["--corpus=gs://b/a/*;gs://b/c.txt", "--overwrite=true", "--lower_case=false", "--region=us-central1"])
    ['--corpus=gs://b/a/*', '--corpus=gs://b/c.txt', '--overwrite', '--no-lower-case', '--region=us-central1']
    """
    own = {parameter_name(option): option for option in build_options()}
    arguments: list[str] = []
    for argument in given:
        name, equals, value = argument.removeprefix("--").partition("=")
        option = own.get(name)
        if option is None or not equals:
            arguments += _of_beam(name, value) if equals and name in BEAM_PARAMETERS else [argument]
        elif value:  # the console sends what was left empty
            arguments += _of_option(option, value)
    return arguments


def _of_beam(name: str, value: str) -> list[str]:
    return [f"--{name}={part}" for part in value.split(SEPARATOR) if part]


def _of_option(option: click.Option, value: str) -> list[str]:
    if option.is_flag:
        if value not in ("true", "false"):
            raise click.UsageError(f"{parameter_name(option)}={value} is neither true nor false")
        return [option.opts[0]] if value == "true" else option.secondary_opts[:1]
    values = value.split(SEPARATOR) if option.multiple else [value]
    return [f"{option.opts[0]}={part.strip()}" for part in values if part.strip()]


def build_options() -> Iterator[click.Option]:
    """The options of `albert-data build` that a template has."""
    for parameter in build.params:
        if isinstance(parameter, click.Option) and parameter_name(parameter) not in IDLE:
            yield parameter


def parameter_name(option: click.Option) -> str:
    """`--max-seq-length` → max_seq_length."""
    return option.opts[0].removeprefix("--").replace("-", "_")


def describe_template() -> dict[str, Any]:
    """What `gcloud dataflow flex-template build --metadata-file` takes: Dataflow checks parameters with it, the console asks for them."""
    beam = [
        {"name": name, "label": name.replace("_", " "), "helpText": text, "isOptional": True, "paramType": "TEXT"}
        for name, text in BEAM_PARAMETERS.items()
    ]
    return {
        "name": "albert-data build",
        "description": "Cleans a corpus of Chinese text and writes training shards for ALBERT, as one job that goes on by itself.",
        "streaming": False,
        "parameters": [*(describe_parameter(option) for option in build_options()), *beam],
    }


def describe_parameter(option: click.Option) -> dict[str, Any]:
    """An option as a parameter: what a person reads, and what Dataflow refuses before a launcher is paid for."""
    name = parameter_name(option)
    text = (option.help or "").split("  [default:")[0]
    if option.multiple:
        text = text.replace("; may be repeated.", ".") + f" Several are parted by semicolons ({SEPARATOR})."
    described = {"name": name, "label": name.replace("_", " "), "helpText": text, "isOptional": not option.required}
    return described | _values_of(option, name) | _default_of(option)


def _values_of(option: click.Option, name: str) -> dict[str, Any]:
    """Which values are refused."""
    if option.is_flag:
        return {"paramType": "BOOLEAN", "regexes": [TRUTH]}
    if isinstance(option.type, click.Choice):
        return {"paramType": "ENUM", "enumOptions": [{"value": value, "label": value} for value in option.type.choices]}
    if name == "output":
        return {"paramType": "GCS_WRITE_FOLDER", "regexes": [BUCKET_PATH]}
    if name in FILES:
        return {"paramType": "GCS_READ_FILE", "regexes": [BUCKET_PATH]}
    if option.type in (click.INT, click.FLOAT):
        return {"paramType": "NUMBER", "regexes": [WHOLE if option.type is click.INT else NUMBER]}
    return {"paramType": "TEXT"}


def _default_of(option: click.Option) -> dict[str, str]:
    if option.default is None or option.multiple or not isinstance(option.default, str | int | float):
        return {}
    return {"defaultValue": str(option.default).lower() if isinstance(option.default, bool) else str(option.default)}


if __name__ == "__main__":
    main()
