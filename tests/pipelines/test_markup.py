import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import markup
from pipelines.markup import MARKUP_RULES

NASTY = st.text(st.characters(), max_size=80) | st.lists(
    st.sampled_from(
        [
            *list("[]()!*_`~#|<>{}='&;\\\n -—好a1：/."),
            "```",
            "{{",
            "}}",
            "[[",
            "]]",
            "<!--",
            "-->",
            "<script>",
            "http://",
            "---\n",
            "\ud800",
        ]
    ),
    max_size=60,
).map("".join)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("甲<!-- 注\n释 -->乙", "甲乙"),
        ("甲<!-- 没有结束", "甲<!-- 没有结束"),
        ("甲<script src='a'>var 变量;</script>乙<STYLE>p{}</style >丙", "甲乙丙"),
        ("<p class='a'>一段。</p><br/>二<b>粗</b>", "\n一段。\n\n二粗"),
        ("<ruby>中断<rt>interrupt</rt></ruby>", "中断"),
        ("把 <username> 换成 List<String>，a < b 且 c > d", "把 <username> 换成 List<String>，a < b 且 c > d"),
        ("用 `<div>` 元素", "用 `<div>` 元素"),
        ("<!DOCTYPE html>文", "文"),
    ],
)
def test_html(raw, clean):
    assert markup.strip_html(raw) == clean


@pytest.mark.parametrize(
    ("raw", "clean"),
    [("&lt;b&gt;&amp;&#20013;&#x6587;", "<b>&中文"), ("?a=1&copy=2", "?a=1&copy=2"), ("AT&T;", "AT&T;"), ("&#55357;", "\ufffd")],
)
def test_entities(raw, clean):
    assert markup.unescape_entities(raw) == clean


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("见[这里](http://a.cn/b_(c) \"题\")和[那里][2]。", "见这里和那里。"),
        ("见[那里] [2]。", "见那里。"),
        ("![图](a.png)[![标](b.svg)](http://c)文", "文"),
        ("[注](见下文)", "[注](见下文)"),
        ("数学的历史[1][2]很长[^3]。", "数学的历史很长。"),
        ("取a[1]的值", "取a[1]的值"),
        ("[1]:http://a.cn\n[#]: author: (x)\n[注释]: 这里说明", "\n\n[注释]: 这里说明"),
        ("[^1]: 脚注的文字。", "脚注的文字。"),
        ("## 标题 ##\n标题\n====\n* * *\n#话题", "标题\n标题\n\n\n#话题"),
        ("> > 引文。\n- 一项。\n* 二项。\n•三项。\n1. 四项。\n- [x] 五项。", "引文。\n一项。\n二项。\n三项。\n四项。\n五项。"),
        ("-5 度，2*3*4，snake_case_name，__init__", "-5 度，2*3*4，snake_case_name，__init__"),
        ("**粗**和*斜*、_斜_、~~删~~、`码`", "粗和斜、斜、删、码"),
        ("|甲|乙|\n|---|---|\n|丙|丁|", " 甲 乙 \n --- --- \n 丙 丁 "),
        ("\\<名字\\>", "<名字>"),
    ],
)  # fmt: skip
def test_markdown(raw, clean):
    assert markup.strip_markdown(raw) == clean


def test_code_fences_go_with_their_code_but_prose_in_them_stays():
    assert markup.drop_code_fences("甲\n```bash\nls -l\n```\n乙") == "甲\n乙"
    assert markup.drop_code_fences("~~~\n这是引文。\n~~~\n乙") == "这是引文。\n乙"
    assert markup.drop_code_fences("甲\n```\n没有结束") == "甲\n```\n没有结束"
    assert markup.drop_code_fences("用 ```a``` 表示") == "用 ```a``` 表示"


def test_a_longer_fence_closes_and_a_shorter_one_does_not():
    assert markup.drop_code_fences("````\na\n```\nb\n````\n乙") == "乙"


def test_front_matter_goes_and_a_rule_stays():
    assert markup.drop_front_matter("---\ntitle: 题\ndate: 1\n---\n正文") == "正文"
    assert markup.drop_front_matter("---\n正文\n---\n") == "---\n正文\n---\n"


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("== 历史 ==\n正文。", "历史\n正文。"),
        ("'''数学'''是[[科学|一种''科学'']]。", "数学是一种科学。"),
        ("[[文件:a.jpg|thumb|[[甲]]图]]文[[Category:数学]]", "文"),
        ("{{甲|{{乙}}}}文", "文"),
        ("{| class=a\n| 甲\n|}\n文", "\n文"),
        ("-{zh-hans:计算机;zh-hant:電腦}-和-{后}-", "计算机和后"),
        ("[http://a.cn 链接]文__NOTOC__", "链接文"),
    ],
)
def test_wiki(raw, clean):
    assert markup.strip_wiki(raw) == clean


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("见http://a.cn/b?c=1&d=2。下文", "见。下文"),
        ("<HTTPS://a.cn>和www.b.cn/c的", "和的"),
        ("协议是 s3://a", "协议是 s3://a"),
        ("me@www.a.cn", "me@www.a.cn"),
        ("://", "://"),
    ],
)
def test_urls(raw, clean):
    assert markup.drop_urls(raw) == clean


@pytest.mark.parametrize(
    ("raw", "clean"), [("甲（，）乙《》丙([])丁", "甲乙丙丁"), ("main() 和 a[]", "main() 和 a[]"), ("（甲）()", "（甲）"), ("（]", "（]")]
)
def test_empty_brackets(raw, clean):
    assert markup.drop_empty_brackets(raw) == clean


@pytest.mark.parametrize("rule", MARKUP_RULES)
@given(NASTY)
def test_no_text_makes_a_rule_fail(rule, text):
    assert isinstance(rule(text), str)


@pytest.mark.parametrize(
    "part",
    [
        "<script>",
        "<!--",
        "[",
        "[](",
        "![",
        "[[",
        "{{",
        "**a",
        "_a",
        "`a",
        "```\n",
        "(",
        "（",
        "://",
        "http://",
        "<a ",
        "&#1",
        "-{",
        "# ",
        "> ",
        "|",
        "\\",
        "= ",
        "{|\n",
        "~~a",
    ],
)
@pytest.mark.parametrize("rule", MARKUP_RULES)
def test_no_repetition_makes_a_rule_slow(rule, part):
    text = part * (400_000 // len(part))
    begin = time.perf_counter()
    rule(text)
    assert time.perf_counter() - begin < 2
