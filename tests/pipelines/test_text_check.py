"""`verify` compares instances with their documents: each kind of wrong instance is found, though all digests are right."""

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from albert_core.bert_records import encode_records
from albert_core.drawing import SENTENCE_START, WORD_START
from albert_core.errors import AlbertError
from albert_core.shards import (
    INPUT_IDS,
    MASKED_LM_IDS,
    MASKED_LM_POSITIONS,
    MASKED_LM_WEIGHTS,
    NEXT_SENTENCE_LABELS,
    SEGMENT_IDS,
    Dataset,
)
from albert_core.tokenization import SPECIAL_TOKENS
from pipelines.build import ShardsConfig, run_build, run_instances
from pipelines.document_index import decode_stretches, encode_stretches
from pipelines.manifest import dataset_digest
from pipelines.text_check import SAMPLED, DocumentTokens, TextCheck, choose_rows, misplaced, splits_word
from pipelines.tracing import read_stretches
from pipelines.user_dictionary import read_user_dictionary
from pipelines.verification import verify
from tests.pipelines.small_builds import ONE_WORKER, small_build
from tests.samples import ENCYCLOPEDIA, NEWS

STATIC = {"dupe_factor": 1}
NAME = "train-00000-of-00001"


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("compared")
    run_build(small_build(output, [ENCYCLOPEDIA, NEWS], STATIC), ONE_WORKER)
    return output


@pytest.fixture
def dataset(built, tmp_path) -> Dataset:
    return Dataset.open(shutil.copytree(built, tmp_path / "copy"))


def rewrite(dataset: Dataset, suffix: str, content: bytes) -> None:
    """Replaces a file of the first shard, with the digests that belong to it."""
    folder, manifest = Path(dataset.path), dataset.manifest
    (folder / f"{NAME}{suffix}").write_bytes(content)
    shard = manifest["shards"][0]
    entry = shard if suffix == ".tfrecord" else shard["documents"]
    entry |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest["digest"] = dataset_digest(manifest["shards"])
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")


def change_instances(dataset: Dataset, change) -> None:
    """Applies `change` to the features of the first block."""
    split = dataset.split("train")
    contents = []
    for block in range(len(split.block_sizes)):
        features = split.read_block(block)
        if block == 0:
            change(features)
        contents.append(encode_records(features)[0].tobytes())
    np.save(Path(dataset.path, f"{NAME}.index.npy"), np.cumsum([0, *map(len, contents)], dtype=np.int64))
    rewrite(dataset, ".tfrecord", b"".join(contents))


def test_every_instance_is_compared_and_is_its_text(built):
    said: list[str] = []
    assert verify(str(built), thorough=True, tell=said.append) == []
    count = Dataset.open(built).manifest["instances"]
    assert said == [f"{count:,} instances were compared with the text of their documents, words and sentences too"]
    said.clear()
    assert verify(str(built), tell=said.append) == []
    compared = int(said[0].split()[0])
    assert SAMPLED < compared <= 2 * SAMPLED  # of training and held out


@pytest.mark.parametrize("changes", [{"kind": "dynamic"}, {"segmenter": "jieba"}, {"mask_unit": "token", "max_ngram": 1}])
def test_other_kinds_of_datasets_are_compared_too(tmp_path, changes):
    build = small_build(tmp_path, [NEWS], STATIC)
    drawing = {name: value for name, value in changes.items() if name in ("mask_unit", "max_ngram")}
    others = {name: value for name, value in changes.items() if name not in drawing}
    instances = dataclasses.replace(build.instances, drawing=dataclasses.replace(build.instances.drawing, **drawing), **others)
    run_build(dataclasses.replace(build, instances=instances), ONE_WORKER)
    said: list[str] = []
    assert verify(str(tmp_path), thorough=True, tell=said.append) == []
    assert said[0].endswith("words and sentences too")


def wrong_label(features):
    features[MASKED_LM_IDS][3, 0] += 1


def wrong_token(features):
    ids, masked = features[INPUT_IDS][3], features[MASKED_LM_POSITIONS][3]  # what is masked is put back before it is compared
    shown = next(position for position in np.flatnonzero(ids >= len(SPECIAL_TOKENS)) if position not in masked)
    ids[shown] = 7 if ids[shown] != 7 else 8


