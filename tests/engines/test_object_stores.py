"""Files on object stores, against real servers on loopback."""

import pytest

from pipelines import storage
from tests.engines.object_stores import google

__all__ = ["google"]

pytestmark = pytest.mark.engines


def test_a_file_is_written_listed_read_and_removed(google):
    folder = f"{google.bucket}/out"
    storage.write(folder, "a.txt", "今天".encode())
    assert storage.list_files(f"{folder}/**") == [f"{folder}/a.txt"]
    assert storage.read(f"{folder}/a.txt") == "今天".encode()
    storage.remove(f"{folder}/a.txt")
    assert storage.list_files(f"{folder}/**") == []
