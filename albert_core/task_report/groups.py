"""Examples in groups of like size, and numbers of each: the arithmetic of the page."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from albert_core.mistakes import Judged
from albert_core.task_metrics import score_answer

GROUPS = 6
STEPS = 10  # of probability


class Group(NamedTuple):
    """Examples that are alike in something; `name` says how: 21–48."""

    name: str
    members: list[Judged]


def by_size(judged: Sequence[Judged], size: Callable[[Judged], int], *, groups: int = GROUPS) -> list[Group]:
    """At most `groups` groups with about as many examples each, from small to large; none empty."""
    if not judged:
        return []
    sizes = np.array([size(each) for each in judged])
    edges = np.unique(np.quantile(sizes, np.linspace(0, 1, groups + 1), method="inverted_cdf"))
    which = np.searchsorted(edges[1:-1], sizes, side="right") if len(edges) > 2 else np.zeros(len(sizes), int)
    found = []
    for number in range(max(1, len(edges) - 1)):
        inside = which == number
        if inside.any():
            low, high = sizes[inside].min(), sizes[inside].max()
            found.append(Group(f"{low}" if low == high else f"{low}–{high}", [judged[at] for at in np.flatnonzero(inside).tolist()]))
    return found


def share_right(members: Sequence[Judged]) -> float:
    """Of answers that are right or not; of answers in a text their mean F1."""
    return sum(each.score for each in members) / max(len(members), 1)


def share_exact(members: Sequence[Judged]) -> float:
    """Answers that are one of the right ones."""
    return sum(score_answer(each.record.answers or (), each.answer.value)[0] for each in members) / max(len(members), 1)


def entity_f1(members: Sequence[Judged]) -> float:
    """F1 of all entities of some texts."""
    gold, found = (sum(len(part(each)) for each in members) for part in (lambda e: e.record.entities or (), lambda e: e.answer.value))
    right = gold - sum(len(each.missed) for each in members)
    return 2 * right / (gold + found) if gold + found else 1.0


class Step(NamedTuple):
    """Answers whose probability lies in one of STEPS equal steps."""

    total: int
    right: int
    probability: float  # their sum


def by_probability(judged: Sequence[Judged]) -> list[Step]:
    """All steps, from 0 to 1."""
    counts, right, sums = np.zeros(STEPS, int), np.zeros(STEPS, int), np.zeros(STEPS)
    for each in judged:
        at = min(int(each.answer.probability * STEPS), STEPS - 1)
        counts[at] += 1
        right[at] += each.score == 1
        sums[at] += each.answer.probability
    return [Step(int(c), int(r), float(s)) for c, r, s in zip(counts, right, sums, strict=True)]


def calibration_error(steps: Sequence[Step]) -> float:
    """The mean over the answers of |share right − mean probability| of their step (Guo et al. 2017, eq. 3)."""
    return sum(abs(step.right - step.probability) for step in steps) / max(sum(step.total for step in steps), 1)
