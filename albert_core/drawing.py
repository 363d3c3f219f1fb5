"""The one law that turns text into a training example: where A ends, which order, which masks.

`draw` is called by the shard writer for static shards and by the input pipeline for dynamic ones, so a static dataset equals epoch 0 of
the dynamic dataset with the same options. Everything random comes from counter-based integers keyed by (instance key, seed, epoch): no
state, the same on every machine, runner and retry.

    instance   今天天气很好。我们去公园。         sentence starts  ^今  ^我
    split      今天天气很好。 | 我们去公园。     at a random sentence start
    order      swapped with probability 1/2     label 1 = swapped
    masks      [CLS] 我 们 去 公 园 。 [SEP] 今 天 [MASK] [MASK] 很 好 。 [SEP]      whole words, 天气 was drawn
"""

import dataclasses
import functools
from typing import Literal

import numba
import numpy as np

from albert_core.errors import AlbertError
from albert_core.tokenization import Tokenizer, is_han

WORD_START, SENTENCE_START = 1, 2  # bits of a token's flags
NUM_SPECIALS = 3  # [CLS], [SEP], [SEP]
CLAUSE_MARKS = "，、：,:;"
FREE, MASKED, HOLDS_UNK = 0, 1, 2  # states of a word
TRIES = 8  # random places tried before the fitting places are counted; both choose uniformly among those that fit

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DrawingOptions:
    """What the law is asked for. Names and defaults are the reference's; lengths in tokens, specials included."""

    max_seq_length: int = 512
    max_predictions_per_seq: int = 51
    masked_lm_prob: float = 0.10
    max_ngram: int = 3
    mask_unit: Literal["word", "token"] = "word"

    def __post_init__(self) -> None:
        """Refuses what cannot be drawn, naming value and limit."""
        room = self.max_seq_length - NUM_SPECIALS
        if not 8 <= self.max_seq_length <= 65_535:
            raise AlbertError(
                f"--max-seq-length {self.max_seq_length} is not between 8 and 65,535"
                "\n[CLS], two [SEP] and a few tokens on either side must fit; the reference uses 512"
            )
        if not 1 <= self.max_predictions_per_seq <= room:
            raise AlbertError(
                f"--max-predictions-per-seq {self.max_predictions_per_seq} does not fit --max-seq-length {self.max_seq_length}"
                f"\nbetween 1 and {room} ({self.max_seq_length} less [CLS] and two [SEP]); "
                f"the reference uses 10 % of the length: try {max(1, self.max_seq_length // 10)}"
            )
        if not 0 < self.masked_lm_prob <= 1:
            raise AlbertError(f"--masked-lm-prob {self.masked_lm_prob} is not in (0, 1]\nthe reference uses 0.10, BERT 0.15")
        if not 1 <= self.max_ngram <= 10:
            raise AlbertError(f"--max-ngram {self.max_ngram} is not between 1 and 10\nALBERT uses 3; 1 is whole-word masking")
        if self.mask_unit not in ("word", "token"):
            raise AlbertError(f"--mask-unit {self.mask_unit} is not known\nuse word or token")

    @property
    def max_tokens(self) -> int:
        """Most tokens of text in an instance."""
        return self.max_seq_length - NUM_SPECIALS

    def budgets(self) -> np.ndarray:
        """int32 [max_seq_length + 1]: predictions for a sequence of that many tokens, rounded half to even as Python's `round`."""
        lengths = range(self.max_seq_length + 1)
        return np.array([min(self.max_predictions_per_seq, max(1, round(length * self.masked_lm_prob))) for length in lengths], np.int32)

    def ngram_thresholds(self) -> np.ndarray:
        """uint64 [max_ngram]: n is the first whose threshold exceeds 32 random bits, so that P(n) ∝ 1/n (ALBERT §3.1)."""
        weights = [1 / n for n in range(1, self.max_ngram + 1)]
        shares = np.cumsum(weights) / sum(weights)
        return np.array([*(int(share * 2**32) for share in shares[:-1]), 2**32], np.uint64)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DrawingTables:
    """What the law must know of a vocabulary."""

    unk_id: int
    cls_id: int
    sep_id: int
    mask_id: int
    random_ids: np.ndarray
    """int32 [R]: what a masked token may be replaced by: no specials, no [unused], no ##Han (the tokenizer never makes those)."""
    clause_marks: np.ndarray
    """bool [V]: tokens after which a single sentence may be split."""

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "DrawingTables":
        """The tables of a tokenizer's vocabulary."""
        allowed = [index for index, token in enumerate(tokenizer.vocab) if may_replace(token)]
        return cls(
            unk_id=tokenizer.unk_id,
            cls_id=tokenizer.cls_id,
            sep_id=tokenizer.sep_id,
            mask_id=tokenizer.mask_id,
            random_ids=np.array(allowed or [tokenizer.mask_id], np.int32),
            clause_marks=np.array([token in CLAUSE_MARKS and token != "" for token in tokenizer.vocab], np.bool_),
        )


