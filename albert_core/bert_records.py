"""Static shards: the `tf.train.Example` that every BERT and ALBERT trainer reads, written directly in a fixed layout.

Protobuf writes the entries of a map in random order, so the same instance has many encodings. Here the keys are sorted, which is
protobuf's deterministic form, and a kernel writes the bytes of a whole block: padded lists of varints cost more in a generic encoder than
all the rest.
"""

import numba
import numpy as np

from albert_core.drawing import Drawn
from albert_core.tfrecord import FOOTER, HEADER, fill_frames

INPUT_IDS = "input_ids"
INPUT_MASK = "input_mask"
SEGMENT_IDS = "segment_ids"
MASKED_LM_POSITIONS = "masked_lm_positions"
MASKED_LM_IDS = "masked_lm_ids"
MASKED_LM_WEIGHTS = "masked_lm_weights"
NEXT_SENTENCE_LABELS = "next_sentence_labels"  # BERT's name; here the sentence-order label, 1 = swapped

SEQUENCE_FEATURES = (INPUT_IDS, INPUT_MASK, SEGMENT_IDS)  # int64 [max_seq_length]
PREDICTION_FEATURES = (MASKED_LM_POSITIONS, MASKED_LM_IDS)  # int64 [max_predictions_per_seq]
FEATURES = tuple(sorted((*SEQUENCE_FEATURES, *PREDICTION_FEATURES, MASKED_LM_WEIGHTS, NEXT_SENTENCE_LABELS)))
"""The seven features in the order in which they stand in a record."""
FLOAT_LIST, INT64_LIST = 2, 3  # fields of tf.train.Feature


def to_features(drawn: Drawn, *, flags: type = np.int32) -> dict[str, np.ndarray]:
    """The seven features of drawn instances: sequences int32 [N, L], predictions int32 [N, P], weights float32 [N, P], label int32 [N, 1].

    Padding is 0 everywhere; a padded prediction has position 0, id 0, weight 0.0.

    Args:
      drawn: N instances.
      flags: the type of what is 0 or 1, mask, segments and label. As np.uint8 they are written faster.
    """
    sequence = np.arange(drawn.input_ids.shape[1], dtype=np.int32)
    prediction = np.arange(drawn.labels.shape[1], dtype=np.int32)
    return {
        INPUT_IDS: drawn.input_ids,
        INPUT_MASK: (sequence < drawn.lengths[:, None]).astype(flags),
        SEGMENT_IDS: drawn.segment_ids.astype(flags, copy=False),
        MASKED_LM_POSITIONS: drawn.positions,
        MASKED_LM_IDS: drawn.labels,
        MASKED_LM_WEIGHTS: (prediction < drawn.num_predictions[:, None]).astype(np.float32),
        NEXT_SENTENCE_LABELS: drawn.swapped[:, None].astype(flags, copy=False),
    }


