"""The Flex Template's parameters are the options of `albert-data build`: the description says all of them, and each finds its way back."""

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from cli import flex_template
from cli.data import build
from cli.flex_template import BEAM_PARAMETERS, IDLE, build_options, describe_template, parameter_name, to_arguments
from pipelines.runners import parse_beam_options
from tests.docker.dockerfiles import read_steps

DOCKER = Path(__file__).parents[2] / "docker"
PARAMETERS = {parameter["name"]: parameter for parameter in describe_template()["parameters"]}
EXAMPLES = {
    "corpus": "gs://b/wiki/*;blank_line=gs://b/news.txt.xz",
    "fields": "text=body,title=headline",
    "length_bins": "128,512",
    "rule": "min_han=100;simplify=true",
    "decontaminate": "gs://b/tasks/*.json",
}
NUMBERS = {"sample": "0.01", "near_duplicates": "0.9", "limit": "1000", "num_shards": "3", "max_ngram": "3"}
GIVEN_BY_GOOGLE = {  # what its launcher adds, in its words
    "--job_name": "wiki-1",
    "--machine_type": "n2-standard-8",
    "--max_num_workers": "20",
    "--network": "default",
    "--num_workers": "2",
    "--project": "some-project",
    "--region": "us-central1",
    "--runner": "DataflowRunner",
    "--service_account_email": "builder@some-project.iam.gserviceaccount.com",
    "--staging_location": "gs://b/staging",
    "--subnetwork": "regions/us-central1/subnetworks/default",
    "--temp_location": "gs://b/temp",
    "--template_location": "gs://b/staging/template_launches/1/job_object",
}


def example(name: str) -> str:
    """A value of a parameter that is no default."""
    parameter = PARAMETERS[name]
    if "enumOptions" in parameter:
        return parameter["enumOptions"][-1]["value"]
    if parameter["paramType"] == "BOOLEAN":
        return "true"
    if parameter["paramType"] in ("GCS_READ_FILE", "GCS_WRITE_FOLDER"):
        return f"gs://b/{name}"
    return EXAMPLES.get(name) or NUMBERS.get(name) or parameter.get("defaultValue") or "7"


def parsed(arguments: list[str]) -> click.Context:
    return build.make_context("build", arguments)


def test_the_description_beside_the_image_is_that_of_the_options():
    """`python -m cli.flex_template metadata > docker/flex_template.json` makes it anew."""
    assert json.loads((DOCKER / "flex_template.json").read_text("utf-8")) == describe_template()


def test_every_option_of_build_is_a_parameter_or_means_nothing_there():
    options = {parameter_name(option) for option in build.params if isinstance(option, click.Option)}
    assert set(IDLE) <= options
    assert set(PARAMETERS) == options - set(IDLE) | set(BEAM_PARAMETERS)
    assert [name for name, parameter in PARAMETERS.items() if not parameter["isOptional"]] == ["output", "vocab"]


def test_the_description_is_of_googles_schema():
    """Every field and value as the client of the Dataflow API has them; a field that it does not know is an error."""
    templates = pytest.importorskip("google.cloud.dataflow_v1beta3.types.templates", reason="needs the extra gcp")
    read = templates.TemplateMetadata.from_json((DOCKER / "flex_template.json").read_text("utf-8"), ignore_unknown_fields=False)
    assert [parameter.name for parameter in read.parameters] == list(PARAMETERS)
    assert all(parameter.label and parameter.help_text for parameter in read.parameters)
    for parameter in read.parameters:
        assert parameter.param_type.name == PARAMETERS[parameter.name]["paramType"]


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_comes_back_as_the_option(name):
    value = example(name)
    for pattern in PARAMETERS[name].get("regexes", ()):
        assert re.fullmatch(pattern, value)
        assert not re.fullmatch(pattern, "今天")
        assert re.fullmatch(pattern, PARAMETERS[name].get("defaultValue", value))
    required = {"--output=gs://b/out", "--vocab=gs://b/vocab.txt"}
    arguments = to_arguments([*(one for one in required if not one.startswith(f"--{name}=")), f"--{name}={value}"])
    context = parsed(arguments)
    option = next((option for option in build_options() if parameter_name(option) == name), None)
    if option is None:
        beam = parse_beam_options(context.params["beam_arguments"]).get_all_options(drop_default=True)
        assert set(beam) - {"save_main_session"} == {name}
        return
    found = context.params[option.name]
    assert context.get_parameter_source(option.name) is click.core.ParameterSource.COMMANDLINE
    assert not context.params["beam_arguments"]
    if option.multiple:
        assert found == tuple(value.split(";"))
    elif name != "length_bins":
        assert str(found).lower() == value or found == option.type.convert(value, option, context)


def test_what_is_googles_goes_to_beam_as_it_is():
    given = [f"{name}={value}" for name, value in GIVEN_BY_GOOGLE.items()]
    context = parsed(to_arguments([*given, "--corpus=gs://b/wiki/*", "--output=gs://b/out", "--vocab=gs://b/vocab.txt", "--rule="]))
    assert list(context.params["beam_arguments"]) == given
    assert context.params["rules"] == ()  # left empty in the console
    options = parse_beam_options(context.params["beam_arguments"], output="gs://b/out").get_all_options(drop_default=True)
    assert (options["job_name"], options["template_location"]) == ("wiki-1", GIVEN_BY_GOOGLE["--template_location"])


def test_flags_are_true_or_false():
    assert to_arguments(["--overwrite=false", "--lower_case=false", "--lower_case=true"]) == ["--no-lower-case", "--lower-case"]
    with pytest.raises(click.UsageError, match="overwrite=yes is neither true nor false"):
        to_arguments(["--overwrite=yes"])


def test_the_image_starts_what_the_description_belongs_to(tmp_path):
    steps = read_steps(DOCKER / "launcher.Dockerfile")
    assert [step.words for step in steps if step.name == "FROM"] == ["${LAUNCHER} AS launcher", "${WORKER}"]
    program = "/opt/google/dataflow/python_template_launcher"
    assert f"--from=launcher {program} {program}" in [step.words for step in steps if step.name == "COPY"]
    (run,) = (step.words for step in steps if step.name == "RUN")
    assert ("ENV", "FLEX_TEMPLATE_PYTHON_PY_FILE=/template/launch.py") in steps
    assert ("WORKDIR", "/template") in steps
    python = f'python() {{ "{sys.executable}" "$@"; }}; {run}'
    environment = {"PYTHONPATH": str(Path(flex_template.__file__).parents[1]), "PATH": "/usr/bin:/bin"}
    subprocess.run(["sh", "-c", python], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "flex_template.json").read_bytes() == (DOCKER / "flex_template.json").read_bytes()
