"""The statistics of a whole job: sums over sources are the totals, and nothing depends on how documents came in batches."""

import json
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest

from albert_core.drawing import DrawingOptions
from pipelines.failures import FAILURE
from pipelines.instances import InstancesConfig, MakeShards
from pipelines.write_dataset import WriteManifest
from tests.pipelines.documents import cleaned, cut
from tests.pipelines.jobs import run
from tests.samples import COMMUNITY, ENCYCLOPEDIA, NEWS, vocabulary

TEXTS = {
    "news": NEWS.read_text("utf-8").split("\n\n"),
    "encyclopedia": [json.loads(line)["text"] for line in ENCYCLOPEDIA.read_text("utf-8").splitlines()],
    "community": [path.read_text("utf-8") for path in sorted(COMMUNITY.glob("[a-f]*.txt"))],
}
ROWS = [(name, f"{name}:{number}", text) for name, texts in TEXTS.items() for number, text in enumerate(dict.fromkeys(texts)) if text]
DRAWING = DrawingOptions(max_seq_length=64, max_predictions_per_seq=6)
CONFIG = InstancesConfig(vocabulary=vocabulary(), drawing=DRAWING, dupe_factor=2, eval_fraction=0.1, num_shards=3)
ADDITIVE = ("tokens", "without_predictions", "document_tokens")


def before(num_documents: int) -> dict[str, Any]:
    """What the cleaning would say."""
    sources = [{"name": name, "licence": "", "weight": 1.0} for name in TEXTS]
    given = {"account": {"documents.read": num_documents, "documents.kept": num_documents}, "sources": sources}
    return given | {"parameters": {}, "normalization": {}, "inputs": [], "fingerprint": ""}


def make(output: Path, rows: int, *, num_documents: int = len(ROWS)) -> None:
    """The dataset of all rows, which come in batches of so many."""
    output.mkdir()
    batches = cut(cleaned(*ROWS), rows)
    plan = CONFIG.plan(str(output), 0, dict.fromkeys(TEXTS, 1.0))

    def wire(pipeline: beam.Pipeline) -> None:
        made = pipeline | beam.Create(batches) | "Make" >> MakeShards(CONFIG, pipeline | "Plan" >> beam.Create([plan]))
        pipeline | "Before" >> beam.Create([before(num_documents)]) | WriteManifest(str(output), CONFIG, "", made)

    run(wire)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> dict[str, Any]:
    output = tmp_path_factory.mktemp("manifest") / "one"
    make(output, len(ROWS))
    return json.loads((output / "manifest.json").read_text("utf-8"))


@pytest.mark.parametrize("rows", [-(-len(ROWS) // 3), 7])
def test_the_manifest_is_the_same_from_one_batch_and_from_many(manifest, tmp_path, rows):
    make(tmp_path / "many", rows)
    assert json.loads((tmp_path / "many" / "manifest.json").read_text("utf-8")) == manifest


def test_sources_add_up_to_the_whole(manifest):
    statistics = manifest["statistics"]
    sources = statistics["sources"].values()
    assert list(statistics["sources"]) == list(TEXTS)
    assert sum(source["instances"] for source in sources) == manifest["instances"] == sum(s["instances"] for s in manifest["shards"])
    for name in ADDITIVE:
        assert sum(source[name] for source in sources) == statistics[name], name
    for bound, count in statistics["lengths"].items():
        assert sum(source["lengths"][bound] for source in sources) == count
    assert sum(statistics["lengths"].values()) == manifest["instances"]


def test_what_became_unk_is_counted_once_a_document_whatever_the_copies(manifest):
    statistics, tokenizer = manifest["statistics"], CONFIG.tokenizer
    tokens = {name: [tokenizer.encode(text) for source, _, text in ROWS if source == name] for name in TEXTS}
    assert statistics["document_tokens"] == sum(len(ids) for texts in tokens.values() for ids in texts)
    for name, texts in tokens.items():
        num_unknown = sum(ids.count(tokenizer.unk_id) for ids in texts)
        own = statistics["sources"][name]
        assert own["document_unknown_share"] == round(num_unknown / own["document_tokens"], 5)
    news = statistics["sources"]["news"]["unknown_characters"]  # the vocabulary was made of its characters, but ℃ stands in 15℃
    assert [entry["text"] for entry in news] == ["##℃"]
    missing = [entry["text"] for entry in statistics["sources"]["community"]["unknown_characters"]]
    assert len(missing) == 20
    assert all(character in "".join(TEXTS["community"]).lower() and character not in tokenizer.ids for character in missing)


def test_documents_that_are_missing_leave_the_reason_and_no_manifest(tmp_path):
    make(tmp_path / "out", len(ROWS), num_documents=len(ROWS) + 1)
    assert not (tmp_path / "out" / "manifest.json").exists()
    error = json.loads((tmp_path / "out" / FAILURE).read_text("utf-8"))["error"]
    assert error.startswith(f"{len(ROWS) + 1} documents were kept, {len(ROWS)} came into the shards\n")
