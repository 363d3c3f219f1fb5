"""Files on object stores, against real servers on loopback."""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines import output_folder, storage
from pipelines.errors import BuildError
from pipelines.object_stores import PART_BYTES, store_of
from pipelines.output_folder import lock
from pipelines.runners import JobFailedError, parse_beam_options, run_job
from tests.engines.object_stores import BUCKET, FORBIDDEN, READ_ONLY, amazon, google, store

__all__ = ["amazon", "google", "store"]

pytestmark = pytest.mark.engines


def test_a_file_is_written_listed_read_and_removed(store):
    folder = f"{store.bucket}/out"
    with store.counted() as calls:
        storage.write(folder, "a.txt", "今天".encode())
    assert calls == {"write": 1}
    with store.counted() as calls:
        assert storage.list_files(f"{folder}/*") == [f"{folder}/a.txt"]
    assert calls == {"list": 1}
    with store.counted() as calls:
        assert storage.read(f"{folder}/a.txt") == "今天".encode()
    assert calls == {"read": 1}
    assert storage.exists(f"{folder}/a.txt")
    assert not storage.exists(folder)
    storage.remove(f"{folder}/a.txt", f"{folder}/none.txt")
    assert storage.list_files(f"{folder}/**") == []


def test_patterns_mean_what_they_mean_in_beam(store):
    top = f"{store.bucket}/patterns"
    names = ["a.txt", "b[1].txt", "deep/c.txt", "deep/er/d.txt"]
    for name in names:
        storage.write(top, name, b"x")
    store_of(top).write(f"{top}/deep/", b"")  # what a console makes for a folder
    found = {
        pattern: [path.removeprefix(f"{top}/") for path in storage.list_files(f"{top}/{pattern}")] for pattern in ("*", "**", "*/*.txt")
    }
    assert found == {"*": names[:2], "**": names, "*/*.txt": ["deep/c.txt"]}
    assert storage.list_files(storage.as_pattern(f"{top}/b[1].txt")) == [f"{top}/b[1].txt"]
    entry = storage.match(f"{top}/a.txt")[0]
    assert (entry.path, entry.size_in_bytes) == (f"{top}/a.txt", 1)
    assert entry == next(found for found in storage.match(f"{top}/a*"))


@pytest.mark.parametrize("size", [0, PART_BYTES - 1, PART_BYTES, 2 * PART_BYTES + 7])
def test_a_file_of_any_size_comes_back(store, size):
    content = os.urandom(size)
    with storage.create(f"{store.bucket}/sizes", f"{size}") as file:
        for start in range(0, size, 1 << 20):
            file.write(content[start : start + (1 << 20)])
    assert storage.read(f"{store.bucket}/sizes/{size}") == content
    with storage.open_file(f"{store.bucket}/sizes/{size}") as file:
        assert file.read() == content


def test_only_the_ranges_that_are_read_travel(store):
    content = os.urandom(3 << 20)
    storage.write(f"{store.bucket}/ranges", "file", content)
    with store.counted() as calls, storage.open_file(f"{store.bucket}/ranges/file") as file:
        assert file.read(10) == content[:10]
        file.seek(-8, os.SEEK_END)
        assert file.read() == content[-8:]
        file.seek(1 << 20)
        assert file.read(100_000) == content[1 << 20 :][:100_000]
    assert calls == {"stat": 1, "read": 3}
    with store.counted() as calls, storage.open_file(f"{store.bucket}/ranges/file") as file:
        assert b"".join(iter(lambda: file.read(64 << 10), b"")) == content
    assert calls == {"stat": 1, "read": 4}  # of 256 KiB, 512 KiB, 1 MiB, and the rest


@pytest.mark.parametrize("size", [100, 2 * PART_BYTES])
def test_a_writing_that_fails_leaves_nothing(store, size):
    def write_and_fail():
        with storage.create(f"{store.bucket}/half", "file") as file:
            file.write(bytes(size))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert storage.list_files(f"{store.bucket}/half/**") == []


