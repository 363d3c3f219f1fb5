r"""Runs of characters that a document shares with evaluation texts, found by hashes and then compared character by character.

What counts is Han, letters and digits, width and case folded; so neither punctuation nor line breaks hide a copy.

    evaluation   花呗分期付款，产生退货怎么办？     →   花呗分期付款产生退货怎么办
    document     …问：花呗分期付款\n产生退货怎么办…  →  …问花呗分期付款产生退货怎么办…

Of an evaluation text, anchors of `ANCHOR` characters are kept, so close that every run of `min_run` characters holds one. Where an anchor
stands in a document, the run is followed in both directions.
"""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numba
import numpy as np
import pyarrow as pa

from pipelines.utf8 import character_at, utf8_rows

MIN_RUN = 30
"""Characters. GPT-3 (Brown et al. 2020, appendix C) takes 13 words, which are 20 to 25 characters; but of 100 MB of encyclopedia, news and
web text, 8 documents share 20 with CLUE tasks, and none does for that reason: they name the same office, or a protected monument
(27 characters). 30 found nothing by chance. A shorter evaluation text must be there as a whole."""
ANCHOR = 16
"""Characters, and the fewest Han characters of what is found. A text with fewer is not looked for: all that were found in the same 100 MB
(12 to 14 characters) were names and phrases, such as 中国银行业监督管理委员会, no leaked examples."""

_BASE = np.uint64(0x9E3779B97F4A7C15)
_BASE_POWER = np.uint64(pow(0x9E3779B97F4A7C15, ANCHOR, 1 << 64))
_SPREAD = np.uint64(0xD6E8FEB86659FD93)


class EvaluationIndex(NamedTuple):
    """T texts, folded one behind the other, and where their anchors are."""

    folded: np.ndarray  # uint32 [characters]
    bounds: np.ndarray  # int64 [T + 1]
    places: np.ndarray  # int64 [T, 2], file and line of each text
    hashes: np.ndarray  # uint64 [A], ascending: the anchors
    positions: np.ndarray  # int64 [A], where each begins in `folded`
    owners: np.ndarray  # int64 [A], its text
    bits: np.ndarray  # bool [a power of two], True at each anchor's highest bits: most places of a document need no search


@lru_cache(maxsize=1)
def folding_table() -> np.ndarray:
    """uint32 [0x110000]: what a code point is compared as; 0 for what does not count."""
    table = np.zeros(0x110000, np.uint32)
    for point in range(0x110000):
        character = chr(point)
        if character.isalnum():
            folded = unicodedata.normalize("NFKC", character).lower()
            table[point] = ord(folded) if len(folded) == 1 else point
    return table


