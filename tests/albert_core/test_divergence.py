import math

from albert_core.divergence import WINDOW, DivergenceGuard


def line(step, loss, norm=1.0):
    return {"step": step, "loss": loss, "gradient_norm": norm}


def watch(losses, ratio=1.5, guard=None):
    """The first step at which something is wrong, and what."""
    guard = guard or DivergenceGuard(ratio)
    for step, loss in enumerate(losses, 1):
        if (reason := guard.find_divergence(step, line(step, loss))) is not None:
            return step, reason
    return None


def test_what_is_no_number_stops_at_once():
    assert watch([3.0, math.nan]) == (2, "loss nan, gradient norm 1.0")
    assert DivergenceGuard(0).find_divergence(1, line(1, 2.0, math.inf)) == "loss 2.0, gradient norm inf"


def test_an_explosion_is_seen_against_the_lowest_mean():
    step, reason = watch([4.0] * 100 + [9.0] * 100)
    assert step == 100 + 21  # 21 of the last 50 at 9: mean 6.1, more than 1.5 × 4
    assert reason == "loss 6.100 over the last 50 steps, it had been 4.000 at step 50"


def test_one_hard_batch_a_falling_loss_and_noise_near_zero_are_no_explosion():
    assert watch([4.0] * 60 + [60.0] + [4.0] * 60) is None
    assert watch([9.0 - step / 100 for step in range(800)]) is None
    assert watch([0.01] * 100 + [0.5] * 100) is None
    assert watch([4.0] * 100 + [9.0] * 100, ratio=0) is None


def test_a_run_that_goes_on_remembers():
    before = [line(step, 4.0) for step in range(1, WINDOW + 1)]
    assert watch([9.0] * 40, guard=DivergenceGuard(1.5, before))[0] == 21
