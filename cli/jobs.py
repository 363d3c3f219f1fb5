"""A Beam job behind a command: the options that go to Beam, and the progress line while it runs."""

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import click

from cli.progress import Progress

SECONDS_BETWEEN_QUESTIONS = 0.5
BEAM = {"ignore_unknown_options": True, "allow_extra_args": True}
"""Context settings of a command that hands what it does not know to Beam."""

beam_arguments = click.argument("beam_arguments", nargs=-1, type=click.UNPROCESSED)


def one_job_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """How a build is divided into jobs, and who waits for them."""
    options = [
        click.option(
            "--one-job",
            is_flag=True,
            help="All stages as one Beam job: it ends without this command. A template (--template_location) is one anyway.  "
            "[default: a job for each stage]",
        ),
        click.option("--no-wait", is_flag=True, help="Submit one job and leave; --output is locked until it ends. Not for local engines."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def beam_options(context: click.Context, arguments: tuple[str, ...], output: str | None = None) -> Any:
    """Beam's options, from what the command does not know itself. `output`: where the job writes, if it writes."""
    from pipelines import storage
    from pipelines.runners import parse_beam_options

    options = parse_beam_options(arguments, [name for parameter in context.command.params for name in parameter.opts], output or "")
    storage.use_options(options)
    return options


@contextlib.contextmanager
def progress_folder() -> Iterator[None]:
    """Where local workers say how far they are."""
    from pipelines import progress

    with tempfile.TemporaryDirectory() as folder:
        os.environ[progress.FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[progress.FOLDER]


@contextlib.contextmanager
def watch(stage: str, size: int | None) -> Iterator[None]:
    """A progress line while a stage runs. `size` in bytes: workers count characters, so it says how much, but not how long."""
    from pipelines import progress

    progress.reset()
    label, what = {
        "build": ("build", "cleaned"),
        "clean": ("clean", "cleaned"),
        "distinct": ("compare", "compared"),
        "instances": ("instances", "segmented"),
    }[stage]
    done = threading.Event()
    whole = f"of {size / 1e6:,.1f} MB of {'files' if stage in ('build', 'clean') else 'text'}" if size else ""
    with Progress(None, "characters", label) as line:

        def follow() -> None:
            pause = SECONDS_BETWEEN_QUESTIONS
            while not done.wait(pause):
                asked = time.monotonic()
                totals = progress.totals()
                pause = max(SECONDS_BETWEEN_QUESTIONS, 20 * (time.monotonic() - asked))  # an engine far away is asked seldom
                shards = totals["shards"]
                line.update(totals[what], f"{whole}  {shards:,} shards written" if shards else whole)

        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        try:
            yield
        finally:
            done.set()
            follower.join()
