"""The law against a slow, obvious version of itself, and its statistics against what was asked."""

import collections
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_core.drawing import (
    SENTENCE_START,
    WORD_START,
    DrawingOptions,
    DrawingTables,
    Instances,
    below,
    count_splits,
    draw,
    may_replace,
    mix,
)
from albert_core.errors import AlbertError
from albert_core.tokenization import SPECIAL_TOKENS, Tokenizer
from tests.shared_data import shared

HAN = [chr(0x4E00 + i) for i in range(200)]
TOKENIZER = Tokenizer([*SPECIAL_TOKENS, "[unused1]", "<S>", "##一", "##a", "，", "。", *HAN])
TABLES = DrawingTables.of(TOKENIZER)
COMMA, STOP = TOKENIZER.ids["，"], TOKENIZER.ids["。"]
FIRST_HAN = TOKENIZER.ids[HAN[0]]
MASK_64 = (1 << 64) - 1


def python_mix(key: int, counter: int) -> int:
    x = (key + (counter + 1) * 0x9E3779B97F4A7C15) & MASK_64
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK_64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK_64
    return x ^ (x >> 31)


def python_below(bits: int, bound: int) -> int:
    return ((bits >> 32) * bound) >> 32


def obvious_draw(ids, flags, key, options, seed, epoch):  # noqa: C901 - one piece on purpose: the law, top to bottom
    """`draw` for one instance, with lists and no cleverness. Returns input ids, positions, labels, swapped."""
    key = python_mix(key, python_mix(seed, epoch))
    sentences = [t for t in range(1, len(ids)) if flags[t] & SENTENCE_START]
    splits = sentences or [t for t in range(1, len(ids)) if TABLES.clause_marks[ids[t - 1]]]
    split = splits[python_below(python_mix(key, 0), len(splits))]
    swapped = python_mix(key, 1) >> 63
    halves = [(0, split), (split, len(ids))]
    sequence, words = [TABLES.cls_id], []
    for segment, (start, end) in enumerate(reversed(halves) if swapped else halves):
        for t in range(start, end):
            if t == start or options.mask_unit == "token" or flags[t] & WORD_START:
                words.append({"positions": [], "segment": segment, "state": "free"})
            words[-1]["positions"].append(len(sequence))
            if ids[t] == TABLES.unk_id:
                words[-1]["state"] = "unknown"
            sequence.append(int(ids[t]))
        sequence.append(TABLES.sep_id)
    budget, counter, span_key = int(options.budgets()[len(sequence)]), 0, python_mix(key, 2)

    def fits(first, n):
        span = words[first : first + n]
        size = sum(len(word["positions"]) for word in span)
        return (
            len(span) == n and len({word["segment"] for word in span}) == 1 and size <= budget and all(w["state"] == "free" for w in span)
        )

    while budget > 0:
        bits = python_mix(span_key, counter) >> 32
        counter += 1
        n = next(n for n, threshold in enumerate(options.ngram_thresholds().tolist(), 1) if bits < threshold)
        first = None
        while n > 0 and first is None:
            if n <= budget:
                for _ in range(8):
                    candidate = python_below(python_mix(span_key, counter), len(words))
                    counter += 1
                    if fits(candidate, n):
                        first = candidate
                        break
                else:
                    places = [place for place in range(len(words)) if fits(place, n)]
                    if places:
                        first = places[python_below(python_mix(span_key, counter), len(places))]
                        counter += 1
            if first is None:
                n -= 1
        if n == 0:
            break
        for word in words[first : first + n]:
            word["state"] = "masked"
            budget -= len(word["positions"])
    positions = sorted(itertools.chain.from_iterable(word["positions"] for word in words if word["state"] == "masked"))
    labels = [sequence[position] for position in positions]
    for position in positions:
        bits = python_mix(python_mix(key, 3), position)
        tenth = python_below(bits, 10)
        if tenth < 8:
            sequence[position] = TABLES.mask_id
        elif tenth == 9:
            sequence[position] = int(TABLES.random_ids[python_below(python_mix(bits, 0), len(TABLES.random_ids))])
    return sequence, positions, labels, swapped


@st.composite
def instances(draw_from, max_tokens=61):
    """One splittable instance: ids, flags, key."""
    size = draw_from(st.integers(2, max_tokens))
    ids = np.array(
        draw_from(st.lists(st.sampled_from([*range(FIRST_HAN, FIRST_HAN + 40), COMMA, STOP, TABLES.unk_id]), min_size=size, max_size=size)),
        np.uint16,
    )
    flags = np.array(draw_from(st.lists(st.sampled_from([0, 0, WORD_START, WORD_START, 3]), min_size=size, max_size=size)), np.uint8)
    flags[draw_from(st.integers(1, size - 1))] = SENTENCE_START | WORD_START
    return ids, flags, draw_from(st.integers(0, MASK_64))


