"""The characters that every text is made of: one kind of line end, one kind of blank, nothing invisible."""

import numba
import numpy as np

from pipelines.characters import code_points, to_text

NEWLINES = "\r\v\f\x85\u2028\u2029"
BLANKS = "\t\xa0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
INVISIBLE_RANGES = (
    (0x00, 0x08), (0x0E, 0x1F), (0x7F, 0x84), (0x86, 0x9F),  # control characters but white space
    (0xAD, 0xAD), (0x180E, 0x180E), (0x200B, 0x200D), (0x2060, 0x2064),  # hyphenation, zero width
    (0x61C, 0x61C), (0x200E, 0x200F), (0x202A, 0x202E), (0x2065, 0x206F),  # direction
    (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB), (0xE0000, 0xE007F),  # byte order mark, annotation anchors, tags
    (0xD800, 0xDFFF), (0xFDD0, 0xFDEF), (0xFFFE, 0xFFFF),  # surrogates, and what is no character
)  # fmt: skip
NO_BLANK_BEFORE = "，。！？；：、）】」』》〉”…"
NO_BLANK_AFTER = "，。！？；：、（【「『《〈“…"

_NEWLINE, _SPACE = 0x0A, 0x20
_AS_IT_IS, _TO_NOTHING, _TO_BLANK, _TO_NEWLINE = range(4)
_TIGHT_BEFORE, _TIGHT_AFTER = 1, 2


def _replacements() -> np.ndarray:
    table = np.full(0x110000, _AS_IT_IS, np.uint8)
    for first, last in INVISIBLE_RANGES:
        table[first : last + 1] = _TO_NOTHING
    table[[ord(character) for character in BLANKS]] = _TO_BLANK
    table[[ord(character) for character in NEWLINES]] = _TO_NEWLINE
    return table


def _tightness() -> np.ndarray:
    table = np.zeros(0x10000, np.uint8)
    table[[ord(character) for character in NO_BLANK_BEFORE]] |= _TIGHT_BEFORE
    table[[ord(character) for character in NO_BLANK_AFTER]] |= _TIGHT_AFTER
    return table


_REPLACEMENTS = _replacements()
_TIGHTNESS = _tightness()


def normalize_characters(text: str) -> str:
    """Every line end is a newline, every blank a space; what is invisible, or no character, is gone.

    Private-use characters stay: the tokenizer makes them `[UNK]`, as the reference does.
    """
    points = code_points(text)
    first = _first_to_replace(points, _REPLACEMENTS)
    return text if first < 0 else text[:first] + to_text(_replace(points[first:], _REPLACEMENTS))


def squeeze_blanks(text: str) -> str:
    """No blank lines, no blanks at the ends of lines or beside full-width punctuation, single ones elsewhere."""
    if " " not in text and "\n\n" not in text and text[:1] != "\n" and text[-1:] != "\n":
        return text
    points = code_points(text)
    squeezed = _squeeze(points, _TIGHTNESS)
    return text if len(squeezed) == len(points) else to_text(squeezed)


@numba.njit(cache=True, nogil=True)
def _first_to_replace(points: np.ndarray, table: np.ndarray) -> int:
    """Where the first character stands that is not as it should be; -1 for none."""
    for i in range(len(points)):
        if table[points[i]] != _AS_IT_IS:
            return i
    return -1


@numba.njit(cache=True, nogil=True)
def _replace(points: np.ndarray, table: np.ndarray) -> np.ndarray:
    """uint32 [≤ characters]: what stays of `points`; a CR before an LF is a part of that line end."""
    out = np.empty(len(points), np.uint32)
    size = 0
    for i in range(len(points)):
        kind = table[points[i]]
        if kind == _TO_NOTHING or (points[i] == 0x0D and i + 1 < len(points) and points[i + 1] == _NEWLINE):
            continue
        out[size] = points[i] if kind == _AS_IT_IS else _SPACE if kind == _TO_BLANK else _NEWLINE
        size += 1
    return out[:size]


@numba.njit(cache=True, nogil=True)
def _squeeze(points: np.ndarray, tightness: np.ndarray) -> np.ndarray:
    """uint32 [≤ characters]: line ends and blanks wait until the character after them says whether they are needed."""
    out = np.empty(len(points), np.uint32)
    size = 0
    blank = newline = False
    tight_after = False
    for point in points:
        if point == _SPACE:
            blank = True
        elif point == _NEWLINE:
            newline = True
        else:
            tight = tightness[point] if point < len(tightness) else np.uint8(0)
            if size and newline:
                out[size] = _NEWLINE
                size += 1
            elif size and blank and not tight_after and not tight & _TIGHT_BEFORE:
                out[size] = _SPACE
                size += 1
            out[size] = point
            size += 1
            blank = newline = False
            tight_after = bool(tight & _TIGHT_AFTER)
    return out[:size]
