"""Documents as token ids and boundary bits: what goes through the shuffle, about 0.8 bytes per byte of text.

text        今天天气很好。用Python吧。
tokens      今 天 天 气 很 好 。 用 py ##thon 吧 。
words       ^     ^     ^  ^  ^  ^  ^         ^  ^       a Latin word with its ## pieces is one
sentences   ^                    ^
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numba
import numpy as np
import pyarrow as pa

from albert_core.drawing import SENTENCE_START, WORD_START, DrawingTables
from albert_core.tokenization import Tokenizer
from pipelines.sentences import sentence_starts
from pipelines.unknown_characters import unknown_words
from pipelines.words import Segmenter

COMPACT_SCHEMA = pa.schema(
    [
        ("document_id", pa.binary(16)),
        ("source", pa.string()),
        ("token_ids", pa.large_binary()),  # uint16, little-endian
        ("word_starts", pa.large_binary()),  # bits, the first token in the lowest
        ("sentence_starts", pa.large_binary()),
    ]
)


GROUP_CHARACTERS = 1 << 17
"""Tokenized together: enough that a call's fixed cost vanishes, few enough that words and arrays stay in the processor's cache (12 MB/s
of text; 6 for batches of 8 MB, whose memory the system hands out page by page)."""


class TokenizedDocuments(NamedTuple):
    """D documents, one behind the other."""

    token_ids: np.ndarray  # uint16 [T]
    flags: np.ndarray  # uint8 [T], WORD_START | SENTENCE_START
    offsets: np.ndarray  # int64 [D + 1], first token of each document
    unknown: Sequence[str] = ()  # the text of each [UNK], in order; does not go through the shuffle


def group_by_size(texts: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    """The texts in runs of at least `most` characters, but for the last.

    >>> list(group_by_size(["今天", "天气", "很", "好"], 3))
    [['今天', '天气'], ['很', '好']]
    """
    first = size = 0
    for last, text in enumerate(texts, 1):
        size += len(text)
        if size >= most or last == len(texts):
            yield texts[first:last]
            first, size = last, 0


class DocumentTokenizer:
    """Text → token ids, words and sentences, a batch of documents at a time: one call of each library, then array work."""

    def __init__(self, tokenizer: Tokenizer, segmenter: Segmenter, max_tokens: int):
        """`max_tokens`: a longer sentence is cut at clause marks, else hard, into pieces of at most half of it: then pairs can be made."""
        self.tokenizer, self.segmenter, self.max_tokens = tokenizer, segmenter, max_tokens
        self._clause_marks = DrawingTables.of(tokenizer).clause_marks
        self._continues = np.array([token.startswith("##") for token in tokenizer.vocab], np.bool_)

    def tokenize(self, texts: Sequence[str]) -> TokenizedDocuments:
        """The documents' tokens with their flags; the first token of a document starts a word and a sentence."""
        parts = [self._tokenize_together(group) for group in group_by_size(texts, GROUP_CHARACTERS)]
        if len(parts) == 1:
            return parts[0]
        firsts = np.cumsum([0, *(len(part.token_ids) for part in parts)])
        offsets = [part.offsets[1:] + first for part, first in zip(parts, firsts, strict=False)]
        return TokenizedDocuments(
            np.concatenate([np.zeros(0, np.uint16), *(part.token_ids for part in parts)]),
            np.concatenate([np.zeros(0, np.uint8), *(part.flags for part in parts)]),
            np.concatenate([np.zeros(1, np.int64), *offsets]),
            [word for part in parts for word in part.unknown],
        )

    def _tokenize_together(self, texts: Sequence[str]) -> TokenizedDocuments:
        joined = "\n".join(texts)
        ids, starts = self.tokenizer.encode_offsets(joined)
        boundaries = np.zeros(len(joined) + 1, np.uint8)
        boundaries[self.segmenter.word_starts(joined)] |= WORD_START
        boundaries[sentence_starts(joined)] |= SENTENCE_START | WORD_START
        document_ends = np.cumsum(np.fromiter((len(text) + 1 for text in texts), np.int64, len(texts)))
        offsets = np.concatenate([np.zeros(1, np.int64), np.searchsorted(starts, document_ends)])
        flags = _flag_tokens(ids, starts, boundaries, self._continues)
        _cut_long_sentences(ids, flags, offsets, self._clause_marks, self.max_tokens)
        unknown = unknown_words(joined, starts, np.flatnonzero(ids == self.tokenizer.unk_id))
        return TokenizedDocuments(ids.astype(np.uint16), flags, offsets, unknown)


@numba.njit(cache=True, nogil=True)
def _flag_tokens(ids: np.ndarray, starts: np.ndarray, boundaries: np.ndarray, continues: np.ndarray) -> np.ndarray:
    """A token has the boundaries between the start of the one before it and its own; ## pieces have none."""
    flags = np.zeros(len(ids), np.uint8)
    seen = 0
    for t in range(len(ids)):
        while seen <= starts[t]:
            flags[t] |= boundaries[seen]
            seen += 1
        if continues[ids[t]] and not flags[t] & SENTENCE_START:
            flags[t] = 0
    return flags


