import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.records import Document
from corpora.wikiextractor import looks_like_wikiextractor
from tests.corpora.reading import bad, damage, events, texts

FIRST = '<doc id="13" url="https://zh.wikipedia.org/wiki?curid=13" title="数学">\n数学\n\n数学是科学。\n\n后来。\n\n</doc>\n'
SECOND = '<doc id="18" revid="3" url="u?a=1&amp;b=2" title="“A" &amp; B">\n甲。\n</doc>\n'
EMPTY = '<doc id="19" url="v" title="空">\n空\n\n</doc>\n'
FILE = (FIRST + SECOND + EMPTY).encode()


def test_each_doc_is_a_document_without_the_line_that_repeats_its_title():
    found = events(FILE, "wikiextractor")
    assert found == [
        Document(0, len(FIRST.encode()) - 1, "数学", "数学是科学。\n\n后来。", "https://zh.wikipedia.org/wiki?curid=13"),
        Document(len(FIRST.encode()), len(SECOND.encode()) - 1, '“A" & B', "甲。", "u?a=1&b=2"),
        Document(len((FIRST + SECOND).encode()), len(EMPTY.encode()) - 1, "空", "", "v"),
    ]


@pytest.mark.parametrize("range_bytes", [1, 13, 50, 101, 200])
def test_ranges_give_the_same_documents(range_bytes):
    assert events(FILE, "wikiextractor", range_bytes=range_bytes) == events(FILE, "wikiextractor")


def test_windows_line_ends():
    found = events(FILE.replace(b"\n", b"\r\n"), "wikiextractor")
    assert [event.title for event in found] == ["数学", '“A" & B', "空"]
    assert texts(found)[1] == "甲。"


def test_what_stands_outside_is_a_reject():
    found = events("前言\n".encode() + FIRST.encode() + "\n后\n记\n".encode() + SECOND.encode(), "wikiextractor")
    assert texts(found) == ["数学是科学。\n\n后来。", "甲。"]
    assert [reason for _, reason in bad(found)] == ["outside_of_documents"] * 2


def test_a_document_without_an_end_is_ended_by_the_next():
    assert texts(events(FILE.replace(b"</doc>\n", b"", 1), "wikiextractor"))[:2] == ["数学是科学。\n\n后来。", "甲。"]


def test_an_end_inside_a_document_is_damage():
    found = events(FILE[: len(FIRST.encode()) + 70], "wikiextractor")
    assert texts(found) == ["数学是科学。\n\n后来。"]
    assert damage(found) == [f"the file ends inside the document that begins at byte {len(FIRST.encode())}"]


def test_a_document_over_the_limit_is_a_reject():
    found = events(FILE, "wikiextractor", limit=100)
    assert bad(found) == [(0, "record_too_long")]
    assert texts(found) == ["甲。", ""]


def test_by_content():
    assert looks_like_wikiextractor(FIRST)
    assert not looks_like_wikiextractor("<doc>\n<url>")


PIECES = st.sampled_from([b"", b"\n", b"</doc>\n", b"\n<doc id=>\n", b"<", b"\xff", b">", "好".encode()])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_mutated_file_gives_the_same_in_any_ranges(data):
    position = data.draw(st.integers(20, len(FILE)))
    mutated = FILE[:position] + data.draw(PIECES) + FILE[position + data.draw(st.integers(0, 40)) :]
    assert events(mutated, "wikiextractor", range_bytes=data.draw(st.integers(20, 300))) == events(mutated, "wikiextractor")