def wrong_order(features):
    features[NEXT_SENTENCE_LABELS][3] = 1 - features[NEXT_SENTENCE_LABELS][3]


def swapped_instances(features):
    for values in features.values():
        values[[3, 4]] = values[[4, 3]]


@pytest.mark.parametrize("change", [wrong_label, wrong_token, wrong_order])
def test_an_instance_that_is_not_its_text_is_found(dataset, change):
    change_instances(dataset, change)
    (line,) = verify(dataset.path, thorough=True)
    assert line.startswith(f"{NAME}.tfrecord: instance 3: is not the text of its document (document ")


def test_instances_in_another_order_are_found(dataset):
    change_instances(dataset, swapped_instances)
    lines = verify(dataset.path, thorough=True)
    assert [line.split(": ")[1] for line in lines] == ["instance 3", "instance 4"]


def test_a_junction_inside_a_sentence_is_found(dataset):
    """The text is whole and in order, but A and B meet one token later than they should."""

    def move_junction(features):
        row = next(
            row
            for row in range(256)
            if not features[NEXT_SENTENCE_LABELS][row, 0]
            and (junction := int(features[SEGMENT_IDS][row].argmax())) not in features[MASKED_LM_POSITIONS][row]
            and features[SEGMENT_IDS][row].sum() > 3
        )
        ids, segments = features[INPUT_IDS][row], features[SEGMENT_IDS][row]
        junction = int(segments.argmax())
        ids[junction - 1], ids[junction] = ids[junction], ids[junction - 1]  # [SEP] and the first token of B change places
        segments[junction] = 0

    change_instances(dataset, move_junction)
    (line,) = verify(dataset.path, thorough=True)
    assert "has segments that do not meet" in line


def test_a_mask_that_splits_a_word_is_found(dataset):
    """The labels are right, but of a masked word of two characters one is shown, and no label."""

    def unmask_half(features):
        for row in range(256):
            count = int(features[MASKED_LM_WEIGHTS][row].sum())
            positions = features[MASKED_LM_POSITIONS][row]
            if count > 2 and positions[count - 1] == positions[count - 2] + 1:
                features[INPUT_IDS][row, positions[count - 1]] = features[MASKED_LM_IDS][row, count - 1]
                for name in (MASKED_LM_IDS, MASKED_LM_POSITIONS, MASKED_LM_WEIGHTS):
                    features[name][row, count - 1] = 0

    change_instances(dataset, unmask_half)
    lines = verify(dataset.path, thorough=True)
    assert lines
    assert all("has a mask that splits a word" in line for line in lines[:-1])


def test_an_index_that_points_elsewhere_is_found(dataset):
    path = Path(dataset.path, f"{NAME}.documents.parquet")
    index = decode_stretches(path.read_bytes())
    shifted = index.first_token.copy()
    shifted[5] += 1
    rewrite(dataset, ".documents.parquet", encode_stretches(index._replace(first_token=shifted)))
    (line,) = verify(dataset.path, thorough=True)
    assert line.startswith(f"{NAME}.tfrecord: instance 5: ")
    beyond = index.first_token.copy()
    beyond[5] = 1_000_000
    rewrite(dataset, ".documents.parquet", encode_stretches(index._replace(first_token=beyond)))
    (line,) = verify(dataset.path, thorough=True)
    assert "instance 5: ends at token 1,000," in line


def test_an_index_of_other_lengths_or_documents_is_found_without_the_text(dataset):
    shutil.rmtree(Path(dataset.path, "documents"))
    path = Path(dataset.path, f"{NAME}.documents.parquet")
    index = decode_stretches(path.read_bytes())
    lengths = index.num_tokens.copy()
    lengths[5] -= 1
    rewrite(dataset, ".documents.parquet", encode_stretches(index._replace(num_tokens=lengths)))
    tokens = lengths[5] + 3
    assert verify(dataset.path) == [f"{NAME}.tfrecord: instance 5: has {tokens + 1} tokens, the index says {tokens}"]
    lengths[5] = 62
    rewrite(dataset, ".documents.parquet", encode_stretches(index._replace(num_tokens=lengths)))
    assert verify(dataset.path)[0] == f"{NAME}.documents.parquet: row 5: is a stretch that no instance of at most 61 tokens has"
    held_out = read_stretches(dataset, dataset.manifest["shards"][1]).document_ids[0]
    rewrite(dataset, ".documents.parquet", encode_stretches(index._replace(document_ids=[*index.document_ids[:-1], held_out])))
    (line,) = verify(dataset.path)
    assert line == f"{NAME}.documents.parquet: document {held_out.hex()} belongs in another shard"


