import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_core.drawing import SENTENCE_START, WORD_START
from albert_core.tokenization import SPECIAL_TOKENS, Tokenizer
from pipelines.compact import COMPACT_SCHEMA, DocumentTokenizer, TokenizedDocuments, from_compact_batches, to_compact_batch
from pipelines.words import Segmenter
from tests.pipelines.segmented import LONG_LINE, UGLY, real_lines, slow_flags
from tests.pipelines.segmented import texts as segmented_texts
from tests.shared_data import shared

TEXT = "今天天气很好。用Python吧，卡拉OK。"
VOCAB = [*SPECIAL_TOKENS, *dict.fromkeys("今天气很好。用吧，卡拉一二三四五六七八九十"), "py", "##thon", "ok", "a", "b"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(VOCAB)


def shown(documents: TokenizedDocuments, tokenizer: Tokenizer, document: int = 0) -> str:
    """Tokens with ‖ before a sentence and | before another word."""
    marks = {0: " ", WORD_START: "|", WORD_START | SENTENCE_START: "‖"}
    places = range(documents.offsets[document], documents.offsets[document + 1])
    return "".join(f"{marks[int(documents.flags[t])]}{tokenizer.vocab[documents.token_ids[t]]}" for t in places)


def test_tokens_words_and_sentences_of_a_text(tokenizer):
    documents = DocumentTokenizer(tokenizer, Segmenter(), 61).tokenize([TEXT])
    assert shown(documents, tokenizer) == "‖今 天 天 气|很|好|。‖用|py ##thon|吧|，|卡 拉|ok|。"


def test_documents_do_not_know_each_other(tokenizer):
    reader = DocumentTokenizer(tokenizer, Segmenter(), 61)
    together = reader.tokenize(["今天", "", "天气很好。", TEXT])
    assert together.offsets.tolist()[:4] == [0, 2, 2, 7]
    assert [shown(together, tokenizer, d) for d in range(4)] == ["‖今 天", "", "‖天 气|很|好|。", shown(reader.tokenize([TEXT]), tokenizer)]


def test_a_long_sentence_is_cut_behind_clause_marks_else_at_words_else_anywhere(tokenizer):
    reader = DocumentTokenizer(tokenizer, Segmenter("none"), 8)
    assert shown(reader.tokenize(["一二，三四五，六七八九。十"]), tokenizer) == "‖一|二|，‖三|四|五|，‖六|七|八|九‖。‖十"
    assert shown(reader.tokenize(["一二三四五六七。"]), tokenizer) == "‖一|二|三|四|五|六|七|。"  # eight fit
    hidden = DocumentTokenizer(tokenizer, Segmenter("none"), 4).tokenize(["pythonpython"])
    assert hidden.flags.tolist() == [3]  # [UNK]: one token cannot be cut


def test_compact_rows_come_back_sorted_by_document(tokenizer):
    reader = DocumentTokenizer(tokenizer, Segmenter(), 61)
    texts = ["今天。", TEXT, "", "好"]
    ids = [bytes([9 - i]) * 16 for i in range(4)]
    batch = to_compact_batch(pa.array(ids), pa.array(["a", "b", "a", "b"]), reader.tokenize(texts))
    assert batch.schema == COMPACT_SCHEMA
    back_ids, sources, documents = from_compact_batches([batch.slice(2), batch.slice(0, 2)])
    assert back_ids == ids[::-1]
    assert sources == ["b", "a", "b", "a"]
    expected = reader.tokenize(texts[::-1])
    assert documents.token_ids.tolist() == expected.token_ids.tolist()
    assert documents.flags.tolist() == expected.flags.tolist()
    assert documents.offsets.tolist() == expected.offsets.tolist()


def test_no_rows_are_no_documents():
    ids, sources, documents = from_compact_batches([pa.RecordBatch.from_pylist([], schema=COMPACT_SCHEMA)])
    assert (ids, sources, documents.offsets.tolist(), len(documents.token_ids)) == ([], [], [0], 0)


@given(st.lists(st.text(alphabet="今天气很好。用Python吧，a b\n卡\ue000", max_size=50), max_size=5))
def test_every_document_starts_a_word_and_a_sentence_and_pieces_start_nothing(texts):
    tokenizer = Tokenizer(VOCAB)
    documents = DocumentTokenizer(tokenizer, Segmenter(), 20).tokenize(texts)
    assert documents.token_ids.tolist() == [index for text in texts for index in tokenizer.encode(text)]
    firsts = [start for start, end in zip(documents.offsets, documents.offsets[1:], strict=False) if start < end]
    assert (documents.flags[firsts] == SENTENCE_START | WORD_START).all()
    pieces = np.array([tokenizer.vocab[index].startswith("##") for index in documents.token_ids], bool)
    assert not documents.flags[pieces].any()
    lengths = np.diff([*np.flatnonzero(documents.flags & SENTENCE_START), len(documents.flags)])
    assert max(lengths, default=0) <= 20


# --- The slow way: each document by itself, in plain Python ---


def check_flags(texts: list[str], reader: DocumentTokenizer, language: str = "chinese") -> None:
    documents = reader.tokenize(texts)
    found = [documents.flags[first:end].tolist() for first, end in itertools.pairwise(documents.offsets)]
    assert found == [slow_flags(text, reader.tokenizer, reader.max_tokens, language=language) for text in texts]


REAL_VOCAB = [*VOCAB, *"的一是我们中国這個國學电脑網a0。，", "##a", "##b", "x", "##y", "‘", '"', "-", ".", "!", "?"]


@settings(derandomize=True)  # see test_both_libraries_have_the_same_words
@given(st.lists(segmented_texts, max_size=4), st.sampled_from([6, 20, 61]))
def test_flags_are_those_of_the_slow_way(texts, max_tokens):
    tokenizer = Tokenizer(list(dict.fromkeys(REAL_VOCAB)))
    check_flags(texts, DocumentTokenizer(tokenizer, Segmenter(), max_tokens))
    check_flags(texts, DocumentTokenizer(tokenizer, Segmenter("none"), max_tokens), "other")


def test_flags_of_real_text_are_those_of_the_slow_way():
    tokenizer = Tokenizer.load(shared("data/vocab.txt"))
    lines = real_lines(150)
    documents = ["\n".join(lines[i : i + 40]) for i in range(0, 4000, 40)] + list(UGLY.values())
    check_flags(documents, DocumentTokenizer(tokenizer, Segmenter(), 125))
    check_flags(documents[:10], DocumentTokenizer(tokenizer, Segmenter("jieba"), 125))
    check_flags(documents, DocumentTokenizer(tokenizer, Segmenter("none"), 125), "other")


def test_documents_are_the_same_one_at_a_time_and_fifty_at_a_time():
    tokenizer = Tokenizer.load(shared("data/vocab.txt"))
    lines = real_lines(40)
    documents = [lines[i] for i in range(300)] + list(UGLY.values())
    reader = DocumentTokenizer(tokenizer, Segmenter(), 61)
    alone = [reader.tokenize([text]) for text in documents]
    together = [reader.tokenize(documents[i : i + 50]) for i in range(0, len(documents), 50)]
    for part in ("token_ids", "flags"):
        parts = [np.concatenate([getattr(tokenized, part) for tokenized in some]) for some in (alone, together)]
        assert parts[0].tolist() == parts[1].tolist()
    assert np.concatenate([np.diff(tokenized.offsets) for tokenized in together]).tolist() == [len(one.token_ids) for one in alone]


def test_a_document_of_one_line_of_three_megabytes(tokenizer):
    documents = DocumentTokenizer(tokenizer, Segmenter(), 61).tokenize(["今天", LONG_LINE, "天气很好。"])
    assert len(documents.offsets) == 4
    sentences = np.flatnonzero(documents.flags & SENTENCE_START)
    assert len(sentences) == 2 + 2 * 72_000  # the point of `today.今天` is before no space
    assert shown(documents, tokenizer, 2) == "‖天 气|很|好|。"


def test_words_of_another_language_are_those_of_berts_own_tokenizer():
    vocab = [*SPECIAL_TOKENS, "don", "'", "t", "play", "##ing", "##ed", "well", ".", "é", "u", "s"]
    reader = DocumentTokenizer(Tokenizer(vocab), Segmenter("none"), 61)
    tokenizer = reader.tokenizer
    assert shown(reader.tokenize(["Don't  playing\u00a0played well.\nWell"]), tokenizer) == "‖don|'|t|play ##ing|play ##ed|well|.‖well"
    assert shown(reader.tokenize(["Played well. Playing"]), tokenizer) == "‖play ##ed|well|.‖play ##ing"
