import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.minhash import _FACTORS, _TERMS, BANDS, ROWS, _least, band_hashes
from tests.pipelines.ngrams import true_jaccard


def test_white_space_changes_no_bucket():
    buckets, is_there = band_hashes(pa.array(["今天天气很好。", "今天\n天 气很好。", "今天天气很坏。", "", " "], pa.string()))
    assert is_there.tolist() == [True, True, True, False, False]
    assert buckets.shape == (5, BANDS)
    assert (buckets[0] == buckets[1]).all()
    assert not (buckets[0] == buckets[2]).any()


def test_buckets_do_not_depend_on_what_else_is_in_the_batch():
    texts = pa.array(["一二三四五六七", "甲乙", "长" * 999], pa.string())
    whole, _ = band_hashes(texts)
    assert [band_hashes(texts.slice(i, 1))[0].tolist() for i in range(3)] == whole[:, None].tolist()


def test_buckets_stay_what_they_are():
    """They decide which documents are compared: another hash gives another dataset."""
    buckets, _ = band_hashes(pa.array(["今天天气很好，我们去公园。"], pa.string()))
    assert hashlib.sha256(buckets.astype("<u8").tobytes()).hexdigest()[:16] == "43f77129c6a4fcbe"


def test_no_bucket_is_of_two_bands():
    buckets, _ = band_hashes(pa.array(["一"], pa.string()))
    assert len(set(buckets[0].tolist())) == BANDS


@given(st.lists(st.integers(0, 2**32 - 1), max_size=40))
def test_the_least_of_each_hash(points):
    minima = np.zeros(ROWS * BANDS, np.uint32)
    _least(np.array(points, np.uint32), _FACTORS, _TERMS, minima)
    hashes = zip(_FACTORS.tolist(), _TERMS.tolist(), strict=True)
    assert minima.tolist() == [min(((a * point + b) % 2**32 for point in points), default=2**32 - 1) for a, b in hashes]


@pytest.mark.parametrize("similarity", [0.5, 0.8, 0.9])
def test_bands_agree_as_often_as_the_theory_says(similarity):
    """J^ROWS, over 600 pairs of texts of known similarity, 12 bands each: within four standard deviations."""
    size = 300
    changed = round(size * (1 - similarity) / (1 + similarity))
    agree, expected, variance = 0, 0.0, 0.0
    for number in range(600):
        pool = np.random.default_rng(number).permutation(20_000) + 0x4E00
        body, one, other = (
            "".join(map(chr, part)) for part in (pool[: size - changed], pool[1000 : 1000 + changed], pool[2000 : 2000 + changed])
        )
        texts = [body + one, body + other]
        buckets, _ = band_hashes(pa.array(texts, pa.string()))
        agree += int((buckets[0] == buckets[1]).sum())
        probability = true_jaccard(*texts) ** ROWS
        expected += BANDS * probability
        variance += BANDS * probability * (1 - probability)
    assert abs(agree - expected) < 4 * variance**0.5
