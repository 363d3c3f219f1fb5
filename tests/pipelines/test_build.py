"""Whole builds of the sample corpus: what comes out, that it is always the same, and what a bad start leaves behind."""

import dataclasses
import json
import lzma
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_core.drawing import DrawingOptions
from albert_core.shards import FEATURES, Dataset
from corpora.sources import Source, merge_sources, source_of
from pipelines import build as build_module
from pipelines.build import BuildConfig, run_build
from pipelines.cleaning import CleaningConfig
from pipelines.errors import BuildError, BuildWarning
from pipelines.instances import InstancesConfig
from pipelines.output_folder import _host
from pipelines.runners import JobFailedError, parse_beam_options
from pipelines.verification import verify
from tests.samples import COMMUNITY, DIRTY, ENCYCLOPEDIA, NEWS, vocabulary

DRAWING = DrawingOptions(max_seq_length=64, max_predictions_per_seq=6)
CORPORA = (str(ENCYCLOPEDIA), str(NEWS), f"{COMMUNITY}/*.txt")
ONE_WORKER = PipelineOptions([])


def sources(*corpora: object) -> tuple[Source, ...]:
    return tuple(merge_sources([source_of(str(corpus)) for corpus in corpora]))


def config(output: Path, corpora=CORPORA, *, instances=None, **changes) -> BuildConfig:
    options = {"vocabulary": vocabulary(), "drawing": DRAWING, "dupe_factor": 2, "eval_fraction": 0.05} | (instances or {})
    cleaning = CleaningConfig(output=str(output), **({"sources": sources(*corpora)} | changes))
    return BuildConfig(cleaning=cleaning, instances=InstancesConfig(**options))


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A static dataset of the sample corpus, its dirty part included."""
    output = tmp_path_factory.mktemp("built")
    with pytest.warns(BuildWarning, match=r"\[UNK\] is more than 5% of the tokens: dirty "):  # its kites are in too few words for a sample
        run_build(config(output, (*CORPORA, DIRTY)), ONE_WORKER)
    return output


def test_every_document_is_accounted_for(built):
    manifest = json.loads((built / "manifest.json").read_text())
    documents = manifest["documents"]
    assert documents["read"] == 62 + 32 + 25 + 15
    assert documents["read"] == documents["kept"] + sum(documents["rejected"].values())
    rejects = [json.loads(line) for file in (built / "rejects").rglob("*.jsonl") for line in file.read_text("utf-8").splitlines()]
    assert len(rejects) == documents["read"] - documents["kept"]
    assert {reject["reason"] for reject in rejects} == set(documents["rejected"])
    assert sum(reject["reason"] == "exact_duplicate" for reject in rejects) == 2
    assert all(reject["origin"] and reject["message"] for reject in rejects)


def test_the_manifest_holds_what_scripts_rely_on(built):
    manifest = json.loads((built / "manifest.json").read_text())
    assert manifest["schema_version"] == 1
    assert manifest["kind"] == "static"
    assert manifest["files"] == {"read": 28, "damaged": 0}
    assert manifest["parameters"]["max_seq_length"] == 64
    assert manifest["instances"] == sum(shard["instances"] for shard in manifest["shards"])
    assert [set(shard) for shard in manifest["shards"]] == [{"name", "records", "instances", "bytes", "sha256", "documents"}] * 2
    assert [shard["name"] for shard in manifest["shards"]] == ["train-00000-of-00001.tfrecord", "eval-00000-of-00001.tfrecord"]
    assert manifest["statistics"]["masked_share"] == pytest.approx(0.1, abs=0.01)
    assert (built / "vocab.txt").read_bytes() == vocabulary()


def test_a_finished_dataset_verifies_and_every_kind_of_damage_is_found(built, tmp_path):
    assert verify(str(built)) == []
    subprocess.run(["cp", "-r", f"{built}/.", tmp_path], check=True)
    shard = tmp_path / "train-00000-of-00001.tfrecord"
    content = bytearray(shard.read_bytes())
    content[5000] ^= 4
    shard.write_bytes(content)
    assert [line.split(":")[0] for line in verify(str(tmp_path))] == [shard.name]
    shard.write_bytes(content[:-9])
    assert "bytes, the manifest says" in verify(str(tmp_path))[0]
    shard.unlink()
    assert "cannot be read" in verify(str(tmp_path))[0]


def test_only_instances_of_text_come_out(built):
    dataset = Dataset.open(built)
    features = dataset.split("train").read_block(0)
    tokenizer = dataset.tokenizer
    lines = {tokenizer.decode(row[row > 0].tolist()) for row in features["input_ids"]}
    assert len(lines) > 200
    assert not any(word in line for line in lines for word in ("http", "<br", "&nbsp", "责任编辑", "分享到"))


def features_of(output: Path, split: str = "train", epoch: int = 0) -> dict[str, np.ndarray]:
    part = Dataset.open(output).split(split)
    blocks = [part.read_block(block, epoch) for block in range(len(part.block_sizes))]
    return {name: np.concatenate([block[name] for block in blocks]) for name in FEATURES}


@pytest.mark.parametrize("changes", [{}, {"mask_unit": "token", "max_ngram": 1}, {"max_ngram": 1, "masked_lm_prob": 0.3}])
def test_static_equals_epoch_0_of_dynamic_feature_for_feature(tmp_path, changes):
    instances = {"dupe_factor": 1, "num_shards": 3, "drawing": dataclasses.replace(DRAWING, **changes)}
    for kind in ("static", "dynamic"):
        run_build(config(tmp_path / kind, instances={**instances, "kind": kind}), ONE_WORKER)
    for split in ("train", "eval"):
        static, dynamic = (features_of(tmp_path / kind, split) for kind in ("static", "dynamic"))
        for name in FEATURES:
            assert np.array_equal(static[name], dynamic[name]), name
    later = features_of(tmp_path / "dynamic", epoch=1)
    differing = (later["masked_lm_ids"] != features_of(tmp_path / "dynamic")["masked_lm_ids"]).any(axis=1)
    assert differing.mean() > 0.95  # short instances have few masks to choose from
    assert np.array_equal(features_of(tmp_path / "static", epoch=1)["input_ids"], features_of(tmp_path / "static")["input_ids"])
    assert verify(str(tmp_path / "dynamic")) == []


def digest(output: Path, *arguments: str, **changes) -> str:
    return run_build(config(output, **changes), parse_beam_options(arguments))["digest"]


def test_the_digest_does_not_depend_on_batches_files_compression_or_workers(tmp_path):
    lines = ENCYCLOPEDIA.read_bytes().splitlines(keepends=True)
    one, ten = tmp_path / "one.jsonl", tmp_path / "ten"
    ten.mkdir()
    one.write_bytes(b"".join(lines))
    for part in range(10):
        (ten / f"{part}.jsonl").write_bytes(b"".join(lines[part::10]))
    (tmp_path / "packed.jsonl.xz").write_bytes(lzma.compress(b"".join(lines[::-1])))
    with zipfile.ZipFile(tmp_path / "packed.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number, line in enumerate(lines):
            archive.writestr(f"wiki/{number}.jsonl", line)
    first = digest(tmp_path / "a", corpora=[f"wiki2019zh={one}"])
    assert digest(tmp_path / "b", corpora=[f"wiki2019zh={ten}/*"]) == first
    assert digest(tmp_path / "c", corpora=[f"wiki2019zh={tmp_path}/packed.jsonl.xz"]) == first
    assert digest(tmp_path / "d", corpora=[f"wiki2019zh={one}"], batch_bytes=1024) == first
    assert digest(tmp_path / "e", "--direct_num_workers=2", corpora=[f"wiki2019zh={ten}/*"], batch_bytes=5000) == first
    assert digest(tmp_path / "g", corpora=[tmp_path / "packed.zip"]) == first
    other_seed = digest(tmp_path / "f", corpora=[f"wiki2019zh={one}"], instances={"seed": 1})
    assert other_seed != first


def test_a_finished_build_is_not_run_again_and_cleaning_is_shared(tmp_path):
    first = run_build(config(tmp_path), ONE_WORKER)
    written = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*") if file.is_file()}
    assert run_build(config(tmp_path), ONE_WORKER) == first
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*") if file.is_file()} == written
    with pytest.raises(BuildError, match=r"holds a finished dataset of another corpus or other options\n.*--overwrite"):
        run_build(config(tmp_path, instances={"seed": 2}), ONE_WORKER)
    second = run_build(config(tmp_path, instances={"seed": 2}, overwrite=True), ONE_WORKER)
    assert second["digest"] != first["digest"]
    documents = {file: time for file, time in written.items() if file.parent.name == "documents"}
    assert documents
    assert {file: file.stat().st_mtime_ns for file in documents} == documents


def test_a_build_killed_between_its_stages_goes_on(tmp_path, monkeypatch):
    expected = run_build(config(tmp_path / "whole"), ONE_WORKER)["digest"]
    with monkeypatch.context() as patch:
        patch.setattr(build_module, "instances_stage", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run_build(config(tmp_path / "part"), ONE_WORKER)
    assert not (tmp_path / "part" / "manifest.json").exists()
    (tmp_path / "part" / "train-00000-of-00004.tfrecord").write_bytes(b"left over")
    assert run_build(config(tmp_path / "part"), ONE_WORKER)["digest"] == expected
    assert verify(str(tmp_path / "part")) == []


def test_a_truncated_file_fails_the_build_unless_allowed_and_cleaning_is_kept(tmp_path):
    packed = tmp_path / "news.txt.xz"
    packed.write_bytes(lzma.compress(NEWS.read_bytes())[:-3000])
    output = tmp_path / "out"
    with pytest.raises(BuildError, match=r"1 files or members of archives are damaged: .*news\.txt\.xz.*\n.*--allow-damaged-files"):
        run_build(config(output, [packed]), ONE_WORKER)
    assert not (output / "manifest.json").exists()
    cleaned = (output / "cleaned" / "news" / "manifest.json").stat().st_mtime_ns
    manifest = run_build(config(output, [packed], allow_damaged_files=True), ONE_WORKER)
    assert manifest["files"] == {"read": 1, "damaged": 1}
    assert (output / "cleaned" / "news" / "manifest.json").stat().st_mtime_ns == cleaned


def test_too_many_bad_lines_fail_the_build(tmp_path):
    corpus = tmp_path / "bad.jsonl"
    corpus.write_bytes(ENCYCLOPEDIA.read_bytes() + b"{not json\n" * 101)
    with pytest.raises(BuildError, match="101 of 163 documents could not be read"):
        run_build(config(tmp_path / "out", [f"wiki2019zh={corpus}"]), ONE_WORKER)
    manifest = run_build(config(tmp_path / "out", [f"wiki2019zh={corpus}"], max_error_rate=0.7), ONE_WORKER)
    assert sum(manifest["documents"]["rejected"].values()) == 101


def test_a_corpus_without_a_document_is_an_error_that_says_why(tmp_path):
    corpus = tmp_path / "short.txt"
    corpus.write_text("你好。\n", "utf-8")
    with pytest.raises(BuildError, match="no document is left of 1: "):
        run_build(config(tmp_path / "out", [corpus]), ONE_WORKER)


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.doc").write_text("years of work")
    with pytest.raises(BuildError, match=r"holds other files, thesis\.doc for one"):
        run_build(config(tmp_path), ONE_WORKER)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.doc"]
    (tmp_path / "thesis.doc").rename(tmp_path / "manifest.json")
    with pytest.raises(BuildError, match="is not the manifest of a dataset"):
        run_build(config(tmp_path), ONE_WORKER)


def test_folders_of_the_users_own_that_are_called_like_ours_stay(tmp_path):
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "mine.txt").write_text("今天天气很好。" * 20, "utf-8")
    with pytest.raises(BuildError, match="holds other files, documents for one"):
        run_build(config(tmp_path, [tmp_path / "documents" / "mine.txt"]), ONE_WORKER)
    assert (tmp_path / "documents" / "mine.txt").exists()


def test_documents_that_went_missing_are_noticed(tmp_path):
    run_build(config(tmp_path), ONE_WORKER)
    part = next((tmp_path / "documents").glob("*.parquet"))
    table = pq.read_table(part)
    pq.write_table(table.slice(1), part)
    with pytest.raises((BuildError, JobFailedError), match=r"(\d+) documents were kept, \d+ came into the shards"):
        run_build(config(tmp_path, instances={"seed": 9}, overwrite=True), ONE_WORKER)
    assert not (tmp_path / "manifest.json").exists()


@pytest.mark.parametrize("damage", [b"", b"no index", "short"])
def test_a_damaged_index_is_named(tmp_path, damage):
    run_build(config(tmp_path), ONE_WORKER)
    index = tmp_path / "train-00000-of-00001.index.npy"
    if damage == "short":
        np.save(index, np.load(index)[:-1])
    else:
        index.write_bytes(damage)
    assert [line for line in verify(str(tmp_path)) if "index.npy cannot be read" in line]


def test_a_half_written_lock_is_taken_over(tmp_path):
    (tmp_path / "build.lock").write_text('{"host": ')
    assert run_build(config(tmp_path), ONE_WORKER)["instances"] > 0


def test_two_builds_do_not_share_a_folder(tmp_path):
    sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    lock = {"host": _host(), "pid": sleeper.pid, "since": "2026-01-01T00:00:00+00:00", "token": "x"}
    (tmp_path / "build.lock").write_text(json.dumps(lock))
    try:
        with pytest.raises(BuildError, match=f"in use by process {sleeper.pid}"):
            run_build(config(tmp_path), ONE_WORKER)
    finally:
        sleeper.communicate(b"\n")
    assert run_build(config(tmp_path), ONE_WORKER)["instances"] > 0  # the holder is gone: taken over
    assert not (tmp_path / "build.lock").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"instances": {"dupe_factor": 0}}, "--dupe-factor 0 is not between"),
        ({"instances": {"kind": "dynamic"}}, "--dupe-factor 2 with --masking dynamic"),
        ({"instances": {"eval_fraction": 1.0}}, "--eval-fraction 1.0 is not in"),
        ({"instances": {"num_shards": 0}}, "--num-shards 0 is not between"),
        ({"instances": {"short_seq_prob": -1}}, "--short-seq-prob -1 is not in"),
    ],
)
def test_options_that_cannot_be_built_are_refused(tmp_path, changes, message):
    with pytest.raises(BuildError, match=message):
        config(tmp_path, **changes)
