"""The commands with input and output on object stores, against real servers on loopback."""

import gzip
import json
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import storage
from tests.engines.object_stores import FORBIDDEN, READ_ONLY, Store, google, store
from tests.samples import ENCYCLOPEDIA, NEWS, write_vocabulary

__all__ = ["google", "store"]

pytestmark = pytest.mark.engines
SMALL = ["--max-seq-length", "64", "--dupe-factor", "1", "--eval-fraction", "0.1", "--num-shards", "3"]
FILES = ["articles.jsonl", "articles.jsonl.gz", "news.zip", "table.parquet"]


def write_corpus(folder: Path) -> None:
    """The samples in several wrappings: a plain file, a compressed one, an archive (read from its end), columns."""
    lines = ENCYCLOPEDIA.read_bytes().splitlines(keepends=True)
    (folder / "articles.jsonl").write_bytes(b"".join(lines[::3]))
    (folder / "articles.jsonl.gz").write_bytes(gzip.compress(b"".join(lines[1::3])))
    pq.write_table(pa.Table.from_pylist([json.loads(line) for line in lines[2::3]]), folder / "table.parquet")
    with zipfile.ZipFile(folder / "news.zip", "w") as archive:
        archive.write(NEWS, "news.txt")
    write_vocabulary(folder)
    (folder / "words.txt").write_text("空气质量\n", "utf-8")
    (folder / "rules.yaml").write_text("min_han: 40\n", "utf-8")
    (folder / "evaluation.json").write_text(
        json.dumps({"text": "这是一道没有人会写进语料库里的阅读理解题目。" * 3}, ensure_ascii=False), "utf-8"
    )


def sources(top: str) -> str:
    """A YAML list of the corpus below a folder."""
    return f"- name: articles\n  corpus: ['{top}/articles.*', '{top}/table.parquet']\n- name: news\n  corpus: '{top}/news.zip'\n"


def build_arguments(top: str) -> list[str]:
    """A build that takes every path there is from `top`, and writes there."""
    paths = {"corpora": "sources.yaml", "vocab": "vocab.txt", "user-dict": "words.txt", "rules": "rules.yaml"}
    paths |= {"decontaminate": "evaluation.json", "output": "out"}
    return ["build", *(part for name, file in paths.items() for part in (f"--{name}", f"{top}/{file}")), *SMALL]


class Built(NamedTuple):
    store: Store
    top: str
    calls: dict[str, int]
    local: Path


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder)
    (folder / "sources.yaml").write_text(sources(str(folder)), "utf-8")
    run_command(*build_arguments(str(folder)))
    return folder


@pytest.fixture(scope="module")
def built(store, corpus) -> Built:
    top = f"{store.bucket}/top"
    for path in corpus.glob("*"):
        if path.is_file():
            storage.write(top, path.name, path.read_bytes())
    storage.write(top, "sources.yaml", sources(top).encode())
    with store.counted() as calls:
        run_command(*build_arguments(top))
    return Built(store, top, dict(calls), corpus)


def run_command(*arguments: str) -> None:
    """Runs a command in this process, outside a test."""
    from cli.data import data

    assert data(list(arguments), standalone_mode=False) in (None, 0)


def names(top: str) -> list[str]:
    return [path.removeprefix(f"{top}/") for path in storage.list_files(f"{top}/**")]


def test_the_same_bytes_local_and_on_object_stores(built):
    here = json.loads((built.local / "out" / "manifest.json").read_text("utf-8"))
    there = storage.read_json(f"{built.top}/out/manifest.json")
    assert there["digest"] == here["digest"]
    assert there["account"] == here["account"]
    assert names(f"{built.top}/out") == names(str(built.local / "out"))
    assert not [name for name in names(built.top) if "temporary" in name or "lock" in name]


def test_a_build_makes_few_requests(built):
    """Three for each shard (records, index, documents), and one for every other file."""
    num_files = len(names(f"{built.top}/out"))
    assert built.calls["write"] == num_files + 1  # the lock
    assert built.calls["read"] <= 2 * num_files
    assert built.calls["stat"] <= 2 * num_files
    assert built.calls["list"] <= num_files


def test_what_was_built_is_inspected_verified_and_reported(built, albert_data):
    output = f"{built.top}/out"
    with built.store.counted() as calls:
        status, shown, _ = albert_data("inspect", output, "-n", 2)
    assert status == 0
    assert shown.count("in order") + shown.count("swapped") >= 1
    assert sum(calls.values()) <= 30
    assert albert_data("inspect", f"{output}/documents", "--json")[0] == 0
    assert albert_data("verify", output, "--thorough")[:2] == (
        0,
        albert_data("verify", str(built.local / "out"), "--thorough")[1].replace(str(built.local), built.top),
    )
    assert albert_data("report", output)[:2] == (0, f"{output}/report.html\n")
    assert storage.read(f"{output}/report.html").startswith(b"<!DOCTYPE html>")


def test_the_same_command_again_does_nothing(built, albert_data):
    with built.store.counted() as calls:
        assert albert_data(*build_arguments(built.top))[0] == 0
    assert calls["write"] == 1  # the lock


