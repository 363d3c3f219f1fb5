import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_core.bert_records import (
    FEATURES,
    INPUT_IDS,
    INPUT_MASK,
    MASKED_LM_IDS,
    MASKED_LM_POSITIONS,
    MASKED_LM_WEIGHTS,
    NEXT_SENTENCE_LABELS,
    SEGMENT_IDS,
    decode_records,
    encode_records,
    feature_lengths,
)
from albert_core.tfrecord import split_frames


def features(n: int, length: int, predictions: int, high: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        INPUT_IDS: rng.integers(0, high, (n, length)).astype(np.int32),
        INPUT_MASK: rng.integers(0, 2, (n, length)).astype(np.int32),
        SEGMENT_IDS: rng.integers(0, 2, (n, length)).astype(np.int32),
        MASKED_LM_POSITIONS: rng.integers(0, length, (n, predictions)).astype(np.int32),
        MASKED_LM_IDS: rng.integers(0, high, (n, predictions)).astype(np.int32),
        MASKED_LM_WEIGHTS: rng.integers(0, 2, (n, predictions)).astype(np.float32),
        NEXT_SENTENCE_LABELS: rng.integers(0, 2, (n, 1)).astype(np.int32),
    }


def protobuf_bytes(values: dict[str, np.ndarray], row: int) -> bytes:
    """The same example by protobuf, in its deterministic form."""
    example = tf.train.Example()
    for name, column in values.items():
        kind = example.features.feature[name].float_list if name == MASKED_LM_WEIGHTS else example.features.feature[name].int64_list
        kind.value.extend(column[row].tolist())
    return example.SerializeToString(deterministic=True)


@settings(max_examples=60)
@given(
    st.integers(1, 4),
    st.integers(8, 600),
    st.integers(1, 80),
    st.sampled_from([1, 100, 128, 129, 16_384, 16_385, 65_536]),
    st.integers(0, 99),
)
def test_records_are_byte_equal_to_protobuf(n, length, predictions, high, seed):
    values = features(n, length, predictions, high, seed)
    buffer, offsets = encode_records(values)
    assert len(offsets) == n + 1
    assert split_frames(buffer.tobytes()) == [protobuf_bytes(values, row) for row in range(n)]


def test_a_plain_parser_reads_what_was_written(tmp_path):
    values = features(3, 16, 4, 21_128)
    path = tmp_path / "shard.tfrecord"
    path.write_bytes(encode_records(values)[0].tobytes())
    spec = {
        name: tf.io.FixedLenFeature([values[name].shape[1]], tf.float32 if name == MASKED_LM_WEIGHTS else tf.int64) for name in FEATURES
    }
    parsed = [tf.io.parse_single_example(record, spec) for record in tf.data.TFRecordDataset(str(path))]
    assert len(parsed) == 3
    for name in FEATURES:
        assert np.array_equal([example[name] for example in parsed], values[name])


def test_decode_returns_what_was_encoded():
    values = features(5, 32, 6, 21_128)
    decoded = decode_records(split_frames(encode_records(values)[0].tobytes()), 32, 6)
    assert {name: (column.dtype, column.tolist()) for name, column in decoded.items()} == {
        name: (column.dtype, column.tolist()) for name, column in values.items()
    }


def test_another_length_and_another_message_are_refused():
    record = split_frames(encode_records(features(1, 32, 6, 100))[0].tobytes())[0]
    assert feature_lengths(record) == (32, 6)
    with pytest.raises(
        ValueError, match=r"^Key: \w+, Index: 0.  Number of int64 values != expected.  Values size: 32 but output shape: \[64\]$"
    ):
        decode_records([record], 64, 6)
    with pytest.raises(ValueError, match="lacks input_ids"):
        feature_lengths(tf.train.Example().SerializeToString())
    with pytest.raises(ValueError, match="not a tf"):
        feature_lengths(b"\xff\xff\xff")
