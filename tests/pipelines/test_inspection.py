import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_core.bert_records import encode_records
from albert_core.errors import AlbertError
from albert_core.shards import (
    INPUT_IDS,
    INPUT_MASK,
    MASKED_LM_IDS,
    MASKED_LM_POSITIONS,
    MASKED_LM_WEIGHTS,
    NEXT_SENTENCE_LABELS,
    SEGMENT_IDS,
    Dataset,
)
from albert_core.tokenization import SPECIAL_TOKENS, Tokenizer, is_han
from pipelines.build import run_build
from pipelines.errors import BuildError
from pipelines.inspection import Wanted, inspect
from pipelines.shown_instance import Shown
from pipelines.verification import broken_instances
from pipelines.words import Segmenter
from tests.pipelines.test_build import config
from tests.shared_data import shared

TOKENIZER = Tokenizer([*SPECIAL_TOKENS, *"今天很好我们去。", "py", "##thon"])


def features(
    tokens: list[str], masks: dict[int, str], *, swapped: bool = False, length: int = 20, predictions: int = 4
) -> dict[str, np.ndarray]:
    """One instance from tokens as they are shown and the originals of the masked ones."""
    ids = [TOKENIZER.ids[token] for token in tokens]
    first_sep = tokens.index("[SEP]")
    pad = [0] * (length - len(ids))
    positions = [*masks, *[0] * (predictions - len(masks))]
    labels = [*(TOKENIZER.ids[token] for token in masks.values()), *[0] * (predictions - len(masks))]
    columns = {
        INPUT_IDS: [*ids, *pad],
        INPUT_MASK: [1] * len(ids) + pad,
        SEGMENT_IDS: [0] * (first_sep + 1) + [1] * (len(ids) - first_sep - 1) + pad,
        MASKED_LM_POSITIONS: positions,
        MASKED_LM_IDS: labels,
        NEXT_SENTENCE_LABELS: [int(swapped)],
    }
    arrays = {name: np.array([values], np.int32) for name, values in columns.items()}
    return arrays | {MASKED_LM_WEIGHTS: np.array([[1.0] * len(masks) + [0.0] * (predictions - len(masks))], np.float32)}


GOOD = ["[CLS]", "今", "[MASK]", "很", "好", "。", "[SEP]", "我", "们", "去", "py", "##thon", "。", "[SEP]"]


def test_a_good_instance_breaks_no_rule():
    assert broken_instances(features(GOOD, {2: "天", 9: "很"}), TOKENIZER) == []


@pytest.mark.parametrize(
    ("tokens", "masks", "what"),
    [
        (["今", *GOOD[1:]], {2: "天"}, "does not begin with [CLS]"),
        ([*GOOD[:-1], "好"], {2: "天"}, "does not end with [SEP]"),
        ([*GOOD[:9], "[SEP]", *GOOD[10:]], {2: "天"}, "has not two [SEP]"),
        (GOOD, {0: "天"}, "masks a special token"),
        (GOOD, {2: "[MASK]"}, "has a special token as a label"),
        (GOOD, {4: "好", 2: "天"}, "has positions that do not ascend"),
        (GOOD, {15: "天"}, "has a position beyond its text"),
    ],
)
def test_each_broken_rule_is_named(tokens, masks, what):
    assert (0, what) in broken_instances(features(tokens, masks), TOKENIZER)


@pytest.mark.parametrize(
    ("name", "column", "value", "what"),
    [
        (INPUT_MASK, 3, 0, "has a gap in its mask"),
        (INPUT_IDS, 17, 5, "has tokens in its padding"),
        (SEGMENT_IDS, 2, 1, "has a segment that is not one run"),
        (NEXT_SENTENCE_LABELS, 0, 2, "has an order label other than 0 and 1"),
        (MASKED_LM_IDS, 3, 7, "has values behind its predictions"),
        (INPUT_IDS, 3, 999, "has ids beyond the vocabulary"),
    ],
)
def test_each_broken_value_is_named(name, column, value, what):
    broken = features(GOOD, {2: "天"})
    broken[name][0, column] = value
    assert (0, what) in broken_instances(broken, TOKENIZER)


