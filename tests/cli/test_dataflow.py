"""Dataflow from the command line: its options shown, and mistakes said in two lines before anything is read."""

import json

import pytest

from pipelines.dataflow import DEFAULTS
from tests.samples import NEWS, write_vocabulary

JOB = ["--project", "some-project", "--region", "us-central1"]


def test_the_options_are_printed_with_their_reasons(albert_data):
    code, out, _ = albert_data("dataflow", *JOB, "--output", "gs://bucket/shards", "--max_num_workers", 5, "--json")
    assert code == 0
    options = {entry["option"]: entry for entry in json.loads(out)["options"]}
    assert list(options) == [entry.option for entry in DEFAULTS]
    assert options["--max_num_workers"] == {"option": "--max_num_workers", "value": "5", "reason": "given", "given": True}
    assert options["--worker_machine_type"]["value"] == "n2-standard-4"
    assert options["--worker_machine_type"]["given"] is False
    code, out, _ = albert_data("dataflow", "--output", "gs://bucket/shards")
    assert "--temp_location=gs://bucket/dataflow/temp\n    in the bucket of the output" in out
    code, _, err = albert_data("dataflow", "--max_num_worker", 5)
    assert (code, err.splitlines()[1].strip()) == (2, "did you mean --max_num_workers?")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "--corpus", NEWS, "--output", "gs://b/out"], "--runner DataflowRunner without --project"),
        (["build", "--corpus", NEWS, "--output", "gs://b/out", *JOB], f"the input {NEWS} is on this machine"),
        (
            ["instances", "--documents", "gs://b/in", "--output", "out", *JOB, "--temp_location", "gs://b/t"],
            "--output out is on this machine",
        ),
    ],
)
def test_a_job_that_cannot_run_is_refused_in_two_lines(albert_data, tmp_path, arguments, message):
    code, out, err = albert_data(*arguments, "--vocab", write_vocabulary(tmp_path), "--runner", "DataflowRunner")
    assert (code, out) == (2, "")
    assert message in err.splitlines()[0]
    assert len(err.splitlines()) == 2


def test_cleaning_alone_is_refused_too(albert_data):
    code, _, err = albert_data("clean", "--corpus", "gs://b/*.jsonl", "--output", "gs://b/out", "--runner", "DataflowRunner")
    assert code == 2
    assert "without --project" in err


def test_a_vocabulary_is_refused_too(albert_data):
    code, _, err = albert_data("vocab", "--corpus", "gs://b/*.jsonl", "--output", "vocab.txt", "--runner", "DataflowRunner", *JOB)
    assert code == 2
    assert "without --temp_location" in err
