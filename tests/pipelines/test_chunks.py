import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_core.drawing import SENTENCE_START, WORD_START, mix
from pipelines.chunks import COPY, copies_of, cut_chunks, document_keys, is_backwards, is_held_out, shard_of
from pipelines.compact import TokenizedDocuments

COMMA = 1
CLAUSE_MARKS = np.array([False, True, False, False], np.bool_)


def documents(*sentence_lengths: list[int], comma_at: dict[int, int] | None = None) -> TokenizedDocuments:
    """Documents of sentences of the given lengths; `comma_at`: token → place of a clause mark."""
    sizes = [sum(lengths) for lengths in sentence_lengths]
    flags = np.full(sum(sizes), WORD_START, np.uint8)
    at = 0
    for lengths in sentence_lengths:
        for length in lengths:
            flags[at] |= SENTENCE_START
            at += length
    ids = np.full(len(flags), 2, np.uint16)
    for place in comma_at or {}:
        ids[place] = COMMA
    return TokenizedDocuments(ids, flags, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64))


def keys_of(number: int, backwards: bool) -> np.ndarray:
    """Keys of documents whose first copy is cut in that direction."""
    keys = document_keys([i.to_bytes(16, "little") for i in range(64)], seed=1)
    return np.array([key for key in keys if bool(is_backwards(np.uint64(mix(key, COPY)))) == backwards][:number], np.uint64)


def chunk(docs: TokenizedDocuments, backwards: bool = False, **settings_) -> tuple[list[tuple[int, int, int]], object]:
    number = len(docs.offsets) - 1
    keys = keys_of(number, backwards)
    options = {"copies": 1, "max_tokens": 16, "short_seq_prob": 0.0, "clause_marks": CLAUSE_MARKS} | settings_
    options["copies"] = np.full(number, options["copies"], np.int64)
    chunks = cut_chunks(docs, keys, np.arange(number, dtype=np.uint16), **options)
    rows = zip(chunks.document.tolist(), chunks.instances.starts.tolist(), chunks.instances.ends.tolist(), strict=True)
    return list(rows), chunks


def slow_chunks(lengths: list[int], backwards: bool, most: int) -> list[tuple[int, int]]:
    """The chunks of a document whose sentences all fit, in reading order: written as one would say it, with lists of sentences."""
    left, chunks = lengths[::-1] if backwards else lengths, []
    while left:
        taken = [left[0]]
        while len(taken) < len(left) and sum(taken) + left[len(taken)] <= most:
            taken.append(left[len(taken)])
        if len(left) - len(taken) == 1 and len(taken) > 2:
            taken.pop()
        chunks.append(sum(taken))
        left = left[len(taken) :]
    ends = np.cumsum(chunks[::-1] if backwards else chunks).tolist()
    return list(zip([0, *ends], ends, strict=False))


@pytest.mark.parametrize(("backwards", "expected"), [(False, [(0, 0, 15), (0, 15, 29)]), (True, [(0, 15, 29), (0, 0, 15)])])
def test_sentences_gather_until_the_next_would_overflow(backwards, expected):
    rows, chunks = chunk(documents([5, 6, 4, 9, 3, 2]), backwards)
    assert rows == expected
    assert (chunks.num_single_sentence, chunks.num_cut_tokens) == (0, 0)


def test_backwards_the_sentence_that_overflows_ends_the_next_chunk():
    assert chunk(documents([7, 7, 7, 3, 3]))[0] == [(0, 0, 14), (0, 14, 27)]
    assert chunk(documents([7, 7, 7, 3, 3]), True)[0] == [(0, 14, 27), (0, 0, 14)]
    assert chunk(documents([4, 3, 3, 9, 3, 9]))[0] == [(0, 0, 10), (0, 10, 22)]  # and the last nine stand alone, without a mark
    assert chunk(documents([4, 3, 3, 9, 3, 9]), True)[0] == [(0, 19, 31), (0, 7, 19), (0, 0, 7)]


def test_no_last_sentence_is_left_alone():
    assert chunk(documents([4, 4, 4, 5]))[0] == [(0, 0, 8), (0, 8, 17)]
    assert chunk(documents([5, 4, 4, 4]), True)[0] == [(0, 9, 17), (0, 0, 9)]
    assert chunk(documents([9, 7, 5]))[0] == [(0, 0, 16)]  # of two, none can be spared


def test_two_sentences_are_taken_over_a_short_target():
    rows, _ = chunk(documents([8, 8] * 10), short_seq_prob=1.0)
    assert rows == [(0, start, start + 16) for start in range(0, 160, 16)]