@pytest.fixture(scope="module")
def static(tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("static")
    run_build(config(output), PipelineOptions([]))
    return output


@pytest.fixture(scope="module")
def dynamic(tmp_path_factory) -> Path:
    """Epoch 0 has the same instances as a static dataset of one copy."""
    output = tmp_path_factory.mktemp("dynamic")
    run_build(config(output, instances={"kind": "dynamic", "dupe_factor": 1}), PipelineOptions([]))
    return output


def test_shards_of_the_original_tool_are_shown_with_their_fault(static):
    shards = shared("data/goldens/albert_zh_tfrecord/tf_news.tfrecord")
    shown = list(inspect(str(shards), Wanted(count=400, vocab=str(shared("data/vocab.txt")))))
    assert len(shown) == 259
    assert {(one.swapped, one.label_name, tuple(one.missing)) for one in shown} == {(None, "next_sentence_labels", ())}
    assert share_of_han_labels_with_marks(shown) == pytest.approx(0.40, abs=0.01)
    assert "【认##为→[MASK][MASK]】" in shown[0].segment_a
    assert share_of_han_labels_with_marks(inspect(str(static), Wanted(count=300))) == 0


def share_of_han_labels_with_marks(shown: Iterable[Shown]) -> float:
    """The original keeps the ## of its whole-word trick in its labels, so 40 % of them are tokens that no text has."""
    han = [original for instance in shown for _, original, _ in instance.masks if is_han(original[-1])]
    assert len(han) > 500
    return float(np.mean([original.startswith("##") for original in han]))


def test_a_dataset_and_each_of_its_shards_show_the_same(static, dynamic):
    first = list(inspect(str(static), Wanted(count=5)))
    assert list(inspect(str(static / "train-00000-of-00001.tfrecord"), Wanted(count=5))) == first
    assert [(one.shard, one.instance) for one in first] == [("train-00000-of-00001.tfrecord", row) for row in range(5)]
    assert list(inspect(str(static), Wanted(count=2, start=3))) == first[3:]
    held_out = next(inspect(str(static), Wanted(count=1, shard="eval-00000-of-00001")))
    assert held_out.shard == "eval-00000-of-00001.tfrecord"
    later = [list(inspect(str(dynamic), Wanted(epoch=epoch))) for epoch in (0, 1)]
    assert [[one.origin for one in shown] for shown in later] == [[one.origin for one in later[0]]] * 2
    assert later[0] != later[1]
    assert [one.epoch for one in later[1]] == [1, 1, 1]


def test_instances_go_on_from_shard_to_shard(static):
    dataset = Dataset.open(static)
    num_train = dataset.manifest["shards"][0]["instances"]
    shown = list(inspect(str(static), Wanted(count=3, start=num_train - 1)))
    assert [(one.shard[:5], one.instance) for one in shown] == [("train", num_train - 1), ("eval-", 0), ("eval-", 1)]
    with pytest.raises(BuildError, match=f"--start {dataset.manifest['instances']} is beyond the"):
        list(inspect(str(static), Wanted(start=dataset.manifest["instances"])))


def documents_in(folder: Path) -> dict[str, dict]:
    """The documents of a dataset by their identity."""
    tables = [pq.read_table(path) for path in (folder / "documents").glob("*.parquet")]
    return {row["document_id"].hex(): row for table in tables for row in table.to_pylist()}


def test_each_instance_names_its_document_and_the_document_its_instances(static):
    documents = documents_in(static)
    one = next(inspect(str(static), Wanted(count=1, start=7)))
    document = documents[one.origin.document_id]
    assert (one.origin.source, one.origin.title) == (document["source"], document["title"])
    assert f"document {one.origin.document_id}  tokens {one.origin.first_token:,}–" in one.text()
    assert one.origin.num_tokens == one.num_tokens - 3 == one.num_tokens_a + one.num_tokens_b
    of_document = list(inspect(str(static), Wanted(count=1000, document=one.origin.document_id)))
    assert one in of_document
    assert {other.origin.document_id for other in of_document} == {one.origin.document_id}
    everything = list(inspect(str(static), Wanted(count=100_000)))
    assert [other for other in everything if other.origin.document_id == one.origin.document_id] == of_document
    with pytest.raises(BuildError, match=r"--document 0{32} has no instance"):
        list(inspect(str(static), Wanted(document="0" * 32)))


def test_words_of_static_and_dynamic_datasets_are_those_of_the_segmenter(static, dynamic):
    for folder in (static, dynamic):
        documents = documents_in(folder)
        plain, shown = (list(inspect(str(folder), Wanted(count=40, words=words))) for words in (False, True))
        for without, one in zip(plain, shown, strict=True):
            parts = [unmasked(segment) for segment in (one.segment_a, one.segment_b)]
            shown_words = "│".join(reversed(parts) if one.swapped else parts).split("│")[1:-1]  # a window may cut its outer words
            text_of = documents[one.origin.document_id]["text"]
            starts = Segmenter().word_starts(text_of)
            words = {"".join(text_of.lower()[a:b].split()) for a, b in zip(starts, [*starts[1:], None], strict=False)}
            assert {word for word in shown_words if word and "[UNK]" not in word} <= words
            assert [unmasked(part) for part in (without.segment_a, without.segment_b)] == [part.replace("│", "") for part in parts]


def unmasked(segment: str) -> str:
    """The text without its masks and blanks."""
    return re.sub(r"【(.+?)(?:→.*?)?】", r"\1", segment).replace(" ", "")


def test_words_are_not_guessed(static, dynamic, tmp_path):
    for folder in (static, dynamic):
        shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("documents"))
    assert next(inspect(str(tmp_path / static.name), Wanted())).origin.title is None
    assert "│" in next(inspect(str(tmp_path / dynamic.name), Wanted(words=True))).segment_a
    with pytest.raises(BuildError, match=r"does not say where words begin[^\n]*\n--words needs documents/"):
        next(inspect(str(tmp_path / static.name), Wanted(words=True)))