@numba.njit(cache=True, nogil=True)
def _cut_long_sentences(ids: np.ndarray, flags: np.ndarray, offsets: np.ndarray, clause_marks: np.ndarray, max_tokens: int) -> None:
    """Gives sentences of more than `max_tokens` tokens more starts, in place: behind clause marks, else at words, else anywhere."""
    most = max(1, max_tokens // 2)
    for d in range(len(offsets) - 1):
        start = offsets[d]
        if start < offsets[d + 1]:
            flags[start] |= SENTENCE_START | WORD_START
        while start < offsets[d + 1]:
            end = start + 1
            while end < offsets[d + 1] and not flags[end] & SENTENCE_START:
                end += 1
            if end - start > max_tokens:
                while end - start > most:
                    start = _last_cut(ids, flags, start, start + most, clause_marks)
                    flags[start] |= SENTENCE_START | WORD_START
            start = end


@numba.njit(cache=True, nogil=True)
def _last_cut(ids: np.ndarray, flags: np.ndarray, start: int, limit: int, clause_marks: np.ndarray) -> int:
    """The last good place in (start, limit] to start a new piece."""
    for t in range(limit, start, -1):
        if clause_marks[ids[t - 1]]:
            return t
    for t in range(limit, start, -1):
        if flags[t] & WORD_START:
            return t
    return limit


def to_compact_batch(document_ids: pa.Array, sources: pa.Array, documents: TokenizedDocuments) -> pa.RecordBatch:
    """The documents as rows of COMPACT_SCHEMA."""
    words, sentences, bit_offsets = _pack_bits(documents.flags, documents.offsets)
    token_ids = documents.token_ids.astype("<u2", copy=False).view(np.uint8)
    columns = [
        document_ids.cast(pa.binary(16)),
        sources.cast(pa.string()),
        _binary_array(token_ids, documents.offsets * 2),
        _binary_array(words, bit_offsets),
        _binary_array(sentences, bit_offsets),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=COMPACT_SCHEMA)


def from_compact_batches(batches: Sequence[pa.RecordBatch]) -> tuple[list[bytes], list[str], TokenizedDocuments]:
    """Document ids, sources and tokens of all rows, sorted by document id: their order does not depend on how they were bundled."""
    table = pa.Table.from_batches(batches, schema=COMPACT_SCHEMA).combine_chunks().sort_by("document_id")
    chunks = [table.column(name).combine_chunks() for name in ("token_ids", "word_starts", "sentence_starts")]
    (tokens, token_bounds), (words, bit_bounds), (sentences, _) = (_binary_values(column) for column in chunks)
    offsets = token_bounds // 2
    flags = _unpack_bits(words, sentences, bit_bounds, offsets)
    documents = TokenizedDocuments(tokens.view("<u2"), flags, offsets)
    return table.column("document_id").to_pylist(), table.column("source").to_pylist(), documents


def _binary_array(values: np.ndarray, offsets: np.ndarray) -> pa.Array:
    buffers = [None, pa.py_buffer(np.ascontiguousarray(offsets, np.int64)), pa.py_buffer(np.ascontiguousarray(values))]
    return pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def _binary_values(column: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Bytes uint8 of all rows and their bounds int64 [rows + 1], which start at 0."""
    array = column if isinstance(column, pa.Array) else pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if len(array) == 0:
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    _, offsets, values = array.buffers()
    bounds = np.frombuffer(offsets, np.int64, len(array) + 1, array.offset * 8)
    content = np.frombuffer(values, np.uint8) if values is not None else np.zeros(0, np.uint8)
    return content[bounds[0] : bounds[-1]], bounds - bounds[0]


@numba.njit(cache=True, nogil=True)
def _pack_bits(flags: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Word bits, sentence bits, each document from a new byte, and the byte offsets int64 [D + 1]."""
    bounds = np.zeros(len(offsets), np.int64)
    for d in range(len(offsets) - 1):
        bounds[d + 1] = bounds[d] + (offsets[d + 1] - offsets[d] + 7) // 8
    words, sentences = np.zeros(bounds[-1], np.uint8), np.zeros(bounds[-1], np.uint8)
    for d in range(len(offsets) - 1):
        for t in range(offsets[d], offsets[d + 1]):
            byte, bit = bounds[d] + (t - offsets[d]) // 8, (t - offsets[d]) % 8
            words[byte] |= (flags[t] & WORD_START != 0) << bit
            sentences[byte] |= (flags[t] & SENTENCE_START != 0) << bit
    return words, sentences, bounds


@numba.njit(cache=True, nogil=True)
def _unpack_bits(words: np.ndarray, sentences: np.ndarray, bounds: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    flags = np.zeros(offsets[-1], np.uint8)
    for d in range(len(offsets) - 1):
        for t in range(offsets[d], offsets[d + 1]):
            byte, bit = bounds[d] + (t - offsets[d]) // 8, (t - offsets[d]) % 8
            flags[t] = (words[byte] >> bit & 1) * WORD_START + (sentences[byte] >> bit & 1) * SENTENCE_START
    return flags
