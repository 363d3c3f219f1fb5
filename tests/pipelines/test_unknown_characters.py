import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_core.tokenization import SPECIAL_TOKENS, Tokenizer
from pipelines.accounts import add_accounts, of_source
from pipelines.compact import DocumentTokenizer
from pipelines.unknown_characters import LONG_WORD, MissingCharacters, count_tokens, most_frequent, unknown_words
from pipelines.words import Segmenter

LETTERS = [*"abcdefgh", *(f"##{letter}" for letter in "abcdefgi")]
TOKENIZER = Tokenizer([*SPECIAL_TOKENS, *"他说好。，", "п", "##р", "##и", "##ив", *LETTERS, "##cdx"])
CASED = Tokenizer(TOKENIZER.vocab, lower_case=False)
MISSING = MissingCharacters(TOKENIZER)


def words_of(text: str, tokenizer: Tokenizer = TOKENIZER) -> list[str]:
    ids, starts = tokenizer.encode_offsets(text)
    return unknown_words(text, starts, np.flatnonzero(ids == tokenizer.unk_id))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("他说好。", []),
        ("“他”说", ["“", "”"]),
        ("他Привет说 Привет\n", ["Привет", "Привет"]),
        ("z 好", ["z"]),
        ("zz\u3000好zz", ["zz", "zz"]),
        ("abc-zz", ["-", "zz"]),
        ("好\ue000好", ["\ue000"]),
        ("a\ue000b", ["a\ue000b"]),
        ("喵喵", ["喵", "喵"]),
        ("😀😀 说😀", ["😀😀", "😀"]),
        ("é", ["é"]),
    ],
)
def test_the_text_of_each_unk(text, words):
    assert words_of(text, CASED if text == "é" else TOKENIZER) == words


@pytest.mark.parametrize(
    ("word", "missing"),
    [
        ("“", "“"),
        ("喵", "喵"),
        ("Привет", "е"),  # п ##р ##ив and then no ##е
        ("abh", "##h"),  # h is there, ##h is not
        ("abcdy", "##d"),  # ##c, then no ##d: ##cdx does not begin here
        ("ai\u0301z", "z"),  # the accent goes
        ("Ünü", "u"),  # normalized as the tokenizer does
        ("a\ue000", "\ue000"),
        ("a\u00adz", "z"),  # a soft hyphen is no character to BERT
        ("a" * 201, LONG_WORD),
        ("z" * 200, "z"),
    ],
)
def test_the_character_at_which_word_piece_gets_stuck(word, missing):
    tokenizer = Tokenizer([token for token in TOKENIZER.vocab if token != "##d"])
    assert MissingCharacters(tokenizer).find(word) == missing


def test_case_is_that_of_the_vocabulary():
    assert (MISSING.find("aZ"), MissingCharacters(CASED).find("aZ")) == ("z", "Z")


@given(st.lists(st.text(st.sampled_from("他说好。，喵“aAbcdxzпривет \n\ue000😀é\u00ad"), max_size=40), max_size=5))
def test_every_unk_is_counted_once(texts):
    tokenized = DocumentTokenizer(TOKENIZER, Segmenter("none"), 100).tokenize(texts)
    counts = count_tokens(tokenized.token_ids, tokenized.offsets, tokenized.unknown, ["s"] * len(texts), MISSING)
    total = of_source(counts, "s")
    num_unknown = int((tokenized.token_ids == TOKENIZER.unk_id).sum())
    assert total.get("document_tokens", 0) == len(tokenized.token_ids)
    assert total.get("document_unknown", 0) == num_unknown
    assert sum(entry["count"] for entry in most_frequent(total, 100)) == num_unknown
    assert not {entry["text"] for entry in most_frequent(total, 100)} & set(TOKENIZER.vocab)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.text(st.sampled_from("他好。“zп \n😀"), max_size=20)), min_size=1, max_size=6))
def test_batches_and_their_order_do_not_matter(documents):
    def counts_of(batch):
        sources, texts = zip(*batch, strict=True)
        tokenized = DocumentTokenizer(TOKENIZER, Segmenter("none"), 100).tokenize(texts)
        return count_tokens(tokenized.token_ids, tokenized.offsets, tokenized.unknown, sources, MISSING)

    assert add_accounts([counts_of(documents)]) == add_accounts(counts_of([document]) for document in reversed(documents))


def test_counts_are_by_source():
    texts, sources = ["他说“好”。", "“z", "好。"], ["wiki", "news", "wiki"]
    tokenized = DocumentTokenizer(TOKENIZER, Segmenter("none"), 100).tokenize(texts)
    assert count_tokens(tokenized.token_ids, tokenized.offsets, tokenized.unknown, sources, MISSING) == {
        "document_tokens@wiki": 8,
        "document_tokens@news": 2,
        "document_unknown@wiki": 2,
        "document_unknown@news": 2,
        "unknown.201C@wiki": 1,
        "unknown.201D@wiki": 1,
        "unknown.201C@news": 1,
        "unknown.007A@news": 1,
    }
