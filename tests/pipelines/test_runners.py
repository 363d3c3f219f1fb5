import logging

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import DebugOptions, GoogleCloudOptions, PortableOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms.environments import EmbeddedPythonEnvironment

from pipelines.errors import BuildError
from pipelines.local_workers import ForkedProcesses
from pipelines.runners import JobFailedError, make_runner, parse_beam_options, run_job


def test_options_of_beam_reach_beam():
    options = parse_beam_options(["--runner=DataflowRunner", "--project", "some-project", "--region=europe-west1"])
    assert make_runner(options) == "DataflowRunner"
    assert options.view_as(GoogleCloudOptions).project == "some-project"


@pytest.mark.parametrize("arguments", [[], ["--runner=DirectRunner"], ["--runner", "FnApiRunner"]])
def test_the_direct_runner_is_the_one_in_this_process(arguments):
    assert isinstance(make_runner(parse_beam_options(arguments)), FnApiRunner)


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        ([], EmbeddedPythonEnvironment),
        (["--direct_num_workers=2"], ForkedProcesses),
        (["--direct_num_workers", "0"], ForkedProcesses),
        (["--direct_num_workers=2", "--direct_running_mode=multi_threading"], EmbeddedPythonEnvironment),
    ],
)
def test_more_than_one_worker_means_processes_unless_said_otherwise(arguments, environment):
    runner = make_runner(parse_beam_options(arguments))
    assert isinstance(runner, FnApiRunner)
    assert isinstance(runner._default_environment, environment)


@pytest.mark.parametrize("runner", ["FlinkRunner", "PortableRunner"])
def test_a_flink_job_server_gets_fused_stages_and_keeps_its_workers(runner):
    options = parse_beam_options([f"--runner={runner}"])
    assert make_runner(options) == runner
    assert options.view_as(DebugOptions).experiments == ["pre_optimize=all"]
    assert options.view_as(PortableOptions).environment_cache_millis == 30_000


def test_what_the_user_asks_of_flink_stays():
    options = parse_beam_options(["--runner=FlinkRunner", "--experiments=pre_optimize=none", "--environment_cache_millis=5"])
    make_runner(options)
    assert options.view_as(DebugOptions).experiments == ["pre_optimize=none"]
    assert int(options.view_as(PortableOptions).environment_cache_millis) == 5


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--max-predictons-per-seq=20", "no such option: --max-predictons-per-seq\ndid you mean --max-predictions-per-seq?"),
        ("--direct_num_worker=2", "no such option: --direct_num_worker\ndid you mean --direct_num_workers?"),
        ("--qqqq", "no such option: --qqqq\nsee albert-data build --help"),
        ("stray", "no such option: stray"),
    ],
)
def test_an_option_that_nobody_knows_is_refused_with_a_guess(argument, message):
    with pytest.raises(BuildError, match=message.replace("?", r"\?")):
        parse_beam_options([argument], ["--max-predictions-per-seq", "--vocab"])


def test_a_bad_value_of_an_option_of_beam_is_refused():
    with pytest.raises(BuildError, match="--direct_num_workers: invalid int value: 'many'"):
        parse_beam_options(["--direct_num_workers=many"])


def test_a_failing_job_says_its_last_words_and_no_traceback():
    def divide(number: int) -> float:
        return 1 / number

    level = logging.getLogger("apache_beam").level
    with pytest.raises(JobFailedError) as caught:
        run_job(lambda pipeline: pipeline | beam.Create([0]) | beam.Map(divide), parse_beam_options([]))
    logging.getLogger("apache_beam").setLevel(level)
    assert "division by zero" in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_function_without_memory_is_a_cause_and_a_fix():
    def fill(number: int) -> int:
        raise MemoryError

    with pytest.raises(
        JobFailedError, match=r"^a worker ran out of memory: MemoryError\ngive each piece of work more: .*--direct_num_workers"
    ):
        run_job(lambda pipeline: pipeline | beam.Create([0]) | beam.Map(fill), parse_beam_options([]))
