"""An equal-length stand-in of a text for segmentation only: jieba's dictionary is simplified, and some characters it does not know at all.

    text       國民革命軍在武漢會師。    𠮷野家
    shadow     国民革命军在武汉会师。    □野家      same places, so word boundaries of the shadow are those of the text

A paragraph is taken for traditional if it has more characters that only traditional text has than characters that only simplified text has:
simplified text, also with a traditional name in it, keeps jieba's own words.
"""

import functools
from typing import NamedTuple

import numba
import numpy as np
import opencc

from albert_core.tokenization import HAN_RANGES, code_points

JIEBA_HAN = (0x4E00, 0x9FD5)  # what jieba takes for Chinese characters; others are words of their own
TRADITIONAL, SIMPLIFIED, UNKNOWN, NEWLINE = 1, 2, 3, 4  # classes of code points; 0 is anything else
STAND_IN = 0x25A1  # □, a word of its own in both libraries


class ShadowTables(NamedTuple):
    """What each code point is, and what stands in for it: uint8 and uint32 [0x110000]."""

    classes: np.ndarray
    shadows: np.ndarray


@functools.cache
def shadow_tables() -> ShadowTables:
    """Made by OpenCC from single characters, once a process.

    UNKNOWN are Chinese characters that rjieba takes for parts of words and jieba does not, and lone surrogates, which rjieba cannot read.
    """
    points = np.arange(JIEBA_HAN[0], JIEBA_HAN[1] + 1)
    to_simplified, to_traditional = (_convert_each(points, conversion) for conversion in ("t2s", "s2t"))
    classes, shadows = np.zeros(0x110000, np.uint8), np.arange(0x110000, dtype=np.uint32)
    known = (to_simplified >= JIEBA_HAN[0]) & (to_simplified <= JIEBA_HAN[1])
    shadows[points[known]] = to_simplified[known]
    classes[points[(to_simplified != points) & (to_traditional == points)]] = TRADITIONAL
    classes[points[(to_simplified == points) & (to_traditional != points)]] = SIMPLIFIED
    for first, last in (*HAN_RANGES, (0x2CEB0, 0x323AF), (0xD800, 0xDFFF)):
        unknown = np.arange(first, last + 1)
        unknown = unknown[(unknown < JIEBA_HAN[0]) | (unknown > JIEBA_HAN[1])]
        classes[unknown], shadows[unknown] = UNKNOWN, STAND_IN
    classes[0x0A] = NEWLINE
    return ShadowTables(classes, shadows)


def _convert_each(points: np.ndarray, conversion: str) -> np.ndarray:
    """Each code point as OpenCC writes it when it stands alone; itself where that is not one code point."""
    converted = opencc.OpenCC(conversion).convert("\n".join(map(chr, points))).split("\n")
    return np.array([ord(new) if len(new) == 1 else point for point, new in zip(points.tolist(), converted, strict=True)])


def simplified_shadow(text: str) -> str:
    """`text`, or what stands in for it, of the same length.

    >>> simplified_shadow("國民革命軍\\n国民革命軍乾杯。")
    '国民革命军\\n国民革命軍乾杯。'
    """
    points = shadow_points(code_points(text))
    return text if points is None else str(points.data, "utf-32-le")


def shadow_points(points: np.ndarray) -> np.ndarray | None:
    """The shadow of a text, both uint32 [characters]; None where it is the text itself."""
    shadow = _shadow(points, *shadow_tables())
    return shadow if len(shadow) else None


@numba.njit(cache=True, nogil=True)
def _shadow(points: np.ndarray, classes: np.ndarray, shadows: np.ndarray) -> np.ndarray:
    """The shadow, or nothing at all where no character needs one. One pass; a line that needs one is gone over again."""
    shadow = np.empty(0, np.uint32)
    start = traditional = simplified = unknown = 0
    for i in range(len(points) + 1):
        kind = NEWLINE if i == len(points) else classes[points[i]]
        if kind == NEWLINE:
            if unknown or traditional > simplified:
                if len(shadow) == 0:
                    shadow = points.copy()
                for j in range(start, i):
                    if traditional > simplified or classes[points[j]] == UNKNOWN:
                        shadow[j] = shadows[points[j]]
            start = i + 1
            traditional = simplified = unknown = 0
        else:
            traditional += kind == TRADITIONAL
            simplified += kind == SIMPLIFIED
            unknown += kind == UNKNOWN
    return shadow
