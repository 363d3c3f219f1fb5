import json
import lzma
import tarfile
import textwrap
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.normalization import normalize_characters
from pipelines.reflow import join_wrapped_lines
from tests.shared_data import shared

PROSE = (
    "人受气于谷，谷入于胃，以传于肺，五脏六腑皆以受气，清者为营，浊者为卫，营行脉中，卫行脉外，故行脉中者为营，行脉外者为卫也。"
    "凡谷之入，必先至于胃，万物归土之义也，坤土不敢自专，精微上输于肺，盖地道卑而上行也，肺为干金，所受精微，下溉脏腑，盖天道下济而光明也。"
    "金土互输，地天交泰，清而上升者为营血，阴生于阳也，浊而下降者为卫气，阳根于阴也，营血为阴，故行脉中，卫气为阳，故行脉外也。"
)


def wrap(text: str, width: int) -> str:
    return "\n".join(text[start : start + width] for start in range(0, len(text), width))


@pytest.mark.parametrize("width", [20, 30, 40])
def test_a_wrapped_paragraph_becomes_one_line(width):
    assert join_wrapped_lines(wrap(PROSE, width)) == PROSE


@pytest.mark.parametrize("width", [15, 70])
def test_what_is_too_narrow_or_too_wide_is_not_wrapped(width):
    assert join_wrapped_lines(wrap(PROSE, width)) == wrap(PROSE, width)


def test_blank_lines_and_indents_begin_paragraphs():
    indented = "\n".join("  " + wrap(PROSE, 30) for _ in range(2))
    assert join_wrapped_lines(indented) == f"  {PROSE}\n  {PROSE}"
    assert join_wrapped_lines(f"{wrap(PROSE, 30)}\n\n{wrap(PROSE, 30)}") == f"{PROSE}\n\n{PROSE}"


def test_a_paragraph_that_ends_in_the_middle_is_not_joined_to_the_next():
    text = "\n".join(
        wrap(PROSE[:-1] + "也", 31) + "\n" + item for item in ("1. 第一条", "（二）第二条", "第三章 论脉", "【按】此说甚是", "- 又")
    )
    assert join_wrapped_lines(text).count("\n") == 9


def test_between_latin_words_a_space_takes_the_place_of_the_break():
    lines = wrap(PROSE, 30).split("\n")
    lines[2:2] = ["其说见于某书，云人之受病，有内有外，有虚有实，谓之 blood", "flow 者也，然则脉之名义，古今所论，各有不同，不可不知，"]
    assert "谓之 blood flow 者也" in join_wrapped_lines("\n".join(lines))


VERSE = "\n".join(["春眠不觉晓，处处闻啼鸟，夜来风雨声，花落知多少。"] * 8)
TITLES = "\n".join(f"某市召开会议，研究部署{'各项' * (i % 7)}工作并提出第{i}次明确要求和具体措施" for i in range(20))
DIALOGUE = "\n".join(["他看了看窗外，慢慢地说道：“今天的天气很好，我们一起出去走走吧。”"] * 8)
PARAGRAPHS = "\n".join([PROSE] * 5)
TABLE = "\n".join(["| 名称，别名 | 说明，用法以及需要注意的事情若干 | 产地，时间"] * 8)


@pytest.mark.parametrize("text", [VERSE, TITLES, DIALOGUE, PARAGRAPHS, TABLE, "", "\n" * 10, "甲\n" * 10])
def test_verse_lists_dialogue_tables_and_paragraphs_stay_lines(text):
    assert join_wrapped_lines(text) == text


PIECES = st.lists(
    st.sampled_from([wrap(PROSE, 30), wrap(PROSE, 38), VERSE, "\n", "\n\n", " ", "  ", "甲，", "a", "1. ", "\ud800"]), max_size=12
)


@given(PIECES.map("".join) | st.text(st.characters(), max_size=60))
def test_only_newlines_and_blanks_go_and_once_is_enough(text):
    joined = join_wrapped_lines(text)
    assert "".join(joined.split()) == "".join(text.split())
    assert join_wrapped_lines(joined) == joined


@pytest.mark.parametrize("text", ["甲" * 5_000_000, "甲，\n" * 500_000, wrap(PROSE * 5_000, 30), (wrap(PROSE, 30) + "\n1. ") * 3_000])
def test_giant_texts(text):
    assert len(join_wrapped_lines(text)) <= len(text)


def test_real_articles_are_not_wrapped():
    with lzma.open(shared("data/corpora/bench_wiki2019zh.jsonl.xz"), "rt", encoding="utf-8") as file:
        texts = [normalize_characters(json.loads(line)["text"]) for line in islice(file, 500)]
    assert [text[:50] for text in texts if join_wrapped_lines(text) != text] == []


def test_real_old_books_are_reflowed():
    shares = []
    with tarfile.open(shared("data/corpora/gb18030_books.tar.xz")) as archive:
        for member in islice((member for member in archive if member.isfile()), 8):
            text = normalize_characters(archive.extractfile(member).read().decode("gb18030", "replace"))
            joined = join_wrapped_lines(text)
            assert "".join(joined.split()) == "".join(text.split())
            shares.append(joined.count("\n") / text.count("\n"))
    assert sum(share < 0.9 for share in shares) >= 6


ENGLISH = (
    "The road went up the hill, past the last of the houses, and came out on a wide field. Nobody had walked there that morning, and the "
    "snow lay as it had fallen. He stopped, looked back at the village, and thought of the letter in his pocket, which he had not opened. "
    "It could wait. The wind had turned, though, and with it came the smell of smoke, of wood and of something sweet."
)


@pytest.mark.parametrize("width", [60, 72, 79])
def test_english_is_joined_with_spaces_where_no_han_is_asked_for(width):
    wrapped = textwrap.fill(ENGLISH, width)
    assert join_wrapped_lines(wrapped) == wrapped
    joined = join_wrapped_lines("\n\n".join([wrapped] * 3), min_han=0)
    assert all(line.endswith(".") for line in joined.split("\n") if line)  # a line that ends with a sentence stays one
    assert joined.replace("\n\n", "\t").replace("\n", " ") == "\t".join([ENGLISH] * 3)
    assert joined.count("\n") < wrapped.count("\n") * 3
