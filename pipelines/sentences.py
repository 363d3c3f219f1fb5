"""Where sentences start, as offsets into the text.

    text     他说：“走吧。”天黑了！！OK? 好……
    ends                  ^      ^   ^    ^      closing quotes and repeated marks stay with their sentence

A sentence ends at 。！？； and at …… ; at ! ? after a Han character; at . ! ? before white space; at the end of a paragraph.

    text     “Why?” asked Dr. J. Smith of the U.S. embassy, e.g. at 3.14 p.m. on Monday. “Really?” Yes.
    ends                                                                               ^         ^    ^

In Latin text a point does not end a sentence behind an initial, a title or the like; nor does any mark before a small letter, where the
sentence itself began with a capital (text that was lower-cased as a whole has only small letters).
"""

import functools
import unicodedata

import numba
import numpy as np

from albert_core.tokenization import HAN_RANGES, code_points

# Classes of code points; 0 is anything else. CAPITAL and SMALL are letters of any script that has both.
END, ELLIPSIS, ASCII_END, DOT, CLOSER, NEWLINE, SPACE, HAN, DIGIT, CAPITAL, SMALL = range(1, 12)
_CHARACTERS = {
    END: "。！？；｡؟۔।॥",
    ELLIPSIS: "…⋯",  # the second is what `fold_quotes` makes of the first
    ASCII_END: "!?",
    DOT: ".",
    CLOSER: "”’」』）】》〉»›〕］｝)]}\"'",
    NEWLINE: "\n",
    SPACE: " \t\u3000",
    DIGIT: "0123456789",
}
_SCRIPTS = ((0x41, 0x7B), (0xC0, 0x590), (0x10A0, 0x1100), (0x1E00, 0x2000))  # with capitals: Latin, Greek, Cyrillic, Armenian, Georgian
ABBREVIATIONS = (
    "Mr", "Mrs", "Ms", "Messrs", "Dr", "Prof", "St", "Mt", "Sr", "Jr", "Capt", "Col", "Gen", "Lt", "Maj", "Sgt", "Rev", "Hon", "Gov",
    "Sen", "Rep", "Pres", "No", "Nos", "Vol", "Fig", "Figs", "Eq", "Sec", "pp", "vs", "cf", "ca", "al", "Jan", "Feb", "Mar", "Apr", "Jun",
    "Jul", "Aug", "Sep", "Sept", "Oct", "Nov", "Dec",
)  # fmt: skip
"""What a capital letter or a number may follow within a sentence; what mostly ends one before a capital (etc., Inc.) is not here."""
_LONGEST = 6  # letters of an abbreviation
_NEAR = 200  # characters in which the first letter of a sentence is looked for


@functools.cache
def _classes() -> np.ndarray:
    """uint8 [0x110000], the class of each code point."""
    table = np.zeros(0x110000, np.uint8)
    for first, last in HAN_RANGES:
        table[first : last + 1] = HAN
    for first, end in _SCRIPTS:
        for point in range(first, end):
            table[point] = {"Lu": CAPITAL, "Lt": CAPITAL, "Ll": SMALL}.get(unicodedata.category(chr(point)), 0)
    for kind, characters in _CHARACTERS.items():
        table[[ord(character) for character in characters]] = kind
    return table


def sentence_starts(text: str) -> np.ndarray:
    """Code-point offsets, int64, ascending, at which a sentence starts; the first is 0. White space may stand before the text."""
    points = code_points(text)
    return _sentence_starts(_classes()[points], points, _abbreviation_keys())


@functools.cache
def _abbreviation_keys() -> np.ndarray:
    """uint64, sorted: the letters of each abbreviation in a number."""
    return np.sort(np.array([int.from_bytes(word.encode("ascii"), "big") for word in ABBREVIATIONS], np.uint64))