def may_replace(token: str) -> bool:
    """Whether a masked token may be replaced by `token`: it is one that the tokenizer makes from text."""
    if token in ("<S>", "<T>", "") or (token.startswith("[") and token.endswith("]") and len(token) > 2):
        return False
    return not (token.startswith("##") and len(token) == 3 and is_han(token[2]))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Instances:
    """N stretches of text over shared token arrays, not yet drawn."""

    token_ids: np.ndarray  # uint16 [T]
    flags: np.ndarray  # uint8 [T]: WORD_START | SENTENCE_START
    starts: np.ndarray  # int64 [N], first token
    ends: np.ndarray  # int64 [N], one past the last
    keys: np.ndarray  # uint64 [N], what chance is keyed by
    sources: np.ndarray  # uint16 [N], index of the source in the manifest

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: np.ndarray | slice) -> "Instances":
        """Some of the instances, in that order; the token arrays stay shared."""
        chosen = {name: getattr(self, name)[rows] for name in ("starts", "ends", "keys", "sources")}
        return dataclasses.replace(self, **chosen)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Drawn:
    """N examples, padded. L = max_seq_length, P = max_predictions_per_seq."""

    input_ids: np.ndarray  # int32 [N, L]
    segment_ids: np.ndarray  # int32 [N, L]
    lengths: np.ndarray  # int32 [N], tokens with specials; the rest is padding
    positions: np.ndarray  # int32 [N, P], ascending
    labels: np.ndarray  # int32 [N, P], original ids
    num_predictions: np.ndarray  # int32 [N]
    swapped: np.ndarray  # int32 [N], the sentence-order label: 1 = B came first
    num_spans: np.ndarray  # uint16 [N, max_ngram]: spans drawn of 1, 2, … words
    num_replaced: np.ndarray  # uint16 [N, 3]: predictions shown as [MASK], as themselves, as a random token


def draw(instances: Instances, options: DrawingOptions, tables: DrawingTables, *, seed: int, epoch: int = 0) -> Drawn:
    """Split, order and masks of `instances` for an epoch.

    Each instance must be splittable: a sentence start or a clause mark inside (`count_splits`).

    Raises:
      ValueError: an instance has more than `options.max_tokens` tokens, or fewer than 2.
    """
    n, length, predictions = len(instances), options.max_seq_length, options.max_predictions_per_seq
    sizes = instances.ends - instances.starts
    if n and not 2 <= sizes.min() <= sizes.max() <= options.max_tokens:
        raise ValueError(f"instances of {sizes.min()} to {sizes.max()} tokens, where 2 to {options.max_tokens} can be drawn")
    drawn = Drawn(
        input_ids=np.zeros((n, length), np.int32),
        segment_ids=np.zeros((n, length), np.int32),
        lengths=np.zeros(n, np.int32),
        positions=np.zeros((n, predictions), np.int32),
        labels=np.zeros((n, predictions), np.int32),
        num_predictions=np.zeros(n, np.int32),
        swapped=np.zeros(n, np.int32),
        num_spans=np.zeros((n, options.max_ngram), np.uint16),
        num_replaced=np.zeros((n, 3), np.uint16),
    )
    _draw_all(
        (instances.token_ids, instances.flags, instances.starts, instances.ends, instances.keys),
        (tables.unk_id, tables.cls_id, tables.sep_id, tables.mask_id, tables.random_ids, tables.clause_marks),
        _law(options),
        np.uint64(mix(np.uint64(seed & (2**64 - 1)), np.uint64(epoch))),  # numba hands a Python integer back
        tuple(getattr(drawn, field.name) for field in dataclasses.fields(drawn)),
    )
    return drawn


