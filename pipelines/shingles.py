"""Shingles: the set of a text's character 5-grams as 64-bit hashes, and how alike two such sets are.

    今天 天气很好   →   今天天气很  天天气很好          white space does not count: editions differ in where lines break

Everything else counts, punctuation too. A text of fewer characters than five is one shingle, an empty one has none.
"""

import numba
import numpy as np
import pyarrow as pa

from pipelines.utf8 import character_at, utf8_rows

SHINGLE_CHARACTERS = 5
"""As FineWeb (Penedo et al. 2024, §3.4) and RefinedWeb (2023, G.3) take word 5-grams: five characters are about three Chinese words."""

_BASE = np.uint64(0x9E3779B97F4A7C15)
_BASE_POWER = np.uint64(pow(0x9E3779B97F4A7C15, SHINGLE_CHARACTERS, 1 << 64))
_SPREAD = np.uint64(0xD6E8FEB86659FD93)


@numba.njit(cache=True, nogil=True)
def is_space(point: int) -> bool:
    """What Python's `str.isspace` calls white space."""
    if point < 0x80:
        return 0x09 <= point <= 0x0D or 0x1C <= point <= 0x20
    if point > 0x3000 or point < 0x1680:
        return point == 0x85 or point == 0xA0
    return point in (0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000) or 0x2000 <= point <= 0x200A


@numba.njit(cache=True, nogil=True)
def hash_shingles(content: np.ndarray, start: int, end: int, hashes: np.ndarray) -> int:
    """Writes the hash of every 5-gram of a text, in order, repeated ones too, and returns how many there are.

    A polynomial in an odd base, rolled along (Karp, Rabin 1987), then spread over all 64 bits.

    Args:
      content: uint8, UTF-8; the text is `content[start:end]`.
      start: its first byte.
      end: the byte behind it.
      hashes: uint64, at least as long as the text has characters.
    """
    window = np.zeros(SHINGLE_CHARACTERS, np.uint64)
    rolling = np.uint64(0)
    characters = 0
    slot = 0
    i = start
    while i < end:
        point, i = character_at(content, i)
        if is_space(point):
            continue
        rolling = rolling * _BASE + np.uint64(point) - window[slot] * _BASE_POWER
        window[slot] = np.uint64(point)
        slot = slot + 1 if slot < SHINGLE_CHARACTERS - 1 else 0
        characters += 1
        if characters >= SHINGLE_CHARACTERS:
            hashes[characters - SHINGLE_CHARACTERS] = _spread(rolling)
    if 0 < characters < SHINGLE_CHARACTERS:
        hashes[0] = _spread(rolling)
        return 1
    return max(0, characters - SHINGLE_CHARACTERS + 1)


@numba.njit(cache=True, nogil=True)
def _spread(x: np.uint64) -> np.uint64:
    x = (x ^ (x >> np.uint64(32))) * _SPREAD
    x = (x ^ (x >> np.uint64(32))) * _SPREAD
    return max(x ^ (x >> np.uint64(32)), np.uint64(1))  # 0 is an empty place of a table


@numba.njit(cache=True, nogil=True)
def make_table(count: int) -> np.ndarray:
    """An empty hash table for so many shingles: uint64, a power of two of places, at most half of which will be taken."""
    size = 16
    while size < 2 * count:
        size *= 2
    return np.zeros(size, np.uint64)


@numba.njit(cache=True, nogil=True)
def find_place(table: np.ndarray, value: np.uint64) -> int:
    """Where `value` is in the table, or where it would go. Shingles are spread already, so their low bits choose the place."""
    last = len(table) - 1
    place = np.int64(value & np.uint64(last))
    while table[place] != 0 and table[place] != value:
        place = (place + 1) & last
    return int(place)


@numba.njit(cache=True, nogil=True)
def distinct(hashes: np.ndarray, table: np.ndarray) -> int:
    """Moves the first of each value to the front of `hashes` and returns how many there are; they are in the (empty) table then."""
    count = 0
    for value in hashes:
        place = find_place(table, value)
        if table[place] == 0:
            table[place] = value
            hashes[count] = value
            count += 1
    return count


@numba.njit(cache=True, nogil=True)
def jaccard(table: np.ndarray, size: int, others: np.ndarray) -> float:
    """Intersection over union of two sets: one of `size` values in a table, and one of distinct values. 0 if both are empty."""
    both = 0
    for value in others:
        both += table[find_place(table, value)] == value
    either = size + len(others) - both
    return both / either if either else 0.0


def find_similar(
    texts: pa.Array, others: pa.Array, rows: np.ndarray, other_rows: np.ndarray, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """For each text, the first of its candidates whose Jaccard similarity to it is at least `threshold`.

    Args:
      texts: strings [D].
      others: strings, the candidates of all.
      rows: int64 [N], the text of each pair, ascending.
      other_rows: int64 [N], the candidate of each pair.
      threshold: above 0.

    Returns:
      int64 [D], the row of the candidate, -1 if none is similar; and float64 [D], the similarity.
    """
    return _find_similar(*utf8_rows(texts), *utf8_rows(others), rows, other_rows, threshold)


@numba.njit(cache=True, nogil=True)
def _find_similar(
    content: np.ndarray,
    offsets: np.ndarray,
    other_content: np.ndarray,
    other_offsets: np.ndarray,
    rows: np.ndarray,
    other_rows: np.ndarray,
    threshold: float,
) -> tuple[np.ndarray, np.ndarray]:
    found, similarities = np.full(len(offsets) - 1, -1, np.int64), np.zeros(len(offsets) - 1)
    table, size, at = make_table(0), 0, -1
    for i in range(len(rows)):
        row, other = rows[i], other_rows[i]
        if found[row] >= 0:
            continue
        if row != at:  # the text's own set, once for all its candidates
            table, hashes = _shingle_set(content, offsets[row], offsets[row + 1])
            size, at = len(hashes), row
        _, hashes = _shingle_set(other_content, other_offsets[other], other_offsets[other + 1])
        similarity = jaccard(table, size, hashes)
        if similarity >= threshold:
            found[row], similarities[row] = other, similarity
    return found, similarities


@numba.njit(cache=True, nogil=True)
def _shingle_set(content: np.ndarray, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    """A text's shingles as a table, and each once in the order in which they stand."""
    hashes = np.empty(max(1, end - start), np.uint64)
    hashes = hashes[: hash_shingles(content, start, end, hashes)]
    table = make_table(len(hashes))
    return table, hashes[: distinct(hashes, table)]
