"""Where words start, as offsets into the original text: jieba, or its Rust twin rjieba at more than ten times the speed.

text      今天天气很好，用Python3吧
words     今天 天气 很 好 ， 用 Python3 吧
offsets   0    2    4  5  6  7  8       15

Both are given the text's simplified shadow (simplified_shadow.py) and, if there is one, the user's dictionary (user_dictionary.py).
"""

import functools
from collections.abc import Callable, Iterable

import numba
import numpy as np

from albert_core.tokenization import code_points
from pipelines.segmenters import SegmenterName, new_jieba, new_rjieba
from pipelines.simplified_shadow import shadow_points
from pipelines.user_dictionary import UserDictionary

Cut = Callable[[str], Iterable[str]]
HasWord = Callable[[str], bool]


class Segmenter:
    """Chinese word segmentation. Load it where it is used: the libraries' dictionaries do not pickle."""

    def __init__(self, name: SegmenterName = "rjieba", user_dictionary: UserDictionary | None = None):
        """`rjieba` (default) and `jieba` share dictionary and model; `none` makes every character a word, and knows no words."""
        self.name = name
        self._cut, self._has_word = _library(name, user_dictionary)

    def word_starts(self, text: str) -> np.ndarray:
        """Code-point offsets, int64, at which a word starts. Newlines end words, so many lines can be cut in one call."""
        if self._cut is None:
            return np.arange(len(text), dtype=np.int64)
        points = code_points(text)
        shadow = shadow_points(points)
        if shadow is not None:
            points, text = shadow, str(shadow.data, "utf-32-le")
        lengths = np.fromiter(map(len, self._cut(text)), np.int64)
        starts = np.cumsum(lengths) - lengths
        if lengths.sum() != len(text):
            raise ValueError(f"{self.name} returned {lengths.sum()} of {len(text)} characters")
        return starts if self._has_word is None else _split_like_jieba(text, points, starts, self._has_word)


def _split_like_jieba(text: str, points: np.ndarray, starts: np.ndarray, has_word: HasWord) -> np.ndarray:
    """The starts with those that jieba has inside connected Latin text, which rjieba keeps whole unless its dictionary has it.

    350-400   →   350 - 400        C++   →   C++, a word of the dictionary
    """
    places = _connected_words(points, starts, _LATIN)
    if len(places) == 0:
        return starts
    words = [text[first:end] for first, end in places.tolist()]
    known = {word: has_word(word) for word in set(words)}
    unknown = np.array([not known[word] for word in words])
    more = _latin_pieces(points, places[unknown], _LATIN)
    return np.sort(np.concatenate([starts, more])) if len(more) else starts


ALNUM, DIGIT, PERCENT, DOT, CONNECTOR = 1, 2, 4, 8, 16
_LATIN = np.zeros(128, np.uint8)
"""Of ASCII: which characters jieba looks for words in, beside Han."""
for _character in map(chr, range(128)):
    _LATIN[ord(_character)] = (
        (_character.isalnum() and ALNUM)
        | (_character.isdigit() and DIGIT)
        | (_character == "%" and PERCENT)
        | (_character == "." and DOT)
        | (_character in "+#&._%-" and CONNECTOR)
    )


@numba.njit(cache=True, nogil=True)
def _connected_words(points: np.ndarray, starts: np.ndarray, latin: np.ndarray) -> np.ndarray:
    """int64 [W, 2]: the words of several Latin characters, with a sign such as - among them. A word such as T恤 is none."""
    places = np.empty((len(starts), 2), np.int64)
    count = 0
    for w in range(len(starts)):
        end = starts[w + 1] if w + 1 < len(starts) else len(points)
        at, connected = starts[w], False
        if end - at == 1:
            continue
        while at < end and points[at] < 128 and latin[points[at]]:
            connected |= latin[points[at]] & CONNECTOR != 0
            at += 1
        if at == end and connected:
            places[count] = starts[w], end
            count += 1
    return places[:count].copy()


@numba.njit(cache=True, nogil=True)
def _latin_pieces(points: np.ndarray, places: np.ndarray, latin: np.ndarray) -> np.ndarray:
    """Where pieces start inside the words at `places`, as jieba's finalseg has them: `[a-zA-Z0-9]+(\\.[0-9]+)?%?`, and what is between."""
    count = 0
    for first, end in places:
        count += end - first
    pieces = np.empty(count, np.int64)
    count = 0
    for first, end in places:
        at = first
        while at < end:
            if at > first:
                pieces[count] = at
                count += 1
            if latin[points[at]] & ALNUM:
                at = _skip(points, at, end, latin, ALNUM)
                if at + 1 < end and latin[points[at]] & DOT and latin[points[at + 1]] & DIGIT:
                    at = _skip(points, at + 1, end, latin, DIGIT)
                if at < end and latin[points[at]] & PERCENT:
                    at += 1
            else:
                at = _skip(points, at, end, latin, CONNECTOR)
    return pieces[:count].copy()


@numba.njit(cache=True, nogil=True)
def _skip(points: np.ndarray, at: int, end: int, latin: np.ndarray, kind: int) -> int:
    """The first place from `at` that is not of `kind`."""
    while at < end and latin[points[at]] & kind:
        at += 1
    return at


@functools.lru_cache(maxsize=4)
def _library(name: SegmenterName, user_dictionary: UserDictionary | None) -> tuple[Cut | None, HasWord | None]:
    """The cut function of a library and, for rjieba, what says whether its dictionary has a word; once a process for each dictionary."""
    if name == "none":
        return None, None
    words, overlap = (list(user_dictionary.words()), user_dictionary.overlap) if user_dictionary else ([], 0)
    if name == "jieba":
        return new_jieba(words).cut, None
    library = new_rjieba(words, overlap)
    return library.cut, library.has_word
