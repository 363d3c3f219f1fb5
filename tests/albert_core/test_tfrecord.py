import io

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from albert_core.tfrecord import DamagedRecordError, frame, masked_crc, read_frames, split_frames


def test_crc_has_its_published_value():
    assert masked_crc(b"123456789") == (((0xE3069283 >> 15) | (0xE3069283 << 17)) + 0xA282EAD8) & 0xFFFFFFFF  # CRC-32C check value


def test_frames_are_tensorflows(tmp_path):
    records = [b"", b"one", b"x" * 5000]
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        for record in records:
            writer.write(record)
    assert (tmp_path / "theirs").read_bytes() == b"".join(map(frame, records))
    assert split_frames(b"".join(map(frame, records))) == records


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=5), st.data())
def test_any_truncation_and_any_flipped_bit_is_noticed(records, data):
    content = b"".join(map(frame, records))
    bounds = [0]
    for record in records:
        bounds.append(bounds[-1] + len(record) + 16)
    cut = data.draw(st.integers(0, len(content) - 1))
    if cut not in bounds:
        with pytest.raises(DamagedRecordError):
            split_frames(content[:cut])
        with pytest.raises(DamagedRecordError):
            list(read_frames(io.BytesIO(content[:cut])))
    bit = data.draw(st.integers(0, len(content) * 8 - 1))
    flipped = bytearray(content)
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DamagedRecordError):
        split_frames(bytes(flipped))
    with pytest.raises(DamagedRecordError):
        list(read_frames(io.BytesIO(bytes(flipped))))
    assert list(read_frames(io.BytesIO(content))) == records
