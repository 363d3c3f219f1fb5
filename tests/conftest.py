"""Settings of every test."""

import functools
import os
import sys
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest
from hypothesis import settings

from cli.data import main
from cli.train import main as train_main

settings.register_profile("project", deadline=None)  # the first example compiles kernels; machines are shared
settings.load_profile("project")


@pytest.fixture
def albert_data(monkeypatch, capsys):
    """Runs the command in this process; returns exit code, standard output and standard error."""
    return functools.partial(call, monkeypatch, capsys, main, "albert-data")


@pytest.fixture
def albert_train(monkeypatch, capsys):
    """The same for the other command."""
    return functools.partial(call, monkeypatch, capsys, train_main, "albert-train")


def call(monkeypatch, capsys, program: Callable[[], None], name: str, *arguments: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        program()
    captured = capsys.readouterr()
    return left.value.code or 0, captured.out, captured.err