def fold(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The characters of a column that count, folded, uint32, one text behind the other; and bounds, int64 [rows + 1]."""
    return _fold(*utf8_rows(texts), folding_table())


@numba.njit(cache=True, nogil=True)
def _fold(content: np.ndarray, offsets: np.ndarray, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    folded = np.empty(offsets[-1] - offsets[0], np.uint32)
    bounds = np.zeros(len(offsets), np.int64)
    count = 0
    for row in range(len(offsets) - 1):
        i = np.int64(offsets[row])
        while i < offsets[row + 1]:
            point, i = character_at(content, i)
            if table[point]:
                folded[count] = table[point]
                count += 1
        bounds[row + 1] = count
    return folded[:count], bounds


def make_index(texts: Iterable[tuple[int, int, str]], min_run: int) -> EvaluationIndex:
    """The index of texts, each with its file and line. A text with fewer Han characters than an anchor is left out."""
    listed = list(texts)
    folded, bounds = fold(pa.array([text for _, _, text in listed], pa.large_string()))
    is_long = _count_han(folded, bounds) >= ANCHOR
    keep = np.repeat(is_long, np.diff(bounds))
    folded, bounds = folded[keep], np.concatenate([np.zeros(1, np.int64), np.cumsum(np.diff(bounds)[is_long])])
    places = np.array([(file, line) for file, line, _ in listed], np.int64).reshape(-1, 2)[is_long]
    hashes, positions, owners = _anchors(folded, bounds, min_run)
    order = np.lexsort((positions, hashes))
    bits = np.zeros(1 << max(10, int(16 * len(hashes)).bit_length()), np.bool_)
    bits[hashes >> np.uint64(65 - len(bits).bit_length())] = True
    return EvaluationIndex(folded, bounds, places, hashes[order], positions[order], owners[order], bits)


@numba.njit(cache=True, nogil=True)
def _is_han(point: int) -> bool:
    return 0x4E00 <= point <= 0x9FFF or 0x3400 <= point <= 0x4DBF or 0x20000 <= point <= 0x323AF or 0xF900 <= point <= 0xFAFF


@numba.njit(cache=True, nogil=True)
def _count_han(folded: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    counts = np.zeros(len(bounds) - 1, np.int64)
    for text in range(len(counts)):
        for i in range(bounds[text], bounds[text + 1]):
            counts[text] += _is_han(folded[i])
    return counts


@numba.njit(cache=True, nogil=True)
def _anchors(folded: np.ndarray, bounds: np.ndarray, min_run: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hash, position and text of each anchor. A text shorter than `min_run` must be found whole: its first anchor is enough."""
    step = min_run - ANCHOR + 1
    most = 0
    for text in range(len(bounds) - 1):
        most += (bounds[text + 1] - bounds[text]) // step + 1
    hashes, positions, owners = np.empty(most, np.uint64), np.empty(most, np.int64), np.empty(most, np.int64)
    count = 0
    for text in range(len(bounds) - 1):
        is_short = bounds[text + 1] - bounds[text] < min_run
        for position in range(bounds[text], bounds[text] + 1 if is_short else bounds[text + 1] - ANCHOR + 1, step):
            rolling = np.uint64(0)
            for i in range(position, position + ANCHOR):
                rolling = rolling * _BASE + np.uint64(folded[i])
            hashes[count], positions[count], owners[count] = _spread(rolling), position, text
            count += 1
    return hashes[:count], positions[:count], owners[:count]


@numba.njit(cache=True, nogil=True)
def _spread(x: np.uint64) -> np.uint64:
    x = (x ^ (x >> np.uint64(32))) * _SPREAD
    return x ^ (x >> np.uint64(32))


class SharedRun(NamedTuple):
    """The first run that a document shares with an evaluation text."""

    row: int
    text: int
    characters: str  # as folded


def find_runs(documents: pa.Array, index: EvaluationIndex, min_run: int) -> list[SharedRun]:
    """For each document that shares a run of `min_run` characters, or all of a shorter text, the first such run; by row."""
    folded, bounds = fold(documents)
    texts, starts, lengths = _find_runs(folded, bounds, *index, min_run)
    return [
        SharedRun(int(row), int(texts[row]), "".join(map(chr, folded[starts[row] : starts[row] + lengths[row]])))
        for row in np.flatnonzero(texts >= 0)
    ]


@numba.njit(cache=True, nogil=True)
def _find_runs(
    folded: np.ndarray,
    bounds: np.ndarray,
    texts: np.ndarray,
    text_bounds: np.ndarray,
    _places: np.ndarray,
    hashes: np.ndarray,
    positions: np.ndarray,
    owners: np.ndarray,
    bits: np.ndarray,
    min_run: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each document: the text it shares a run with or -1, where the run starts in `folded`, and its length."""
    num_rows = len(bounds) - 1
    found, starts, lengths = np.full(num_rows, -1, np.int64), np.zeros(num_rows, np.int64), np.zeros(num_rows, np.int64)
    shift = np.uint64(64)
    size = len(bits)
    while size > 1:
        size //= 2
        shift -= np.uint64(1)
    for row in range(num_rows):
        first, end = bounds[row], bounds[row + 1]
        rolling = np.uint64(0)
        for i in range(first, end):
            left = np.uint64(folded[i - ANCHOR]) if i - first >= ANCHOR else np.uint64(0)
            rolling = rolling * _BASE + np.uint64(folded[i]) - left * _BASE_POWER
            value = _spread(rolling)
            if i - first < ANCHOR - 1 or not bits[value >> shift]:
                continue
            entry = np.searchsorted(hashes, value)
            while found[row] < 0 and entry < len(hashes) and hashes[entry] == value:
                owner = owners[entry]
                begin, length = _follow(
                    folded, first, end, i - ANCHOR + 1, texts, text_bounds[owner], text_bounds[owner + 1], positions[entry]
                )
                needed = min(min_run, text_bounds[owner + 1] - text_bounds[owner])
                if length >= needed and _enough_han(folded, begin, length):
                    found[row], starts[row], lengths[row] = owner, begin, length
                entry += 1
            if found[row] >= 0:
                break
    return found, starts, lengths


@numba.njit(cache=True, nogil=True)
def _follow(
    folded: np.ndarray, first: int, end: int, place: int, texts: np.ndarray, text_first: int, text_end: int, position: int
) -> tuple[int, int]:
    """Start and length of the run around two places, which grows in both directions as far as document and text agree."""
    before = 0
    while place - before > first and position - before > text_first and folded[place - before - 1] == texts[position - before - 1]:
        before += 1
    after = 0
    while place + after < end and position + after < text_end and folded[place + after] == texts[position + after]:
        after += 1
    return place - before, before + after


@numba.njit(cache=True, nogil=True)
def _enough_han(folded: np.ndarray, begin: int, length: int) -> bool:
    """Whether a run is Chinese: one of letters and digits alone may be a licence, an address or a part number."""
    count = 0
    for i in range(begin, begin + length):
        count += _is_han(folded[i])
    return count >= ANCHOR
