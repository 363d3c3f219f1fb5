"""A total of a corpus from a sample of its pieces, and how far it may be off."""

import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.90
MIN_PIECES_A_MARK = 2
"""With no more pieces than this for each mark, a regression fits their chance."""


class Estimate(NamedTuple):
    """A total, and half the width of its 90 % interval; infinite where one piece says nothing about the others."""

    value: float
    error: float = 0.0

    def as_json(self, digits: int | None = None) -> dict[str, float | None]:
        """The value with the ends of the interval, rounded to so many digits, else to whole numbers; null where the ends are not known."""
        low, high = max(0.0, self.value - self.error), self.value + self.error
        is_known = math.isfinite(self.error)
        return {
            "value": round(self.value, digits),
            "low": round(low, digits) if is_known else None,
            "high": round(high, digits) if is_known else None,
        }

    def times(self, factor: float) -> "Estimate":
        """So many times this, by a factor that is known."""
        return Estimate(self.value * factor, self.error * abs(factor))

    @property
    def relative_error(self) -> float:
        """Half the width as a share of the value."""
        return self.error / self.value if self.value else 0.0


def ratio_total(amounts: Sequence[float], sizes: Sequence[float], total: Estimate) -> Estimate:
    """What there is in all, if there are `amounts` in sampled pieces of these `sizes`, and `total` is the size of everything.

    The ratio estimator of survey sampling (Cochran 1977, §6.3) with its linearized variance and the correction for a sample that is a good
    part of all; the error of the total size is added to it.

        amounts 10 22 31   sizes 1 2 3   total 60   →   63 ÷ 6 × 60 = 630
    """
    y, x = np.array(amounts, np.float64), np.array(sizes, np.float64)
    if not x.sum():
        return Estimate(0.0)
    ratio = y.sum() / x.sum()
    if x.sum() >= total.value * (1 - 1e-9):
        return Estimate(ratio * total.value, ratio * total.error)
    if len(y) < 2:
        return Estimate(ratio * total.value, math.inf)
    residuals = y - ratio * x
    variance = len(y) / (len(y) - 1) * float((residuals**2).sum()) * (1 - min(1.0, x.sum() / total.value))
    sampled = _quantile(len(y) - 1) * math.sqrt(variance) * total.value / x.sum()
    return Estimate(ratio * total.value, math.hypot(sampled, ratio * total.error))


def regression_total(
    amounts: Sequence[float], sampled: np.ndarray, read: np.ndarray, stored: Sequence[float], total: Estimate, *, size: int
) -> Estimate:
    """What there is in all, from a sample of which marks are known, and from the marks of much more that was read.

    The regression estimator with double sampling (Cochran 1977, §7 and §12.8): what the marks explain is as sure as the reading, only the
    rest as the sample. Few pieces cannot tell what belongs to which mark: then the ratio to the size has to do.

    Args:
      amounts: of n pieces.
      sampled: float64 [n, marks], of the pieces.
      read: float64 [m, marks], of all that was read, the pieces included, in m parts.
      stored: of these parts, as they are stored.
      total: of everything, as it is stored.
      size: which mark is the size.
    """
    y, x = np.array(amounts, np.float64), np.array(sampled, np.float64)
    sizes = ratio_total(read[:, size].tolist(), stored, total)
    if len(y) <= MIN_PIECES_A_MARK * x.shape[-1]:
        return ratio_total(amounts, x[:, size].tolist() if len(y) else [], sizes)
    weights = 1 / np.sqrt(np.maximum(x[:, size], 1))
    factors = np.linalg.lstsq(x * weights[:, None], y * weights, rcond=None)[0]
    explained = ratio_total((read @ factors).tolist(), stored, total)
    rest = ratio_total((y - x @ factors).tolist(), x[:, size].tolist(), sizes)
    wider = math.sqrt((len(y) - 1) / (len(y) - x.shape[1]))
    return Estimate(explained.value + rest.value, math.hypot(explained.error, wider * rest.error))


def add(estimates: Iterable[Estimate]) -> Estimate:
    """The sum of independent estimates."""
    listed = list(estimates)
    return Estimate(sum(estimate.value for estimate in listed), math.hypot(*(estimate.error for estimate in listed)) if listed else 0.0)


def _quantile(degrees: int) -> float:
    """Of Student's t, two-sided, by the first terms of its expansion in the normal quantile (Abramowitz and Stegun 26.7.5)."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