def as_instances(ids, flags, key):
    one = np.array([len(ids)], np.int64)
    return Instances(token_ids=ids, flags=flags, starts=one * 0, ends=one, keys=np.array([key], np.uint64), sources=np.zeros(1, np.uint16))


@settings(max_examples=300)
@given(instances(), st.sampled_from(["word", "token"]), st.integers(1, 4), st.floats(0.02, 0.9), st.integers(0, 2**63), st.integers(0, 5))
def test_the_kernel_draws_what_the_obvious_version_draws(instance, unit, max_ngram, probability, seed, epoch):
    options = DrawingOptions(
        max_seq_length=64,
        max_predictions_per_seq=20,
        masked_lm_prob=probability,
        max_ngram=1 if unit == "token" else max_ngram,
        mask_unit=unit,
    )
    drawn = draw(as_instances(*instance), options, TABLES, seed=seed, epoch=epoch)
    sequence, positions, labels, swapped = obvious_draw(*instance, options, seed, epoch)
    count = int(drawn.num_predictions[0])
    assert drawn.input_ids[0, : int(drawn.lengths[0])].tolist() == sequence
    assert drawn.positions[0, :count].tolist() == positions
    assert drawn.labels[0, :count].tolist() == labels
    assert drawn.swapped[0] == swapped
    assert not drawn.input_ids[0, len(sequence) :].any()
    assert not drawn.positions[0, count:].any()


@given(st.integers(0, MASK_64), st.integers(0, MASK_64), st.integers(1, 1 << 31))
def test_chance_is_splitmix64(key, counter, bound):
    bits = int(mix(np.uint64(key), np.uint64(counter)))
    assert bits == python_mix(key, counter)
    assert below(np.uint64(bits), bound) == python_below(bits, bound) < bound


def test_splitmix64_gives_its_published_first_numbers():
    """Seed 1234567, as in the reference implementation's test vectors (Vigna, splitmix64.c)."""
    assert [int(mix(np.uint64(1234567), np.uint64(i))) for i in range(3)] == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def real_like(number: int, tokens: int = 509) -> Instances:
    """Random text with words of 1 to 4 tokens and sentences of about 25."""
    rng = np.random.default_rng(7)
    size = number * tokens
    flags = np.where(rng.random(size) < 0.6, WORD_START, 0).astype(np.uint8)
    flags[rng.random(size) < 1 / 25] = SENTENCE_START | WORD_START
    starts = np.arange(number, dtype=np.int64) * tokens
    flags[starts + tokens // 2] = SENTENCE_START | WORD_START
    return Instances(
        token_ids=rng.integers(FIRST_HAN, FIRST_HAN + 200, size).astype(np.uint16),
        flags=flags,
        starts=starts,
        ends=starts + tokens,
        keys=rng.integers(0, 2**63, number).astype(np.uint64),
        sources=np.zeros(number, np.uint16),
    )


def test_shares_are_what_was_asked():
    options = DrawingOptions()
    drawn = draw(real_like(4000), options, TABLES, seed=1)
    assert drawn.num_predictions.mean() == pytest.approx(51, rel=0.001)
    assert drawn.swapped.mean() == pytest.approx(0.5, abs=0.02)  # ± 2.5 σ
    assert (drawn.num_replaced.sum(axis=1) == drawn.num_predictions).all()
    assert drawn.num_replaced.sum(axis=0) / drawn.num_replaced.sum() == pytest.approx([0.8, 0.1, 0.1], abs=0.005)
    assert drawn.num_spans.sum(axis=0) / drawn.num_spans.sum() == pytest.approx([6 / 11, 3 / 11, 2 / 11], abs=0.02)


def test_epochs_differ_and_repeat():
    some = real_like(20)
    first, again, second = (draw(some, DrawingOptions(), TABLES, seed=1, epoch=epoch) for epoch in (0, 0, 1))
    assert (first.input_ids == again.input_ids).all()
    assert (first.positions != second.positions).any(axis=1).all()


@pytest.mark.parametrize("seed", [0, 3, 4, 5, 2**63, 2**64 - 1])
@pytest.mark.parametrize("epoch", [0, 1, 7, 1000])
def test_every_seed_and_epoch_swaps_half(seed, epoch):
    """64-bit keys must stay unsigned on their way into the kernel: half of them are beyond the range of a signed integer."""
    assert draw(real_like(400, 40), DrawingOptions(), TABLES, seed=seed, epoch=epoch).swapped.mean() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("tokens", "message"), [(510, "instances of 510 to 510 tokens, where 2 to 509"), (1, "instances of 1 to 1 tokens")]
)
def test_what_does_not_fit_is_refused_before_the_kernel_writes(tokens, message):
    with pytest.raises(ValueError, match=message):
        draw(real_like(2, tokens), DrawingOptions(), TABLES, seed=0)


