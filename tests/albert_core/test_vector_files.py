import json

import numpy as np
import pytest

from albert_core.vector_files import VectorFile

ROWS = np.arange(15, dtype=np.float32).reshape(5, 3)


def test_an_array_that_grew_is_what_numpy_reads(tmp_path):
    with VectorFile(tmp_path / "rows.npy") as file:
        for at in range(0, 5, 2):
            file.add(["x"] * len(ROWS[at : at + 2]), ROWS[at : at + 2])
    np.testing.assert_array_equal(np.load(tmp_path / "rows.npy"), ROWS)
    np.testing.assert_array_equal(np.load(tmp_path / "rows.npy", mmap_mode="r"), ROWS)


def test_many_rows_have_the_header_of_few(tmp_path):
    many = np.zeros((123_457, 1), np.float32)
    with VectorFile(tmp_path / "rows.npy") as file:
        file.add(["x"], ROWS[:1, :1])
        file.add(["x"] * len(many), many)
    assert np.load(tmp_path / "rows.npy").shape == (123_458, 1)


def test_lines_have_text_and_vector(tmp_path):
    with VectorFile(tmp_path / "rows.jsonl") as file:
        file.add(["花", "天"], ROWS[:2])
    lines = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text("utf-8").splitlines()]
    assert lines == [{"text": "花", "vector": [0.0, 1.0, 2.0]}, {"text": "天", "vector": [3.0, 4.0, 5.0]}]


def test_nothing_is_left_of_a_file_that_was_not_finished(tmp_path):
    def write():
        with VectorFile(tmp_path / "rows.npy") as file:
            file.add(["x"] * 5, ROWS)
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        write()
    assert list(tmp_path.iterdir()) == []
