import sys

import apache_beam as beam
import pytest

from pipelines.environment import CompareEnvironments, as_line, differences, from_line, here, image_tag, main
from pipelines.runners import JobFailedError, parse_beam_options, run_job


def test_the_environment_is_one_line_and_back():
    line = as_line(here())
    assert line.startswith("python=3.11 apache-beam=2.77.0 ")
    assert "\n" not in line
    assert from_line(line) == here()


def test_the_tag_changes_with_any_version():
    tags = {image_tag(here() | {name: "0"}) for name in here()} | {image_tag(here())}
    assert len(tags) == len(here()) + 1
    assert all(tag.startswith("0.1.0-") and len(tag) == len("0.1.0-") + 12 for tag in tags)


def test_differences_name_both_values():
    launcher = {"python": "3.11", "numpy": "2.4.6", "jieba": "0.42.1"}
    worker = {"python": "3.12", "numpy": "2.4.6", "more": "1"}
    assert differences(worker, launcher) == [
        "python 3.12 there, 3.11 here",
        "jieba missing there, 0.42.1 here",
        "more 1 there, missing here",
    ]
    assert differences(launcher, launcher) == []


@pytest.mark.integration
def test_a_worker_of_other_versions_fails_the_job_and_names_them():
    other = here() | {"numpy": "1.26.4"}
    with pytest.raises(JobFailedError) as caught:
        run_job(lambda pipeline: pipeline | beam.Create([1]) | beam.ParDo(CompareEnvironments(other)), parse_beam_options([]))
    first, fix = str(caught.value).splitlines()
    assert first == f"the workers have another environment than the launcher: numpy {here()['numpy']} there, 1.26.4 here"
    assert "docker/README.md" in fix


def test_a_worker_of_the_same_versions_passes_everything_on():
    compare = CompareEnvironments(here())
    compare.setup()
    assert list(compare.process("x")) == ["x"]


def test_the_module_tells_a_dockerfile_whether_its_label_is_true(monkeypatch, capsys):
    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["environment", *arguments])
        main()
        return capsys.readouterr().out

    assert run() == as_line(here()) + "\n"
    assert run("--tag") == image_tag(here()) + "\n"
    assert run("--expect", as_line(here())) == ""
    with pytest.raises(SystemExit, match=f"^pyarrow {here()['pyarrow']} there, 1.0 here$"):
        run("--expect", as_line(here() | {"pyarrow": "1.0"}))
