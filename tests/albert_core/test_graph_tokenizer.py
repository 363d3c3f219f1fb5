"""The tokenizer as a graph gives the ids of the tokenizer in Python, whatever the text."""

import json

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_core.graph_tokenizer import GraphTokenizer
from albert_core.tokenization import MAX_RUN, SPECIAL_TOKENS, Tokenizer
from tests.shared_data import shared

SMALL = [
    *SPECIAL_TOKENS, *"今天，!3eéaσςᄒ한", "py", "##th", "##thon", "##on", "##3", "hello", "##ᅡ", "##ᆫ", "ab", "abc",
    "##c", "##d", "##cd", "Ab",
    "##今", "1～2", "\ue000",
]  # fmt: skip
WIDE = st.characters(exclude_categories=("Cs",))
NASTY = st.sampled_from(
    " \t\n\u3000今天，。!#[]～°\u0301\u200b\u00ad\ufffd\0\ue000\u0378İſÀǅΣς한글ㅏᄒ뷁豈𠮷𫠠\U0002f800🀄ABCabcdpython3hello"
)


def in_graph(tokenizer):
    """Texts → ids, by the graph."""
    graph = GraphTokenizer(tokenizer)
    traced = tf.function(graph.__call__, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    return lambda texts: traced(tf.constant(texts, tf.string)).to_list()


@pytest.fixture(scope="module")
def small():
    tokenizer = Tokenizer(SMALL)
    return tokenizer, in_graph(tokenizer)


@pytest.fixture(scope="module")
def cased():
    """Capitals and accents stay; not one piece has a second letter."""
    tokenizer = Tokenizer([*SPECIAL_TOKENS, *"今AÉ한", "##b"], lower_case=False)
    return tokenizer, in_graph(tokenizer)


@pytest.fixture(scope="module")
def reference():
    tokenizer = Tokenizer.load(shared("data/vocab.txt"))
    return tokenizer, in_graph(tokenizer)


def test_every_golden_line_has_the_reference_ids(reference):
    _, ids = reference
    lines = [json.loads(line) for line in shared("data/goldens/tokenization/bert_zh_tokens.jsonl").read_text("utf-8").splitlines()]
    assert len(lines) == 2037
    assert [line["text"] for line, got in zip(lines, ids([line["text"] for line in lines]), strict=True) if got != line["ids"]] == []


def test_every_kind_of_character(reference):
    """The basic plane, alone and inside a word; every 61st code point of the rest. All 1,112,064 were tried once."""
    tokenizer, ids = reference
    points = [point for point in (*range(0x10000), *range(0x10000, 0x110000, 61)) if not 0xD800 <= point < 0xE000]
    texts = [" ".join(f"{chr(point)} 1{chr(point)}2" for point in points[at : at + 1024]) for at in range(0, len(points), 1024)]
    assert len(texts) == 79
    assert [at for at, text, got in zip(range(79), texts, ids(texts), strict=True) if got != tokenizer.encode(text)] == []


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("今天Python3，hello!", ["今", "天", "py", "##thon", "##3", "，", "hello", "!"]),
        ("abcd", ["abc", "##d"]),  # the longest first
        ("abcdd abcc", ["abc", "##d", "##d", "abc", "##c"]),
        ("abx ab", ["[UNK]", "ab"]),  # stuck in the middle: the whole word
        ("pyth pyt", ["py", "##th", "[UNK]"]),
        ("한", ["ᄒ", "##ᅡ", "##ᆫ"]),  # stripping accents takes syllables apart
        ("Σσς", ["[UNK]"]),
        ("\ue000", ["[UNK]"]),  # private use, though in the vocabulary
        ("py\u200bthon p\u0301y", ["py", "##thon", "py"]),
        ("今今", ["今", "今"]),  # never ##今
        ("1～2", ["1～2"]),  # no punctuation to BERT
        ("py" + "3" * (MAX_RUN - 2), ["py", *["##3"] * (MAX_RUN - 2)]),
        ("py" + "3" * (MAX_RUN - 1), ["[UNK]"]),
        ("", []),
        (" \n", []),
    ],
)
def test_tokens_of_hard_text(small, text, tokens):
    tokenizer, ids = small
    assert [tokenizer.vocab[index] for index in ids([text])[0]] == tokens
    assert tokenizer.tokens(text) == tokens


@settings(max_examples=200)
@given(st.lists(st.text(alphabet=WIDE | NASTY | st.sampled_from("abcdpython3hello "), max_size=40), max_size=6))
def test_any_texts_have_the_ids_of_the_tokenizer(small, texts):
    tokenizer, ids = small
    assert ids(texts) == [tokenizer.encode(text) for text in texts]


@given(st.text(alphabet=WIDE | NASTY, max_size=60))
def test_with_capitals_kept(cased, text):
    tokenizer, ids = cased
    assert ids([text]) == [tokenizer.encode(text)]


@given(st.text(alphabet=WIDE | NASTY, max_size=60))
def test_with_the_released_vocabulary(reference, text):
    tokenizer, ids = reference
    assert ids([text, text + text]) == [tokenizer.encode(text), tokenizer.encode(text + text)]


@given(st.binary(max_size=40), st.text(alphabet=NASTY, max_size=8))
def test_bytes_that_are_no_utf8_count_for_nothing(small, content, text):
    tokenizer, ids = small
    content = text.encode() + content + text.encode()
    assert ids([content]) == [tokenizer.encode(content.decode("utf-8", "replace"))]


def test_no_text_and_long_text(reference):
    tokenizer, ids = reference
    assert ids([]) == []
    texts = ["base64" * 20_000, "今天" * 50_000, "", "the quick brown fox " * 5_000]
    assert ids(texts) == [tokenizer.encode(text) for text in texts]
