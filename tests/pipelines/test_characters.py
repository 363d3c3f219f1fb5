import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.characters import (
    LINE_CHARACTERS,
    LINE_HAN,
    LINE_LENGTH,
    LINE_LETTERS,
    LINE_MARKS,
    Counts,
    code_points,
    count_characters,
    count_lines,
    keep_lines,
    pick_lines,
    to_text,
)

LINES = st.lists(st.sampled_from([*"甲，.a1 \n", "\n\n"]), max_size=40).map("".join) | st.text(st.characters(), max_size=30)


def test_each_class_is_counted():
    assert count_characters("你好々〇 Wörld１ かナ 한 \ufffd□\n\u3000★#😀") == Counts(
        characters=18, han=4, kana=2, hangul=1, letters=6, garbled=2, symbols=3
    )
    assert count_characters("") == Counts(0, 0, 0, 0, 0, 0, 0)


def test_han_beyond_the_basic_plane_counts():
    assert count_characters("𠀀㐀\uf900").han == 3


def test_full_width_punctuation_is_no_letter():
    assert count_characters("：＜＝＞＠［］｛Ａｚ９").letters == 3


@pytest.mark.parametrize("character", "+<=>|~^`$§©→│●★")
def test_symbols_are_what_unicode_calls_so(character):
    assert unicodedata.category(character)[0] == "S" or character == "§"
    assert count_characters(character).symbols == (character != "§")


def test_lines_are_counted_apart():
    counts = count_lines("你好，a b1\n\n第二行.end.")
    assert counts[LINE_LENGTH].tolist() == [7, 0, 8]
    assert counts[LINE_CHARACTERS].tolist() == [6, 0, 8]
    assert counts[LINE_HAN].tolist() == [2, 0, 3]
    assert counts[LINE_LETTERS].tolist() == [3, 0, 3]
    assert counts[LINE_MARKS].tolist() == [1, 0, 1]  # the full stop after Han counts, the one after English does not


def test_a_colon_is_no_sentence_mark():
    assert count_lines("链接：\n链接:")[LINE_MARKS].tolist() == [0, 0]


@given(LINES)
def test_lines_add_up_to_the_text(text):
    lines, whole = count_lines(text), count_characters(text)
    assert lines[LINE_LENGTH].tolist() == list(map(len, text.split("\n")))
    assert [int(np.sum(lines[row])) for row in (LINE_CHARACTERS, LINE_HAN, LINE_LETTERS)] == [whole.characters, whole.han, whole.letters]


@given(LINES, st.randoms(use_true_random=False))
def test_kept_lines_are_those_lines_and_their_counts_are_right(text, random):
    lines = text.split("\n")
    keep = np.array([random.random() < 0.6 for _ in lines])
    expected = "\n".join(line for line, kept in zip(lines, keep, strict=True) if kept)
    assert pick_lines(text, keep) == expected
    kept = keep_lines(text, keep)
    assert kept == expected
    remembered = count_lines(kept)
    count_lines("别的")
    assert np.array_equal(remembered, count_lines(expected))


@given(st.text(st.characters()))
def test_code_points_are_the_text(text):
    assert to_text(code_points(text)) == text
