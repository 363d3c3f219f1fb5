"""Object stores without a server, and one look at a real one; tests/engines has the rest."""

import pytest

from pipelines import storage
from pipelines.errors import BuildError
from pipelines.object_stores import Upload, batches, split_path, store_of
from tests.engines.object_stores import google

__all__ = ["google"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("gcs://b/x", "gcs://b/x: gcs:// is no file system that is known here\nwrite gs://BUCKET/…"),
        ("s3a://b/x", "s3a://b/x: s3a:// is no file system that is known here\nwrite s3://BUCKET/…"),
        ("https://b/x", "https://b/x: https:// is no file system that is known here\ndownload it first"),
        ("nfs://b/x", "nfs://b/x: nfs:// is no file system that is known here\ngs://, s3:// and local paths are"),
        ("gs:/b/x", "gs:/b/x has one slash behind gs:\nwrite gs://BUCKET/…"),
    ],
)
def test_what_is_no_store_is_refused_with_what_was_meant(path, message):
    with pytest.raises(BuildError) as told:
        store_of(path)
    assert str(told.value).startswith(message)


@pytest.mark.parametrize("path", ["shards", "/a/b", "./gs/b", "a:b/c", "c:/b", "hdfs://host/x"])
def test_paths_of_this_machine_and_of_beams_other_file_systems_are_no_store(path):
    assert store_of(path) is None


def test_a_bucket_has_a_name():
    assert split_path("gs://bucket/a/b") == ("bucket", "a/b")
    for path in ("gs:///a", "gs://b*/a", "s3://[ab]/c"):
        with pytest.raises(BuildError, match=r"names no bucket\nwrite (gs|s3)://BUCKET/"):
            split_path(path)


def test_paths_go_in_batches_of_a_bucket():
    paths = ["gs://a/1", "gs://b/1", "gs://a/2", "gs://a/3"]
    assert list(batches(paths, 2)) == [["gs://a/1", "gs://a/2"], ["gs://a/3"], ["gs://b/1"]]


class Told(list):
    """What a store was asked to do."""

    def put(self, content):
        self.append(("put", len(content)))

    def write(self, part):
        self.append(("part", len(part)))

    def close(self):
        self.append("close")

    def terminate(self):
        self.append("terminate")


@pytest.mark.parametrize(
    ("pieces", "end", "asked"),
    [
        ([], "finish", [("put", 0)]),
        ([3, 4], "finish", [("put", 7)]),
        ([3, 4], "abandon", []),
        ([8 << 20, 1], "finish", [("part", 8 << 20), ("part", 1), "close"]),
        ([9 << 20], "finish", [("part", 9 << 20), "close"]),
        ([9 << 20], "abandon", [("part", 9 << 20), "terminate"]),
    ],
)
def test_small_objects_go_in_one_request_and_large_ones_in_parts(pieces, end, asked):
    told = Told()
    upload = Upload(told.put, lambda: told)
    for size in pieces:
        assert upload.write(bytes(size)) == size
    getattr(upload, end)()
    assert told == asked


def test_a_file_goes_to_a_store_and_comes_back(google):
    folder = f"{google.bucket}/out"
    with google.counted() as calls:
        storage.write(folder, "a.txt", "今天".encode())
        assert storage.list_files(f"{folder}/*") == [f"{folder}/a.txt"]
        assert storage.read(f"{folder}/a.txt") == "今天".encode()
        storage.remove(f"{folder}/a.txt")
    assert calls == {"write": 1, "list": 1, "read": 1, "delete": 1}
    with pytest.raises(BuildError, match=r"gs://read-only/out/a may not be written: .* does not have permission"):
        storage.write("gs://read-only/out", "a", b"")
