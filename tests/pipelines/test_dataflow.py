import re

import pytest
from apache_beam.options.pipeline_options import (
    DebugOptions,
    GoogleCloudOptions,
    PipelineOptions,
    SetupOptions,
    StandardOptions,
    WorkerOptions,
)

from pipelines.dataflow import DEFAULTS, QUIET, complete, harness_threads, job_name, memory_gb, settings
from pipelines.environment import here, image_tag
from pipelines.runners import parse_beam_options

BASE = ["--runner=DataflowRunner", "--project=some-project", "--region=europe-west1"]
OUTPUT = "gs://bucket/corpora/Shards_512/"
OTHERS = {
    "--temp_location": "gs://other/temp",
    "--staging_location": "gs://other/staging",
    "--sdk_container_image": "example.org/worker:1",
    "--sdk_location": "default",
    "--job_name": "mine",
    "--labels": "team=nlp",
    "--autoscaling_algorithm": "NONE",
    "--max_num_workers": "3",
    "--worker_machine_type": "n1-highmem-8",
    "--number_of_worker_harness_threads": "1",
    "--disk_size_gb": "200",
    "--worker_disk_type": "compute.googleapis.com/projects//zones//diskTypes/pd-standard",
    "--experiments": "use_something",
}
"""For each option of the table, another value than its default."""


def value_of(options: PipelineOptions, option: str) -> object:
    """What Beam makes of an option of the table."""
    name = {"worker_machine_type": "machine_type", "worker_disk_type": "disk_type"}.get(
        option.removeprefix("--"), option.removeprefix("--")
    )
    views = (GoogleCloudOptions, WorkerOptions, SetupOptions, DebugOptions)
    return next(getattr(options.view_as(view), name) for view in views if hasattr(options.view_as(view), name))


def test_a_job_of_which_nothing_is_said_has_every_default():
    options = parse_beam_options(BASE, output=OUTPUT)
    assert {entry.option: value_of(options, entry.option) for entry in DEFAULTS} == {
        "--temp_location": "gs://bucket/dataflow/temp",
        "--staging_location": "gs://bucket/dataflow/staging",
        "--sdk_container_image": f"europe-west1-docker.pkg.dev/some-project/albert-zh/worker:{image_tag(here())}",
        "--sdk_location": "container",
        "--job_name": "albert-data-shards-512",
        "--labels": ["tool=albert-zh-toolkit"],
        "--autoscaling_algorithm": "THROUGHPUT_BASED",
        "--max_num_workers": 20,
        "--worker_machine_type": "n2-standard-4",
        "--number_of_worker_harness_threads": 4,
        "--disk_size_gb": 50,
        "--worker_disk_type": "compute.googleapis.com/projects//zones//diskTypes/pd-ssd",
        "--experiments": [QUIET],
    }
    assert options.view_as(StandardOptions).streaming is False
    assert options.view_as(SetupOptions).save_main_session is False


def test_the_table_of_other_values_is_whole():
    assert list(OTHERS) == [entry.option for entry in DEFAULTS]


@pytest.mark.parametrize("option", OTHERS)
@pytest.mark.parametrize("form", ["{}={}", "{} {}"])
def test_each_option_wins_over_its_default(option, form):
    default = parse_beam_options(BASE, output=OUTPUT)
    options = parse_beam_options([*BASE, *form.format(option, OTHERS[option]).split(" ")], output=OUTPUT)
    expected = {"--labels": ["team=nlp"], "--experiments": ["use_something", QUIET]}.get(option, OTHERS[option])
    assert str(value_of(options, option)) == str(expected)
    others = {entry.option for entry in DEFAULTS} - {option}
    changed = {other for other in others if value_of(options, other) != value_of(default, other)}
    assert changed == ({"--number_of_worker_harness_threads"} if option == "--worker_machine_type" else set())


def test_options_of_old_names_win_too():
    arguments = [*BASE, "--machine_type=e2-standard-2", "--disk_type=pd-standard", "--label=a=b", "--experiment=x"]
    options = parse_beam_options(arguments, output=OUTPUT)
    worker = options.view_as(WorkerOptions)
    assert (worker.machine_type, worker.disk_type) == ("e2-standard-2", "pd-standard")
    assert options.view_as(GoogleCloudOptions).labels == ["a=b"]
    assert options.view_as(DebugOptions).number_of_worker_harness_threads == 2


def test_other_runners_get_none_of_it():
    assert parse_beam_options(["--runner=DirectRunner"], output=OUTPUT).view_as(GoogleCloudOptions).temp_location is None


@pytest.mark.parametrize(
    ("machine_type", "size", "threads"),
    [
        ("n2-standard-4", (4, 16.0), 4),
        ("n2-highcpu-8", (8, 8.0), 4),
        ("n1-standard-1", (1, 3.75), 1),
        ("n1-highcpu-16", (16, 14.4), 8),
        ("e2-highmem-2", (2, 16.0), 2),
        ("n2-custom-4-4096", (4, 4.0), 1),
        ("custom-2-13312-ext", (2, 13.0), 2),
        ("f1-micro", None, None),
    ],
)
def test_a_worker_does_no_more_at_a_time_than_its_memory_holds(machine_type, size, threads):
    assert memory_gb(machine_type) == size
    assert harness_threads(machine_type) == threads


@pytest.mark.parametrize("output", ["gs://b/Shards_512/", "gs://b/词表", "gs://b/" + "x" * 200, "gs://b"])
def test_job_names_are_such_as_dataflow_takes(output):
    assert re.fullmatch("[a-z]([-a-z0-9]{0,61}[a-z0-9])?", job_name(output))


def test_what_cannot_be_known_has_no_default():
    names = {setting.option for setting in settings(["--worker_machine_type=f1-micro"], "s3://bucket/shards")}
    unknown = {"--temp_location", "--staging_location", "--sdk_container_image", "--number_of_worker_harness_threads"}
    assert names == {entry.option for entry in DEFAULTS} - unknown
    assert complete(["--worker_machine_type=f1-micro"], "")[0] == "--worker_machine_type=f1-micro"
