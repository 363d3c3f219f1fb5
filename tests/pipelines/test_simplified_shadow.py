import numpy as np
import opencc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.simplified_shadow import SIMPLIFIED, TRADITIONAL, UNKNOWN, shadow_tables, simplified_shadow
from pipelines.words import Segmenter
from tests.pipelines.segmented import real_lines, texts, words


@pytest.mark.parametrize(
    ("text", "shadow"),
    [
        ("國民革命軍在武漢會師。", "国民革命军在武汉会师。"),
        ("他讀《三國志》，觉得很好看，还想再看。", "他讀《三國志》，觉得很好看，还想再看。"),  # a traditional title in simplified text
        ("聽說\n听说聽\n", "听说\n听说聽\n"),  # each paragraph by itself
        ("讀书𠮷", "讀书□"),  # as many of either
        ("今天天气很好。", "今天天气很好。"),
        ("一二三", "一二三"),  # neither
        ("𠮷野家的㐂", "□野家的□"),
        ("今\ud800天", "今□天"),
        ("", ""),
    ],
)
def test_shadows(text, shadow):
    assert simplified_shadow(text) == shadow


def test_tables_hold_what_opencc_says_of_single_characters():
    classes, shadows = shadow_tables()
    convert = opencc.OpenCC("t2s").convert
    for character in "國龍於發後麼":
        assert classes[ord(character)] == TRADITIONAL
        assert chr(shadows[ord(character)]) == convert(character)
    assert {int(classes[ord(character)]) for character in "国龙发这"} == {SIMPLIFIED}
    assert {int(classes[ord(character)]) for character in "天人a。"} == {0}
    assert {int(classes[ord(character)]) for character in "㐂𠮷\ud800鿖"} == {UNKNOWN}
    assert [int((classes == kind).sum()) for kind in (TRADITIONAL, SIMPLIFIED)] == [3557, 2597]


@given(texts | st.text(st.characters(), max_size=30))
def test_a_shadow_is_as_long_as_its_text_and_keeps_its_lines(text):
    shadow = simplified_shadow(text)
    assert list(map(len, shadow.split("\n"))) == list(map(len, text.split("\n")))
    shadow.encode()  # no surrogates are left


@pytest.mark.parametrize("name", ["rjieba", "jieba"])
def test_traditional_text_has_the_words_of_its_simplified_twin(name):
    traditional, twin = "中華人民共和國的計算機科學發展迅速。", "中华人民共和国的计算机科学发展迅速。"
    assert Segmenter(name).word_starts(traditional).tolist() == Segmenter(name).word_starts(twin).tolist()
    assert words(Segmenter(name), traditional) == ["中華人民共和國", "的", "計算機科學", "發展", "迅速", "。"]


def test_real_lines_in_traditional_characters_have_the_words_of_the_simplified_ones():
    convert = opencc.OpenCC("s2t").convert
    found = total = 0
    for line in real_lines(60)[:1500]:
        twin = convert(line)
        if len(twin) == len(line) and twin != line:
            expected = Segmenter().word_starts(line)
            found += len(np.intersect1d(expected, Segmenter().word_starts(twin)))
            total += len(expected)
    assert total > 20_000
    assert found / total > 0.999  # 0.93 without the shadow; the way to traditional and back is not exact


def test_simplified_real_lines_are_their_own_shadows():
    lines = real_lines(200)
    changed = [line for line in lines if simplified_shadow(line) != line]
    assert len(changed) <= 5, changed
