import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.fields import Fields
from corpora.files import CorpusFile, FileRange
from corpora.reading import read_range
from corpora.records import BadRecord, DamagedFile, Document
from tests.corpora.reading import bad, events, texts


def only(data: bytes, name: str = "jsonl", **options):
    (event,) = events(data, name, **options)
    return event


def test_wiki2019zh_has_text_title_and_url():
    line = json.dumps({"id": "1", "url": "u", "title": "数学", "text": "数学\n\n正文。"}, ensure_ascii=False).encode()
    assert only(line + b"\n", "wiki2019zh") == Document(0, len(line), "数学", "数学\n\n正文。", "u")


def test_general_json_lines_take_text_before_content():
    assert only('{"content": "内容", "title": 3}'.encode()) == Document(0, 33, "", "内容")
    assert only('{"content": "内容", "text": "正文"}'.encode()).text == "正文"
    assert only('{"标题": "题", "正文": "文"}'.encode()) == Document(0, 34, "题", "文")


@pytest.mark.parametrize(
    ("line", "reason", "message"),
    [
        ("{", "invalid_json", "not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[1]", "no_text", "an array, not an object"),
        ("3", "no_text", "a number, not an object"),
        ("null", "no_text", "null, not an object"),
        ('{"a": 1, "b": 2}', "no_text", "no field text or content (or 24 more); the record has: a, b"),
        ('{"text": null}', "no_text", "field text is null, not a string"),
        ('{"text": [3]}', "no_text", "field text is an array that holds a number, not only strings"),
    ],
)
def test_lines_of_the_wrong_shape_are_rejects_that_say_why(line, reason, message):
    assert only(line.encode()) == BadRecord(0, len(line), reason, message, line)


def test_several_documents_of_a_line_have_offsets_of_their_own():
    record = {"documents": [{"title": "一", "paragraphs": ["甲", "乙"]}, {"paragraphs": 3}, {"paragraphs": ["丙"]}]}
    line = json.dumps(record, ensure_ascii=False).encode()
    found = events(b"\n" + line + b"\n" + line, "dureader")
    assert found[:3] == [
        Document(1, len(line) // 3, "一", "甲\n乙"),
        BadRecord(2, len(line) // 3, "no_text", "field paragraphs is a number, not a string", line.decode()),
        Document(3, len(line) // 3, "", "丙"),
    ]
    assert [event.offset for event in found] == [1, 2, 3, len(line) + 2, len(line) + 3, len(line) + 4]


def test_deep_nesting_is_a_reject():
    assert only(b"[" * 100_000).reason == "invalid_json"


def test_invalid_utf8_is_a_reject_of_its_own():
    found = events(b'{"text": "\xff"}\n{"text": "a"}\n', "jsonl")
    assert bad(found) == [(0, "invalid_encoding")]
    assert texts(found) == ["a"]


def test_what_the_quick_parser_refuses_is_still_read():
    assert only(b'{"text": "a\\ud83db", "score": NaN, "title": "\\udc00t"}') == Document(0, 54, "t", "ab")
    assert only(b'\xef\xbb\xbf{"text": "a"}').text == "a"
    assert only(b'{"text": "a\tb"}').text == "a\tb"
    assert only('{"text": "好"}'.encode("gb18030"), encoding="gb18030").text == "好"


def test_lone_surrogates_go_from_every_field_and_message():
    found = only(b'{"text": "a", "title": "\\ud83d", "url": "u\\ud83d", "x": "\\ud83d"}')
    assert found == Document(0, 65, "", "a", "u")
    assert only(b'{"\\ud83dx": 1}').message == "no field text or content (or 24 more); the record has: x"


def test_blank_lines_are_no_records():
    assert texts(events(b'\n{"text": "a"}\r\n \r\n', "jsonl")) == ["a"]


def test_a_long_line_is_read_and_a_longer_one_is_a_reject():
    line = json.dumps({"text": "a" * 5_000_000}).encode()
    assert len(texts(events(line, "jsonl", limit=6_000_000))[0]) == 5_000_000
    assert bad(events(line + b'\n{"text": "b"}', "jsonl", limit=100)) == [(0, "record_too_long")]


@given(st.binary(max_size=80))
def test_any_bytes_give_events_and_text_that_utf8_can_hold(data):
    for event in events(data, "jsonl"):
        if isinstance(event, Document):
            event.text.encode()
        elif isinstance(event, BadRecord):
            event.message.encode()
            event.excerpt.encode()
        else:
            assert isinstance(event, DamagedFile)  # bytes that begin like a compressed stream


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_any_json_value_is_one_event(value):
    event = only(json.dumps(value).encode())
    (event.text if isinstance(event, Document) else event.message).encode()


@given(st.lists(st.binary(max_size=20) | st.sampled_from([b'{"text": "a"}', b'{"content": ["b"]}', b"[]"]), max_size=8), st.integers(1, 40))
def test_ranges_do_not_matter(lines, range_bytes):
    data = b"{}\n" + b"\n".join(lines)
    assert events(data, "jsonl", range_bytes=range_bytes) == events(data, "jsonl")


def test_fields_given_by_the_user_count():
    data = '{"text": "甲", "body": "乙", "score": 0.5}'.encode()
    file = CorpusFile("a", len(data), "jsonl", None, "utf-8", fields=Fields(text="body", quality="score"))
    found = list(read_range(FileRange(file), lambda path: io.BytesIO(data)))
    assert Document(0, len(data), "", "乙", None, 0.5) in found
