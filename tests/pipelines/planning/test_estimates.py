import math

import numpy as np
import pytest

from pipelines.planning.estimates import Estimate, add, ratio_total


def test_a_total_is_the_ratio_times_the_size_of_everything():
    assert ratio_total([10, 22, 31], [1, 2, 3], Estimate(60.0)).value == 630


def test_pieces_of_one_ratio_leave_no_doubt():
    assert ratio_total([10, 20, 30], [1, 2, 3], Estimate(60.0)) == Estimate(600.0, 0.0)


def test_a_sample_of_everything_is_exact():
    assert ratio_total([10, 22, 31], [1, 2, 3], Estimate(6.0)) == Estimate(63.0, 0.0)


def test_one_piece_says_nothing_about_the_others():
    assert ratio_total([5], [1], Estimate(10.0)) == Estimate(50.0, math.inf)
    assert ratio_total([5], [1], Estimate(1.0)) == Estimate(5.0, 0.0)
    assert Estimate(50.0, math.inf).as_json() == {"value": 50, "low": None, "high": None}


def test_nothing_sampled_is_nothing():
    assert ratio_total([], [], Estimate(9.0)) == Estimate(0.0, 0.0)


def test_errors_of_independent_parts_add_in_squares():
    assert add([Estimate(1.0, 3.0), Estimate(2.0, 4.0)]) == Estimate(3.0, 5.0)
    assert add([]) == Estimate(0.0, 0.0)
    assert Estimate(10.0, 2.0).times(3) == Estimate(30.0, 6.0)
    assert Estimate(10.0, 12.0).as_json() == {"value": 10, "low": 0, "high": 22}
    assert Estimate(1.26, 0.5).as_json(1) == {"value": 1.3, "low": 0.8, "high": 1.8}


def test_the_error_of_the_size_is_part_of_the_error():
    assert ratio_total([10, 20], [1, 2], Estimate(60.0, 6.0)).error == pytest.approx(60)


@pytest.mark.parametrize(("num_pieces", "lowest"), [(12, 0.85), (40, 0.87)])
def test_nine_of_ten_intervals_hold_the_truth(num_pieces, lowest):
    """1,000 samples of a population whose total is known; the law is large, so the seed may be any."""
    generator = np.random.default_rng(7)
    sizes = generator.integers(50, 150, 2000).astype(float)
    amounts = sizes * generator.normal(3.0, 0.6, 2000)
    held = 0
    for _ in range(1000):
        rows = generator.choice(2000, num_pieces, replace=False)
        found = ratio_total(amounts[rows], sizes[rows], Estimate(sizes.sum()))
        held += abs(found.value - amounts.sum()) <= found.error
    assert lowest <= held / 1000 <= 0.94