def test_an_object_that_changes_while_it_is_read_is_an_error(store):
    folder = f"{store.bucket}/changing"
    storage.write(folder, "file", bytes(1 << 20))
    with storage.open_file(f"{folder}/file") as file:
        file.read(10)
        storage.write(folder, "file", bytes(10))
        with pytest.raises(OSError, match="changed"):
            file.read()


def test_two_attempts_of_a_bundle_at_the_same_moment_leave_one_whole_file(store):
    folder, content = f"{store.bucket}/attempts", os.urandom(2 * PART_BYTES + 1)
    both = threading.Barrier(2)

    def attempt(_):
        with storage.create(folder, "shard") as file:
            file.write(content[:PART_BYTES])
            both.wait()
            file.write(content[PART_BYTES:])

    storage.each(attempt, [1, 2])
    assert storage.list_files(f"{folder}/**") == [f"{folder}/shard"]
    assert storage.read(f"{folder}/shard") == content


def test_of_many_that_write_a_new_file_one_does(store):
    folder = f"{store.bucket}/new"
    with ThreadPoolExecutor(8) as pool:
        wrote = list(pool.map(lambda number: storage.write_new(folder, "lock", b"%d" % number), range(8)))
    assert sum(wrote) == 1
    assert storage.read(f"{folder}/lock") == b"%d" % wrote.index(True)


def test_many_files_are_moved_and_removed_with_few_requests(store):
    folder = f"{store.bucket}/many"
    storage.each(lambda number: storage.write(folder, f"old/{number:03d}", b"%d" % number), range(102))
    pairs = [(f"{folder}/old/{number:03d}", f"{folder}/new/{number:03d}") for number in range(102)]
    storage.move_all(pairs)
    assert storage.list_files(f"{folder}/**") == [target for _, target in pairs]
    assert storage.read(pairs[7][1]) == b"7"
    with store.counted() as calls:
        storage.remove_folder(folder)
    assert calls["batch"] <= 2
    assert calls["delete"] == 0
    assert storage.list_files(f"{folder}/**") == []


def test_a_copy_is_made_by_the_store(store):
    storage.write(f"{store.bucket}/copy", "a", b"content")
    with store.counted() as calls:
        storage.copy(f"{store.bucket}/copy/a", f"{store.bucket}/copy", "b")
    assert calls["read"] == 0
    assert storage.read(f"{store.bucket}/copy/b") == b"content"


def test_a_missing_object_is_a_missing_file_and_a_missing_bucket_is_named(store):
    with pytest.raises(FileNotFoundError, match=f"there is no object {store.bucket}/none"):
        storage.read(f"{store.bucket}/none")
    with pytest.raises(FileNotFoundError, match=f"there is no object {store.bucket}/none"):
        storage.open_file(f"{store.bucket}/none")
    missing = store.bucket.replace(BUCKET, "no-such-bucket")
    for use in (
        lambda: storage.exists(f"{missing}/a"),
        lambda: storage.open_file(f"{missing}/a"),
        lambda: storage.read(f"{missing}/a"),
        lambda: storage.list_files(f"{missing}/*"),
        lambda: storage.write(missing, "a", b""),
        lambda: storage.write_new(missing, "a", b""),
    ):
        with pytest.raises(BuildError, match=f"there is no bucket {missing}"):
            use()


def test_what_is_not_allowed_names_the_path_and_the_role(google):
    with pytest.raises(BuildError, match=rf"gs://{READ_ONLY}/a may not be written: .*permission\nto read .*roles/storage.objectUser"):
        storage.write(f"gs://{READ_ONLY}", "a", b"")
    with pytest.raises(BuildError, match=f"gs://{FORBIDDEN}/ may not be listed"):
        storage.list_files(f"gs://{FORBIDDEN}/*")
    with pytest.raises(BuildError, match=f"gs://{FORBIDDEN}/a may not be read"):
        storage.exists(f"gs://{FORBIDDEN}/a")


