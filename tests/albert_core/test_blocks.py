import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_core.blocks import pack_block, unpack_block
from albert_core.drawing import Instances


@st.composite
def some_instances(draw):
    lengths = draw(st.lists(st.integers(0, 40), max_size=6))
    total = sum(lengths)
    gaps = draw(st.integers(0, 3))  # tokens that belong to no instance stand between them
    size = total + gaps * (len(lengths) + 1)
    starts, at = [], gaps
    for length in lengths:
        starts.append(at)
        at += length + gaps
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    starts_array = np.array(starts, np.int64)
    return Instances(
        token_ids=rng.integers(0, 65_536, size).astype(np.uint16),
        flags=rng.integers(0, 4, size).astype(np.uint8),
        starts=starts_array,
        ends=starts_array + np.array(lengths, np.int64),
        keys=rng.integers(0, 2**63, len(lengths)).astype(np.uint64) * np.uint64(2),
        sources=rng.integers(0, 65_536, len(lengths)).astype(np.uint16),
    )


@given(some_instances())
def test_a_block_gives_back_its_instances(instances):
    again = unpack_block(pack_block(instances))
    assert again.keys.tolist() == instances.keys.tolist()
    assert again.sources.tolist() == instances.sources.tolist()
    for i in range(len(instances)):
        ours, theirs = slice(instances.starts[i], instances.ends[i]), slice(again.starts[i], again.ends[i])
        assert again.token_ids[theirs].tolist() == instances.token_ids[ours].tolist()
        assert again.flags[theirs].tolist() == instances.flags[ours].tolist()


def test_the_layout_is_what_the_module_says():
    one = np.array([3], np.int64)
    block = pack_block(
        Instances(
            token_ids=np.array([258, 2, 3], np.uint16), flags=np.array([3, 0, 1], np.uint8), starts=one * 0, ends=one,
            keys=np.array([7], np.uint64), sources=np.array([9], np.uint16),
        )
    )  # fmt: skip
    expected = b"AZB1\x01\0\0\0\x03\0\0\0\x07\0\0\0\0\0\0\0\x09\0\x03\0\x02\x01\x02\0\x03\0\x05\x01"
    assert block == expected


@pytest.mark.parametrize(
    ("block", "message"),
    [(b"", "no block"), (b"AZB2" + b"\0" * 8, "begins with b'AZB2'"), (b"AZB1\x01\0\0\0\0\0\0\0", "holds 12 bytes where 1 instances")],
)
def test_what_is_no_block_is_refused(block, message):
    with pytest.raises(ValueError, match=message):
        unpack_block(block)