def test_a_damaged_or_missing_index_is_named(dataset):
    path = Path(dataset.path, f"{NAME}.documents.parquet")
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    assert verify(dataset.path) == [f"{path.name}: {len(content) - 1:,} bytes, the manifest says {len(content):,}"]
    path.unlink()
    assert verify(dataset.path)[0].startswith(f"{path.name}: cannot be read: ")


def test_documents_in_another_folder_can_be_named(built, tmp_path):
    instances = small_build(tmp_path, [ENCYCLOPEDIA], {"dupe_factor": 1, "seed": 3}).instances
    config = ShardsConfig(documents=str(built), output=str(tmp_path / "shards"), instances=instances)
    run_instances(config, ONE_WORKER)
    said: list[str] = []
    assert verify(config.output, thorough=True, documents=str(built), tell=said.append) == []
    assert said[0].endswith("words and sentences too")
    with pytest.raises(AlbertError, match="holds no documents: there is no text to compare with\nname the folder that was cleaned into"):
        verify(config.output, thorough=True)
    run_build(small_build(tmp_path / "other", [NEWS], STATIC), ONE_WORKER)
    with pytest.raises(AlbertError, match=r"other holds other documents than .*shards was made of"):
        verify(config.output, documents=str(tmp_path / "other"))


def test_without_the_users_dictionary_words_are_not_compared(tmp_path):
    (tmp_path / "words.txt").write_text("春风化雨 10 n\n", "utf-8")
    words = read_user_dictionary(str(tmp_path / "words.txt"), lambda path: Path(path).read_bytes())
    run_build(small_build(tmp_path / "out", [NEWS], {"dupe_factor": 1, "user_dictionary": words}), ONE_WORKER)
    said: list[str] = []
    assert verify(str(tmp_path / "out"), thorough=True, tell=said.append) == []
    assert "not their words" in said[0]


def test_the_same_few_rows_are_chosen_for_the_same_shard():
    assert choose_rows("a", 5).tolist() == [0, 1, 2, 3, 4]
    rows = choose_rows("a", 1_000_000)
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert len(rows) == SAMPLED
    assert choose_rows("a", 1_000_000).tolist() == rows.tolist() != choose_rows("b", 1_000_000).tolist()


W, S = WORD_START, WORD_START | SENTENCE_START


@pytest.mark.parametrize(
    ("first", "split", "end", "what"),
    [
        (0, 3, 7, None),  # two sentences, met where the second begins
        (0, 2, 7, "has segments that do not meet at a sentence start"),
        (1, 3, 7, "begins or ends inside a sentence"),
        (0, 3, 6, "begins or ends inside a sentence"),
        (3, 5, 7, None),  # one sentence, met behind its clause mark
        (4, 5, 6, None),  # a window of it
        (3, 6, 7, "has segments that do not meet behind a clause mark"),
    ],
)
def test_where_an_instance_may_be_cut(first, split, end, what):
    marks = np.zeros(10, np.bool_)
    marks[9] = True  #                          天 冷 。 早 ， 去 。 好
    document = DocumentTokens(np.array([1, 2, 3, 4, 9, 5, 3, 6]), np.array([S, W, W, S, W, W, W, S], np.uint8))
    assert misplaced(document, first, split, end, marks) == what


def test_a_word_is_masked_whole_or_not_at_all():
    starts = np.array([1, 0, 1, 1, 0], np.bool_)
    assert not splits_word(np.array([1, 1, 0, 0, 0], np.bool_), starts)
    assert not splits_word(np.array([0, 0, 1, 1, 1], np.bool_), starts)
    assert splits_word(np.array([1, 0, 0, 0, 0], np.bool_), starts)
    assert splits_word(np.array([0, 0, 0, 0, 1], np.bool_), starts)


def test_nothing_is_compared_without_documents(dataset):
    shutil.rmtree(Path(dataset.path, "documents"))
    check = TextCheck(dataset, thorough=False)
    assert not check.is_on
    assert check.describe().startswith("instances were not compared with text")
    said: list[str] = []
    assert verify(dataset.path, tell=said.append) == []
    assert said == [check.describe()]
