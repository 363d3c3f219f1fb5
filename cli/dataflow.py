"""`albert-data dataflow`: what a Dataflow job of a build is given when nobody says otherwise."""

import json

import click

from cli.jobs import BEAM, beam_arguments
from cli.options import json_option


@click.command(context_settings=BEAM)
@click.option("--output", default="", metavar="DIR", help="Where the build writes: some defaults lie in its bucket.")
@json_option
@beam_arguments
def dataflow(output: str, as_json: bool, beam_arguments: tuple[str, ...]) -> None:
    """Print the options that a build gives to Dataflow, each with its reason, and which of them you set.

    Takes Beam's options as albert-data build does; each of them wins over its default. Asks no server.

    \b
    Examples:
      albert-data dataflow --project my-project --region us-central1 --output gs://my-bucket/shards
      albert-data dataflow --worker_machine_type n2-highmem-8 --json
    """
    from pipelines.dataflow import ALWAYS, settings
    from pipelines.runners import parse_beam_options

    parse_beam_options(beam_arguments)  # refuses what Beam does not know
    found = settings(beam_arguments, output)
    if as_json:
        print(json.dumps({"options": [vars(setting) for setting in found], "always": ALWAYS}, ensure_ascii=False))
        return
    for setting in found:
        print(f"{setting.option}={setting.value}\n    {setting.reason}")
    for name, reason in ALWAYS.items():
        print(f"{name}\n    {reason}")