def encode_records(features: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The features of N instances as N framed TFRecords: uint8 [bytes], and int64 [N + 1] offsets of the frames."""
    columns = [_as_written(features[name]) for name in FEATURES]
    sizes = [np.full(len(values), values.shape[1]) if values.dtype == np.uint8 else _varint_bytes(values) for values in columns]
    headers = [_entry_header_sizes(len(name), size) for name, size in zip(FEATURES, sizes, strict=True)]
    feature_map = sum(size + header.sum(axis=1) for size, header in zip(sizes, headers, strict=True))
    records = feature_map + 1 + _varint_sizes(feature_map)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(records + HEADER + FOOTER)])
    buffer = np.empty(offsets[-1], np.uint8)
    cursors = _write_outer(buffer, offsets[:-1] + HEADER, feature_map)
    for name, values, size, header in zip(FEATURES, columns, sizes, headers, strict=True):
        kind = FLOAT_LIST if features[name].dtype.kind == "f" else INT64_LIST
        _write_entry_headers(buffer, cursors, np.frombuffer(name.encode(), np.uint8), kind, size, header)
        (_write_bytes if values.dtype == np.uint8 else _write_varints)(buffer, cursors, values)
    fill_frames(buffer, offsets)
    return buffer, offsets


def _as_written(values: np.ndarray) -> np.ndarray:
    """uint8 [N, bytes] where the values are the bytes to write: floats, and uint8 below 128, their own varints. Else int32 [N, values]."""
    if values.dtype.kind == "f":
        return values.astype("<f4", copy=False).view(np.uint8)
    own_varint = values.dtype == np.uint8 and (values.size == 0 or values.max() < 128)
    return values if own_varint else values.astype(np.int32, copy=False)


@numba.njit(cache=True, nogil=True)
def _varint_size(value: int) -> int:
    size = 1
    while value >= 128:
        value >>= 7
        size += 1
    return size


@numba.njit(cache=True, nogil=True)
def _varint_sizes(values: np.ndarray) -> np.ndarray:
    sizes = np.empty(len(values), np.int64)
    for i in range(len(values)):
        sizes[i] = _varint_size(values[i])
    return sizes


@numba.njit(cache=True, nogil=True)
def _varint_bytes(values: np.ndarray) -> np.ndarray:
    """Bytes of each row of non-negative integers as varints."""
    sizes = np.empty(len(values), np.int64)
    for i in range(len(values)):
        more = np.int32(0)  # of 32 bits, as the values are: the loop becomes vector instructions
        for value in values[i]:
            more += np.int32(value >= 1 << 7) + np.int32(value >= 1 << 14) + np.int32(value >= 1 << 21)
        sizes[i] = len(values[i]) + more
    return sizes


@numba.njit(cache=True, nogil=True)
def _entry_header_sizes(name_length: int, payloads: np.ndarray) -> np.ndarray:
    """Bytes before the payload of a map entry at its four levels, int64 [N, 4]: entry, key, feature, list."""
    sizes = np.empty((len(payloads), 4), np.int64)
    for i in range(len(payloads)):
        values = 1 + _varint_size(payloads[i])
        feature = 1 + _varint_size(values + payloads[i])
        value = 1 + _varint_size(feature + values + payloads[i])
        key = 1 + _varint_size(name_length) + name_length
        entry = 1 + _varint_size(key + value + feature + values + payloads[i])
        sizes[i] = (entry, key, value + feature, values)
    return sizes


@numba.njit(cache=True, nogil=True)
def _put_tag(buffer: np.ndarray, at: int, field: int, size: int) -> int:
    """Writes the tag and the length of a length-delimited field; returns where its content begins."""
    buffer[at] = field << 3 | 2
    at += 1
    while size >= 128:
        buffer[at] = size & 127 | 128
        size >>= 7
        at += 1
    buffer[at] = size
    return at + 1


@numba.njit(cache=True, nogil=True)
def _write_outer(buffer: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Example.features of each record; returns where the map entries begin."""
    cursors = np.empty(len(starts), np.int64)
    for i in range(len(starts)):
        cursors[i] = _put_tag(buffer, starts[i], 1, sizes[i])
    return cursors


@numba.njit(cache=True, nogil=True)
def _write_entry_headers(
    buffer: np.ndarray, cursors: np.ndarray, name: np.ndarray, kind: int, payloads: np.ndarray, headers: np.ndarray
) -> None:
    """What stands before the values of a feature: Features.feature entry { key, value { list { packed values } } }; moves the cursors."""
    for i in range(len(cursors)):
        values_size = headers[i, 3] + payloads[i]
        at = _put_tag(buffer, cursors[i], 1, headers[i, 1] + headers[i, 2] + values_size)
        at = _put_tag(buffer, at, 1, len(name))
        buffer[at : at + len(name)] = name
        at = _put_tag(buffer, at + len(name), 2, 1 + _varint_size(values_size) + values_size)
        at = _put_tag(buffer, at, kind, values_size)
        cursors[i] = _put_tag(buffer, at, 1, payloads[i])


@numba.njit(cache=True, nogil=True)
def _write_bytes(buffer: np.ndarray, cursors: np.ndarray, values: np.ndarray) -> None:
    """Values that are the bytes to write; moves the cursors behind them."""
    for i in range(len(cursors)):
        buffer[cursors[i] : cursors[i] + values.shape[1]] = values[i]
        cursors[i] += values.shape[1]


@numba.njit(cache=True, nogil=True)
def _write_varints(buffer: np.ndarray, cursors: np.ndarray, values: np.ndarray) -> None:
    """Non-negative integers as varints; moves the cursors behind them."""
    for i in range(len(cursors)):
        at = cursors[i]
        for value in values[i]:
            rest = np.uint32(value)
            while rest >= 128:
                buffer[at] = rest & 127 | 128
                rest >>= np.uint32(7)
                at += 1
            buffer[at] = rest
            at += 1
        cursors[i] = at


def decode_records(records: list[bytes], max_seq_length: int, max_predictions_per_seq: int) -> dict[str, np.ndarray]:
    """The features of serialised examples in the dtypes of `to_features`, whatever tool wrote them.

    Raises:
      ValueError: a feature is missing or has another length.
    """
    import tensorflow as tf  # here: slow to import, and not needed to write shards

    lengths = dict.fromkeys(SEQUENCE_FEATURES, max_seq_length) | dict.fromkeys(
        (*PREDICTION_FEATURES, MASKED_LM_WEIGHTS), max_predictions_per_seq
    )
    lengths[NEXT_SENTENCE_LABELS] = 1
    kinds = {name: tf.float32 if name == MASKED_LM_WEIGHTS else tf.int64 for name in FEATURES}
    spec = {name: tf.io.FixedLenFeature([lengths[name]], kinds[name]) for name in FEATURES}
    try:
        parsed = tf.io.parse_example(tf.constant(records), spec)
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(error.message.rpartition("<unknown>, ")[2].split(" [Op:")[0]) from error
    return {name: value.numpy().astype(np.float32 if name == MASKED_LM_WEIGHTS else np.int32) for name, value in parsed.items()}


def feature_lengths(record: bytes) -> tuple[int, int]:
    """Tokens and predictions of a serialised example of any BERT tool.

    Raises:
      ValueError: it is no example, or has not the features.
    """
    import tensorflow as tf  # here: slow to import, and not needed to write shards

    try:
        example = tf.train.Example.FromString(record)
    except Exception as error:  # protobuf's own DecodeError has no common base that is public
        raise ValueError(f"not a tf.train.Example: {error}") from error
    features = example.features.feature
    missing = [name for name in FEATURES if name not in features]
    if missing:
        raise ValueError(f"lacks {', '.join(missing)}")
    return len(features[INPUT_IDS].int64_list.value), len(features[MASKED_LM_IDS].int64_list.value)
