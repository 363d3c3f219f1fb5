import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.errors import CorpusError
from corpora.fields import Fields, Picked, column_roots, has_text, pick

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "a.b", "text"]), inner, max_size=3),
    max_leaves=10,
)
PATHS = st.lists(st.sampled_from(["a", "b", "text", "1", "2"]), min_size=1, max_size=3).map(".".join)
EXPRESSIONS = st.lists(st.lists(PATHS, min_size=1, max_size=2).map("+".join), min_size=1, max_size=2).map("|".join)


def text_of(value, text, **others):
    """The text that is picked, or the message."""
    (picked,) = pick(value, Fields(text=text, **others))
    return picked.text if isinstance(picked, Picked) else picked


def test_the_first_alternative_with_something_counts():
    assert text_of({"text": "甲", "content": "乙"}, "text|content") == "甲"
    assert text_of({"text": "", "content": "乙"}, "text|content") == "乙"
    assert text_of({"text": None, "content": "乙"}, "text|content") == "乙"
    assert text_of({"text": 3, "content": "乙"}, "text|content") == "乙"
    assert text_of({"text": "", "other": "乙"}, "text|content") == ""


def test_parts_are_paragraphs_and_empty_ones_are_none():
    assert text_of({"desc": "问", "answer": "答"}, "desc+answer") == "问\n答"
    assert text_of({"desc": "", "answer": "答"}, "desc+answer") == "答"
    assert text_of({"answer": "答"}, "desc+answer") == "答"
    assert text_of({"desc": "", "answer": ""}, "desc+answer") == ""


def test_lists_of_strings_are_paragraphs_however_deep():
    assert text_of({"text": ["甲", None, ["乙", ["丙"]]]}, "text") == "甲\n乙\n丙"
    assert text_of({"text": []}, "text") == ""
    assert text_of({"text": ["甲", 3]}, "text") == "field text is an array that holds a number, not only strings"


def test_dotted_paths_go_into_objects_and_over_lists_of_them():
    assert text_of({"meta": {"body": {"zh": "甲"}}}, "meta.body.zh") == "甲"
    assert text_of({"段落": [{"内容": "甲"}, {"行号": 2}, {"内容": "乙"}]}, "段落.内容") == "甲\n乙"
    assert text_of({"a.b": "名", "a": {"b": "径"}}, "a.b") == "名"
    assert text_of({"a.b": "名", "a": {"b": "径"}}, "a.b|a") == "名"


def test_numbers_are_places_in_a_row_from_one():
    assert text_of(["标题", "正文"], "2", title="1") == "正文"
    assert pick(["标题", "正文"], Fields(text="2", title="1")) == [Picked("标题", "正文")]
    assert text_of(["标题"], "2") == "an array, not an object"
    assert text_of(["标题"], "0") == "an array, not an object"
    assert text_of({"2": "名"}, "2") == "名"


def test_title_url_and_quality():
    where = Fields(text="t", title="meta.title|head", url="u", quality="q")
    assert pick({"t": "x", "meta": {"title": "题"}, "u": "http://a", "q": "0.5"}, where) == [Picked("题", "x", "http://a", 0.5)]
    assert pick({"t": "x", "meta": {"title": 3}, "head": "头", "u": "", "q": True}, where) == [Picked("头", "x", None, None)]
    assert pick({"t": "x", "u": 3, "q": float("nan")}, where) == [Picked("", "x")]
    assert pick({"t": "x", "q": 10**400}, where) == [Picked("", "x")]
    assert pick({"t": "x", "q": "好"}, where) == [Picked("", "x")]


def test_each_element_of_a_list_is_a_document():
    where = Fields(each="documents", text="paragraphs", title="title")
    record = {"documents": [{"title": "一", "paragraphs": ["甲", "乙"]}, {"title": "二"}, "丙"], "question": "问"}
    assert pick(record, where) == [Picked("一", "甲\n乙"), "no field paragraphs; the record has: title", Picked("", "丙")]
    assert pick({"documents": []}, where) == ["field documents is an empty array"]
    assert pick({"documents": {"paragraphs": "甲"}}, where) == [Picked("", "甲")]
    assert pick({"question": "问"}, where) == ["field documents is not there; the record has: question"]
    assert pick({"documents": 3}, where) == ["field documents is a number, not an array; the record has: documents"]
    assert pick(3, where) == ["a number, not an object"]


def test_a_record_without_text_says_what_it_has():
    assert text_of({"b": 1, "a": 2}, "text") == "no field text; the record has: a, b"
    assert text_of({}, "text|content") == "no field text or content; the record has: none"
    assert text_of({}, "a|b|c") == "no field a or b (or 1 more); the record has: none"
    assert text_of(dict.fromkeys("abcdefghi"), "text") == "no field text; the record has: a, b, c, d, e, f, g, h, …"
    assert text_of({"text": None}, "text") == "field text is null, not a string"
    assert text_of({"text": {"a": "b"}}, "text") == "field text is an object, not a string"
    assert text_of(None, "text") == "null, not an object"
    assert text_of("一句话。", "text") == "一句话。"


def test_fields_are_read_from_options_and_mappings():
    assert Fields.parse("text=body, title=headline") == Fields(text="body", title="headline")
    assert Fields.parse("text=2") == Fields(text="2")
    assert Fields.from_mapping({"text": 2, "each": "documents"}) == Fields(text="2", each="documents")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("body", "fields 'body': 'body' has no '='\ngive them as text=NAME,title=NAME"),
        ("text=a,txt=b", "unknown field 'txt'\nknown: text, title, url, quality, each"),
        ("text=a,text=b", "fields 'text=a,text=b' give 'text' twice\ngive alternatives as text=NAME|OTHER"),
        ("text=", "field text='' lacks a name\ngive it as text=NAME, NAME|OTHER, NAME+NAME or NAME.INNER"),
        ("text=a||b", "field text='a||b' lacks a name\n"),
        ("title=a..b", "field title='a..b' lacks a name\n"),
        ("", "fields '': '' has no '='\n"),
    ],
)
def test_fields_that_mean_nothing_are_refused(value, message):
    with pytest.raises(CorpusError) as caught:
        Fields.parse(value)
    assert str(caught.value).startswith(message)


def test_a_field_that_is_no_name_is_refused():
    with pytest.raises(CorpusError, match="field 'text' is an array, not the name of a field\ngive it as text=NAME"):
        Fields.from_mapping({"text": ["a"]})


def test_columns_of_a_table():
    assert has_text(["id", "content"], Fields())
    assert has_text(["meta"], Fields(text="meta.body"))
    assert has_text(["documents"], Fields(text="paragraphs", each="documents"))
    assert not has_text(["id", "label"], Fields())
    assert column_roots(Fields(text="a.b+c|d", title="e", url="f", quality="")) == {"a.b", "a", "c", "d", "e", "f"}
    assert column_roots(Fields(text="a", each="docs.items")) == {"docs.items", "docs"}


@given(VALUES, EXPRESSIONS, st.sampled_from(["", "a", "a.b", "text"]))
def test_any_value_is_picked_or_said_to_have_no_text(value, expression, each):
    picked = pick(value, Fields(text=expression, title=expression, url=expression, quality=expression, each=each))
    assert picked
    for one in picked:
        assert isinstance(one, str) or isinstance(one.text, str)


def test_deep_nesting_is_no_recursion():
    value: list = []
    for _ in range(100_000):
        value = [value]
    assert text_of({"text": value}, "text") == ""
