"""Cleaned documents and their rejects: every file that a manifest lists is there as it is listed, and no other."""

import json
import shutil
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from corpora.sources import source_of
from pipelines.cleaning import CleaningConfig, run_clean
from pipelines.verification import check_documents, verify
from tests.samples import DIRTY, NEWS


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory) -> Path:
    """Two sources with a copy of a document in both, so that both stages have rejects."""
    folder = tmp_path_factory.mktemp("verified")
    (folder / "copy.jsonl").write_text(json.dumps({"text": "同一篇文章在两个来源里都有。" * 30}, ensure_ascii=False), "utf-8")
    (folder / "again.jsonl").write_bytes((folder / "copy.jsonl").read_bytes())
    sources = tuple(source_of(str(path)) for path in (NEWS, DIRTY, folder / "copy.jsonl", folder / "again.jsonl"))
    run_clean(CleaningConfig(output=str(folder / "out"), sources=sources), PipelineOptions([]))
    return folder / "out"


@pytest.fixture
def copied(cleaned, tmp_path) -> Path:
    return Path(shutil.copytree(cleaned, tmp_path / "out"))


def change_manifest(folder: Path, change) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), "utf-8")


def test_cleaned_documents_are_as_their_manifests_say(cleaned):
    assert verify(str(cleaned)) == []


def test_a_copy_without_what_the_manifests_of_others_list_is_whole(cleaned, tmp_path):
    shutil.copytree(cleaned / "documents", tmp_path / "documents")
    change_manifest(tmp_path / "documents", lambda manifest: manifest.update(rejects=[]))
    assert check_documents(str(tmp_path)) == []
    shutil.rmtree(tmp_path / "documents")
    assert check_documents(str(tmp_path)) == []


@pytest.mark.parametrize(
    "name", ["documents/part-00000-of-00001.parquet", "cleaned/dirty/part-00000-of-00001.parquet", "rejects/clean/dirty/invalid_json.jsonl"]
)
def test_a_file_that_is_gone_cut_or_changed_is_named(copied, name):
    content = (copied / name).read_bytes()
    (copied / name).write_bytes(content[:-1])
    assert check_documents(str(copied)) == [f"{name}: {len(content) - 1:,} bytes, the manifest says {len(content):,}"]
    (copied / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    (difference,) = check_documents(str(copied))
    assert difference.startswith(f"{name}: SHA-256 ")
    (copied / name).unlink()
    (difference,) = check_documents(str(copied))
    assert difference.startswith(f"{name}: cannot be read: ")


def test_rejects_that_are_gone_are_missed(copied):
    listed = [path.relative_to(copied).as_posix() for path in (copied / "rejects").rglob("*.jsonl")]
    assert {name.split("/")[1] for name in listed} == {"clean", "distinct"}
    shutil.rmtree(copied / "rejects")
    assert sorted(line.split(": ")[0] for line in check_documents(str(copied))) == sorted(listed)


def test_files_that_no_manifest_lists_are_named(copied):
    strangers = ["documents/more.parquet", "cleaned/news/more.parquet", "rejects/clean/dirty/more.jsonl"]
    for name in strangers:
        (copied / name).write_bytes(b"")
    assert sorted(check_documents(str(copied))) == sorted(f"{name}: not in the manifest" for name in strangers)


def test_rejects_that_are_not_counted_are_noticed(copied):
    def count_one_more(manifest):
        manifest["rejects"][0]["documents"] += 1

    change_manifest(copied / "cleaned" / "dirty", count_one_more)
    rejected = sum(path.read_bytes().count(b"\n") for path in (copied / "rejects" / "clean" / "dirty").iterdir())
    message = f"cleaned/dirty: {rejected:,} documents rejected, the files of rejects have {rejected + 1:,}"
    assert check_documents(str(copied)) == [message]


def test_accounts_that_do_not_add_up_are_noticed(copied):
    def read_one_more(manifest):
        manifest["account"]["documents.read"] += 1

    change_manifest(copied / "documents", read_one_more)
    (difference,) = check_documents(str(copied))
    assert difference.startswith("documents: ")
    assert difference.endswith(" accounted for")


def test_what_a_limit_cut_is_accounted_for(copied):
    def cut_two_more(manifest):
        manifest["account"]["documents.read"] += 2
        manifest["account"]["documents.beyond_limit"] = 2

    change_manifest(copied / "documents", cut_two_more)
    assert check_documents(str(copied)) == []


def test_shards_of_other_documents_are_noticed(copied):
    (copied / "manifest.json").write_text("{}")
    fingerprint = json.loads((copied / "documents" / "manifest.json").read_text("utf-8"))["fingerprint"]
    assert check_documents(str(copied)) == []
    change_manifest(copied, lambda manifest: manifest.update(documents_fingerprint=fingerprint))
    assert check_documents(str(copied)) == []
    change_manifest(copied, lambda manifest: manifest.update(documents_fingerprint="0" * 64))
    assert check_documents(str(copied)) == ["manifest: its shards were made of other documents than documents holds"]


@pytest.mark.parametrize("folder", ["documents", "cleaned/news"])
def test_a_manifest_that_is_damaged_is_named(copied, folder):
    (copied / folder / "manifest.json").write_text('{"parts": [')
    assert check_documents(str(copied)) == [f"{folder}/manifest.json: not JSON"]
