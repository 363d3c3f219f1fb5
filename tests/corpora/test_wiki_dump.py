import bz2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.records import BadRecord, Document
from corpora.wiki_dump import looks_like_wiki_dump
from tests.corpora.reading import bad, damage, events, texts

HEAD = '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/">\n  <siteinfo>\n    <sitename>维基</sitename>\n  </siteinfo>\n'


def page(title: str, text: str, *, namespace: int = 0, more: str = "", model: str = "wikitext") -> str:
    return (
        f"  <page>\n    <title>{title}</title>\n    <ns>{namespace}</ns>\n    <id>1</id>\n{more}    <revision>\n      <id>2</id>\n"
        f'      <model>{model}</model>\n      <text xml:space="preserve">{text}</text>\n    </revision>\n  </page>\n'
    )


MATHS = page("数学", "'''数学'''是[[科学]]&lt;ref&gt;书&lt;/ref&gt;。\n\n{{模板}}\n后来。")
DUMP = (
    HEAD
    + MATHS
    + page("數學", "#REDIRECT [[数学]]", more='    <redirect title="数学" />\n')
    + page("算术", "#重定向 [[数学]]")
    + page("模板:甲", "文", namespace=10)
    + page("甲.js", "x", model="javascript")
    + page("甲", "甲可以指：{{消歧义}}")
    + page("物理", "物理学。")
    + "</mediawiki>\n"
).encode()


def test_articles_are_documents_and_other_pages_no_errors():
    found = events(DUMP, "mediawiki_xml")
    assert [event.title for event in found if isinstance(event, Document)] == ["数学", "物理"]
    assert texts(found) == ["数学是科学。\n后来。", "物理学。"]
    rejects = [event for event in found if isinstance(event, BadRecord)]
    assert [reject.reason for reject in rejects] == ["redirect", "redirect", "not_an_article", "not_an_article", "disambiguation"]
    assert not any(reject.is_error for reject in rejects)
    assert [DUMP[event.offset :][:6] for event in found] == [b"<page>"] * 7


@pytest.mark.parametrize("range_bytes", [1, 7, 100, 333, 1000, 5000])
def test_ranges_give_the_same_pages(range_bytes):
    assert events(DUMP, "mediawiki_xml", range_bytes=range_bytes) == events(DUMP, "mediawiki_xml")


def test_a_dump_on_one_line_is_read_too():
    assert texts(events(DUMP.replace(b"\n  ", b""), "mediawiki_xml")) == ["数学是科学。\n后来。", "物理学。"]


def test_several_streams_in_one_file():
    assert texts(events(bz2.compress(DUMP[:900]) + bz2.compress(DUMP[900:]), "mediawiki_xml", compression="bz2"))[-1] == "物理学。"


def test_an_end_inside_a_page_is_damage_after_the_whole_ones():
    found = events(DUMP[: DUMP.index("物理学".encode())], "mediawiki_xml")
    assert texts(found) == ["数学是科学。\n后来。"]
    assert damage(found) == [f"the file ends inside the page that begins at byte {DUMP.rindex(b'<page>')}"]


def test_a_broken_page_does_not_spoil_the_next():
    data = DUMP.replace(b"<title>", b"<title", 1)
    found = events(data, "mediawiki_xml")
    assert bad(found)[0] == (data.index(b"<page>"), "invalid_xml")
    assert texts(found) == ["物理学。"]
    found = events(DUMP.replace(b"</page>", b"", 1), "mediawiki_xml")
    assert bad(found)[0] == (DUMP.index(b"<page>"), "invalid_xml")
    assert texts(found) == ["物理学。"]


def test_entities_cannot_be_defined():
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>\n' + page("弹", "&b;").encode()
    assert [reason for _, reason in bad(events(bomb, "mediawiki_xml"))] == ["invalid_xml"]


def test_a_page_over_the_limit_is_a_reject():
    found = events((page("长", "长" * 1000) + page("短", "短。")).encode(), "mediawiki_xml", limit=1000)
    assert bad(found) == [(2, "record_too_long")]
    assert texts(found) == ["短。"]


def test_the_last_revision_counts():
    history = MATHS.replace("</revision>", "</revision><revision><text>新。</text></revision>")
    assert texts(events(history.encode(), "mediawiki_xml")) == ["新。"]


def test_dumps_by_content():
    assert looks_like_wiki_dump(HEAD)
    assert looks_like_wiki_dump("  <page>\n    <title>甲")
    assert not looks_like_wiki_dump("<rss>")


PIECES = st.sampled_from([b"", b"\n", b"<page>", b"</page>\n", b"<", b"&", b"\xff", b"{{", "好".encode()])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_mutated_dump_gives_the_same_in_any_ranges(data):
    position = data.draw(st.integers(100, len(DUMP)))
    mutated = DUMP[:position] + data.draw(PIECES) + DUMP[position + data.draw(st.integers(0, 40)) :]
    assert events(mutated, "mediawiki_xml", range_bytes=data.draw(st.integers(50, 900))) == events(mutated, "mediawiki_xml")


def test_pages_on_a_line_that_nobody_can_hold_are_counted():
    one_line = f"<page><title>甲</title><ns>0</ns><revision><text>{'今天天气很好。' * 100}</text></revision></page>\n"
    dump = (HEAD + one_line + page("物理", "物理学。") + "</mediawiki>\n").encode()
    assert len(texts(events(dump, "mediawiki_xml"))) == 2
    found = events(dump, "mediawiki_xml", limit=1000)
    assert texts(found) == ["物理学。"]
    assert bad(found) == [(len(HEAD.encode()), "record_too_long")]
