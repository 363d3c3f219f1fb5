import json
import lzma

import jieba
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.words import Segmenter
from tests.shared_data import shared


def words(name: str, text: str) -> list[str]:
    starts = Segmenter(name).word_starts(text).tolist()
    return [text[start:end] for start, end in zip(starts, [*starts, len(text)][1:], strict=False)]


@pytest.mark.parametrize("name", ["rjieba", "jieba"])
def test_words_of_a_sentence(name):
    assert words(name, "他来到北京清华大学，用Python3写字") == ["他", "来到", "北京", "清华大学", "，", "用", "Python3", "写字"]


def test_without_a_segmenter_every_character_is_a_word():
    assert words("none", "今天ab") == ["今", "天", "a", "b"]


def test_jieba_gives_jiebas_own_words():
    text = "工信处女干事每月经过下属科室都要亲口交代24口交换机等技术性器件的安装工作"
    assert words("jieba", text) == jieba.lcut(text)


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=40))
def test_words_cover_any_text(text):
    for name in ("rjieba", "none"):
        assert "".join(words(name, text)) == text


@pytest.mark.parametrize(
    "text", ["售价350-400美元", "见solaptop.com/en，用C++11和T恤", "3.14%和50%的a_b-c", "-", "a-", "T恤-A股", "AT&T公司"]
)
def test_rjieba_splits_latin_text_like_jieba(text):
    assert words("rjieba", text) == jieba.lcut(text)


def test_rjieba_agrees_with_jieba_on_real_lines():
    """None of 36,571 lines of the benchmark corpus differed when they were measured; here its first 4,000."""
    with lzma.open(shared("data/corpora/bench_wiki2019zh.jsonl.xz"), "rt", encoding="utf-8") as file:
        lines = [line for _, row in zip(range(120), file, strict=False) for line in json.loads(row)["text"].splitlines() if line][:4000]
    assert len(lines) == 4000
    differing = [line for line in lines if words("rjieba", line) != words("jieba", line)]
    assert differing == []