def split_sentences(text: str) -> list[str]:
    """The sentences of `text`, stripped; for people and tests, the pipeline uses the offsets.

    >>> split_sentences("他说：“走吧。”天黑了！！好")
    ['他说：“走吧。”', '天黑了！！', '好']
    """
    starts = sentence_starts(text).tolist()
    pieces = (text[start:end].strip() for start, end in zip(starts, [*starts[1:], len(text)], strict=True))
    return [piece for piece in pieces if piece]


@numba.njit(cache=True, nogil=True)
def _skip(classes: np.ndarray, at: int, first: int, last: int) -> int:
    """The first place from `at` whose class is not in [first, last]."""
    while at < len(classes) and first <= classes[at] <= last:
        at += 1
    return at


@numba.njit(cache=True, nogil=True)
def _sentence_end(classes: np.ndarray, points: np.ndarray, abbreviations: np.ndarray, at: int, start: int) -> int:
    """Where the sentence that began at `start` ends if the mark at `at` ends it, else `at`."""
    kind = classes[at]
    marks = _skip(classes, at, END, DOT)
    end = _skip(classes, marks, CLOSER, CLOSER)
    before_space = end == len(classes) or classes[end] == SPACE or classes[end] == NEWLINE
    if kind == END or (kind == ELLIPSIS and marks - at >= 2):
        return end
    if kind == ASCII_END:
        if at > start and classes[at - 1] == HAN:
            return end
        return end if before_space and not (end > marks and _goes_on(classes, end, start)) else at
    if kind == DOT and before_space:
        digits = at
        while digits > start and classes[digits - 1] == DIGIT:
            digits -= 1
        is_list_number = digits < at and _skip(classes, start, SPACE, SPACE) >= digits
        if is_list_number or (at > start and CAPITAL <= classes[at - 1] <= SMALL and _goes_on(classes, end, start)):
            return at
        return at if marks - at == 1 and _is_abbreviation(classes, points, abbreviations, at, start) else end
    return at


@numba.njit(cache=True, nogil=True)
def _goes_on(classes: np.ndarray, end: int, start: int) -> bool:
    """Whether a small letter comes next, and the sentence that began at `start` began with a capital."""
    after = _skip(classes, end, SPACE, SPACE)
    if after == len(classes) or classes[after] != SMALL:
        return False
    for first in range(start, min(end, start + _NEAR)):
        if CAPITAL <= classes[first] <= SMALL:
            return bool(classes[first] == CAPITAL)
    return True


@numba.njit(cache=True, nogil=True)
def _is_abbreviation(classes: np.ndarray, points: np.ndarray, abbreviations: np.ndarray, at: int, start: int) -> bool:
    """Whether a single letter or one of the abbreviations stands before the point at `at`."""
    key = np.uint64(0)
    first = at
    while first > start and CAPITAL <= classes[first - 1] <= SMALL:
        first -= 1
        if at - first > _LONGEST:
            return False
        if points[first] > 0x7F and first < at - 1:
            return False
        key |= np.uint64(points[first] & 0x7F) << np.uint64(8 * (at - first - 1))
    if at - first <= 1:
        return at - first == 1
    place = np.searchsorted(abbreviations, key)
    return bool(place < len(abbreviations) and abbreviations[place] == key)


@numba.njit(cache=True, nogil=True)
def _sentence_starts(classes: np.ndarray, points: np.ndarray, abbreviations: np.ndarray) -> np.ndarray:
    starts = np.empty(len(classes) + 1, np.int64)
    count = start = at = 0
    while at < len(classes):
        kind = classes[at]
        end = at
        if kind == NEWLINE:
            end = at + 1
        elif END <= kind <= DOT:
            end = _sentence_end(classes, points, abbreviations, at, start)
            if end == at:  # marks that end nothing, such as the point in 3.14
                at = max(at + 1, _skip(classes, at, kind, kind))
                continue
        if end > at:
            starts[count] = start
            count += 1
            start = at = end
        else:
            at += 1
    if start < len(classes) or count == 0:
        starts[count] = start
        count += 1
    return starts[:count].copy()
