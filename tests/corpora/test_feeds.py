import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.feeds import looks_like_feed, read_feed
from corpora.records import BadRecord, Document
from corpora.sections import Section
from tests.corpora.reading import bad, events, texts

RSS = """<?xml version="1.0" encoding="gb2312"?><!-- 注 -->
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>博客</title>
<item><title>题&amp;一</title><link>http://a.cn/1</link><description>摘要</description>
<content:encoded><![CDATA[<p>第一段。</p><p>第二段<b>。</b></p>]]></content:encoded></item>
<item><title>题二</title><description>&lt;div&gt;正文&lt;br/&gt;后来&lt;/div&gt;</description></item>
<item/></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom">
<entry><title>题</title><link href="https://a.cn/2"/><content type="html">文。</content></entry></feed>"""


def test_each_post_is_a_document():
    assert events(RSS.encode(), "feed") == [
        Document(0, 45, "题&一", "第一段。\n第二段。", "http://a.cn/1"),
        Document(1, 28, "题二", "正文\n后来"),
        Document(2, 0, "", ""),
    ]
    assert events(ATOM.encode(), "feed") == [Document(0, 6, "题", "文。", "https://a.cn/2")]


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
def test_the_encoding_is_the_one_of_the_file_not_the_declared_one(encoding):
    assert texts(events(RSS.encode(encoding), "feed", encoding=encoding))[1] == "正文\n后来"


def test_what_is_not_xml_is_read_as_far_as_it_goes():
    assert texts(events(RSS.replace("</item>", "", 1).replace("&lt;", "<", 1).encode(), "feed"))[0].startswith("第一段。")
    assert bad(events(b"<rss>", "feed")) == [(0, "no_posts")]
    assert events(b" \n", "feed") == []


def test_entities_cannot_grow():
    entities = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    bomb = entities + "<rss><item><title>弹</title><description>&b;</description></item></rss>"
    assert all("aaaa" not in event.text for event in events(bomb.encode(), "feed") if isinstance(event, Document))


def test_feeds_by_content():
    assert looks_like_feed(RSS)
    assert looks_like_feed(ATOM)
    assert not looks_like_feed("<html>")
    assert not looks_like_feed("<!---->" * 3000)


@given(st.binary(max_size=200) | st.text(alphabet="<>/item tlefd&;!-[]CDATA好", max_size=200).map(str.encode))
def test_any_bytes_are_posts_or_a_reject(data):
    for event in read_feed(Section("a", "utf-8", blocks=[data])):
        (event.text if isinstance(event, Document) else event.excerpt).encode()
        assert isinstance(event, Document | BadRecord)
