import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.main_text import extract_page

PROSE = "今天上午，会议在北京举行，与会代表讨论了有关问题。"
MENU = "<ul>" + "".join(f"<li><a href='/{i}'>频道{i}</a></li>" for i in range(20)) + "</ul>"
PAGE = f"""<!DOCTYPE html><html><head><title>会议举行_某某网</title><link rel="canonical" href="https://a.cn/1"></head><body>
<div>{MENU}</div><div id="main"><h1>会议举行</h1><p>{PROSE}</p>
<h2>背景</h2><p>{PROSE}<a href="/x">链接</a>，后来也是。</p></div>
<div class="side"><p>热门：<a href="/y">另一条新闻的很长很长的标题，请点击这里</a></p>{MENU}</div>
<footer><p>版权所有，未经许可，不得转载。</p></footer></body></html>"""


def test_the_main_text_is_found_between_menus():
    page = extract_page(PAGE)
    assert page.text == f"{PROSE}\n背景\n{PROSE}链接，后来也是。"
    assert page.title == "会议举行_某某网"
    assert page.url == "https://a.cn/1"


def test_many_sections_are_all_main_text():
    sections = "".join(f"<div><h2>第{i}节</h2><div><p>{PROSE}{i}</p></div></div>" for i in range(5))
    page = extract_page(f"<body><div>{MENU}</div><div>{sections}</div></body>")
    assert page.text == "\n".join(f"第{i}节\n{PROSE}{i}" for i in range(5))


def test_lines_broken_by_br_are_blocks():
    assert extract_page(f"<div>{PROSE}<br>{PROSE}</div>").text == f"{PROSE}\n{PROSE}"


@pytest.mark.parametrize("inside", ["<script>{}</script>", "<style>{}</style>", "<ruby>汉<rt>{}</rt></ruby>", "<!--{}-->"])
def test_hidden_elements_are_no_text(inside):
    text = extract_page(f"<p>{PROSE}{inside.format('隐，藏。')}尾</p>").text
    assert "隐" not in text
    assert text.startswith(PROSE)
    assert text.endswith("尾")


def test_code_is_no_text():
    assert extract_page(f"<p>{PROSE}</p><pre>x = 1，y = 2。</pre><p>{PROSE}</p>").text == f"{PROSE}\n{PROSE}"


def test_a_form_around_the_page_and_inline_elements():
    assert extract_page(f"<form><div><p><b>{PROSE[:5]}</b>{PROSE[5:]}</p></div></form>").text == PROSE


def test_a_line_end_between_han_characters_is_none():
    assert (
        extract_page("<p>今天上午，会\n  议在北京\u3000举行，very\n good 与会代表 讨论。</p>").text
        == "今天上午，会议在北京 举行，very good 与会代表 讨论。"
    )


def test_keywords_without_marks_are_no_prose_however_long():
    keywords = " ".join(["关键词语"] * 500)
    assert extract_page(f"<body><div>{keywords}</div><div><p>{PROSE}</p></div></body>").text == PROSE


def test_a_page_of_links_or_nothing_has_no_main_text():
    assert extract_page(f"<title>甲</title>{MENU}") == ("甲", "", None)
    assert extract_page("") == ("", "", None)
    assert extract_page("\x00") == ("", "", None)


def test_no_depth_of_elements_loses_text():
    for depth in (100, 5000):
        assert extract_page("<div>" * depth + PROSE).text == PROSE
        assert extract_page(f"<p><font>{PROSE}" * depth).text.count(PROSE) == depth


def test_plain_text_is_a_page_of_one_block():
    assert extract_page(PROSE).text == PROSE


@given(st.text(max_size=300) | st.text(alphabet="<>/apdivtrb !-=\"'&;好，。\n", max_size=300))
def test_any_text_is_a_page_that_utf8_can_hold(source):
    page = extract_page(source)
    (page.title + page.text).encode()
    assert not page.text.startswith("\n")
