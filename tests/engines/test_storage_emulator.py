"""The stand-in behaves as our writing needs it: whole files, renamed, listed; a bucket that is not there is an error."""

from collections.abc import Iterator

import pytest

from pipelines import storage
from pipelines.errors import BuildError
from tests.engines.storage_emulator import emulated_storage, find_emulator


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    program = find_emulator()
    if program is None:
        pytest.skip("gcp-storage-emulator is not installed (extra dev)")
    with emulated_storage(program) as address:
        yield address


@pytest.mark.engines
def test_a_file_is_written_whole_under_its_name(bucket):
    storage.write(f"{bucket}/folder", "one.txt", "今天".encode())
    assert storage.read(f"{bucket}/folder/one.txt") == "今天".encode()
    assert storage.list_files(f"{bucket}/**") == [f"{bucket}/folder/one.txt"]


@pytest.mark.engines
def test_a_bucket_that_is_not_there_is_an_error(bucket):
    with pytest.raises(BuildError, match="there is no bucket gs://no-such-bucket"):
        storage.write("gs://no-such-bucket/folder", "one.txt", b"")
