import pytest

from corpora.records import Document
from tests.corpora.reading import bad, events, texts
from tests.shared_data import shared

BODY = "今天上午，会议在北京举行，与会代表讨论了有关问题。\n"
DIGEST = "# 一周要闻\n\n## 内容提要\n1. 甲\n\n## 详细内容\n\n" + "".join(
    f"### 我国多地出现大范围降雪天气{i}\n\n{BODY}\n#### 背景\n\n{BODY}\n" for i in "甲乙丙"
)
ARTICLE = "# 快速上手\n\n这篇文章讲怎么用。\n\n## 安装\n\n先装好它。\n\n## 配置\n\n再改几行。\n\n## 常见问题\n\n没有。\n"


def titles(found) -> list[str]:
    return [event.title for event in found]


def test_a_digest_is_a_document_an_item():
    found = events(DIGEST.encode(), "markdown")
    assert titles(found) == ["内容提要", *(f"我国多地出现大范围降雪天气{i}" for i in "甲乙丙")]
    assert texts(found)[1] == f"{BODY}\n#### 背景\n\n{BODY}".rstrip("\n")
    data = DIGEST.encode()
    assert [data[event.offset :][:4] for event in found] == [b"## \xe5", *[b"### "] * 3]


def test_an_article_is_one_document_whose_first_heading_is_its_title():
    (document,) = events(ARTICLE.encode(), "markdown")
    assert document.title == "快速上手"
    assert document.text == ARTICLE.partition("\n\n")[2].rstrip("\n")
    assert document.offset == 0


@pytest.mark.parametrize(
    "headings",
    [
        ["如何在项目里引入第三方组件", "如何在项目里配置代理服务器"],  # two are no digest
        ["一、改革开放以来的经济发展", "二、改革开放以来的社会变迁", "三、改革开放以来的文化建设"],
        ["第一章 少年离家去远方的故事", "第二章 风雪夜归人的往事", "第三章 多年以后的重逢与别离"],
        ["安装", "使用", "我国多地出现大范围降雪天气"],
    ],
)
def test_headings_that_are_parts_do_not_separate(headings):
    text = "".join(f"## {heading}\n\n{BODY}\n" for heading in headings)
    assert len(events(text.encode(), "markdown")) == 1


def test_headings_over_code_do_not_separate():
    text = "".join(f"## 如何在项目里引入第三方组件{i}\n\n```js\nimport x\n```\n\n" for i in "甲乙丙")
    assert len(events(text.encode(), "markdown")) == 1
    assert len(events(text.replace("```", "").encode(), "markdown")) == 3


def test_with_a_date_in_the_title_shorter_headings_are_headlines():
    items = "".join(f"## 多地迎来降雪{i}\n\n{BODY}\n" for i in "甲乙丙")
    assert len(events(("# 新闻（20220101）\n\n" + items).encode(), "markdown")) == 3
    assert len(events(("# 新闻\n\n" + items).encode(), "markdown")) == 1


def test_front_matter_has_the_title_and_is_no_text():
    data = '---\ntitle: "春天的故事"\ndate: 2020-01-01\n---\n正文。\n'.encode()
    assert events(data, "markdown") == [Document(0, len(data), "春天的故事", "正文。")]
    assert texts(events("---\n正文。\n".encode(), "markdown")) == ["---\n正文。"]


def test_what_stands_before_the_first_item_is_kept():
    items = "".join(f"# 我国多地出现大范围降雪天气{i}\n\n{BODY}\n" for i in "甲乙丙")
    assert texts(events(("开头的话。\n" + items).encode(), "markdown"))[0] == "开头的话。"


def test_headings_in_code_and_underlined_ones():
    (document,) = events("题目\n====\n\n```\n# 不是标题\n```\n文。\n".encode(), "markdown")
    assert (document.title, document.text) == ("题目", "```\n# 不是标题\n```\n文。")


def test_links_and_emphasis_are_no_part_of_a_title():
    assert titles(events("# [春天](http://a.cn) **的** `故事` ##\n文。\n".encode(), "markdown")) == ["春天 的 故事"]


def test_an_empty_file_and_one_over_the_limit():
    assert events(b"\n \n", "markdown") == []
    assert bad(events(b"# a\n" + b"b" * 100, "markdown", limit=99)) == [(0, "record_too_long")]


def test_gb18030():
    found = events(DIGEST.encode("gb18030"), "markdown", encoding="gb18030")
    assert titles(found)[1] == "我国多地出现大范围降雪天气甲"


def test_a_readme_of_the_shared_data_is_one_document():
    assert len(events(shared("README.md").read_bytes(), "markdown")) == 1
