"""The rooms and the arrows between them, as DESIGN.md draws them: read from the imports, so a wrong arrow cannot land."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("corpora", "pipelines", "albert_core", "cli")
# What a room may import of the others; a dotted name means that module only.
ALLOWED = {
    "corpora": (),
    "pipelines": (
        "corpora",
        "albert_core.shards",
        "albert_core.drawing",
        "albert_core.tokenization",
        "albert_core.errors",
        "albert_core.pages",
        # Fine-tuning data: what a task is, its files, and the one function that makes sequences of texts, in training and in serving.
        "albert_core.tasks",
        "albert_core.task_files",
        "albert_core.task_features",
        "albert_core.task_examples",
        "albert_core.graph_tokenizer",
        "albert_core.graph_encoder",
        "albert_core.tfrecord",
    ),
    "albert_core": (),
    "cli": ("corpora", "pipelines", "albert_core"),
}
# Libraries that a room must do without: a TPU VM installs the core alone, and readers know no engine.
FORBIDDEN = {
    "albert_core": ("apache_beam", "tensorflow_transform", "tfx_bsl", "jieba", "rjieba", "pyarrow", "click"),
    "corpora": ("apache_beam", "tensorflow", "click", "jieba", "rjieba"),
    "pipelines": ("click",),
}


def imports_of(path: Path) -> Iterator[str]:
    """Every module that a file imports, `from a import b` as `a.b`, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def wrong_arrows(room: str, names: list[str]) -> list[str]:
    """The imports that `room` must not have."""
    wrong = []
    for name in names:
        top = name.split(".")[0]
        allowed = any(f"{name}.".startswith(f"{module}.") for module in ALLOWED[room])
        if (top in ROOMS and top != room and not allowed) or top in FORBIDDEN.get(room, ()):
            wrong.append(name)
    return wrong


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_along_the_arrows(room):
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    assert {str(file.relative_to(ROOT)): wrong for file in files if (wrong := wrong_arrows(room, list(imports_of(file))))} == {}


def test_the_check_can_fail():
    assert wrong_arrows("corpora", ["pipelines.rules.x", "apache_beam"]) == ["pipelines.rules.x", "apache_beam"]
    assert wrong_arrows("pipelines", ["albert_core.modeling.Albert", "albert_core.shards.Dataset", "albert_core.shardsmith"]) == [
        "albert_core.modeling.Albert",
        "albert_core.shardsmith",
    ]


def test_feature_names_stand_in_one_place():
    """The record's feature names are the contract: written once, in albert_core/bert_records.py."""
    holders = [path for room in ROOMS for path in (ROOT / room).rglob("*.py") if '"masked_lm_positions"' in path.read_text("utf-8")]
    assert [str(path.relative_to(ROOT)) for path in holders] == ["albert_core/bert_records.py"]


def test_the_readme_names_every_room_and_file_of_the_tree():
    readme = (ROOT / "README.md").read_text("utf-8")
    files = [path.name for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")) if path.name != "__init__.py"]
    assert [name for name in files if name not in readme] == []
