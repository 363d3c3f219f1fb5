import os

import pytest

from pipelines import progress


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(progress.FOLDER, str(tmp_path))
    progress.reset()
    return tmp_path


def test_processes_add_up(folder):
    progress.add("cleaned", 5)
    progress.add("cleaned", 2)
    progress.add("shards", 1)
    (folder / "cleaned-1").write_text("100")
    assert (folder / f"cleaned-{os.getpid()}").read_text() == "7"
    assert progress.totals() == {"cleaned": 107, "shards": 1}
    progress.reset()
    assert progress.totals() == {}


def test_a_file_that_is_being_written_does_not_count(folder):
    (folder / "cleaned-1").write_text("")
    assert progress.totals() == {}


def test_what_the_engine_says_counts_where_it_is_more(folder):
    progress.add("cleaned", 7)
    progress.add("shards", 3)
    with progress.engine(lambda: {"cleaned": 9, "shards": 1}):
        assert progress.totals() == {"cleaned": 9, "shards": 3}
    assert progress.totals() == {"cleaned": 7, "shards": 3}


def test_without_a_folder_nothing_is_written(monkeypatch):
    monkeypatch.delenv(progress.FOLDER, raising=False)
    progress.add("cleaned", 5)
    assert progress.totals() == {}