def test_a_flipped_byte_is_found(built, albert_data):
    folder, name = f"{built.top}/out", "train-00001-of-00003.tfrecord"
    content = bytearray(whole := storage.read(f"{folder}/{name}"))
    content[len(content) // 2] ^= 1
    storage.write(folder, name, bytes(content))
    status, told, _ = albert_data("verify", folder)
    storage.write(folder, name, whole)
    assert status == 1
    assert told.startswith(f"{name}: SHA-256 ")


def test_documents_are_removed(built, albert_data, tmp_path):
    folder = f"{built.top}/out"
    document = json.loads(albert_data("inspect", f"{folder}/documents", "--json", "-n", 1)[1])["document_id"]
    local = shutil.copytree(built.local / "out", tmp_path / "out").parent
    for top in (built.top, str(local)):
        assert albert_data("remove", f"{top}/out", "--document", document)[0] == 0
        assert albert_data("verify", f"{top}/out", "--thorough")[0] == 0
    assert names(folder) == names(str(local / "out"))
    here = json.loads((local / "out" / "manifest.json").read_text("utf-8"))
    assert storage.read_json(f"{folder}/manifest.json")["digest"] == here["digest"]


def test_a_build_that_is_killed_is_finished_by_the_same_command(built, albert_data):
    top = f"{built.store.bucket}/killed"
    for name in (*FILES, "vocab.txt", "words.txt", "rules.yaml", "evaluation.json"):
        storage.copy(f"{built.top}/{name}", top, name)
    storage.write(top, "sources.yaml", sources(top).encode())
    storage.remove_folder(f"{top}/out")
    killed = subprocess.Popen([sys.executable, "-c", "from cli.data import main; main()", *build_arguments(top)], stderr=subprocess.DEVNULL)
    while not storage.exists(f"{top}/out/build.lock"):
        assert killed.poll() is None
        time.sleep(0.1)
    time.sleep(3)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert storage.exists(f"{top}/out/build.lock")
    assert albert_data(*build_arguments(top))[0] == 0
    assert albert_data("verify", f"{top}/out", "--thorough")[0] == 0
    assert not [name for name in names(top) if "temporary" in name or "lock" in name]
    assert all("of-00003" in name or "of-00001" in name for name in names(f"{top}/out") if name.endswith(".tfrecord"))


def test_a_vocabulary_is_learned_and_extended(built, albert_data):
    vocabulary = f"{built.top}/learned.txt"
    arguments = ["vocab", "--corpus", f"{built.top}/articles.jsonl", "--size", 600, "--output"]
    assert albert_data(*arguments, vocabulary)[0] == 0
    assert albert_data(*arguments, str(built.local / "learned.txt"))[0] == 0
    assert storage.read(vocabulary) == (built.local / "learned.txt").read_bytes()
    assert not [name for name in names(built.top) if "temporary" in name]


def test_a_build_is_planned(built, albert_data):
    arguments = build_arguments(built.top)[1:]
    status, told, _ = albert_data("plan", *arguments, "--json")
    assert status == 0
    assert json.loads(told)["instances"]["value"] > 0


BAD = {
    "a scheme that is another's": ("gcs://b/x", "gcs:// is no file system that is known here", "write gs://BUCKET"),
    "an address of the web": ("https://b/x", "https:// is no file system that is known here", "download it first"),
    "one slash": ("gs:/b/x", "has one slash behind gs:", "write gs://BUCKET"),
    "a pattern for a bucket": ("gs://b*/x", "names no bucket", "write gs://BUCKET"),
    "no such bucket": ("gs://no-such-bucket/x", "there is no bucket gs://no-such-bucket", "check the name"),
    "nothing allowed": (f"gs://{FORBIDDEN}/x", f"gs://{FORBIDDEN}/x", "roles/storage.objectViewer"),
}


@pytest.mark.parametrize("which", BAD)
@pytest.mark.parametrize("option", ["corpus", "vocab", "output"])
def test_a_bad_path_is_two_lines_before_any_work(google, corpus, albert_data, option, which):
    path, cause, fix = BAD[which]
    if option == "output" and "*" in path:
        cause, fix = f"--output {path} holds one of the characters", "name the folder without them"
    given = {"corpus": str(corpus / "articles.jsonl"), "vocab": str(corpus / "vocab.txt"), "output": str(corpus / "other")} | {option: path}
    status, out, error = albert_data("build", *(part for name, value in given.items() for part in (f"--{name}", value)), *SMALL)
    assert (status, out) == (2, "")
    lines = error.splitlines()
    assert len(lines) == 2, error
    assert cause in lines[0]
    assert fix in lines[1]
    assert not (corpus / "other" / "cleaned").exists()


@pytest.mark.parametrize("command", ["inspect", "verify", "report", "remove"])
def test_other_commands_say_the_same(google, albert_data, command):
    which = ["--document", "0" * 32] if command == "remove" else []
    status, _, error = albert_data(command, "gs://no-such-bucket/x", *which)
    assert status == 2
    assert "there is no bucket gs://no-such-bucket" in error.splitlines()[0]
    assert len(error.splitlines()) == 2


def test_a_bucket_that_cannot_be_written_is_named_before_any_work(google, corpus, albert_data):
    arguments = ["build", "--corpus", corpus / "articles.jsonl", "--vocab", corpus / "vocab.txt", "--output", f"gs://{READ_ONLY}/out"]
    status, _, error = albert_data(*arguments)
    assert status == 2
    assert error.splitlines()[0].startswith(f"albert-data: gs://{READ_ONLY}/out/build.lock may not be written: ")
    assert "roles/storage.objectUser" in error.splitlines()[1]


@pytest.mark.parametrize(("package", "path", "extra"), [("boto3", "s3://b/x", "aws"), ("google.cloud.storage", "gs://b/x", "gcp")])
def test_a_missing_extra_is_named(package, path, extra):
    program = (
        f"import sys; sys.modules[{package!r}] = None; sys.argv = ['albert-data', 'verify', {path!r}]; from cli.data import main; main()"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 2, run.stderr
    last = run.stderr.splitlines()[-2:]
    assert f"{path[:5]} needs a package that is not installed" in last[0]
    assert f"[data,{extra}]" in last[1]
    assert "Traceback" not in run.stderr
