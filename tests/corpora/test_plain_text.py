from corpora.plain_text import is_blank
from corpora.records import BadRecord, Document
from tests.corpora.reading import bad, events, texts


def test_text_is_one_document_a_file():
    assert events("第一行。\n\n第二行。\n".encode(), "text") == [Document(0, 26, "", "第一行。\n\n第二行。")]
    assert events(b"", "text") == []


def test_a_text_over_the_limit_is_cut_at_the_end_of_a_line():
    assert events(b"abcd\nefg", "text", limit=8) == [Document(0, 8, "", "abcd\nefg")]
    assert events(b"abcd\nefg\nhi", "text", limit=7) == [Document(0, 4, "", "abcd"), Document(5, 6, "", "efg\nhi")]


def test_a_line_over_the_limit_is_a_reject_and_what_is_around_it_is_kept():
    found = events(b"ab\n" + b"x" * 9 + b"\ncd", "text", limit=8)
    assert texts(found) == ["ab", "cd"]
    assert bad(found) == [(3, "record_too_long")]


def test_a_bad_byte_does_not_cost_a_book():
    found = events("好。\n".encode() * 100 + b"\xff" + "好。".encode(), "text")
    assert texts(found) == ["好。\n" * 100 + "\ufffd好。"]


def test_blank_lines_separate_documents():
    found = events("甲。\n乙。\n\n \n丙。\r\n\u3000\u3000\n丁。".encode(), "blank_line")
    assert texts(found) == ["甲。\n乙。", "丙。\r", "丁。"]
    assert [event.offset for event in found] == [0, 17, 32]


def test_each_line_is_a_document():
    assert texts(events("甲。\n\n乙。\n".encode(), "line")) == ["甲。", "乙。"]


def test_what_is_blank():
    assert is_blank(b" \t\r", "utf-8")
    assert is_blank("\u3000\xa0".encode("gb18030"), "gb18030")
    assert is_blank("\ufeff".encode(), "utf-8")
    assert not is_blank("\u3000好".encode(), "utf-8")
    assert not is_blank(b"\xff\xff", "utf-8")


def test_an_invalid_line_is_a_reject_with_its_place_and_the_next_one_is_read():
    found = events("好。\n".encode() + b"\xffab\n" + "好。\n".encode(), "line")
    assert texts(found) == ["好。", "好。"]
    assert bad(found) == [(7, "invalid_encoding")]
    (reject,) = (event for event in found if isinstance(event, BadRecord))
    assert reject.message == "byte 0 of the record is not utf-8: invalid start byte"
    assert reject.excerpt == "\ufffdab"


def test_gb18030_is_decoded():
    assert texts(events("医家。\n".encode("gb18030"), "line", encoding="gb18030")) == ["医家。"]
