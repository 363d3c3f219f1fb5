import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import rules
from pipelines.apply_rules import apply_rules
from pipelines.recipe import CleanConfig


def clean(text: str) -> str:
    return apply_rules(text, CleanConfig().text_rules())


def test_short_lines_without_a_sentence_mark_go():
    assert (
        rules.drop_short_lines("首页\n短句。\n九个字没有标点符号\n十个字也没有标点符号\nHome a b c d e", minimum=10)
        == "短句。\n十个字也没有标点符号"
    )
    assert rules.drop_short_lines("首页", minimum=0) == "首页"


def test_lines_with_too_few_han_go():
    text = "中 abc\n中 abcd\nEnglish only.\n中文。\n……"
    assert rules.drop_foreign_lines(text, minimum=0.25) == "中 abc\n中文。"
    assert rules.drop_foreign_lines(text, minimum=0) == text


def test_boilerplate_goes_unless_the_line_is_long():
    text = "正文版权所有的讨论。" + "长" * 60 + "\n版权所有 2020\n作者：某人\n作者说：好\n正文。"
    assert rules.drop_boilerplate_lines(text) == "正文版权所有的讨论。" + "长" * 60 + "\n作者说：好\n正文。"
    assert rules.drop_boilerplate_lines("甲乙", words=("乙",), maximum=2) == ""
    assert rules.drop_boilerplate_lines("甲乙丙", words=("乙",), maximum=2) == "甲乙丙"
    assert rules.drop_boilerplate_lines("来源:甲", labels=()) == "来源:甲"


def test_too_few_han_counts_only_han():
    assert rules.too_few_han("你好 world", minimum=2) is None
    assert rules.too_few_han("你好 world", minimum=3) == "2 Han characters, fewer than 3"


def test_low_han_share_leaves_out_white_space():
    assert rules.low_han_share("你好 ab\n", minimum=0.5) is None
    assert rules.low_han_share("你好 abc", minimum=0.5) == "Han characters: 2 of 5, less than 0.5"


def test_japanese_and_korean():
    assert rules.too_much_kana("日本語の", maximum=0.25) is None
    assert rules.too_much_kana("日本のカ", maximum=0.25) == "kana among kana and Han: 2 of 4, more than 0.25"
    assert rules.too_much_hangul("中文中한", maximum=0.25) is None
    assert rules.too_much_hangul("中文한국", maximum=0.25) == "Hangul among Hangul and Han: 2 of 4, more than 0.25"


def test_repeated_lines_count_after_their_first():
    assert rules.repeated_lines("甲甲\n乙乙\n甲甲\n丙丙", maximum=0.25) is None
    assert rules.repeated_lines("甲甲\n乙乙\n甲甲", maximum=0.25) == "characters in lines that stood before: 2 of 6, more than 0.25"
    assert rules.repeated_lines("甲\n乙", maximum=0) is None


def test_symbols():
    assert rules.too_many_symbols("好好好★", maximum=0.25) is None
    assert rules.too_many_symbols("好 ★#，", maximum=0.25) == "symbols: 2 of 4, more than 0.25"


def test_bullet_lines():
    assert rules.bullet_lines("·甲\n" * 9 + "乙", maximum=0.9) is None
    assert rules.bullet_lines("\n".join(["·甲"] * 10), maximum=0.9) == "lines that begin with a bullet: 10 of 10, more than 0.9"
    assert rules.bullet_lines("\n".join(["·甲"] * 9), maximum=0) is None  # too few lines to be a list


def test_ellipsis_lines():
    text = "\n".join(["甲…", "乙...", "丙…）"] + ["丁……"] * 7)
    assert rules.ellipsis_lines(text, maximum=0.3) is None
    assert rules.ellipsis_lines(text, maximum=0.2) == "lines that end with an ellipsis: 3 of 10, more than 0.2"


def test_garbled():
    assert rules.garbled("好好好\ufffd", maximum=0.25) is None
    assert rules.garbled("好□\ufffd", maximum=0.25) == "replacement characters: 2 of 3, more than 0.25"
    assert rules.garbled("锟斤拷好", maximum=0.5) == "replacement characters: 3 of 4, more than 0.5"


def test_a_page_becomes_its_sentences():
    page = (
        "---\ntitle: 天气\n---\n# 天气预报\n\n![图](a.png)\n\n首页 | 新闻\n\n今天**天气**很好[^1]，见[链接](http://a.cn)。\r\n"
        "```\nls -l\n```\n&nbsp;&nbsp;明天会下雨，&quot;记得带伞&quot;。\n\n作者：小明\nCopyright 2020\n"
    )
    assert clean(page) == '今天天气很好，见链接。\n明天会下雨，"记得带伞"。'


PROSE = [
    "谢玄，字幼度，小名羯儿，因此也有人称呼他为“谢羯”或“谢遏”。",
    "会议由中国人民大学统计学院、北京大学商务智能研究中心主办（2014 年 5 月 24 日）。",
    "他说：“你来了？”我说：“来了！”",
    "用 Ansible 来交付 Vagrant 实例时，先安装 Python 3.11；再运行它。",
    "「台北」的天氣——很好……真的嗎？",
    "温度是-5℃，增长了3.5%，共1,234人，比例为1:2。",
]


@pytest.mark.parametrize("sentence", PROSE)
def test_clean_prose_survives_to_the_character(sentence):
    assert clean(sentence) == sentence


@given(st.text(st.characters(), max_size=200))
def test_the_rules_never_fail_and_leave_text_that_utf8_holds(text):
    result = clean(text)
    result.encode()
    assert "\n\n" not in result
    assert not result.startswith((" ", "\n"))
    for rule in CleanConfig().document_rules().values():
        rule(result)


@given(st.text(st.sampled_from("甲乙，。 a1\n"), max_size=100))
def test_line_rules_only_drop_whole_lines(text):
    lines = text.split("\n")
    for rule in CleanConfig().line_rules().values():
        kept = rule(text)
        assert kept == "" or set(kept.split("\n")) <= set(lines)
        assert rule(kept) == kept


@pytest.mark.parametrize(
    "part", ["甲", "甲，\n", "a[1](", "**甲 ", "```\n甲\n", "== 甲 =", "<p>", "&lt;", "1. ", "版权所有", "甲\r\n\u3000"]
)
def test_giant_texts_pass_the_whole_recipe(part):
    text = part * (1_000_000 // len(part))
    result = clean(text)
    assert len(result) <= len(text)
    for rule in CleanConfig().document_rules().values():
        rule(result)
