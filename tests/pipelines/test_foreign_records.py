"""Records as other tools write them, made with tf.train.Example from the fields that each tool documents."""

import gzip
import json
import zlib

import numpy as np
import pytest
import tensorflow as tf

from albert_core.tfrecord import frame
from albert_core.tokenization import SPECIAL_TOKENS, Tokenizer
from pipelines.errors import BuildError
from pipelines.foreign_records import parse_record, read_records
from pipelines.inspection import Wanted, inspect

TOKENIZER = Tokenizer([*SPECIAL_TOKENS, *"今天很好我们去。"])
TOKENS = ["[CLS]", "今", "[MASK]", "很", "好", "。", "[SEP]", "我", "们", "去", "。", "[SEP]"]
IDS = [TOKENIZER.ids[token] for token in TOKENS]
PADDED = [*IDS, *[0] * 4]
ONES = [1] * len(IDS) + [0] * 4
SEGMENTS = [0] * 7 + [1] * 5 + [0] * 4
DAY = TOKENIZER.ids["天"]
BERT = {
    "input_ids": PADDED,
    "input_mask": ONES,
    "segment_ids": SEGMENTS,
    "masked_lm_positions": [2, 0],
    "masked_lm_ids": [DAY, 0],
    "masked_lm_weights": [1.0, 0.0],
    "next_sentence_labels": [1],
}


def record(**features: list) -> bytes:
    def feature(values):
        if values and isinstance(values[0], bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
        if values and isinstance(values[0], float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=values))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    message = tf.train.Example(features=tf.train.Features(feature={name: feature(values) for name, values in features.items()}))
    return message.SerializeToString()


def without(*names: str) -> dict[str, list]:
    return {name: values for name, values in BERT.items() if name not in names}


@pytest.mark.parametrize(
    ("tool", "features", "missing", "others"),
    [
        ("BERT", BERT, [], []),
        ("google ALBERT", BERT | {"token_boundary": [1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0]}, [], ["token_boundary"]),
        ("sentence_order_labels", without("next_sentence_labels") | {"sentence_order_labels": [1]}, [], []),
        (
            "tf-models",
            without("input_ids", "segment_ids") | {"input_word_ids": PADDED, "input_type_ids": SEGMENTS},
            [],
            [],
        ),
        ("without weights", without("masked_lm_weights"), ["masked_lm_weights"], []),
        ("without segments", without("segment_ids"), ["segment_ids"], []),
        ("without mask", without("input_mask"), ["input_mask"], []),
        ("unpadded", BERT | {"input_ids": IDS, "input_mask": [1] * 12, "segment_ids": SEGMENTS[:12]}, [], []),
        ("with more", BERT | {"guid": [b"wiki-7"]}, [], ["guid"]),
    ],
)
def test_what_is_there_is_read_and_what_is_not_is_named(tool, features, missing, others):
    found = parse_record(record(**features), TOKENIZER)
    assert found.example.ids == IDS, tool
    assert found.example.first_of_b == 7
    assert found.example.originals == {2: DAY}
    assert found.example.label == 1
    assert (found.missing, list(found.others)) == (missing, others)
    assert (found.example.word_starts is not None) == ("token_boundary" in others)


def test_records_without_labels_show_their_text():
    electra = parse_record(record(input_ids=PADDED, input_mask=ONES, segment_ids=SEGMENTS), TOKENIZER)
    assert (electra.example.originals, electra.example.label, electra.label_name) == ({}, None, None)
    assert electra.missing == ["masked_lm_positions", "masked_lm_ids", "masked_lm_weights", "next_sentence_labels"]
    one_segment = parse_record(record(input_ids=IDS[:7], input_mask=[1] * 7, segment_ids=[0] * 7), TOKENIZER)
    assert one_segment.example.first_of_b == 7


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xff", "it is not a tf.train.Example"),
        (record(image=[1]), "it has image, and no input_ids"),
        (record(**(BERT | {"masked_lm_ids": [DAY]})), "it has 2 positions, 1 labels and 2 weights"),
        (record(**(BERT | {"masked_lm_positions": [12, 0]})), "it masks position 12 of 12 tokens"),
    ],
)
def test_what_is_no_example_of_berts_kind_is_refused(content, message):
    with pytest.raises(ValueError, match=message):
        parse_record(content, TOKENIZER)


@pytest.fixture
def vocab(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("".join(f"{token}\n" for token in TOKENIZER.vocab), "utf-8")
    return str(path)


def test_a_compressed_file_is_read_or_refused(tmp_path, vocab):
    content = frame(record(**BERT)) * 3
    path = tmp_path / "examples.tfrecord"
    path.write_bytes(gzip.compress(content))
    assert len(list(read_records(str(path)))) == 3
    assert [shown.instance for shown in inspect(str(path), Wanted(vocab=vocab, start=1))] == [1, 2]
    path.write_bytes(gzip.compress(content)[:-12])
    with pytest.raises(BuildError, match=r"examples\.tfrecord is damaged"):
        list(read_records(str(path)))
    path.write_bytes(zlib.compress(content))
    with pytest.raises(BuildError, match="looks zlib-compressed: decompress it first"):
        list(read_records(str(path)))


def test_a_foreign_file_says_what_it_lacks_and_has(tmp_path, vocab):
    path = tmp_path / "part-0"
    boundaries = [1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1]
    features = without("next_sentence_labels", "masked_lm_weights") | {"token_boundary": boundaries}
    path.write_bytes(frame(record(**features)))
    one = next(inspect(str(path), Wanted(vocab=vocab, words=True)))
    assert (one.segment_a, one.segment_b) == ("今│【天→[MASK]】│很│好│。", "我们│去│。")
    assert one.text().splitlines()[-3:] == [
        "no order label; 12 tokens, 1 masked",
        "lacks masked_lm_weights, next_sentence_labels",
        "has also token_boundary",
    ]
    assert json.loads(one.json())["others"] == {"token_boundary": boundaries}


def test_ids_of_another_vocabulary_are_refused(tmp_path, vocab):
    path = tmp_path / "part-0"
    path.write_bytes(frame(record(**(BERT | {"input_ids": [*IDS[:-1], 999, *PADDED[12:]]}))))
    with pytest.raises(BuildError, match=rf"record 0 is not a BERT example: it has the id 999, and {vocab} has {TOKENIZER.size} entries"):
        list(inspect(str(path), Wanted(vocab=vocab)))


def test_labels_of_weight_zero_are_no_masks():
    found = parse_record(record(**(BERT | {"masked_lm_positions": [2, 4], "masked_lm_weights": [0.0, 1.0]})), TOKENIZER)
    assert found.example.originals == {4: 0}
    assert np.array_equal(found.example.ids, IDS)