def test_length_bins_are_said(tmp_path):
    run_build(config(tmp_path, instances={"length_bins": (32, 64)}), PipelineOptions([]))
    shown = list(inspect(str(tmp_path), Wanted(count=2, shard="train-32-00000-of-00001.tfrecord")))
    assert [one.length_bin for one in shown] == [32, 32]
    assert all(one.num_tokens <= 32 for one in shown)
    assert shown[0].text().startswith("train-32-00000-of-00001.tfrecord  instance 0  length bin 32\n")


def test_what_cannot_be_shown_is_refused(tmp_path, static):
    with pytest.raises(BuildError, match="holds neither a dataset"):
        list(inspect(str(tmp_path), Wanted()))
    foreign = tmp_path / "foreign.tfrecord"
    foreign.write_bytes(encode_records(features(GOOD, {2: "天"}))[0].tobytes())
    with pytest.raises(BuildError, match=r"foreign\.tfrecord does not say which vocabulary"):
        list(inspect(str(foreign), Wanted()))
    vocab = tmp_path / "vocab.txt"
    vocab.write_text("".join(f"{token}\n" for token in TOKENIZER.vocab), "utf-8")
    assert [shown.segment_a for shown in inspect(str(foreign), Wanted(vocab=str(vocab)))] == ["今【天→[MASK]】很好。"]
    for changes, message in (
        ({"document": "0" * 32}, "--document means nothing for a single file"),
        ({"shard": "a"}, "--shard means nothing for a single file"),
        ({"words": True}, "it has no token_boundary"),
    ):
        with pytest.raises(BuildError, match=message):
            list(inspect(str(foreign), Wanted(vocab=str(vocab), **changes)))
    foreign.write_bytes(b"no TFRecord at all")
    with pytest.raises(BuildError, match="is damaged or no TFRecord file"):
        list(inspect(str(foreign), Wanted(vocab=str(vocab))))
    with pytest.raises(BuildError, match=r"--shard train-00009 is not in"):
        list(inspect(str(static), Wanted(shard="train-00009")))
    (tmp_path / "manifest.json").write_text('{"schema_version": 99}')
    with pytest.raises(AlbertError, match="has schema version 99, this toolkit reads 1"):
        list(inspect(str(tmp_path), Wanted()))
