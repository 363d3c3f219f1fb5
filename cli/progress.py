"""A progress line with rate and time left: on a terminal only, quiet when piped."""

import sys
import time
from types import TracebackType

SECONDS_BETWEEN_LINES = 0.2


class Progress:
    """Shows `label  120/300 steps  41.2 steps/s  0:04 left  note` on standard error, over itself.

    >>> with Progress(total=3, unit="steps", label="train") as progress:
    ...     progress.update(1, "loss 9.1")
    """

    def __init__(self, total: int | None, unit: str, label: str):
        """`total`: units in all, None if nobody knows."""
        self.total, self.unit, self.label = total, unit, label
        self.shown = sys.stderr.isatty()
        self._started = self._last = time.monotonic()
        self._first: int | None = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.shown and self._first is not None:
            print(file=sys.stderr)

    def update(self, done: int, note: str = "") -> None:
        """Says how far it is. Where a resumed job starts counts for nothing in the rate."""
        if self._first is None:
            self._first, self._started = done, time.monotonic()
        now = time.monotonic()
        if self.shown and (now - self._last >= SECONDS_BETWEEN_LINES or done == self.total):
            self._last = now
            print(f"\r\x1b[K{self.line(done, now - self._started, note)}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Takes the line away, before something else is printed; the next update brings it back."""
        if self.shown and self._first is not None:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def line(self, done: int, seconds: float, note: str = "") -> str:
        """The line for `done` units after so many seconds."""
        rate = (done - (self._first or 0)) / seconds if seconds > 0 else 0.0
        of = f"/{self.total:,}" if self.total is not None else ""
        parts = [f"{self.label}  {done:,}{of} {self.unit}", f"{rate:,.1f} {self.unit}/s" if rate else "", note]
        if self.total is not None and rate > 0:
            parts.insert(2, f"{clock((self.total - done) / rate)} left")
        return "  ".join(part for part in parts if part)


def clock(seconds: float) -> str:
    """Hours only where there are any: 0:07, 12:30, 3:05:00."""
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
