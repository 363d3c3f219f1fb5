import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_core.drawing import SENTENCE_START, WORD_START
from albert_core.tokenization import SPECIAL_TOKENS, Tokenizer
from pipelines.compact import COMPACT_SCHEMA, DocumentTokenizer, TokenizedDocuments, from_compact_batches, to_compact_batch
from pipelines.words import Segmenter

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
