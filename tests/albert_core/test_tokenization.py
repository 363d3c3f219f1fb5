import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import BertWordPieceTokenizer

from albert_core.errors import AlbertError
from albert_core.tokenization import HAN_RANGES, SPECIAL_TOKENS, Tokenizer, is_han
from tests.shared_data import ROOT, shared

SMALL = [*SPECIAL_TOKENS, "今", "天", "，", "!", "py", "##thon", "##3", "3", "hello", "é", "e"]


@pytest.fixture(scope="module")
def small() -> Tokenizer:
    return Tokenizer(SMALL)


@pytest.fixture(scope="module")
def reference() -> Tokenizer:
    return Tokenizer.load(shared("data/vocab.txt"))


def test_every_golden_line_has_the_reference_tokens(reference):
    lines = [json.loads(line) for line in shared("data/goldens/tokenization/bert_zh_tokens.jsonl").read_text("utf-8").splitlines()]
    assert len(lines) == 2037
    assert [line["text"] for line in lines if reference.encode(line["text"]) != line["ids"]] == []
    assert [line["text"] for line in lines if reference.tokens(line["text"]) != line["tokens"]] == []


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("今天", ["今", "天"]),
        ("今天Python3，hello!", ["今", "天", "py", "##thon", "##3", "，", "hello", "!"]),
        ("今\u3000天\n今", ["今", "天", "今"]),
        ("明", ["[UNK]"]),
        ("[MASK]", ["[UNK]", "[UNK]", "[UNK]"]),  # no special token comes from text; neither brackets nor mask are in this vocabulary
        ("É", ["e"]),  # lower case, accents stripped
        ("今\ue000天", ["今", "[UNK]", "天"]),  # private use: the reference keeps it, the library would drop it
        ("py\ue000", ["[UNK]"]),  # … and it spoils the word that it stands in
        ("\ud800", ["[UNK]"]),  # a lone surrogate
        ("今\u200b天\ufffd\x00", ["今", "天"]),  # format and control characters go, as in the reference
        ("a\u0378", ["[UNK]"]),  # unassigned
        ("x" * 201, ["[UNK]"]),  # longer than a word may be
        ("", []),
        ("  \n ", []),
    ],
)
def test_tokens_of_hard_text(small, text, tokens):
    assert small.tokens(text) == tokens


def test_offsets_point_to_where_each_token_starts(small):
    ids, starts = small.encode_offsets("今 Python3，天")
    assert ids.tolist() == small.encode("今 Python3，天")
    assert starts.tolist() == [0, 2, 4, 8, 9, 10]


def test_every_chinese_character_agrees_with_the_library(reference):
    """The code-point table against the library, for all 92,000 characters that BERT calls Chinese, assigned or not."""
    library = BertWordPieceTokenizer(str(ROOT / "data/vocab.txt"), lowercase=True)
    characters = [chr(point) for first, last in HAN_RANGES for point in range(first, last + 1) if unicodedata.category(chr(point)) != "Cn"]
    expected = [encoding.ids for encoding in library.encode_batch(characters, add_special_tokens=False)]
    ours = reference.encode("".join(characters))
    wrong = [c for c, ids, our in zip(characters, expected, ours, strict=True) if ids != [our] and ids]
    assert wrong == []


@pytest.mark.parametrize("around", ["{}", "1{}2", "a{}", "{}b", "天{}天", "15{} a"])
def test_every_sign_agrees_with_the_library_wherever_it_stands(reference, around):
    """Signs that are no punctuation to BERT, such as ～ ° ＋ ￥, belong to the word around them: 1～2 is one word."""
    library = BertWordPieceTokenizer(str(ROOT / "data/vocab.txt"), lowercase=True)
    signs = [c for c in map(chr, range(0x21, 0x10000)) if unicodedata.category(c)[0] in "PS" and library.normalize(c)]
    assert len(signs) > 4000
    texts = [around.format(sign) for sign in signs]
    expected = [encoding.ids for encoding in library.encode_batch(texts, add_special_tokens=False)]
    assert [text for text, ids in zip(texts, expected, strict=True) if reference.encode(text) != ids] == []


@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Co", "Cn"), exclude_characters="["), max_size=60))
def test_any_text_agrees_with_the_library(text):
    """Where the library follows the reference the two are equal: it drops what is unassigned, takes 256 rare Han for letters, and
    finds special tokens in text.
    """
    library = BertWordPieceTokenizer(vocab={token: index for index, token in enumerate(SMALL)}, lowercase=True)
    tokenizer = Tokenizer(SMALL)
    followed = (c for c in text if not 0x2B820 <= ord(c) < 0x2B920)
    if len(text) == len(list(followed)) and all(library.normalize(c) != "" or unicodedata.category(c) in ("Cc", "Cf", "Mn") for c in text):
        assert tokenizer.encode(text) == list(library.encode(text, add_special_tokens=False).ids)


@given(st.text(max_size=40), st.text(max_size=40))
def test_lines_are_tokenized_independently(first, second):
    tokenizer = Tokenizer(SMALL)
    assert tokenizer.encode(f"{first}\n{second}") == tokenizer.encode(first) + tokenizer.encode(second)


def test_decode_joins_pieces_and_spaces_latin_words(small):
    assert small.decode(small.encode("今天 python3 hello hello，今")) == "今天python3 hello hello，今"


def test_han_ranges_follow_bert():
    assert all(is_han(character) for character in "一龥㐀𠀀豈")
    assert not any(is_han(character) for character in "あア한A1，。")


@pytest.mark.parametrize(
    ("vocab", "message"),
    [
        ([token for token in SMALL if token != "[MASK]"], r"lacks \[MASK\]"),
        ([*SMALL, "今"], "line 17 repeats '今' of line 6"),
        ([*SMALL, *map(str, range(100, 65_636))], "holds 65,552 entries, at most 65,536"),
    ],
)
def test_a_vocabulary_that_cannot_serve_is_refused(tmp_path, vocab, message):
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(vocab) + "\n", "utf-8")
    with pytest.raises(AlbertError, match=message):
        Tokenizer.load(path)


def test_a_missing_and_a_binary_vocabulary_are_refused(tmp_path):
    with pytest.raises(AlbertError, match="No such file"):
        Tokenizer.load(tmp_path / "none.txt")
    (tmp_path / "binary").write_bytes(b"[PAD]\n\xff\xfe")
    with pytest.raises(AlbertError, match="byte 6 is not UTF-8"):
        Tokenizer.load(tmp_path / "binary")
