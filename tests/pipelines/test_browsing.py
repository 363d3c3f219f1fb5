import json

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from corpora.sources import source_of
from pipelines.browsing import ShownDocument, find_browser
from pipelines.cleaning import CleaningConfig, run_clean
from pipelines.errors import BuildError
from tests.samples import DIRTY, NEWS


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory):
    output = tmp_path_factory.mktemp("cleaned")
    sources = tuple(source_of(str(path)) for path in (NEWS, DIRTY))
    run_clean(CleaningConfig(output=str(output), sources=sources), PipelineOptions([]))
    return output


@pytest.mark.parametrize("path", ["", "documents", "cleaned/news"])
def test_documents_are_shown_from_their_folders(cleaned, path):
    shown = list(find_browser(str(cleaned / path))(3))
    assert len(shown) == 3
    assert all(isinstance(document, ShownDocument) and document.source in ("news", "dirty") for document in shown)
    assert json.loads(shown[0].json())["text"] == shown[0].text_


def test_rejects_are_shown_for_each_reason(cleaned):
    shown = list(find_browser(str(cleaned / "rejects"))(1))
    files = list((cleaned / "rejects").rglob("*.jsonl"))
    assert len(shown) == len(files) > 3
    one = find_browser(str(files[0]))(1)
    first = next(one)
    assert first.text().startswith(f"{first.reason}  {first.source}  {first.origin}\n  {first.message}")
    assert json.loads(first.json()) == json.loads(files[0].read_text("utf-8").splitlines()[0])


def test_a_long_document_loses_its_middle_for_people_only():
    document = ShownDocument(source="a", origin="f:0", title="题", text_="头" * 500 + "尾" * 500)
    assert document.text() == f"a  f:0  《题》\n  {'头' * 200}\n  … 600 characters …\n  {'尾' * 200}"
    assert len(json.loads(document.json())["text"]) == 1000


def test_what_holds_neither_is_not_browsed(tmp_path):
    assert find_browser(str(tmp_path)) is None
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n')
    with pytest.raises(BuildError, match="line 1 is no reject"):
        list(find_browser(str(tmp_path / "a.jsonl"))(1))
    (tmp_path / "a.parquet").write_text("nothing")
    with pytest.raises(BuildError, match="holds no cleaned documents"):
        list(find_browser(str(tmp_path / "a.parquet"))(1))
