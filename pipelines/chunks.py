"""Documents → chunks: whole sentences of one document, until the next would overflow; each becomes an instance.

    sentences   ① 5 tokens  ② 6  ③ 4  ④ 9  ⑤ 3  ⑥ 2        target 16
    forwards    ①②③ (15: ④ would overflow)   ④⑤⑥ (14)
    backwards   ④⑤⑥ (14: ③ would overflow)   ①②③ (15)

The next sentence starts the next chunk, so nothing is lost between them. Only a sentence longer than the target is cut. Half of the copies
are cut from the end of the document: the sentence that overflows is a long one, and always the first of its chunk it would tell the order.
A lone sentence has no pair but at a clause mark, where the order is plain to see; so a chunk takes two even over a short target, and
leaves no last sentence alone.
"""

import dataclasses

import numba
import numpy as np

from albert_core.drawing import SENTENCE_START, Instances, below, count_splits, mix
from pipelines.compact import TokenizedDocuments

# What chance is asked for, so that two uses never share bits.
SHORT, TARGET, CUT_PLACE, CUT_SIDE = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
COPY, SHARD, HELD_OUT, FRACTION = np.uint64(16), np.uint64(5), np.uint64(6), np.uint64(7)
DIRECTION = np.uint64(1 << 40)  # beside the numbers of chunks


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chunks:
    """The instances of some documents, and what became of the rest."""

    instances: Instances
    document: np.ndarray  # int64 [N], the document of each instance
    num_single_sentence: int  # chunks of one sentence without a clause mark: no pair can be made
    num_cut_tokens: int  # tokens of sentences that were longer than their target


def document_keys(document_ids: list[bytes], seed: int) -> np.ndarray:
    """uint64 [D]: what all chance about a document is keyed by."""
    first = np.frombuffer(b"".join(document_ids), "<u8").reshape(-1, 2)[:, 0].astype(np.uint64)
    return _mix_all(first, np.uint64(seed & (2**64 - 1)))


def shard_of(keys: np.ndarray, num_shards: int) -> np.ndarray:
    """int64 [D]: the shard of each document, uniform and stable."""
    return _below_all(_mix_all(keys, SHARD), num_shards)


def is_held_out(keys: np.ndarray, fraction: float) -> np.ndarray:
    """Bool [D]: whether a document belongs to the evaluation shards. A larger fraction holds out the same documents and more."""
    return (_mix_all(keys, HELD_OUT) >> np.uint64(32)) < np.uint64(int(fraction * 2**32))


