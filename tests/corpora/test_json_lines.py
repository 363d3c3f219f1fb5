import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.records import BadRecord, Document
from tests.corpora.reading import bad, events, texts


def only(data: bytes, name: str = "jsonl", **options):
    (event,) = events(data, name, **options)
    return event


def test_wiki2019zh_has_text_and_title():
    line = json.dumps({"id": "1", "url": "u", "title": "数学", "text": "数学\n\n正文。"}, ensure_ascii=False).encode()
    assert only(line + b"\n", "wiki2019zh") == Document(0, len(line), "数学", "数学\n\n正文。")


def test_general_json_lines_take_text_before_content():
    assert only('{"content": "内容", "title": 3}'.encode()) == Document(0, 33, "", "内容")
    assert only('{"content": "内容", "text": "正文"}'.encode()).text == "正文"


@pytest.mark.parametrize(
    ("line", "reason", "message"),
    [
        ("{", "invalid_json", "not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[1]", "no_text", "a JSON array, not an object"),
        ("3", "no_text", "a JSON number, not an object"),
        ("null", "no_text", "a JSON null, not an object"),
        ('{"a": 1, "b": 2}', "no_text", "no field text or content; the object has: a, b"),
        ('{"text": null}', "no_text", "field text is a JSON null, not a string"),
        ('{"text": ["a"]}', "no_text", "field text is a JSON array, not a string"),
    ],
)
def test_lines_of_the_wrong_shape_are_rejects_that_say_why(line, reason, message):
    assert only(line.encode()) == BadRecord(0, len(line), reason, message, line)


def test_deep_nesting_is_a_reject():
    assert only(b"[" * 100_000).reason == "invalid_json"


def test_invalid_utf8_is_a_reject_of_its_own():
    found = events(b'{"text": "\xff"}\n{"text": "a"}\n', "jsonl")
    assert bad(found) == [(0, "invalid_encoding")]
    assert texts(found) == ["a"]


def test_what_the_quick_parser_refuses_is_still_read():
    assert only(b'{"text": "a\\ud83db", "score": NaN, "title": "\\udc00t"}') == Document(0, 54, "t", "ab")
    assert only(b'\xef\xbb\xbf{"text": "a"}').text == "a"
    assert only('{"text": "好"}'.encode("gb18030"), encoding="gb18030").text == "好"


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
        else:
            event.message.encode()
            event.excerpt.encode()


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