@functools.lru_cache(maxsize=16)
def _law(options: DrawingOptions) -> tuple[np.ndarray, np.ndarray, bool]:
    """The options as the kernel wants them."""
    return options.budgets(), options.ngram_thresholds(), options.mask_unit == "token"


@numba.njit(cache=True, nogil=True)
def mix(key: np.uint64, counter: np.uint64) -> np.uint64:
    """64 random bits of (key, counter): splitmix64's output function over key + counter × golden ratio (Steele, Lea, Flood 2014)."""
    x = key + (counter + np.uint64(1)) * _GOLDEN
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    return x ^ (x >> np.uint64(31))


@numba.njit(cache=True, nogil=True)
def below(bits: np.uint64, bound: int) -> np.int64:
    """An integer in [0, bound) from 64 random bits, by multiplication (Lemire 2019; the bias is under 2⁻³² × bound)."""
    return np.int64(((bits >> np.uint64(32)) * np.uint64(bound)) >> np.uint64(32))


@numba.njit(cache=True, nogil=True)
def count_splits(token_ids: np.ndarray, flags: np.ndarray, start: int, end: int, clause_marks: np.ndarray) -> tuple[int, bool]:
    """How many places [start, end) can be split at, and whether they are clause marks: those serve only where there is no sentence start.

    我们去公园。→ 0      早上，我们去公园。→ 1, clause      下雨了。我们去公园。→ 1, sentence
    """
    sentences = 0
    for flag in flags[start + 1 : end]:  # alone in its loop, which becomes vector instructions: most instances end here
        sentences += (flag & SENTENCE_START) >> 1
    if sentences:
        return sentences, False
    clauses = 0
    for token_id in token_ids[start : end - 1]:
        clauses += clause_marks[token_id]
    return clauses, True


@numba.njit(cache=True, nogil=True)
def _choose_split(token_ids: np.ndarray, flags: np.ndarray, start: int, end: int, clause_marks: np.ndarray, bits: np.uint64) -> int:
    """The first token of B: a place that `count_splits` counted, each equally likely."""
    count, at_clauses = count_splits(token_ids, flags, start, end, clause_marks)
    left = below(bits, count)
    for t in range(start + 1, end):
        if (at_clauses and clause_marks[token_ids[t - 1]]) or (not at_clauses and flags[t] & SENTENCE_START):
            if left == 0:
                return t
            left -= 1
    return -1  # unreachable for a splittable instance


@numba.njit(cache=True, nogil=True)
def _fits(words: np.ndarray, num_words: int, first: int, n: int, budget: int) -> bool:
    """Whether words [first, first + n) are free, of one segment and within the budget. words: [W, 4] = start, end, segment, state."""
    if first + n > num_words or words[first, 2] != words[first + n - 1, 2] or words[first + n - 1, 1] - words[first, 0] > budget:
        return False
    for w in range(first, first + n):  # noqa: SIM110 - numba compiles loops, not generators
        if words[w, 3] != FREE:
            return False
    return True


@numba.njit(cache=True, nogil=True)
def _choose_place(words: np.ndarray, num_words: int, n: int, budget: int, key: np.uint64, counter: np.uint64) -> tuple[int, np.uint64]:
    """The first word of a span of n, uniformly among those that fit, or -1; and the counter after it."""
    for _ in range(TRIES):
        first = below(mix(key, counter), num_words)
        counter += np.uint64(1)
        if _fits(words, num_words, first, n, budget):
            return first, counter
    count = 0
    for first in range(num_words):
        if _fits(words, num_words, first, n, budget):
            count += 1
    if count == 0:
        return -1, counter
    left = below(mix(key, counter), count)
    counter += np.uint64(1)
    for first in range(num_words):
        if _fits(words, num_words, first, n, budget):
            if left == 0:
                return first, counter
            left -= 1
    return -1, counter


