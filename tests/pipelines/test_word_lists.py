import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import BuildError
from pipelines.word_lists import ListedWords, domain_of, drop_listed_lines, listed_domain, listed_word, low_quality, read_list

WORDS = ListedWords(("赌博", "代理", "𠀀𠀁"))


def test_a_listed_word_is_named():
    assert listed_word("招代理和赌博", words=WORDS) == "holds 代理, which is listed"
    assert listed_word("赌 博，代 理", words=WORDS) is None
    assert listed_word("罕字𠀀𠀁", words=WORDS) == "holds 𠀀𠀁, which is listed"


def test_only_the_lines_with_a_listed_word_go():
    assert drop_listed_lines("甲\n招代理\n乙", words=WORDS) == "甲\n乙"
    assert drop_listed_lines("甲\n乙", words=WORDS) == "甲\n乙"
    assert drop_listed_lines("代理", words=WORDS) == ""


@given(
    st.text(st.sampled_from("甲乙a\n\ud800"), max_size=30),
    st.lists(st.text(st.sampled_from("甲乙a\ud800"), min_size=1, max_size=3), min_size=1),
)
def test_words_are_found_where_they_are(text, words):
    listed = ListedWords(words)
    assert (listed.first_in(text) is not None) == any(word in text for word in words)
    assert drop_listed_lines(text, words=listed).split("\n") == (
        [line for line in text.split("\n") if not any(word in line for word in words)] or [""]
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://bad.cn/a", "bad.cn is listed"),
        ("https://user@www.Bad.cn:8080", "www.bad.cn is of bad.cn, which is listed"),
        ("bad.cn/a?b=c", "bad.cn is listed"),
        ("http://notbad.cn/", None),
        ("http://good.cn/?u=http://bad.cn", None),
        ("http://[bad.cn/", None),
        ("", None),
        (None, None),
    ],
)
def test_domains(url, message):
    assert listed_domain(url, domains={"bad.cn"}) == message


@given(st.text(st.characters(), max_size=30))
def test_any_address_has_a_domain_or_none(url):
    assert isinstance(domain_of(url), str)


def test_a_score_is_compared_as_it_is_stored():
    assert low_quality(float(np.float32(0.7)), minimum=0.7) is None
    assert low_quality(0.5, minimum=0.7) == "quality 0.5, less than 0.7"
    assert low_quality(None, minimum=0.7) is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\xfe", "the list L is not UTF-8 (byte 0)\nconvert it, for example with iconv"),
        (b"# a\n\n", "the list L holds no entry\ngive one a line; lines that begin with # are comments"),
    ],
)
def test_a_list_that_is_none_is_refused(data, message):
    with pytest.raises(BuildError) as refused:
        read_list("L", lambda path: data)
    assert str(refused.value) == message


def test_a_missing_list_is_refused():
    def read(path: str) -> bytes:
        raise FileNotFoundError(path)

    with pytest.raises(BuildError, match=r"the list L cannot be read \(L\)\nname an existing file"):
        read_list("L", read)
