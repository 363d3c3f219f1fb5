"""MinHash signatures of texts, cut into bands: texts of which a band agrees fall into one bucket (Broder 1997; Leskovec et al., MMDS §3.4).

The least of a hash over a set of shingles agrees for two sets as often as their Jaccard similarity J says. A band is `ROWS` such minima,
and agrees with probability J^ROWS; one band of `BANDS` agrees with 1 − (1 − J^ROWS)^BANDS:

    J        0.1      0.3     0.5    0.6    0.7    0.8     0.85     0.9
    share    0.00001  0.0087  0.17   0.43   0.78   0.974   0.9966   0.9999      become candidates, and are then compared truly
"""

import numba
import numpy as np
import pyarrow as pa

from albert_core.drawing import mix
from pipelines.shingles import hash_shingles
from pipelines.utf8 import utf8_rows

ROWS = 6
"""With fewer, unlike texts of one kind (J about 0.03) would be candidates by the thousand million in a corpus of 10⁸ documents."""
BANDS = 12


def _constants(counter: int) -> np.ndarray:
    values = [int(mix(np.uint64(counter), np.uint64(i))) >> 32 for i in range(ROWS * BANDS)]
    return np.array(values, np.uint32)


_FACTORS = _constants(1) | np.uint32(1)
_TERMS = _constants(2)


def band_hashes(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The buckets that texts fall into.

    Returns:
      uint64 [rows, BANDS], a bucket for each band; and bool [rows], False for a text without shingles, whose buckets mean nothing.
    """
    return _band_hashes(*utf8_rows(texts), _FACTORS, _TERMS)


@numba.njit(cache=True, nogil=True)
def _band_hashes(content: np.ndarray, offsets: np.ndarray, factors: np.ndarray, terms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    num_rows = len(offsets) - 1
    longest = 1
    for row in range(num_rows):
        longest = max(longest, offsets[row + 1] - offsets[row])
    hashes, points = np.empty(longest, np.uint64), np.empty(longest, np.uint32)
    minima = np.empty(ROWS * BANDS, np.uint32)
    buckets = np.zeros((num_rows, BANDS), np.uint64)
    is_there = np.zeros(num_rows, np.bool_)
    for row in range(num_rows):
        count = hash_shingles(content, offsets[row], offsets[row + 1], hashes)
        is_there[row] = count > 0
        for i in range(count):
            points[i] = np.uint32(hashes[i] >> np.uint64(32))
        _least(points[:count], factors, terms, minima)
        for band in range(BANDS):
            bucket = mix(np.uint64(3), np.uint64(band))
            for k in range(band * ROWS, (band + 1) * ROWS):
                bucket = mix(bucket, np.uint64(minima[k]))
            buckets[row, band] = bucket
    return buckets, is_there


@numba.njit(cache=True, nogil=True)
def _least(points: np.ndarray, factors: np.ndarray, terms: np.ndarray, minima: np.ndarray) -> None:
    """For each of the hashes `factor × point + term` modulo 2³²: the least over all points."""
    for k in range(len(factors)):
        factor, term = factors[k], terms[k]
        least = np.uint32(0xFFFFFFFF)
        for i in range(len(points)):  # not `for point in points`: that stays scalar, six times as slow
            least = min(least, np.uint32(factor * points[i] + term))
        minima[k] = least