def copies_of(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """int64 [D]: how often each document is used; `wanted`, float [D], is the average: 2.5 is 2 for one half, 3 for the other."""
    whole = np.floor(wanted)
    more = (_mix_all(keys, FRACTION) >> np.uint64(32)) < ((wanted - whole) * 2**32).astype(np.uint64)
    return whole.astype(np.int64) + more


def cut_chunks(
    documents: TokenizedDocuments,
    keys: np.ndarray,
    sources: np.ndarray,
    *,
    copies: np.ndarray,
    max_tokens: int,
    short_seq_prob: float,
    clause_marks: np.ndarray,
) -> Chunks:
    """The chunks of so many passes over each document.

    Args:
      documents: D documents; no sentence longer than `max_tokens`.
      keys: uint64 [D] from `document_keys`.
      sources: uint16 [D].
      copies: int64 [D], passes; they differ in short targets, hence in boundaries.
      max_tokens: the target; with `short_seq_prob` it is drawn uniformly from [2, max_tokens], for each chunk.
      short_seq_prob: share of chunks with a drawn target.
      clause_marks: bool [V], where a single sentence may be split.
    """
    threshold = np.uint64(int(short_seq_prob * 2**32))
    rows, (num_single, num_cut) = _cut_chunks(
        documents.token_ids, documents.flags, documents.offsets, keys, copies, max_tokens, threshold, clause_marks
    )
    instances = Instances(
        token_ids=documents.token_ids,
        flags=documents.flags,
        starts=rows[:, 1],
        ends=rows[:, 2],
        keys=rows[:, 3].view(np.uint64),
        sources=sources[rows[:, 0]],
    )
    return Chunks(instances=instances, document=rows[:, 0], num_single_sentence=int(num_single), num_cut_tokens=int(num_cut))


@numba.njit(cache=True, nogil=True)
def _mix_all(keys: np.ndarray, counter: np.uint64) -> np.ndarray:
    mixed = np.empty_like(keys)
    for i in range(len(keys)):
        mixed[i] = mix(keys[i], counter)
    return mixed


@numba.njit(cache=True, nogil=True)
def _below_all(bits: np.ndarray, bound: int) -> np.ndarray:
    chosen = np.empty(len(bits), np.int64)
    for i in range(len(bits)):
        chosen[i] = below(bits[i], bound)
    return chosen


@numba.njit(cache=True, nogil=True)
def is_backwards(copy_key: np.uint64) -> bool:
    """Whether a copy of a document is cut from its end."""
    return mix(copy_key, DIRECTION) >> np.uint64(63) == np.uint64(1)


@numba.njit(cache=True, nogil=True)
def _find_sentences(flags: np.ndarray, start: int, end: int, bounds: np.ndarray) -> int:
    """Writes where the sentences of [start, end) start, and `end`; returns how many there are."""
    count = 0
    for t in range(start, end):
        if t == start or flags[t] & SENTENCE_START:
            bounds[count] = t
            count += 1
    bounds[count] = end
    return count


@numba.njit(cache=True, nogil=True)
def _gather(bounds: np.ndarray, low: int, high: int, backwards: bool, target: int, max_tokens: int) -> tuple[int, int]:
    """The sentences of the next chunk of [low, high), from its end if `backwards`: as many as fit, two if they can."""
    first, last = (high - 1, high) if backwards else (low, low + 1)
    while last - first < high - low:
        size = bounds[last] - bounds[first - 1] if backwards else bounds[last + 1] - bounds[first]
        if size > target and not (last - first == 1 and size <= max_tokens):
            break
        if backwards:
            first -= 1
        else:
            last += 1
    if high - low - (last - first) == 1 and last - first > 2:  # one would be left alone
        return (first + 1, last) if backwards else (first, last - 1)
    return first, last


@numba.njit(cache=True, nogil=True)
def _window(token_ids: np.ndarray, start: int, end: int, target: int, clause_marks: np.ndarray, key: np.uint64) -> int:
    """Where a window of `target` tokens in a longer sentence begins, with a clause mark inside to split at; -1 if there is none.

    The junction is kept and the outer ends are cut, at random: the window's place must not tell what came first.
    """
    count = 0
    for t in range(start + 1, end):
        count += clause_marks[token_ids[t - 1]]
    if count == 0:
        return -1
    left = below(mix(key, CUT_PLACE), count)
    split = start + 1
    while not (clause_marks[token_ids[split - 1]] and left == 0):
        left -= clause_marks[token_ids[split - 1]]
        split += 1
    lowest = max(start, split - target + 1)
    highest = min(split - 1, end - target)
    return lowest + below(mix(key, CUT_SIDE), highest - lowest + 1)


@numba.njit(cache=True, nogil=True)
def _cut_chunks(
    token_ids: np.ndarray,
    flags: np.ndarray,
    offsets: np.ndarray,
    keys: np.ndarray,
    copies: np.ndarray,
    max_tokens: int,
    short: np.uint64,
    clause_marks: np.ndarray,
) -> tuple[np.ndarray, tuple[int, int]]:
    """Rows int64 [N, 4] = document, start, end, key; chunks of one sentence and tokens that were lost."""
    rows = np.empty((1024, 4), np.int64)
    bounds = np.empty(len(token_ids) + 1, np.int64)
    count = num_single = num_cut = 0
    for d in range(len(offsets) - 1):
        num_sentences = _find_sentences(flags, offsets[d], offsets[d + 1], bounds) if offsets[d] < offsets[d + 1] else 0
        for copy in range(copies[d]):
            copy_key = mix(keys[d], COPY + np.uint64(copy))
            backwards = is_backwards(copy_key)
            low, high, chunk = 0, num_sentences, 0
            while low < high:
                key = mix(copy_key, np.uint64(chunk))
                chunk += 1
                target = max_tokens
                if mix(key, SHORT) >> np.uint64(32) < short:
                    target = 2 + below(mix(key, TARGET), max_tokens - 1)
                first, last = _gather(bounds, low, high, backwards, target, max_tokens)
                low, high = (low, first) if backwards else (last, high)
                start, end = bounds[first], bounds[last]
                target = max_tokens if last - first == 2 else target  # two may be longer than a short target
                if end - start > target:
                    begin = _window(token_ids, start, end, target, clause_marks, key)
                    if begin >= 0:
                        num_cut += end - start - target
                        start, end = begin, begin + target
                if count_splits(token_ids, flags, start, end, clause_marks)[0] == 0:
                    num_single += 1
                    continue
                if count == len(rows):
                    grown = np.empty((2 * count, 4), np.int64)
                    grown[:count] = rows
                    rows = grown
                rows[count, 0], rows[count, 1], rows[count, 2], rows[count, 3] = d, start, end, np.int64(key)
                count += 1
    return rows[:count].copy(), (num_single, num_cut)
