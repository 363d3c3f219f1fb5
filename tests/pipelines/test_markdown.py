import pytest

from pipelines import markdown


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
        ("## 标题 ##\n标题\n====\n* * *\n#话题", "标题 \n标题\n\n\n#话题"),
        ("> > 引文。\n- 一项。\n* 二项。\n•三项。\n1. 四项。\n- [x] 五项。", "引文。\n一项。\n二项。\n三项。\n四项。\n五项。"),
        ("-5 度，2*3*4，snake_case_name，__init__", "-5 度，2*3*4，snake_case_name，__init__"),
        ("**粗**和*斜*、_斜_、~~删~~、`码`", "粗和斜、斜、删、码"),
        ("|甲|乙|\n|---|---|\n|丙|丁|", " 甲 乙 \n --- --- \n 丙 丁 "),
        ("\\<名字\\>", "<名字>"),
    ],
)  # fmt: skip
def test_markdown(raw, clean):
    assert markdown.strip_markdown(raw) == clean


def test_code_fences_go_with_their_code_but_prose_in_them_stays():
    assert markdown.drop_code_fences("甲\n```bash\nls -l\n```\n乙") == "甲\n乙"
    assert markdown.drop_code_fences("~~~\n这是引文。\n~~~\n乙") == "这是引文。\n乙"
    assert markdown.drop_code_fences("甲\n```\n没有结束") == "甲\n```\n没有结束"
    assert markdown.drop_code_fences("用 ```a``` 表示") == "用 ```a``` 表示"


def test_a_fence_in_a_quotation_is_one_and_one_in_a_line_is_none():
    assert markdown.drop_code_fences("甲\n> ```\n> ls\n> ```\n乙") == "甲\n乙"
    assert markdown.drop_code_fences("甲 ```\nls\n乙 ```\n丙") == "甲 ```\nls\n乙 ```\n丙"


def test_strong_text_that_an_editor_nested_badly():
    assert markdown.strip_markdown("**央视网消****息**（新闻）") == "央视网消息（新闻）"
    assert markdown.strip_markdown("**甲**\n****乙 **丙**丁**") == "甲\n乙 丙丁"
    assert markdown.strip_markdown("**新增病例达新高 **\n甲") == "新增病例达新高 \n甲"
    assert markdown.strip_markdown("***甲**\n**乙***") == "甲\n乙"
    assert markdown.strip_markdown("他**的") == "他**的"
    assert markdown.strip_markdown("2** 3 和 4 **5") == "2** 3 和 4 **5"


def test_a_longer_fence_closes_and_a_shorter_one_does_not():
    assert markdown.drop_code_fences("````\na\n```\nb\n````\n乙") == "乙"


def test_front_matter_goes_and_a_rule_stays():
    assert markdown.drop_front_matter("---\ntitle: 题\ndate: 1\n---\n正文") == "正文"
    assert markdown.drop_front_matter("---\n正文\n---\n") == "---\n正文\n---\n"
