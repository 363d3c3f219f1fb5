import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.records import BadRecord, Document
from corpora.tagged import looks_like_tagged
from tests.corpora.reading import bad, events, texts

SOGOU = """<doc>
<url>http://news.example/1</url>
<docno>1</docno>
<contenttitle>题</contenttitle>
<content>正文<br>&amp; 第二句。</content>
</doc>
<doc>
<url>http://news.example/2</url>
<docno>2</docno>
<contenttitle></contenttitle>
<content></content>
</doc>
"""
LCSTS = """<doc id=0>
    <summary>
        摘要
    </summary>
    <short_text>
        正文。
    </short_text>
</doc>
"""


def test_news_of_sogou():
    first = SOGOU.encode().index(b"<doc>", 1)
    assert events(SOGOU.encode(), "sogou_news") == [
        Document(0, first - 1, "题", "正文<br>&amp; 第二句。", "http://news.example/1"),
        Document(first, len(SOGOU.encode()) - first - 1, "", "", "http://news.example/2"),
    ]
    assert texts(events(SOGOU.encode("gb18030"), "sogou_news", encoding="gb18030")) == ["正文<br>&amp; 第二句。", ""]


def test_posts_of_lcsts():
    (found,) = events(LCSTS.encode(), "lcsts")
    assert (found.title, found.text) == ("摘要", "正文。")


def test_what_is_in_no_document_is_a_reject():
    found = events(b"before\n" + LCSTS.encode() + b"\nafter\n\nmore\n" + LCSTS.encode(), "lcsts")
    assert texts(found) == ["正文。", "正文。"]
    assert bad(found) == [(0, "outside_document"), (len(LCSTS.encode()) + 7, "outside_document")]
    assert found[0] == BadRecord(0, 6, "outside_document", "text that is in no <doc>", "before")


def test_a_document_that_does_not_end_ends_where_the_next_begins():
    data = LCSTS.replace("</doc>\n", "").encode() + b"<doc id=1>\n<other>x</other>\n</doc>"
    found = events(data, "lcsts")
    assert texts(found) == ["正文。"]
    assert found[1].message == "no field short_text; the record has: other"


def test_invalid_bytes_and_too_many_reject_their_document_only():
    data = SOGOU.encode().replace("正文".encode(), b"\xff") + SOGOU.encode()
    assert bad(events(data, "sogou_news")) == [(0, "invalid_encoding")]
    long = SOGOU.replace("正文", "正" * 1000).encode() + SOGOU.encode()
    found = events(long, "sogou_news", limit=1000)
    assert bad(found) == [(0, "record_too_long")]
    assert len(texts(found)) == 3


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (SOGOU, "sogou_news"),
        (LCSTS, "lcsts"),
        ("<doc>\n<content>x</content>\n</doc>\n", "tagged"),
        ('<doc id="1" url="u" title="t">\n数学\n', None),
        ("文字", None),
    ],
)
def test_the_layout_is_known_by_its_first_tags(text, kind):
    assert looks_like_tagged(text) == kind


PIECES = st.sampled_from(["<doc>\n", "</doc>\n", "<content>a</content>\n", "文字\n", "\n", "<doc id=1>", "</doc>", " ", "<content>"])


@given(st.lists(PIECES, max_size=20).map("".join), st.integers(1, 40), st.sampled_from([20, 1000]))
def test_ranges_do_not_matter(text, range_bytes, limit):
    whole = events(text.encode(), "tagged", limit=limit)
    assert events(text.encode(), "tagged", limit=limit, range_bytes=range_bytes) == whole
    offsets = [event.offset for event in whole]
    assert offsets == sorted(set(offsets))


@given(st.binary(max_size=60))
def test_any_bytes_give_events(data):
    for event in events(b"<doc>" + data, "tagged"):
        (event.text if isinstance(event, Document) else event.message).encode()
