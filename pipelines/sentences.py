"""Where sentences start, as offsets into the text.

    text     他说：“走吧。”天黑了！！OK? 好……
    ends                  ^      ^   ^    ^      closing quotes and repeated marks stay with their sentence

A sentence ends at 。！？； and at …… ; at ! ? after a Han character; at . ! ? before white space; at the end of a paragraph.
"""

import functools

import numba
import numpy as np

from albert_core.tokenization import HAN_RANGES, code_points

END, ELLIPSIS, ASCII_END, DOT, CLOSER, NEWLINE, SPACE, HAN, DIGIT = range(1, 10)  # classes of code points; 0 is anything else
_CHARACTERS = {
    END: "。！？；｡",
    ELLIPSIS: "…⋯",  # the second is what `fold_quotes` makes of the first
    ASCII_END: "!?",
    DOT: ".",
    CLOSER: "”’」』）】》〉〕］｝)]}\"'",
    NEWLINE: "\n",
    SPACE: " \t\u3000",
    DIGIT: "0123456789",
}


@functools.cache
def _classes() -> np.ndarray:
    """uint8 [0x110000], the class of each code point."""
    table = np.zeros(0x110000, np.uint8)
    for first, last in HAN_RANGES:
        table[first : last + 1] = HAN
    for kind, characters in _CHARACTERS.items():
        table[[ord(character) for character in characters]] = kind
    return table


def sentence_starts(text: str) -> np.ndarray:
    """Code-point offsets, int64, ascending, at which a sentence starts; the first is 0. White space may stand before the text."""
    return _sentence_starts(_classes()[code_points(text)])


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
def _sentence_end(classes: np.ndarray, at: int, start: int) -> int:
    """Where the sentence that began at `start` ends if the mark at `at` ends it, else `at`."""
    kind = classes[at]
    marks = _skip(classes, at, END, DOT)
    end = _skip(classes, marks, CLOSER, CLOSER)
    before_space = end == len(classes) or classes[end] == SPACE or classes[end] == NEWLINE
    if kind == END or (kind == ELLIPSIS and marks - at >= 2):
        return end
    if kind == ASCII_END and (before_space or (at > start and classes[at - 1] == HAN)):
        return end
    if kind == DOT and before_space:
        digits = at
        while digits > start and classes[digits - 1] == DIGIT:
            digits -= 1
        is_list_number = digits < at and _skip(classes, start, SPACE, SPACE) >= digits
        return at if is_list_number else end
    return at


@numba.njit(cache=True, nogil=True)
def _sentence_starts(classes: np.ndarray) -> np.ndarray:
    starts = np.empty(len(classes) + 1, np.int64)
    count = start = at = 0
    while at < len(classes):
        kind = classes[at]
        end = at
        if kind == NEWLINE:
            end = at + 1
        elif END <= kind <= DOT:
            end = _sentence_end(classes, at, start)
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
