"""Classes of code points, and how many of each a text and each of its lines hold, counted in NumPy."""

from functools import lru_cache
from typing import NamedTuple

import numba
import numpy as np

HAN, KANA, HANGUL, LETTER, MARK, ASCII_MARK, GARBLED, SPACE = (1 << bit for bit in range(8))
"""LETTER: letters and digits of other scripts. MARK: ends or divides a sentence (a colon does neither: it follows labels).
ASCII_MARK: the same, but only after a Han character."""

_RANGES = {
    HAN: ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2FA1F), (0x30000, 0x323AF), (0x3005, 0x3007)),
    KANA: ((0x3041, 0x3096), (0x30A1, 0x30FA), (0x31F0, 0x31FF), (0xFF66, 0xFF9D)),
    HANGUL: ((0x1100, 0x11FF), (0x3130, 0x318F), (0xAC00, 0xD7AF)),
    LETTER: ((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x2AF), (0x370, 0x58F), (0x5D0, 0x6FF), (0x900, 0xFFF), (0xFF10, 0xFF5A)),
}
_CHARACTERS = {
    MARK: "。！？；，、…．",
    ASCII_MARK: ".!?;,",
    GARBLED: "\ufffd□■▯",
    SPACE: " \t\n\r\u3000\xa0",
}


def _class_table() -> np.ndarray:
    table = np.zeros(0x110000, np.uint8)
    for flag, ranges in _RANGES.items():
        for first, last in ranges:
            table[first : last + 1] |= flag
    for flag, characters in _CHARACTERS.items():
        table[[ord(character) for character in characters]] = flag
    return table


_CLASSES = _class_table()


def code_points(text: str) -> np.ndarray:
    """uint32 [characters]: `text` as numbers, lone surrogates included."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


class Counts(NamedTuple):
    """Characters of a text: all but white space, and those of some classes."""

    characters: int
    han: int
    kana: int
    hangul: int
    letters: int
    garbled: int


@lru_cache(maxsize=1)  # the rules ask for the same text one after the other
def count_characters(text: str) -> Counts:
    """How many characters of each class `text` holds.

    >>> count_characters("你好 world")
    Counts(characters=7, han=2, kana=0, hangul=0, letters=5, garbled=0)
    """
    histogram = np.bincount(_CLASSES[code_points(text)], minlength=256)
    han, kana, hangul, letters, garbled = (int(histogram[flag]) for flag in (HAN, KANA, HANGUL, LETTER, GARBLED))
    return Counts(len(text) - int(histogram[SPACE]), han, kana, hangul, letters, garbled)


class LineCounts(NamedTuple):
    """int [lines] each: characters that are not white space, Han, letters and digits, sentence marks."""

    characters: np.ndarray
    han: np.ndarray
    letters: np.ndarray
    marks: np.ndarray


@lru_cache(maxsize=1)
def count_lines(text: str) -> LineCounts:
    """Counts of each line of `text.split("\\n")`."""
    return LineCounts(*_count_lines(code_points(text), _CLASSES, text.count("\n") + 1))


@numba.njit(cache=True, nogil=True)
def _count_lines(points: np.ndarray, classes: np.ndarray, num_lines: int) -> np.ndarray:
    """int32 [4, lines]. One pass; NumPy needs eight."""
    counts = np.zeros((4, num_lines), np.int32)
    line = 0
    before = 0
    for point in points:
        kind = classes[point]
        if point == 0x0A:
            line += 1
        elif kind != SPACE:
            counts[0, line] += 1
            if kind == HAN:
                counts[1, line] += 1
            elif kind == LETTER:
                counts[2, line] += 1
            elif kind == MARK or (kind == ASCII_MARK and before == HAN):
                counts[3, line] += 1
        before = kind
    return counts
