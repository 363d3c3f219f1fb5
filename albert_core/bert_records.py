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


def to_features(drawn: Drawn) -> dict[str, np.ndarray]:
    """The seven features of drawn instances: sequences int32 [N, L], predictions int32 [N, P], weights float32 [N, P], label int32 [N, 1].

    Padding is 0 everywhere; a padded prediction has position 0, id 0, weight 0.0.
    """
    sequence = np.arange(drawn.input_ids.shape[1], dtype=np.int32)
    prediction = np.arange(drawn.labels.shape[1], dtype=np.int32)
    return {
        INPUT_IDS: drawn.input_ids,
        INPUT_MASK: (sequence < drawn.lengths[:, None]).astype(np.int32),
        SEGMENT_IDS: drawn.segment_ids,
        MASKED_LM_POSITIONS: drawn.positions,
        MASKED_LM_IDS: drawn.labels,
        MASKED_LM_WEIGHTS: (prediction < drawn.num_predictions[:, None]).astype(np.float32),
        NEXT_SENTENCE_LABELS: drawn.swapped[:, None],
    }


def encode_records(features: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The features of N instances as N framed TFRecords: uint8 [bytes], and int64 [N + 1] offsets of the frames."""
    columns = [_as_bytes(features[name]) for name in FEATURES]
    sizes = [_payload_sizes(values) if values.dtype != np.uint8 else np.full(len(values), values.shape[1]) for values in columns]
    headers = [_entry_header_sizes(len(name), size) for name, size in zip(FEATURES, sizes, strict=True)]
    feature_map = sum(size + header.sum(axis=1) for size, header in zip(sizes, headers, strict=True))
    records = feature_map + 1 + _varint_sizes(feature_map)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(records + HEADER + FOOTER)])
    buffer = np.zeros(offsets[-1], np.uint8)
    cursors = _write_outer(buffer, offsets[:-1] + HEADER, feature_map)
    for name, values, size, header in zip(FEATURES, columns, sizes, headers, strict=True):
        kind = 2 if values.dtype == np.uint8 else 3  # Feature.float_list, Feature.int64_list
        _write_entry(buffer, cursors, np.frombuffer(name.encode(), np.uint8), kind, values, size, header)
    fill_frames(buffer, offsets)
    return buffer, offsets


def _as_bytes(values: np.ndarray) -> np.ndarray:
    """Floats as their little-endian bytes, uint8 [N, 4 P]; integers as they are."""
    return values.astype("<f4").view(np.uint8) if values.dtype.kind == "f" else values.astype(np.int32, copy=False)


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
def _payload_sizes(values: np.ndarray) -> np.ndarray:
    """Bytes of each row of non-negative integers as varints."""
    sizes = np.zeros(len(values), np.int64)
    for i in range(len(values)):
        for value in values[i]:
            sizes[i] += 1 + (value >= 1 << 7) + (value >= 1 << 14) + (value >= 1 << 21)
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
def _write_entry(
    buffer: np.ndarray, cursors: np.ndarray, name: np.ndarray, kind: int, values: np.ndarray, payloads: np.ndarray, headers: np.ndarray
) -> None:
    """One feature of every record: Features.feature entry { key, value { list { packed values } } }; moves the cursors behind it."""
    for i in range(len(cursors)):
        payload = payloads[i]
        values_size = headers[i, 3] + payload
        feature_size = 1 + _varint_size(values_size) + values_size
        at = _put_tag(buffer, cursors[i], 1, headers[i, 1] + headers[i, 2] + values_size)
        at = _put_tag(buffer, at, 1, len(name))
        for character in name:
            buffer[at] = character
            at += 1
        at = _put_tag(buffer, at, 2, feature_size)
        at = _put_tag(buffer, at, kind, values_size)
        at = _put_tag(buffer, at, 1, payload)
        for value in values[i]:
            if kind == 2:  # bytes of floats
                buffer[at] = value
            else:
                rest = np.int64(value)
                while rest >= 128:
                    buffer[at] = rest & 127 | 128
                    rest >>= 7
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
