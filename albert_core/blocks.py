"""Dynamic shards: a record is a block of undrawn instances, 2¼ bytes a token.

    bytes     field
    4         magic "AZB1"
    4, 4      N instances, T tokens          uint32
    8 N       instance keys                  uint64
    2 N       sources                        uint16, index in the manifest
    2 N       tokens of each instance        uint16
    2 T       token ids                      uint16
    ⌈T / 8⌉   word starts                    bits, first token in the lowest
    ⌈T / 8⌉   sentence starts                bits

All little-endian, nothing compressed: a block is read with one seek and drawn as it is.
"""

import struct

import numba
import numpy as np

from albert_core.drawing import SENTENCE_START, WORD_START, Instances

MAGIC = b"AZB1"
_PREAMBLE = struct.Struct("<4sII")


def pack_block(instances: Instances) -> bytes:
    """The instances, in their order, as one block."""
    lengths = instances.ends - instances.starts
    token_ids, flags = _gather(instances.token_ids, instances.flags, instances.starts, instances.ends)
    return b"".join(
        (
            _PREAMBLE.pack(MAGIC, len(instances), len(token_ids)),
            instances.keys.astype("<u8").tobytes(),
            instances.sources.astype("<u2").tobytes(),
            lengths.astype("<u2").tobytes(),
            token_ids.astype("<u2").tobytes(),
            np.packbits(flags & WORD_START != 0, bitorder="little").tobytes(),
            np.packbits(flags & SENTENCE_START != 0, bitorder="little").tobytes(),
        )
    )


def unpack_block(block: bytes) -> Instances:
    """The instances of a block that `pack_block` made.

    Raises:
      ValueError: it is no block, or of another size than it says.
    """
    if len(block) < _PREAMBLE.size or block[:4] != MAGIC:
        raise ValueError(f"begins with {block[:4]!r}, not {MAGIC!r}: no block of a dynamic shard")
    _, n, t = _PREAMBLE.unpack_from(block)
    bits = -(-t // 8)
    expected = _PREAMBLE.size + 12 * n + 2 * t + 2 * bits
    if len(block) != expected:
        raise ValueError(f"holds {len(block):,} bytes where {n} instances of {t:,} tokens take {expected:,}")
    at = _PREAMBLE.size
    keys = np.frombuffer(block, "<u8", n, at)
    sources = np.frombuffer(block, "<u2", n, at + 8 * n)
    lengths = np.frombuffer(block, "<u2", n, at + 10 * n)
    token_ids = np.frombuffer(block, "<u2", t, at + 12 * n)
    packed = np.frombuffer(block, np.uint8, 2 * bits, at + 12 * n + 2 * t)
    words, sentences = (np.unpackbits(part, count=t, bitorder="little") for part in (packed[:bits], packed[bits:]))
    ends = np.cumsum(lengths, dtype=np.int64)
    flags = words * np.uint8(WORD_START) | sentences * np.uint8(SENTENCE_START)
    return Instances(token_ids=token_ids, flags=flags, starts=ends - lengths, ends=ends, keys=keys, sources=sources)


@numba.njit(cache=True, nogil=True)
def _gather(token_ids: np.ndarray, flags: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The instances' tokens and flags, one behind the other."""
    total = (ends - starts).sum()
    ids, marks = np.empty(total, np.uint16), np.empty(total, np.uint8)
    at = 0
    for i in range(len(starts)):
        for t in range(starts[i], ends[i]):
            ids[at], marks[at] = token_ids[t], flags[t]
            at += 1
    return ids, marks
