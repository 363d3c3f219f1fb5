import math

import numpy as np
import pytest

from pipelines.planning.estimates import Estimate, add, ratio_total, regression_total


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


def population(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Amounts and marks (records, size) of 2,000 windows: 3 a record and 0.5 a unit of size, but for some chance."""
    marks = np.stack([generator.integers(1, 20, 2000), generator.integers(50, 150, 2000)], 1).astype(float)
    return marks @ [3.0, 0.5] + generator.normal(0, 4, 2000), marks


def test_what_marks_explain_is_exact_where_all_marks_are_known():
    marks = np.stack([np.arange(1, 21) % 7, np.arange(40, 60)], 1).astype(float)
    amounts = marks @ [3.0, 0.5]
    found = regression_total(amounts[::2].tolist(), marks[::2], marks, [1.0] * 20, Estimate(20.0), size=1)
    assert found.value == pytest.approx(amounts.sum())
    assert found.error == pytest.approx(0, abs=1e-6)


def test_few_pieces_are_no_regression_but_a_ratio():
    marks = np.array([[1.0, 10.0], [2.0, 20.0], [1.0, 30.0], [0.0, 20.0]])
    amounts = [1.0, 2.0]
    found = regression_total(amounts, marks[:2], marks, [1.0] * 4, Estimate(4.0), size=1)
    assert found == ratio_total(amounts, [10, 20], Estimate(80.0)) == Estimate(8.0, 0.0)
    assert regression_total([], np.zeros((0, 2)), marks, [1.0] * 4, Estimate(4.0), size=1) == Estimate(0.0)


def test_a_sample_of_everything_has_no_error_with_marks_either():
    amounts, marks = population(np.random.default_rng(3))
    found = regression_total(amounts.tolist(), marks, marks, [1.0] * 2000, Estimate(2000.0), size=1)
    assert found.value == pytest.approx(amounts.sum())
    assert found.error == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("share_read", [1.0, 0.2])
def test_nine_of_ten_intervals_of_a_regression_hold_the_truth_and_are_narrower(share_read):
    """1,000 samples; the law is large, so the seed may be any."""
    generator = np.random.default_rng(8)
    amounts, marks = population(generator)
    held, widths = 0, []
    for _ in range(1000):
        read = generator.choice(2000, round(2000 * share_read), replace=False)
        rows = generator.choice(read, 40, replace=False)
        found = regression_total(amounts[rows].tolist(), marks[rows], marks[read], [1.0] * len(read), Estimate(2000.0), size=1)
        plain = ratio_total(amounts[rows], marks[rows, 1], Estimate(marks[:, 1].sum()))
        held += abs(found.value - amounts.sum()) <= found.error
        widths.append(found.error / plain.error)
    assert 0.86 <= held / 1000 <= 0.96
    assert np.mean(widths) < (0.3 if share_read == 1 else 0.7)


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
