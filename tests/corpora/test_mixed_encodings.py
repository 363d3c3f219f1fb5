import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.mixed_encodings import decode_mixed, decode_record
from corpora.records import BadRecord
from corpora.sections import Section

SENTENCE = "他说的话没有人相信，但是事情就是这样。"


def test_what_is_valid_is_decoded_as_it_is():
    assert decode_mixed(SENTENCE.encode(), "utf-8") == (SENTENCE, 0)
    assert decode_mixed(SENTENCE.encode("gb18030"), "gb18030") == (SENTENCE, 0)


@pytest.mark.parametrize(("main", "other"), [("utf-8", "gb18030"), ("utf-8", "big5hkscs"), ("gb18030", "utf-8"), ("big5hkscs", "utf-8")])
def test_a_line_in_another_encoding_is_read_in_that(main, other):
    sentence = "我們今天在這裡說的話，都是關於他的事情。"
    data = b"\n".join([sentence.encode(main), sentence.encode(other), sentence.encode(main)])
    assert decode_mixed(data, main) == ("\n".join([sentence] * 3), 0)


def test_a_broken_character_is_one_replacement_character():
    data = SENTENCE.encode()
    assert decode_mixed(data[:1] + data[3:], "utf-8") == ("\ufffd" + SENTENCE[1:], 1)


def test_up_to_one_character_in_a_hundred_may_be_invalid():
    section = Section("a", "utf-8")
    assert decode_record(section, 0, b"a" * 99 + b"\xff") == "a" * 99 + "\ufffd"
    reject = decode_record(section, 7, b"a" * 98 + b"\xff")
    assert isinstance(reject, BadRecord)
    assert (reject.offset, reject.size, reject.reason) == (7, 99, "invalid_encoding")


def test_a_byte_order_mark_is_no_text():
    assert decode_record(Section("a", "utf-8"), 0, b"\xef\xbb\xbfa") == "a"


@given(st.binary(max_size=200), st.sampled_from(["utf-8", "gb18030", "big5hkscs"]))
def test_any_bytes_give_text_that_utf8_can_hold(data, encoding):
    text, num_invalid = decode_mixed(data, encoding)
    assert text.encode().decode() == text
    assert 0 <= num_invalid <= len(data)
    assert text.count("\n") == data.count(b"\n")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=100))
def test_utf8_comes_back(text):
    assert decode_mixed(text.encode(), "utf-8") == (text, 0)
