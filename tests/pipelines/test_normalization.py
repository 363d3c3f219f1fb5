import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import normalization
from pipelines.normalization import normalize_characters, squeeze_blanks

WITH_BLANKS = st.lists(st.sampled_from([*" \n\r\t\u3000\u200b，（）甲a", "\r\n", "  ", "\ud800"]), max_size=40).map("".join)


def slow_normalize(text: str) -> str:
    invisible = {chr(point) for first, last in normalization.INVISIBLE_RANGES for point in range(first, last + 1)}
    text = re.sub(f"[{normalization.NEWLINES}]", "\n", text.replace("\r\n", "\n"))
    return "".join(" " if character in normalization.BLANKS else character for character in text if character not in invisible)


def slow_squeeze(text: str) -> str:
    text = re.sub(" {2,}", " ", text)
    before, after = re.escape(normalization.NO_BLANK_BEFORE), re.escape(normalization.NO_BLANK_AFTER)
    text = re.sub(f" (?=[{before}])|(?<=[{after}]) ", "", text)
    return "\n".join(bare for line in text.split("\n") if (bare := line.strip(" ")))


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("a\r\nb\rc\x0bd\x0ce\x85f\u2028g\u2029h", "a\nb\nc\nd\ne\nf\ng\nh"),
        ("a\u3000b\xa0c\td\u2003e", "a b c d e"),
        ("\ufeffa\0b\u200bc\u202ed\x9fe\xadf\ud800g\ufffeh\U000e0041i", "abcdefghi"),
        ("𠀀\ue000😀", "𠀀\ue000😀"),
        ("", ""),
    ],
)
def test_characters_are_normalized_and_private_use_stays(raw, normal):
    assert normalize_characters(raw) == normal


def test_blanks_are_squeezed():
    assert squeeze_blanks("  甲  乙 \n \n\n丙 ，（ 丁 ） a\n") == "甲 乙\n丙，（丁） a"
    assert squeeze_blanks("\n") == squeeze_blanks("") == ""


@given(WITH_BLANKS | st.text(st.characters(), max_size=40))
def test_the_kernels_do_what_the_slow_ones_do(text):
    assert normalize_characters(text) == slow_normalize(text)
    assert squeeze_blanks(text) == slow_squeeze(text)


@given(st.text(st.characters()))
def test_normal_text_stays_as_it_is(text):
    normal = squeeze_blanks(normalize_characters(text))
    assert squeeze_blanks(normalize_characters(normal)) is normal
    normal.encode()
