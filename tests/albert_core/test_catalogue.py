import shlex
from pathlib import Path

import pytest

from albert_core.catalogue import MODELS, list_models, list_tasks
from albert_core.config import SIZES
from albert_core.tasks import TASKS

ROOT = Path(__file__).parents[2]


def test_every_model_is_of_a_size_that_is_read_and_has_a_page():
    assert len({model.name for model in MODELS}) == len(MODELS)
    for model in MODELS:
        assert model.size in SIZES, model.name
        assert model.page.startswith("https://")
        assert model.download.startswith("https://")
        assert model.sha256 is None  # nobody publishes one; whoever adds one names its source here


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_page_has_every_model(name):
    page = (ROOT / name).read_text("utf-8")
    assert [model.name for model in MODELS if f"`{model.name}`" not in page] == []


def test_import_lines_are_commands():
    for model in list_models():
        words = shlex.split(model["import_line"])
        assert words[:2] == ["albert-train", "import"]
        assert words[3] == "--output"


def test_every_task_is_there():
    assert [task["name"] for task in list_tasks()] == list(TASKS)
    assert all(task["published"] and task["about"] for task in list_tasks())
