import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.wikitext import strip_wikitext


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("'''数学'''是''科学''。", "数学是科学。"),
        ("甲{{模板|乙=[[丙]]|{{丁}}}}戊", "甲戊"),
        (
            "（{{lang|en|China}}）由{{link-en|约翰|John}}、{{tsl|en|Foo|福}}和{{nowrap|某 人}}{{noteTA|G1=x}}建立",
            "（China）由约翰、福和某 人建立",
        ),
        ("在[[东亚]]的[[长城|万里长城]]上", "在东亚的万里长城上"),
        ("[[File:a.jpg|thumb|图中的[[长城]]]]文[[文件:b.png]][[Category:亚洲]][[en:Asia]][[zh-yue:亞洲]]", "文"),
        ("见[[:Category:亚洲]]和[[CSI:犯罪现场]]", "见Category:亚洲和CSI:犯罪现场"),
        ('文<ref>书<br>页</ref>一<ref name="a" />二<ref name=b>x</ref>', "文一二"),
        ("<math>a<b</math>式<!-- 注\n释 -->子<br />行<small>小</small><nowiki>[</nowiki>", "式子\n行小["),
        ('前\n{| class="wikitable"\n|-\n| [[甲]] || {{乙|\n|}}\n|}\n后', "前\n后"),
        ("前\n{|\n| 甲\n{|\n| 内\n|}\n|}\n后", "前\n后"),
        ("前\n{| 没有结尾\n| 甲\n! 乙\n后", "前\n后"),
        ("* 一\n## 二\n: 三", "一\n二\n三"),
        ("见[http://a.cn/b 官网]和[//b.cn]", "见官网和"),
        ("__NOTOC__文-{zh-hans:计算机;zh-hant:電腦}-", "文-{zh-hans:计算机;zh-hant:電腦}-"),
        ("前{{没有结尾|[[甲]]", "前{{没有结尾|甲"),
        ("前}}后]]", "前}}后]]"),
        ("a = b\n==x", "a = b\n==x"),
        ("{{a|[[b}}c]]", "c]]"),
    ],
)
def test_what_a_reader_sees(source, text):
    assert strip_wikitext(source) == text


def test_headings_go_and_lists_of_sources_with_them():
    source = "序。\n== 历史 ==\n古。\n=== 参考文献 ===\n* 书一\n==== 书籍 ====\n* 书二\n=== 近代 ===\n今。\n"
    source += "== 外部链接 ==\n* 网\n=== 官方 ===\n* 站"
    assert strip_wikitext(source) == "序。\n古。\n今。"


@pytest.mark.parametrize("piece", ["{{", "[[", "{{a|", "<ref>", "<!--", "{|\n", "==", "= ", "'", "[http://", "}}", "\n \n", "<br "])
def test_the_time_is_linear_in_what_is_left_open(piece):
    strip_wikitext(piece * 200_000)


@given(st.text(max_size=200) | st.text(alphabet="{}[]|=<>!-/ref'\n*甲。 ", max_size=200))
def test_any_text_is_wikitext(source):
    text = strip_wikitext(source)
    assert text == text.strip()
    assert "\n\n" not in text
