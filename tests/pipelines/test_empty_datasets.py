"""A corpus of which no instance comes, and a vocabulary that does not fit it: what is said, and what is left in the folder."""

import dataclasses
import itertools
import json
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_core.drawing import DrawingOptions
from albert_core.tokenization import SPECIAL_TOKENS
from corpora.sources import source_of
from pipelines.build import BuildConfig, ShardsConfig, run_build, run_instances
from pipelines.cleaning import CleaningConfig, run_clean
from pipelines.decontaminate import DecontaminationConfig
from pipelines.errors import BuildError, BuildWarning
from pipelines.instances import InstancesConfig
from pipelines.recipe import CleanConfig
from tests.samples import NEWS, vocabulary

ONE_WORKER = PipelineOptions([])
DRAWING = DrawingOptions(max_seq_length=32, max_predictions_per_seq=3)
LENIENT = CleanConfig(min_han=1)


def corpus(folder: Path, *documents: str, weight: float = 1.0):
    path = folder / "corpus.jsonl"
    path.write_text("".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in documents), "utf-8")
    return dataclasses.replace(source_of(f"jsonl={path}"), weight=weight)


def build(folder: Path, source, **changes):
    settings = {"vocabulary": vocabulary(), "drawing": DRAWING, "dupe_factor": 1, "eval_fraction": 0.0} | changes
    cleaning = CleaningConfig(output=str(folder / "out"), sources=(source,), clean=LENIENT)
    return run_build(BuildConfig(cleaning=cleaning, instances=InstancesConfig(**settings)), ONE_WORKER)


SINGLE = ["北京大学的学生在图书馆里读书。", "今年春天山上的桃花开得很早。", "他把自行车停在车站旁边的树下。"]


@pytest.mark.parametrize(
    ("documents", "settings", "weight", "message"),
    [
        (SINGLE, {}, 1.0, r"no instance came of 3 documents: each of \d+ chunks is one sentence without a clause mark.*\n.*FORMAT="),
        (SINGLE, {"eval_fraction": 0.9999999}, 1.0, r"all 3 documents are held out.*--eval-fraction 1\n.*smaller"),
        ([SINGLE[0] + SINGLE[1]], {}, 1e-9, r"no instance came of 1 documents: none was used with --dupe-factor 1.*\nraise"),
    ],
)
def test_documents_without_an_instance_are_an_error_that_says_why(tmp_path, documents, settings, weight, message):
    with pytest.raises(BuildError, match=message):
        build(tmp_path, corpus(tmp_path, *documents, weight=weight), **settings)
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert left == {"build.json", "cleaned", "documents", "failure.json"}  # which verify shows: who launched the job may be gone


def test_the_same_folder_serves_when_the_fault_is_mended(tmp_path):
    source = corpus(tmp_path, *(text + other for text, other in itertools.permutations(SINGLE, 2)))
    with pytest.raises(BuildError, match=r"all \d documents are held out"):
        build(tmp_path, source, eval_fraction=0.9999999)
    assert build(tmp_path, source)["instances"] > 0


def test_instances_of_no_documents_say_why_they_were_rejected(tmp_path):
    source = corpus(tmp_path, "".join(SINGLE), "你好")
    output, evaluation = str(tmp_path / "clean"), tmp_path / "task.txt"
    evaluation.write_text("".join(SINGLE), "utf-8")
    cleaning = CleaningConfig(output=output, sources=(source,), clean=LENIENT, decontamination=DecontaminationConfig.of([str(evaluation)]))
    with pytest.raises(BuildError, match="no document is left of 2"):
        run_clean(cleaning, ONE_WORKER)
    shards = ShardsConfig(documents=output, output=str(tmp_path / "out"), instances=InstancesConfig(vocabulary=vocabulary()))
    with pytest.raises(BuildError, match=r"no document is left of 2: .*evaluation_text 1.*\nlook at .*clean/rejects"):
        run_instances(shards, ONE_WORKER)
    assert not (tmp_path / "out").exists()


def test_a_vocabulary_that_does_not_fit_warns_before_the_shards_and_in_the_manifest(tmp_path):
    characters = sorted(set(NEWS.read_text("utf-8")) - set("的是。，"))
    poor = "".join(f"{token}\n" for token in dict.fromkeys([*SPECIAL_TOKENS, *(c for c in characters if not c.isspace())])).encode()
    with pytest.warns(BuildWarning) as warned:
        manifest = build(tmp_path, source_of(str(NEWS)), vocabulary=poor)
    assert len(warned) == 1
    early, late = str(warned[0].message), manifest["warnings"][0]
    assert early.startswith("[UNK] is more than 5% of the tokens of a sample (")
    assert late.startswith("[UNK] is more than 5% of the tokens: news ")
    assert early.partition(": news")[2] == late.partition(": news")[2]  # the sample is the whole here
    assert manifest["statistics"]["unknown_characters"][0]["text"] == "，"
    assert manifest["statistics"]["document_unknown_share"] > 0.05


def test_a_cut_budget_warns_at_once_and_in_the_manifest(tmp_path):
    config = InstancesConfig(
        vocabulary=vocabulary(), drawing=DrawingOptions(max_seq_length=64, max_predictions_per_seq=6, masked_lm_prob=0.15)
    )
    assert config.warnings() == [
        "--max-predictions-per-seq 6 holds less than the 10 that --masked-lm-prob 0.15 asks for in 64 tokens\n"
        "long instances are masked less; leave it out to have it follow"
    ]
    with pytest.warns(BuildWarning, match="--max-predictions-per-seq 6 holds less than the 10"):
        manifest = build(tmp_path, source_of(str(NEWS)), drawing=config.drawing)
    assert manifest["warnings"] == config.warnings()
    assert not InstancesConfig(vocabulary=vocabulary(), drawing=DRAWING).warnings()
    everything = DrawingOptions(max_seq_length=8, max_predictions_per_seq=5, masked_lm_prob=1.0)  # specials are never masked
    assert not InstancesConfig(vocabulary=vocabulary(), drawing=everything).warnings()
