"""Which documents to compare: those that share a bucket, in pairs (first, second) of which the first ranks before.

A document ranks before another if its source is preferred, then if it is longer, then if its identity is smaller. Its `key` is the first
half of the identity, so all here is arrays of 64-bit numbers.
"""

from collections.abc import Mapping

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.deduplicate import document_ids, prefixes
from pipelines.minhash import BANDS, band_hashes

BEST, NEAR = 4, 6
"""In a hot bucket, a document is paired with the `BEST` that rank first and the `NEAR` that rank just before it, not with all: n² pairs of
a text that a million pages repeat are more than anyone can compare. One verified pair is enough for a document to go: in a cluster around
the best it is a pair with one of those; if several clusters share a bucket, its own are near it, because editions have about one length;
and every other band gives another chance."""
MAX_FIRSTS = 10
"""Most documents that one is compared with: those that share the most bands with it. Their texts travel to it, so this bounds what is
shuffled. In clusters of 100 editions of an article, 10 finds all that have a neighbour of 0.85 or more, as 16 does; 8 missed 1 in 1,255."""

LENGTH_BITS = 40
_MOST = np.uint64((1 << LENGTH_BITS) - 1)

BUCKETS = pa.schema([("bucket", pa.uint64()), ("rank", pa.uint64()), ("key", pa.uint64())])
PAIRS = pa.schema([("first", pa.uint64()), ("second", pa.uint64()), ("first_rank", pa.uint64())])
CHOSEN = pa.schema([("first", pa.uint64()), ("second", pa.uint64())])


def bucket_rows(documents: pa.RecordBatch, source_ranks: Mapping[str, int]) -> pa.RecordBatch:
    """A row of BUCKETS for each document and band; a document without shingles has none."""
    buckets, is_there = band_hashes(documents.column("text"))
    ranks, keys = rank_documents(documents, source_ranks)[is_there], prefixes(document_ids(documents))[is_there]
    columns = [buckets[is_there].ravel(), np.repeat(ranks, BANDS), np.repeat(keys, BANDS)]
    return pa.record_batch([pa.array(column) for column in columns], schema=BUCKETS)


def rank_documents(documents: pa.RecordBatch, source_ranks: Mapping[str, int]) -> np.ndarray:
    """uint64 [rows], less for a document that ranks before: the place of its source, then its length in characters, downwards."""
    places = documents.column("source").dictionary_encode()
    source = np.array([source_ranks.get(name, len(source_ranks)) for name in places.dictionary.to_pylist()], np.uint64)
    lengths = pc.utf8_length(documents.column("text")).to_numpy().astype(np.uint64)
    return source[places.indices.to_numpy()] << np.uint64(LENGTH_BITS) | (_MOST - lengths)


def pair_up(buckets: np.ndarray, ranks: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs of all buckets, each as often as the two share a bucket.

    Args:
      buckets: uint64 [N], in any order, as are the others.
      ranks: uint64 [N].
      keys: uint64 [N].

    Returns:
      uint64 each: first, second, rank of the first.
    """
    order = np.argsort(buckets)
    ordered = buckets[order]
    shared = np.zeros(len(order), bool)
    same = ordered[1:] == ordered[:-1]
    shared[1:] |= same
    shared[:-1] |= same
    order = order[shared]  # most documents are alone in their buckets
    order = order[np.lexsort((keys[order], ranks[order], buckets[order]))]
    return _pair_up(buckets[order], ranks[order], keys[order], BEST, NEAR)


@numba.njit(cache=True, nogil=True)
def _pair_up(buckets: np.ndarray, ranks: np.ndarray, keys: np.ndarray, best: int, near: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`pair_up` of rows in the order of bucket, rank, key."""
    most = 0
    start = 0
    for i in range(len(buckets)):
        start = i if buckets[i] != buckets[start] else start
        most += min(i - start, best + near)
    firsts, seconds, first_ranks = np.empty(most, np.uint64), np.empty(most, np.uint64), np.empty(most, np.uint64)
    count = 0
    start = 0
    for i in range(len(buckets)):
        start = i if buckets[i] != buckets[start] else start
        for place in range(min(i - start, best + near)):
            j = start + place if place < best else max(start + best, i - near) + place - best
            if j < i and keys[j] != keys[i]:
                firsts[count], seconds[count], first_ranks[count] = keys[j], keys[i], ranks[j]
                count += 1
    return firsts[:count], seconds[:count], first_ranks[:count]


def choose_pairs(firsts: np.ndarray, seconds: np.ndarray, first_ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each pair once, at most MAX_FIRSTS of a second: by second, then the first that shares more bands, then the one that ranks before.

    Args:
      firsts: uint64 [N], the pairs of all buckets with certain seconds, in any order.
      seconds: uint64 [N].
      first_ranks: uint64 [N].

    Returns:
      uint64 [M] each: first and second.
    """
    order = np.lexsort((firsts, seconds))
    firsts, seconds, first_ranks = firsts[order], seconds[order], first_ranks[order]
    starts = np.flatnonzero(_changes(seconds) | _changes(firsts))
    bands = np.diff(np.append(starts, len(order)))
    firsts, seconds, first_ranks = firsts[starts], seconds[starts], first_ranks[starts]
    order = np.lexsort((firsts, first_ranks, -bands, seconds))
    firsts, seconds = firsts[order], seconds[order]
    begins = np.flatnonzero(_changes(seconds))
    places = np.arange(len(order)) - np.repeat(begins, np.diff(np.append(begins, len(order))))
    return firsts[places < MAX_FIRSTS], seconds[places < MAX_FIRSTS]


def _changes(values: np.ndarray) -> np.ndarray:
    """Bool [N]: whether a value differs from the one before it."""
    changes = np.ones(len(values), bool)
    changes[1:] = values[1:] != values[:-1]
    return changes
