from collections import Counter, defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.candidate_pairs import BEST, BUCKETS, MAX_FIRSTS, NEAR, bucket_rows, choose_pairs, pair_up, rank_documents
from pipelines.deduplicate import document_ids, prefixes
from pipelines.minhash import BANDS, band_hashes
from tests.pipelines.documents import cleaned

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 9)), max_size=30, unique_by=lambda row: (row[0], row[2]))


def arrays(rows) -> list[np.ndarray]:
    return [np.array(column, np.uint64) for column in zip(*rows, strict=True)] if rows else [np.zeros(0, np.uint64)] * 3


def test_a_preferred_source_ranks_before_then_a_longer_text():
    batch = cleaned(("b", "f:0", "长长长长"), ("a", "f:1", "短"), ("a", "f:2", "更长"), ("c", "f:3", "长长长长长"), ("d", "f:4", "𠀀" * 5))
    ranks = rank_documents(batch, {"a": 0, "b": 1})
    assert np.argsort(ranks, kind="stable").tolist() == [2, 1, 0, 3, 4]
    assert ranks[3] == ranks[4]  # sources nobody named are all alike


def test_keys_are_in_the_order_of_identities():
    batch = cleaned(*(("a", f"f:{i}", f"文{i}") for i in range(20)))
    by_key = np.argsort(prefixes(document_ids(batch))).tolist()
    ids = batch.column("document_id").to_pylist()
    assert [ids[i] for i in by_key] == sorted(ids)


def test_every_document_with_text_is_in_a_bucket_of_each_band():
    batch = cleaned(("a", "f:0", "今天天气很好。"), ("a", "f:1", ""), ("a", "f:2", "明天也一样好。"))
    rows = bucket_rows(batch, {})
    assert rows.schema == BUCKETS
    keys, buckets = prefixes(document_ids(batch)), band_hashes(batch.column("text"))[0]
    assert rows.column("key").to_pylist() == [keys[0]] * BANDS + [keys[2]] * BANDS
    assert rows.column("bucket").to_pylist() == [*buckets[0].tolist(), *buckets[2].tolist()]


@given(ROWS, st.randoms(use_true_random=False))
def test_pairs_of_small_buckets_are_all_pairs(rows, random):
    expected = Counter()
    for bucket, rank, key in rows:
        for other, before, first in rows:
            if other == bucket and (before, first) < (rank, key):
                expected[first, key, before] += 1
    shuffled = random.sample(rows, len(rows))
    firsts, seconds, ranks = pair_up(*arrays(shuffled))
    assert Counter(zip(firsts.tolist(), seconds.tolist(), ranks.tolist(), strict=True)) == expected


def test_pairs_of_a_hot_bucket_are_bounded():
    number = 1000
    rows = [(7, i, 5000 - i) for i in range(number)]
    firsts, seconds, _ = pair_up(*arrays(rows))
    by_second = defaultdict(list)
    for first, second in zip(firsts.tolist(), seconds.tolist(), strict=True):
        by_second[second].append(first)
    assert by_second[5000 - BEST - NEAR] == [5000 - i for i in range(BEST + NEAR)]
    assert by_second[5000 - 999] == [5000 - i for i in (*range(BEST), *range(999 - NEAR, 999))]
    assert len(firsts) < number * (BEST + NEAR)


def test_a_document_is_no_neighbour_of_itself():
    assert pair_up(*arrays([(1, 0, 5), (1, 0, 5)]))[0].tolist() == []


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(50, 52)), max_size=120))
def test_the_pairs_that_share_most_bands_are_chosen(pairs):
    rank = {first: first % 3 for first in range(41)}
    firsts, seconds = choose_pairs(*arrays([(first, second, rank[first]) for first, second in pairs]))
    expected = []
    for second in sorted({second for _, second in pairs}):
        shared = Counter(first for first, other in pairs if other == second)
        best = sorted(shared, key=lambda first: (-shared[first], rank[first], first))
        expected += [(first, second) for first in best[:MAX_FIRSTS]]
    assert list(zip(firsts.tolist(), seconds.tolist(), strict=True)) == expected
