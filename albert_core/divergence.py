"""When a run is lost: a loss that is no number, or one that has exploded."""

import math
from collections import deque
from collections.abc import Iterable, Mapping

WINDOW = 50  # steps that are averaged: a single batch may be hard
LEAST_RISE = 1.0  # nats: a loss that is nearly 0 may double without harm


class DivergenceGuard:
    """Watches the loss. A run is lost when the mean of its last WINDOW steps is `ratio` times the lowest such mean, and LEAST_RISE more."""

    def __init__(self, ratio: float, lines: Iterable[Mapping[str, float]] = ()):
        """`ratio`: 0 takes any finite loss. `lines`: those of metrics.jsonl of the steps before, so that a resumed run sees the same."""
        self._ratio = ratio
        self._last: deque[float] = deque(maxlen=WINDOW)
        self._lowest, self.best_step = math.inf, 0
        for line in lines:
            self.find_divergence(int(line["step"]), line)

    def find_divergence(self, step: int, values: Mapping[str, float]) -> str | None:
        """What is wrong at `step`, else None. `best_step` is the last step of the window with the lowest mean."""
        if not math.isfinite(values["loss"] + values["gradient_norm"]):
            return f"loss {values['loss']}, gradient norm {values['gradient_norm']}"
        self._last.append(values["loss"])
        if len(self._last) < WINDOW:
            return None
        mean = sum(self._last) / WINDOW
        if mean < self._lowest:
            self._lowest, self.best_step = mean, step
        if self._ratio and mean > self._ratio * self._lowest and mean > self._lowest + LEAST_RISE:
            return f"loss {mean:.3f} over the last {WINDOW} steps, it had been {self._lowest:.3f} at step {self.best_step}"
        return None