@pytest.fixture
def nobody(monkeypatch):
    """A user without credentials, for whom clients are made anew."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/nowhere")
    yield monkeypatch
    monkeypatch.undo()
    storage.use_options(PipelineOptions([]))


def test_no_google_credentials_are_said(google, nobody):
    nobody.setenv("API_ENDPOINT_OVERRIDE", google.environment["STORAGE_EMULATOR_HOST"])  # as if it were the real one
    nobody.delenv("STORAGE_EMULATOR_HOST")
    storage.use_options(PipelineOptions([]))
    with pytest.raises(BuildError, match="gs://forbidden/a cannot be read: no Google credentials were found\nlog in: gcloud auth"):
        storage.exists(f"gs://{FORBIDDEN}/a")


def test_no_amazon_credentials_are_said(amazon, nobody):
    storage.use_options(PipelineOptions([]))
    with pytest.raises(BuildError, match="s3://corpora/a cannot be read: no AWS credentials were found\nlog in: aws configure"):
        storage.exists(f"{amazon.bucket}/a")


def test_the_endpoint_is_one_of_beams_options(amazon, monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    storage.use_options(PipelineOptions([f"--s3_endpoint_url={amazon.environment['AWS_ENDPOINT_URL']}"]))
    storage.write(amazon.bucket, "by-option", b"here")
    assert storage.read(f"{amazon.bucket}/by-option") == b"here"
    monkeypatch.undo()
    storage.use_options(PipelineOptions([]))


def test_a_bucket_of_amazon_that_may_not_be_written_is_named(amazon):
    import boto3

    client = boto3.session.Session().client("s3")
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    client.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    with pytest.raises(BuildError, match=r"s3://corpora/a may not be written: .*\nto read it takes s3:GetObject"):
        storage.write(amazon.bucket, "a", b"")
    client.delete_bucket_policy(Bucket=BUCKET)


def test_uploads_that_nobody_will_end_are_discarded(amazon):
    import boto3

    client = boto3.session.Session().client("s3")
    for name in ("out/shard", "outer/shard"):
        client.create_multipart_upload(Bucket=BUCKET, Key=name)
    storage.discard_unfinished(f"{amazon.bucket}/out")
    assert [entry["Key"] for entry in client.list_multipart_uploads(Bucket=BUCKET)["Uploads"]] == ["outer/shard"]


def test_of_two_locks_at_the_same_moment_one_holds(store, monkeypatch):
    monkeypatch.setattr(output_folder, "_host", lambda: threading.current_thread().name)  # two machines
    output, inside = f"{store.bucket}/locked", []

    def enter(number):
        try:
            with lock(output):
                inside.append(number)
                both.wait(10)
        except BuildError as error:
            both.wait(10)
            return str(error)
        return None

    both = threading.Barrier(2)
    told = storage.each(enter, [1, 2])
    assert len(inside) == 1
    assert len([message for message in told if message and f"--output {output} " in message]) == 1
    assert not storage.exists(f"{output}/build.lock")


def test_a_lock_of_another_machine_says_how_to_remove_it(store):
    output = f"{store.bucket}/elsewhere"
    storage.write_json(output, "build.lock", {"host": "elsewhere", "pid": 7, "since": "yesterday", "token": "x"})
    tool = "gcloud storage rm" if output.startswith("gs") else "aws s3 rm"
    with (
        pytest.raises(BuildError, match=f"by process 7 on elsewhere, since yesterday\nwait .* remove its lock: {tool} {output}/build.lock"),
        lock(output),
    ):
        pytest.fail("it is locked")


@pytest.mark.parametrize(("workers", "kind"), [(1, BuildError), (2, JobFailedError)])
def test_a_fault_in_the_middle_of_a_job_names_the_path_and_the_fix(google, workers, kind):
    def write(number):
        storage.write(f"gs://{READ_ONLY}/out", f"part-{number}", b"")

    def wire(pipeline):
        return pipeline | beam.Create([1]) | beam.Map(write)

    arguments = [f"--direct_num_workers={workers}"]
    with pytest.raises(kind, match=rf"^gs://{READ_ONLY}/out/part-1 may not be written: .*permission\nto read .*objectUser$"):
        run_job(wire, parse_beam_options(arguments))
