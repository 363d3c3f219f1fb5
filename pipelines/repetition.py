"""A text that says the same again and again: the shares of its characters that its n-grams repeat."""

import numba
import numpy as np

from pipelines.characters import code_points

TOP_NGRAM, MAX_TOP_NGRAM_SHARE, MIN_COPIES = 4, 0.25, 5
"""Characters, share of the text, copies. Gopher (Rae et al. 2021, table A1) has 2 words and 0.2; a Chinese word has about two characters,
and news that list `有限公司` or coordinates reach 0.22. Fewer copies are a short review that names its subject twice."""
REPEATED_NGRAM, MAX_REPEATED_NGRAM_SHARE = 20, 0.5
"""Gopher has 10 words and 0.1. In Chinese news that share drops good items that repeat a long name: 3.7 % of 25,770, and 0.3 still 0.8 %;
with 0.5 they are 3, and pages made of one sentence still go."""


def top_ngram(text: str, *, maximum: float = MAX_TOP_NGRAM_SHARE) -> str | None:
    """Reason to drop a document that is for a good part one n-gram of `TOP_NGRAM` characters."""
    if maximum >= 1 or len(text) < TOP_NGRAM:
        return None
    points = code_points(text)
    least = max(MIN_COPIES, int(maximum * len(text) / TOP_NGRAM))  # copies
    if len(text) >= MIN_CHECKED and _frequent_ngrams(points, TOP_NGRAM, least) < least:
        return None
    count, position = _top_ngram(points, TOP_NGRAM)
    share = count * TOP_NGRAM / len(text)
    if count < MIN_COPIES or share <= maximum:
        return None
    return f"characters that are {text[position : position + TOP_NGRAM]!r}: {count * TOP_NGRAM} of {len(text)}, more than {maximum:g}"


def repeated_ngrams(text: str, *, maximum: float = MAX_REPEATED_NGRAM_SHARE) -> str | None:
    """Reason to drop a document much of which is n-grams of `REPEATED_NGRAM` characters that stood before in it."""
    if maximum >= 1 or len(text) <= REPEATED_NGRAM:
        return None
    points = code_points(text)
    if len(text) >= MIN_CHECKED and _sampled_share(points, REPEATED_NGRAM) < maximum / 2:
        return None
    again = int(_repeated_characters(points, REPEATED_NGRAM))
    if again <= maximum * len(text):
        return None
    return f"characters in {REPEATED_NGRAM}-grams that stood before: {again} of {len(text)}, more than {maximum:g}"


MIN_CHECKED = 500
"""Characters from which on it is worth while to look first whether a text could repeat itself at all."""
_SAMPLED = 8  # one n-gram in so many, chosen by its hash: all copies of it or none
_BINS = 4096  # of characters; two in one bin only make them look more frequent
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_BASE = np.uint64(0x100000001B3)


@numba.njit(cache=True, nogil=True)
def _slots(length: int) -> int:
    """A power of two that is at least twice `length`."""
    slots = 16
    while slots < 2 * length:
        slots *= 2
    return slots


@numba.njit(cache=True, nogil=True)
def _frequent_ngrams(points: np.ndarray, n: int, least: int) -> int:
    """How many n-grams are made of nothing but characters that stand `least` times: an n-gram with so many copies is one of these."""
    counts = np.zeros(_BINS, np.int32)
    for point in points:
        counts[point % _BINS] += 1
    found = run = 0
    for point in points:
        run = run + 1 if counts[point % _BINS] >= least else 0
        found += run >= n
    return found


@numba.njit(cache=True, nogil=True)
def _sampled_share(points: np.ndarray, n: int) -> float:
    """About the share of the n-grams that stood before: what a sample lacks of the different ones that it would hold if none did."""
    mask = np.uint64(_slots(len(points) // _SAMPLED * 2) - 1)
    keys = np.zeros(int(mask) + 1, np.uint64)
    key, out = np.uint64(0), np.uint64(1)
    for i in range(n):
        key = key * _BASE + np.uint64(points[i])
        out *= _BASE
    different = 0
    for start in range(len(points) - n + 1):
        if start:
            key = key * _BASE + np.uint64(points[start + n - 1]) - out * np.uint64(points[start - 1])
        mixed = key * _FACTOR
        if mixed >> np.uint64(61) == 0 and 2 * different <= mask:
            slot = (mixed >> np.uint64(20)) & mask
            while keys[slot] != 0 and keys[slot] != mixed:
                slot = (slot + np.uint64(1)) & mask
            different += keys[slot] != mixed
            keys[slot] = mixed
    return 1 - different * _SAMPLED / (len(points) - n + 1)


@numba.njit(cache=True, nogil=True)
def _same(points: np.ndarray, a: int, b: int, n: int) -> bool:
    for i in range(n):  # noqa: SIM110  `all` is no kernel's word
        if points[a + i] != points[b + i]:
            return False
    return True


@numba.njit(cache=True, nogil=True)
def _top_ngram(points: np.ndarray, n: int) -> tuple[int, int]:
    """How often the most frequent n-gram stands, copies that overlap counted once, and where it stands first."""
    mask = np.uint64(_slots(len(points)) - 1)
    firsts = np.full(int(mask) + 1, -1, np.int32)
    nexts = np.zeros(int(mask) + 1, np.int32)
    counts = np.zeros(int(mask) + 1, np.int32)
    best = np.int64(0)
    for start in range(len(points) - n + 1):
        key = np.uint64(0)
        for i in range(n):
            key = key * _BASE + np.uint64(points[start + i])
        slot = (key * _FACTOR >> np.uint64(20)) & mask
        while firsts[slot] >= 0 and not _same(points, firsts[slot], start, n):
            slot = (slot + np.uint64(1)) & mask
        if firsts[slot] < 0:
            firsts[slot] = start
        if start >= nexts[slot]:
            counts[slot] += 1
            nexts[slot] = start + n
            if counts[slot] > counts[best]:
                best = np.int64(slot)
    return int(counts[best]), int(firsts[best])


@numba.njit(cache=True, nogil=True)
def _repeated_characters(points: np.ndarray, n: int) -> int:
    """Characters in n-grams that stood before; each counts once."""
    mask = np.uint64(_slots(len(points)) - 1)
    firsts = np.full(int(mask) + 1, -1, np.int32)
    key, out = np.uint64(0), np.uint64(1)
    for i in range(n):
        key = key * _BASE + np.uint64(points[i])
        out *= _BASE  # what the character that leaves was multiplied by, once the next one is in
    repeated = covered = 0
    for start in range(len(points) - n + 1):
        if start:
            key = key * _BASE + np.uint64(points[start + n - 1]) - out * np.uint64(points[start - 1])
        slot = (key * _FACTOR >> np.uint64(20)) & mask
        while firsts[slot] >= 0 and not _same(points, firsts[slot], start, n):
            slot = (slot + np.uint64(1)) & mask
        if firsts[slot] < 0:
            firsts[slot] = start
        else:
            repeated += start + n - max(start, covered)
            covered = start + n
    return repeated
