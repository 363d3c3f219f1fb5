import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.characters import Counts, count_characters, count_lines


def test_each_class_is_counted():
    assert count_characters("你好々〇 Wörld１ かナ 한 \ufffd□\n\u3000") == Counts(
        characters=15, han=4, kana=2, hangul=1, letters=6, garbled=2
    )
    assert count_characters("") == Counts(0, 0, 0, 0, 0, 0)


def test_han_beyond_the_basic_plane_counts():
    assert count_characters("𠀀㐀\uf900").han == 3


def test_lines_are_counted_apart():
    counts = count_lines("你好，a b1\n\n第二行.end.")
    assert counts.characters.tolist() == [6, 0, 8]
    assert counts.han.tolist() == [2, 0, 3]
    assert counts.letters.tolist() == [3, 0, 3]
    assert counts.marks.tolist() == [1, 0, 1]  # the full stop after Han counts, the one after English does not


def test_a_colon_is_no_sentence_mark():
    assert count_lines("链接：\n链接:").marks.tolist() == [0, 0]


@given(st.text(st.characters()))
def test_lines_add_up_to_the_text(text):
    lines, whole = count_lines(text), count_characters(text)
    assert len(lines.han) == len(text.split("\n"))
    assert (int(np.sum(lines.characters)), int(np.sum(lines.han)), int(np.sum(lines.letters))) == (
        whole.characters,
        whole.han,
        whole.letters,
    )