def test_an_instance_is_drawn_alike_whatever_stands_beside_it():
    some = real_like(20)
    whole = draw(some, DrawingOptions(), TABLES, seed=3)
    part = draw(some.take(np.array([17, 4])), DrawingOptions(), TABLES, seed=3)
    assert (part.input_ids == whole.input_ids[[17, 4]]).all()


def test_single_sentences_split_at_clause_marks_only():
    ids = np.array([FIRST_HAN, COMMA, FIRST_HAN, FIRST_HAN, STOP], np.uint16)
    flags = np.array([3, 1, 1, 1, 1], np.uint8)
    assert count_splits(ids, flags, 0, 5, TABLES.clause_marks) == (1, True)
    assert count_splits(ids, flags, 2, 5, TABLES.clause_marks) == (0, True)
    flags[3] = 3
    assert count_splits(ids, flags, 0, 5, TABLES.clause_marks) == (1, False)


def test_with_rate_one_every_known_token_is_masked():
    options = DrawingOptions(max_seq_length=16, max_predictions_per_seq=13, masked_lm_prob=1.0)
    ids = np.array([FIRST_HAN, FIRST_HAN + 1, TABLES.unk_id, STOP, FIRST_HAN + 2, STOP], np.uint16)
    flags = np.array([3, 1, 0, 1, 3, 1], np.uint8)  # the second word holds [UNK]: neither of its tokens is chosen
    drawn = draw(as_instances(ids, flags, 5), options, TABLES, seed=0)
    assert sorted(drawn.labels[0, : drawn.num_predictions[0]].tolist()) == sorted([FIRST_HAN, STOP, FIRST_HAN + 2, STOP])


@pytest.mark.parametrize(("length", "expected"), [(5, 1), (15, 2), (25, 2), (35, 4), (512, 51)])
def test_budget_rounds_half_to_even_and_is_at_least_one(length, expected):
    assert DrawingOptions().budgets()[length] == expected  # 1.5 → 2, 2.5 → 2, 3.5 → 4, 51.2 → 51


def test_replacements_are_tokens_that_text_can_give():
    assert [token for token in TOKENIZER.vocab if not may_replace(token)] == [*SPECIAL_TOKENS, "[unused1]", "<S>", "##一"]
    assert may_replace("[")
    assert may_replace("##a")


def test_the_released_vocabulary_has_13700_replacements():
    tables = DrawingTables.of(Tokenizer.load(shared("data/vocab.txt")))
    assert len(tables.random_ids) == 21_128 - 7_322 - 106  # ##Han, and the specials with [unused1] … [unused99], <S>, <T>


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_seq_length": 4}, "--max-seq-length 4 is not between 8 and"),
        (
            {"max_seq_length": 64, "max_predictions_per_seq": 80},
            "--max-predictions-per-seq 80 does not fit --max-seq-length 64\nbetween 1 and 61 .*try 6",
        ),
        ({"max_predictions_per_seq": 0}, "--max-predictions-per-seq 0 does not fit"),
        ({"masked_lm_prob": 0.0}, "--masked-lm-prob 0.0 is not in"),
        ({"max_ngram": 0}, "--max-ngram 0 is not between"),
        ({"mask_unit": "sentence"}, "--mask-unit sentence is not known"),
    ],
)
def test_options_that_cannot_be_drawn_are_refused(options, message):
    with pytest.raises(AlbertError, match=message):
        DrawingOptions(**options)


def test_random_replacements_are_uniform():
    options = DrawingOptions(masked_lm_prob=0.5, max_predictions_per_seq=254)
    some = real_like(1000)
    drawn = draw(some, options, TABLES, seed=2)
    rows, columns = np.nonzero(np.arange(254) < drawn.num_predictions[:, None])
    shown = drawn.input_ids[rows, drawn.positions[rows, columns]]
    labels = drawn.labels[rows, columns]
    replaced = collections.Counter(shown[(shown != TABLES.mask_id) & (shown != labels)].tolist())
    counts = np.array([replaced[index] for index in TABLES.random_ids])
    assert counts.min() > 0
    assert abs(counts - counts.mean()).max() < 6 * np.sqrt(counts.mean())
