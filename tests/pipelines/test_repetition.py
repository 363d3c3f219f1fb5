from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import repetition
from pipelines.characters import code_points
from pipelines.repetition import repeated_ngrams, top_ngram

SENTENCE = "天地玄黄，宇宙洪荒，日月盈昃，辰宿列张，寒来暑往，秋收冬藏。"
VARIED = "".join(map(chr, range(0x4E00, 0x4E00 + 3000)))
FEW = st.text(st.sampled_from("甲乙丙"), max_size=120)


def slow_top_ngram(text: str, n: int) -> int:
    """The most copies of an n-gram, none over the other."""
    ends: dict[str, int] = {}
    counts: Counter[str] = Counter()
    for start in range(len(text) - n + 1):
        gram = text[start : start + n]
        if start >= ends.get(gram, 0):
            counts[gram] += 1
            ends[gram] = start + n
    return max(counts.values(), default=0)


def slow_repeated(text: str, n: int) -> int:
    seen: set[str] = set()
    repeated: set[int] = set()
    for start in range(len(text) - n + 1):
        gram = text[start : start + n]
        if gram in seen:
            repeated.update(range(start, start + n))
        seen.add(gram)
    return len(repeated)


@given(FEW)
def test_the_kernels_count_what_the_slow_ones_count(text):
    for n in (2, 4, 7):
        if len(text) >= n:
            assert repetition._top_ngram(code_points(text), n)[0] == slow_top_ngram(text, n)
            assert repetition._repeated_characters(code_points(text), n) == slow_repeated(text, n)


def test_the_top_ngram_has_both_sides_of_its_edge():
    text = "哈哈哈哈" * 5 + VARIED[:60]
    assert top_ngram(text, maximum=0.25) is None
    assert top_ngram(text, maximum=0.24) == "characters that are '哈哈哈哈': 20 of 80, more than 0.24"
    assert top_ngram("哈哈哈哈" * 4, maximum=0.2) is None  # too few copies
    assert top_ngram("哈哈哈", maximum=0) is None


def test_repeated_ngrams_count_after_their_first():
    text = SENTENCE * 2
    assert repeated_ngrams(text, maximum=0.5) is None
    assert repeated_ngrams(text, maximum=0.4) == "characters in 20-grams that stood before: 30 of 60, more than 0.4"
    assert repeated_ngrams(SENTENCE, maximum=0) is None


@pytest.mark.parametrize("unit", ["哈", "哈哈，", SENTENCE, VARIED[:100], VARIED[:400]])
def test_the_quick_look_misses_no_long_text_that_repeats_itself(unit):
    text = VARIED[:500] + unit * (3000 // len(unit))
    assert repeated_ngrams(text) is not None


def test_varied_text_stays():
    assert repeated_ngrams(VARIED) is None
    assert top_ngram(VARIED) is None


@given(FEW, st.integers(5, 40))
def test_the_quick_look_at_frequent_ngrams_never_hides_one(text, copies):
    text = VARIED[:600] + text + "甲乙丙丁" * copies
    found, _ = repetition._top_ngram(code_points(text), 4)
    assert repetition._frequent_ngrams(code_points(text), 4, found) >= found


@pytest.mark.parametrize("text", ["", "\ud800" * 30, "a" * 3_000_000])
def test_any_text(text):
    top_ngram(text)
    repeated_ngrams(text)