@settings(max_examples=300)
@given(st.lists(st.integers(1, 8), min_size=1, max_size=30), st.booleans())
def test_chunks_are_those_of_the_slow_and_plain_way(lengths, backwards):
    rows, chunks = chunk(documents(lengths), backwards)
    bounds = set(np.cumsum([0, *lengths]).tolist())
    plain = slow_chunks(lengths, backwards, 16)
    pairs = [(start, end) for start, end in plain if len([b for b in bounds if start <= b <= end]) > 2]
    assert sorted((start, end) for _, start, end in rows) == pairs
    assert chunks.num_single_sentence == len(plain) - len(pairs)


def test_half_of_the_copies_are_cut_from_the_end():
    keys = document_keys([i.to_bytes(16, "little") for i in range(4000)], seed=3)
    assert np.mean([is_backwards(np.uint64(mix(key, COPY))) for key in keys]) == pytest.approx(0.5, abs=0.03)


def test_chunks_never_cross_documents_and_know_their_source():
    rows, chunks = chunk(documents([4, 4], [3, 3]))
    assert rows == [(0, 0, 8), (1, 8, 14)]
    assert chunks.instances.sources.tolist() == [0, 1]


def test_a_single_sentence_needs_a_clause_mark():
    rows, chunks = chunk(documents([7], [7], comma_at={9: 1}))
    assert rows == [(1, 7, 14)]
    assert chunks.num_single_sentence == 1


def test_a_clause_mark_at_the_very_end_is_no_place_to_split():
    assert chunk(documents([7], comma_at={6: 1}))[0] == []


def test_an_exact_fit_is_no_overflow():
    assert chunk(documents([8, 8, 8, 8]))[0] == [(0, 0, 16), (0, 16, 32)]


def test_copies_differ_in_their_keys_and_short_targets():
    docs = documents([3] * 40)
    plain, chunks = chunk(documents([8] * 40), copies=3)
    assert sorted(plain) == sorted(plain[: len(plain) // 3] * 3)  # in both directions
    assert len(set(chunks.instances.keys.tolist())) == len(plain)
    short, _ = chunk(docs, copies=3, short_seq_prob=1.0)
    assert len([row for row in short if row[1] == 0]) <= 3
    assert len({row[2] - row[1] for row in short}) > 2


@settings(max_examples=200)
@given(
    st.lists(st.lists(st.integers(1, 16), min_size=1, max_size=12), min_size=1, max_size=4),
    st.floats(0, 1),
    st.integers(1, 3),
    st.randoms(),
)
def test_chunks_are_whole_sentences_in_order_within_the_target(lengths, short, copies, random):
    total = sum(map(sum, lengths))
    docs = documents(*lengths, comma_at={place: 1 for place in range(total) if random.random() < 0.2})
    rows, chunks = chunk(docs, copies=copies, short_seq_prob=short)
    bounds = {*np.flatnonzero(docs.flags & SENTENCE_START).tolist(), total}
    for document, start, end in rows:
        assert docs.offsets[document] <= start < end <= docs.offsets[document + 1]
        assert 2 <= end - start <= 16
        inside = [t for t in range(start + 1, end) if docs.flags[t] & SENTENCE_START]
        assert inside or any(docs.token_ids[t] == COMMA for t in range(start, end - 1))
        if inside:
            assert {start, end} <= bounds
    if short == 0:
        assert sum(end - start for _, start, end in rows) + chunks.num_cut_tokens <= total * copies
        assert chunks.num_cut_tokens == 0
        if chunks.num_single_sentence == 0:  # nothing is lost
            assert sum(end - start for _, start, end in rows) == total * copies


def test_shards_and_held_out_documents_are_stable_and_uniform():
    ids = [i.to_bytes(16, "little") for i in range(20_000)]
    keys = document_keys(ids, seed=7)
    shards = shard_of(keys, 10)
    assert np.bincount(shards).min() > 1800
    assert shard_of(document_keys(ids[5:6], seed=7), 10)[0] == shards[5]
    held = is_held_out(keys, 0.01)
    assert held.mean() == pytest.approx(0.01, rel=0.25)
    assert is_held_out(keys, 0.05)[held].all()
    assert not is_held_out(keys, 0.0).any()
    assert (document_keys(ids, seed=8) != keys).all()


def test_a_weight_between_whole_numbers_is_an_average():
    keys = document_keys([i.to_bytes(16, "little") for i in range(4000)], seed=1)
    assert copies_of(keys, np.full(4000, 3.0)).tolist() == [3] * 4000
    assert set(copies_of(keys, np.full(4000, 2.5)).tolist()) == {2, 3}
    assert copies_of(keys, np.full(4000, 2.5)).mean() == pytest.approx(2.5, abs=0.03)
    assert (copies_of(keys, np.full(4000, 0.1)) <= copies_of(keys, np.full(4000, 0.2))).all()  # more weight, the same documents and more
