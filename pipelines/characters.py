"""Classes of code points, and how many of each a text and each of its lines hold."""

import unicodedata
from functools import lru_cache
from typing import NamedTuple

import numba
import numpy as np

OTHER, HAN, KANA, HANGUL, LETTER, MARK, ASCII_MARK, GARBLED, SPACE, SYMBOL = range(10)
"""LETTER: letters and digits of other scripts. MARK: ends or divides a sentence (a colon does neither: it follows labels).
ASCII_MARK: the same, but only after a Han character. SYMBOL: neither words nor their marks, such as `#`, `★`, `│`, `→` and emoji."""

_RANGES = {
    HAN: ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2FA1F), (0x30000, 0x323AF), (0x3005, 0x3007)),
    KANA: ((0x3041, 0x3096), (0x30A1, 0x30FA), (0x31F0, 0x31FF), (0xFF66, 0xFF9D)),
    HANGUL: ((0x1100, 0x11FF), (0x3130, 0x318F), (0xAC00, 0xD7AF)),
    LETTER: (
        (0x30, 0x39),
        (0x41, 0x5A),
        (0x61, 0x7A),
        (0xC0, 0x2AF),
        (0x370, 0x58F),
        (0x5D0, 0x6FF),
        (0x900, 0xFFF),
        (0xFF10, 0xFF19),
        (0xFF21, 0xFF3A),
        (0xFF41, 0xFF5A),
    ),
}
_SYMBOL_BLOCKS = ((0x00, 0x3FF), (0x2000, 0x2BFF), (0x3000, 0x33FF), (0xFF00, 0xFFFF), (0x1F000, 0x1FBFF))
_CHARACTERS = {
    SYMBOL: "#*_\\@&※＊＃＿＠＆",
    MARK: "。！？；，、…．",
    ASCII_MARK: ".!?;,",
    GARBLED: "\ufffd□■▯",
    SPACE: " \t\n\r\u3000\xa0",
}


def _class_table() -> np.ndarray:
    table = np.zeros(0x110000, np.uint8)
    for first, last in _SYMBOL_BLOCKS:
        table[[point for point in range(first, last + 1) if unicodedata.category(chr(point)).startswith("S")]] = SYMBOL
    for kind, ranges in _RANGES.items():
        for first, last in ranges:
            table[first : last + 1] = kind
    for kind, characters in _CHARACTERS.items():
        table[[ord(character) for character in characters]] = kind
    return table


CLASSES = _class_table()


def code_points(text: str) -> np.ndarray:
    """uint32 [characters]: `text` as numbers, lone surrogates included."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def to_text(points: np.ndarray) -> str:
    """The text of `points`: uint32 [characters]."""
    return str(points.data, "utf-32-le", "surrogatepass")


class Counts(NamedTuple):
    """Characters of a text: all but white space, and those of some classes."""

    characters: int
    han: int
    kana: int
    hangul: int
    letters: int
    garbled: int
    symbols: int


@lru_cache(maxsize=1)  # the rules ask for the same text one after the other
def count_characters(text: str) -> Counts:
    """How many characters of each class `text` holds.

    >>> count_characters("你好 world")
    Counts(characters=7, han=2, kana=0, hangul=0, letters=5, garbled=0, symbols=0)
    """
    return Counts(*_count_classes(code_points(text), CLASSES))


LINE_LENGTH, LINE_CHARACTERS, LINE_HAN, LINE_LETTERS, LINE_MARKS = range(5)
"""Rows of `count_lines`: all characters, those that are not white space, Han, letters and digits, sentence marks."""
_last_counted: tuple[str, np.ndarray] = ("", np.zeros((5, 1), np.int32))
"""One line rule asks for the text that the other has left: its counts are at hand."""


def count_lines(text: str) -> np.ndarray:
    """int32 [5, lines]: counts of each line of `text.split("\\n")`."""
    global _last_counted
    known, counts = _last_counted
    if known is not text:
        counts = _count_lines(code_points(text), CLASSES)
        _last_counted = (text, counts)
    return counts


def keep_lines(text: str, keep: np.ndarray) -> str:
    """The lines of `text` where `keep`, bool [lines], holds."""
    global _last_counted
    counts = count_lines(text)
    shorter = pick_lines(text, keep)
    if shorter and shorter is not text:
        _last_counted = (shorter, counts[:, keep])
    return shorter


def pick_lines(text: str, lines: np.ndarray) -> str:
    """The lines of `text` where `lines`, bool [lines], holds: slices of a text are had more quickly than all its lines."""
    if 0 not in lines.tobytes():  # all; a quarter of what lines.all() takes, and most documents are short
        return text
    return "\n".join([text[start:stop] for start, stop in _runs(count_lines(text)[LINE_LENGTH], lines).tolist()])


@numba.njit(cache=True, nogil=True)
def _count_classes(points: np.ndarray, classes: np.ndarray) -> tuple[int, int, int, int, int, int, int]:
    """What `Counts` holds."""
    sums = np.zeros(10, np.int64)
    for point in points:
        sums[classes[point]] += 1
    return len(points) - sums[SPACE], sums[HAN], sums[KANA], sums[HANGUL], sums[LETTER], sums[GARBLED], sums[SYMBOL]


@numba.njit(cache=True, nogil=True)
def _count_lines(points: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """int32 [5, lines]. One pass; NumPy needs eight."""
    num_lines = 1
    for point in points:
        num_lines += point == 0x0A
    counts = np.empty((5, num_lines), np.int32)
    line = start = characters = han = letters = marks = 0
    before = np.uint8(0)
    for i in range(len(points) + 1):
        if i == len(points) or points[i] == 0x0A:
            counts[LINE_LENGTH, line] = i - start
            counts[LINE_CHARACTERS, line] = characters
            counts[LINE_HAN, line] = han
            counts[LINE_LETTERS, line] = letters
            counts[LINE_MARKS, line] = marks
            line += 1
            start = i + 1
            characters = han = letters = marks = 0
            before = np.uint8(0)
        else:  # sums, not branches: which class comes next cannot be foreseen
            kind = classes[points[i]]
            characters += kind != SPACE
            han += kind == HAN
            letters += kind == LETTER
            marks += (kind == MARK) | ((kind == ASCII_MARK) & (before == HAN))
            before = kind
    return counts


@numba.njit(cache=True, nogil=True)
def _runs(lengths: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """int64 [runs, 2]: where each run of kept lines starts and stops in the text."""
    runs = np.empty((len(keep), 2), np.int64)
    num_runs = start = 0
    for line in range(len(keep)):
        if keep[line]:
            if not line or not keep[line - 1]:
                runs[num_runs, 0] = start
                num_runs += 1
            runs[num_runs - 1, 1] = start + lengths[line]
        start += lengths[line] + 1
    return runs[:num_runs]
