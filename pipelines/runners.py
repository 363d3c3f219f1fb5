"""Which engine runs a job, and what is asked of it: every option of Beam's own, checked before anything starts."""

import argparse
import copy
import difflib
import logging
import re
from collections.abc import Callable, Iterable, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions, GoogleCloudOptions, PipelineOptions, SetupOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineRunner

from pipelines import dataflow, flink
from pipelines.allocator import keep_freed_memory
from pipelines.batches import carry_batches
from pipelines.dataflow_checks import check_job
from pipelines.engine_errors import explain
from pipelines.engine_names import runner_name
from pipelines.environment import compare_in_workers
from pipelines.errors import BuildError
from pipelines.local_workers import ForkedProcesses, start_server
from pipelines.portable_pickles import hide_paths
from pipelines.waiting import own_interrupts, wait_for

OURS = f"{BuildError.__module__}.{BuildError.__name__}: "  # before its message in a traceback
LOCAL_RUNNERS = ("", "DirectRunner", "FnApiRunner")


class JobFailedError(RuntimeError):
    """The engine gave up on the job. The message is cause and fix where they are known, else its own, without the traceback."""


def parse_beam_options(arguments: Sequence[str], known: Sequence[str] = (), output: str = "") -> PipelineOptions:
    """Beam's options from what the command line left over. With DataflowRunner, those that it left out are those of `dataflow.py`.

    Args:
      arguments: such as `--runner=DataflowRunner`, `--direct_num_workers=2`.
      known: the command's own options, for a better guess at what was meant.
      output: where the job writes; some of Dataflow's defaults depend on it.

    Raises:
      BuildError: one of them is neither ours nor Beam's. (Beam itself would warn and go on.)
    """
    parser = _OptionsParser(add_help=False, allow_abbrev=False)
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(parser)
    _, unknown = parser.parse_known_args(list(arguments))
    if unknown:
        theirs = [string for action in parser._actions for string in action.option_strings]
        name = unknown[0].split("=")[0]
        close = difflib.get_close_matches(name, [*known, *theirs], 1, 0.6)
        fix = (
            f"did you mean {close[0]}?"
            if close
            else "see albert-data build --help; other options go to Beam, which does not know it either"
        )
        raise BuildError(f"no such option: {name}\n{fix}")
    result = PipelineOptions(list(arguments))
    if runner_name(result) == dataflow.RUNNER:
        result = PipelineOptions(dataflow.complete(arguments, output))
    result.view_as(SetupOptions).save_main_session = False
    return result


class _OptionsParser(argparse.ArgumentParser):
    """Beam's option classes also ask for this method; and a bad value is the user's error, not an exit."""

    def add_value_provider_argument(self, *names: str, **settings: object) -> None:
        self.add_argument(*names, **{key: value for key, value in settings.items() if key != "type"})  # type: ignore[arg-type]

    def error(self, message: str) -> None:  # type: ignore[override]
        raise BuildError(f"{message}\nthe option belongs to Apache Beam; see its documentation for the values")


def make_runner(options: PipelineOptions) -> PipelineRunner | str:
    """The engine. `DirectRunner` is the in-process one: Beam would try Prism first, and download it. Several workers are processes."""
    name = runner_name(options)
    if flink.is_asked_for(options):
        flink.suit_flink(options)
    if name not in LOCAL_RUNNERS:
        return name
    direct = options.view_as(DirectOptions)
    if direct.direct_num_workers == 1 or direct.direct_running_mode != "in_memory":
        return FnApiRunner()
    start_server()
    return FnApiRunner(default_environment=ForkedProcesses())


def check_engine(options: PipelineOptions, *, reads: Iterable[str], output: str) -> None:
    """Refuses a job that its engine could not run, before anything is read or locked.

    Raises:
      BuildError: what is wrong, and the fix. Only Dataflow is asked; other engines say it when the job starts.
    """
    if runner_name(options) == dataflow.RUNNER:
        check_job(options, reads=reads, output=output)


def run_job(wire: Callable[[beam.Pipeline], object], options: PipelineOptions, *, wait: bool = True) -> None:
    """Runs the pipeline that `wire` builds and waits for its end, unless it may go on alone or (`--template_location`) is only written.

    Raises:
      JobFailedError: with the engine's last words.
      JobCancelledError: the user interrupted; the job does not go on.
    """
    for name in ("apache_beam", "root"):  # workers log every failure with its traceback, and warn of much that is no concern
        logging.getLogger(name).setLevel(logging.CRITICAL)
    keep_freed_memory()
    own = copy.deepcopy(options)  # Dataflow's client adds a folder to its locations, for each job
    carry_batches(packed=runner_name(own) == dataflow.RUNNER)  # there what is shuffled is paid for by the byte
    try:
        pipeline = beam.Pipeline(runner=make_runner(own), options=own)
        wire(pipeline)
        if runner_name(own) not in LOCAL_RUNNERS:
            hide_paths()
            compare_in_workers(pipeline)
        with own_interrupts():
            result = pipeline.run()
        if wait and not own.view_as(GoogleCloudOptions).template_location:
            wait_for(result, own)
    except BuildError as error:
        raise BuildError(_without_place(str(error))) from error
    except Exception as error:
        raise JobFailedError(explain(f"{type(error).__name__}: {error}") or _last_words(error)) from error


def _last_words(error: BaseException) -> str:
    """The innermost message: Beam wraps a worker's exception, traceback and all, in its own. One of ours with its second line, the fix."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    ours = [number for number, line in enumerate(lines) if line.startswith(OURS)]
    if ours:
        return _without_place("\n".join(lines[ours[-1] : ours[-1] + 2]).removeprefix(OURS))
    telling = [line for line in lines if "Error" in line.split(":")[0] and not line.startswith(("File", "raise"))]
    return (telling or lines or [type(error).__name__])[-1]


def _without_place(message: str) -> str:
    """A worker's message without the name of the transform, which Beam adds."""
    return re.sub(r" \[while running '.*'\]", "", message)
