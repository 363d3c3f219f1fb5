import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.html import MAX_PAGE_BYTES, decode_page, looks_like_html, read_page
from corpora.records import BadRecord, Document
from tests.corpora.reading import bad, events

PROSE = "今天上午，会议在北京举行，与会代表讨论了有关的问题。"
PAGE = f"<html><head><meta charset='%s'><title>甲</title></head><body><p>{PROSE}</p></body></html>"


def test_a_file_is_a_page():
    data = (PAGE % "utf-8").encode()
    assert events(data, "html") == [Document(0, len(data), "甲", PROSE)]
    assert events(b" \n", "html") == []


def test_a_page_without_prose_is_no_error():
    (reject,) = events("<title>登录</title><a href='/'>首页</a>".encode(), "html")
    assert reject == BadRecord(0, 43, "no_main_text", "the page has no prose", "登录", is_error=False)


@pytest.mark.parametrize("declared", ["utf-8", "gb2312", "big5", "iso-8859-1", "nonsense", "hex"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "big5hkscs"])
def test_evidence_goes_before_what_a_page_declares(declared, encoding):
    page = (PAGE % declared).replace("会议", "會議") if encoding == "big5hkscs" else PAGE % declared
    page = page.replace("举行", "舉行").replace("与会", "與會").replace("讨论", "討論").replace("关", "關").replace("问题", "問題")
    assert decode_page(page.encode(encoding)) == page
    assert decode_page(page.encode(encoding), None, declared) == page


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("euc_jp", "これは日本語のページです。今日はとてもいい天気ですね。みんなで公園へ行きましょう。"),
        ("shift_jis", "これは日本語のページです。今日はとてもいい天気ですね。みんなで公園へ行きましょう。"),
        ("windows-1251", "Это страница на русском языке. Сегодня очень хорошая погода, и мы идём в парк."),
    ],
)
def test_a_page_of_another_language_is_in_the_encoding_that_it_declares(encoding, text):
    page = f"<meta http-equiv=content-type content='text/html; charset={encoding}'>{text}"
    assert decode_page(page.encode(encoding)) == page


def test_a_broken_character_does_not_cost_the_page():
    data = (PAGE % "utf-8").encode().replace("北".encode(), b"\xe5\x8c")
    (document,) = events(data, "html")
    assert document.text == PROSE.replace("北", "\ufffd")


def test_a_giant_page_is_a_reject():
    assert bad([read_page(3, b"a" * (MAX_PAGE_BYTES + 1))]) == [(3, "record_too_long")]


def test_the_address_from_outside_goes_before_that_of_the_page():
    page = (PAGE % "utf-8").replace("<title>", "<link rel='canonical' href='http://b.cn/'><title>").encode()
    assert read_page(0, page).url == "http://b.cn/"
    assert read_page(0, page, url="http://a.cn/").url == "http://a.cn/"


def test_pages_by_content_and_by_name():
    assert looks_like_html("<!-- 注 -->\n<!DOCTYPE html>\n<html>", ".txt")
    assert looks_like_html('<?xml version="1.0"?>\n<html xmlns="x">', "")
    assert looks_like_html("<div>甲</div>", ".htm")
    assert not looks_like_html("<div>甲</div>", ".txt")
    assert not looks_like_html("甲乙", ".html")
    assert not looks_like_html("<!---->" * 2000 + "甲", "")


@given(st.binary(max_size=300), st.sampled_from(["utf-8", "gb18030", "unknown", None]), st.sampled_from([None, "x", "utf-16", "\0"]))
def test_any_bytes_are_a_page_or_a_reject(data, decided, declared):
    event = read_page(0, data, decided=decided, declared=declared)
    (event.text if isinstance(event, Document) else event.excerpt).encode()
