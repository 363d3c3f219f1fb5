import pytest

from pipelines import html_markup


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
    assert html_markup.strip_html(raw) == clean


@pytest.mark.parametrize(
    ("raw", "clean"),
    [("&lt;b&gt;&amp;&#20013;&#x6587;", "<b>&中文"), ("?a=1&copy=2", "?a=1&copy=2"), ("AT&T;", "AT&T;"), ("&#55357;", "\ufffd")],
)
def test_entities(raw, clean):
    assert html_markup.unescape_entities(raw) == clean
