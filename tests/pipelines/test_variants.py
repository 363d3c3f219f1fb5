from hypothesis import given
from hypothesis import strategies as st

from pipelines.variants import FOLDED, Simplifier, fold_quotes, opencc_version
from tests.shared_data import shared


def test_quotes_dashes_and_ellipses_are_folded_one_for_one():
    assert fold_quotes("“他说：‘好’——再见……”") == "\"他说：'好'--再见⋯⋯\""
    assert fold_quotes("「好」") == "「好」"


def test_what_replaces_is_in_the_vocabulary_and_what_is_replaced_is_not():
    vocabulary = set(shared("data/vocab.txt").read_text("utf-8").split("\n"))
    assert set(FOLDED.values()) <= vocabulary
    assert {"“", "”", "‘", "’", "—", "…"} & vocabulary == set()


def test_traditional_becomes_simplified():
    assert Simplifier()("漢字與電腦，乾燥的後面。\nABC 乾坤") == "汉字与电脑，干燥的后面。\nABC 乾坤"
    assert opencc_version()


SIMPLIFY = Simplifier()


@given(st.text(st.characters() | st.sampled_from("漢字乾後\n"), max_size=40))
def test_any_text_is_simplified(text):
    simple = SIMPLIFY(text)
    assert simple.count("\n") == text.count("\n")
    simple.encode()