@numba.njit(cache=True, nogil=True)
def _mask_spans(words: np.ndarray, num_words: int, budget: int, thresholds: np.ndarray, key: np.uint64, num_spans: np.ndarray) -> None:
    """Choose spans of 1..N whole words, P(n) ∝ 1/n, until the budget of tokens is used; marks them MASKED.

        words   今天 天气 很 好 。        n = 2 at word 1  →  天气 很, three tokens of the budget

    On a clash the place is drawn anew, not n. Only where no place of the whole sequence takes n words is n lowered.
    """
    counter = np.uint64(0)
    while budget > 0 and num_words > 0:
        bits = mix(key, counter) >> np.uint64(32)
        counter += np.uint64(1)
        n = 1
        while bits >= thresholds[n - 1]:
            n += 1
        first = -1
        while first < 0 and n > 0:
            if n <= budget:
                first, counter = _choose_place(words, num_words, n, budget, key, counter)
            if first < 0:
                n -= 1
        if n == 0:
            break  # every free word is longer than what is left of the budget
        num_spans[n - 1] += 1
        budget -= words[first + n - 1, 1] - words[first, 0]
        for w in range(first, first + n):
            words[w, 3] = MASKED


@numba.njit(cache=True, nogil=True)
def _lay_out(
    token_ids: np.ndarray, flags: np.ndarray, parts: tuple, specials: tuple, by_token: bool, ids: np.ndarray, words: np.ndarray
) -> tuple[int, int]:
    """Writes [CLS] A [SEP] B [SEP] into `ids` and its words into `words`; returns tokens and words. A word that holds [UNK] is not free."""
    unk_id, cls_id, sep_id = specials
    ids[0] = cls_id
    position, num_words = 1, 0
    for segment in range(2):
        start, end = parts[segment]
        for t in range(start, end):
            if t == start or by_token or flags[t] & WORD_START:
                words[num_words, 0], words[num_words, 2], words[num_words, 3] = position, segment, FREE
                num_words += 1
            ids[position] = token_ids[t]
            if token_ids[t] == unk_id:
                words[num_words - 1, 3] = HOLDS_UNK
            position += 1
            words[num_words - 1, 1] = position
        ids[position] = sep_id
        position += 1
    return position, num_words


@numba.njit(cache=True, nogil=True)
def _replace(
    ids: np.ndarray,
    words: np.ndarray,
    mask_id: int,
    random_ids: np.ndarray,
    key: np.uint64,
    positions: np.ndarray,
    labels: np.ndarray,
    num_replaced: np.ndarray,
) -> int:
    """Shows each token of a MASKED word as [MASK] (80 %), itself (10 %) or a random token (10 %); returns their number (BERT §3.1)."""
    count = 0
    for w in range(len(words)):
        if words[w, 3] != MASKED:
            continue
        for position in range(words[w, 0], words[w, 1]):
            positions[count], labels[count] = position, ids[position]
            count += 1
            bits = mix(key, np.uint64(position))
            tenth = below(bits, 10)
            kind = 0 if tenth < 8 else tenth - 7
            if kind == 0:
                ids[position] = mask_id
            elif kind == 2:
                ids[position] = random_ids[below(mix(bits, np.uint64(0)), len(random_ids))]
            num_replaced[kind] += 1
    return count


@numba.njit(cache=True, nogil=True)
def _draw_all(instances: tuple, tables: tuple, law: tuple, salt: np.uint64, out: tuple) -> None:
    """`draw`, instance by instance."""
    token_ids, flags, starts, ends, keys = instances
    unk_id, cls_id, sep_id, mask_id, random_ids, clause_marks = tables
    budgets, thresholds, by_token = law
    input_ids, segment_ids, lengths, positions, labels, num_predictions, swapped, num_spans, num_replaced = out
    max_length = input_ids.shape[1]
    words = np.empty((max_length, 4), np.int64)
    for i in range(len(keys)):
        key = mix(keys[i], salt)
        split = _choose_split(token_ids, flags, starts[i], ends[i], clause_marks, mix(key, np.uint64(0)))
        swapped[i] = mix(key, np.uint64(1)) >> np.uint64(63)
        parts = ((split, ends[i]), (starts[i], split)) if swapped[i] else ((starts[i], split), (split, ends[i]))
        length, num_words = _lay_out(token_ids, flags, parts, (unk_id, cls_id, sep_id), by_token, input_ids[i], words)
        lengths[i] = length
        segment_ids[i, parts[0][1] - parts[0][0] + 2 : length] = 1
        _mask_spans(words, num_words, budgets[length], thresholds, mix(key, np.uint64(2)), num_spans[i])
        num_predictions[i] = _replace(
            input_ids[i], words[:num_words], mask_id, random_ids, mix(key, np.uint64(3)), positions[i], labels[i], num_replaced[i]
        )
