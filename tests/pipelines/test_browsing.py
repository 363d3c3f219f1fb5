import json
import shutil

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from corpora.sources import source_of
from pipelines.browsing import Page, ShownDocument, ShownReject, find_browser, is_exported
from pipelines.cleaning import CleaningConfig, run_clean
from pipelines.errors import BuildError
from pipelines.export import export_json_lines
from tests.samples import DIRTY, NEWS


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory):
    """In a folder whose name says nothing about what is in it."""
    output = tmp_path_factory.mktemp("documents") / "rejects"
    sources = tuple(source_of(str(path)) for path in (NEWS, DIRTY))
    manifest = run_clean(CleaningConfig(output=str(output), sources=sources), PipelineOptions([]))
    export_json_lines(str(output), manifest, PipelineOptions([]))
    return output


@pytest.mark.parametrize("path", ["", "documents", "cleaned", "cleaned/news", "jsonl", "jsonl/part-00000-of-00001.jsonl"])
def test_documents_are_shown_from_their_folders(cleaned, path):
    shown = list(find_browser(str(cleaned / path))(Page(count=3)))
    assert len(shown) == 3
    assert all(isinstance(document, ShownDocument) and document.source in ("news", "dirty") for document in shown)
    assert json.loads(shown[0].json())["text"] == shown[0].text_


def test_exported_documents_are_those_of_the_parquet_files(cleaned):
    assert list(find_browser(str(cleaned / "jsonl"))(Page(count=5))) == list(find_browser(str(cleaned / "documents"))(Page(count=5)))


def test_one_document_is_shown_by_its_identity(cleaned):
    browse = find_browser(str(cleaned / "documents"))
    third = list(browse(Page(count=3)))[2]
    assert list(browse(Page(count=1, start=2))) == [third]
    assert list(browse(Page(document=third.document_id))) == [third]
    assert json.loads(third.json())["document_id"] == third.document_id
    assert list(find_browser(str(cleaned / "jsonl"))(Page(document=third.document_id))) == [third]
    with pytest.raises(BuildError, match=r"--document 0{32} is not here"):
        list(browse(Page(document="0" * 32)))
    with pytest.raises(BuildError, match="--document is one that was kept, and these are rejects"):
        list(find_browser(str(cleaned / "rejects"))(Page(document=third.document_id)))


def test_what_lies_there_decides_and_not_its_name(cleaned, tmp_path, monkeypatch):
    dataset = tmp_path / "documents" / "cleaned"
    shutil.copytree(cleaned / "documents", dataset / "documents")
    assert isinstance(next(iter(find_browser(str(dataset))(Page(count=1)))), ShownDocument)
    (dataset / "manifest.json").write_text('{"shards": []}')
    assert find_browser(str(dataset)) is None
    (dataset / "train.tfrecord").write_bytes(b"")
    assert find_browser(str(dataset / "train.tfrecord")) is None
    shutil.copytree(cleaned / "rejects", tmp_path / "what [1] went")
    assert isinstance(next(iter(find_browser(str(tmp_path / "what [1] went"))(Page(count=1)))), ShownReject)
    monkeypatch.chdir(tmp_path / "what [1] went")
    assert isinstance(next(iter(find_browser(".")(Page(count=1)))), ShownReject)


def test_rejects_are_shown_for_each_reason(cleaned):
    shown = list(find_browser(str(cleaned / "rejects"))(Page(count=1)))
    files = list((cleaned / "rejects").rglob("*.jsonl"))
    assert len(shown) == len(files) > 3
    one = find_browser(str(files[0]))(Page(count=1))
    first = next(one)
    assert first.text().startswith(f"{first.reason}  {first.source}  {first.origin}\n  {first.message}")
    assert json.loads(first.json()) == json.loads(files[0].read_text("utf-8").splitlines()[0])


def test_a_long_document_loses_its_middle_for_people_only():
    document = ShownDocument(document_id="0f" * 16, source="a", origin="f:0", title="题", text_="头" * 500 + "尾" * 500)
    assert document.text() == f"a  f:0  《题》\ndocument {'0f' * 16}\n  {'头' * 200}\n  … 600 characters …\n  {'尾' * 200}"
    assert len(json.loads(document.json())["text"]) == 1000


def test_what_holds_neither_is_not_browsed(tmp_path):
    assert find_browser(str(tmp_path)) is None
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n')
    with pytest.raises(BuildError, match="line 1 is no reject"):
        list(find_browser(str(tmp_path / "a.jsonl"))(Page(count=1)))
    (tmp_path / "a.parquet").write_text("nothing")
    with pytest.raises(BuildError, match="holds no cleaned documents"):
        list(find_browser(str(tmp_path / "a.parquet"))(Page(count=1)))


@pytest.mark.parametrize(
    ("line", "is_document"),
    [
        ('{"document_id": "00", "source": "a", "origin": "b", "title": "", "text": "c", "url": null}', True),
        ('{"document_id": "00", "source": "a", "origin": "b", "text": "c"}', False),
        ('{"source": "a", "origin": "b", "title": "", "text": "c"}', False),
        ('["document_id", "source", "origin", "title", "text"]', False),
        ("no JSON", False),
        ("", False),
    ],
)
def test_keys_tell_documents_from_rejects(tmp_path, line, is_document):
    (tmp_path / "a.jsonl").write_text(line)
    assert is_exported(str(tmp_path / "a.jsonl")) is is_document


def test_a_damaged_line_of_exported_documents_is_named(tmp_path):
    document = '{"document_id": "00", "source": "a", "origin": "b", "title": "", "text": "c"}'
    (tmp_path / "a.jsonl").write_text(f"{document}\n{document[:9]}\n")
    with pytest.raises(BuildError, match="line 2 is no document"):
        list(find_browser(str(tmp_path / "a.jsonl"))(Page(count=2)))
