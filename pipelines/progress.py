"""How far a job is, for the progress line: workers count, and the side that waits asks.

Each amount goes two ways. As a metric of Beam's it reaches every engine; but Beam's in-process runner gives its metrics only at the end,
and a Flink job server none before it. So workers on this machine also add up in small files of a folder that they inherit by name.

Only a display: engines count what a retried bundle did twice. What must be right travels as accounts.
"""

import collections
import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from apache_beam.metrics import Metrics

FOLDER = "ALBERT_DATA_PROGRESS"  # environment variable: inherited by the worker processes of the direct runner
NAMESPACE = "albert-zh"  # of the metrics

_amounts: collections.Counter[str] = collections.Counter()
_ask_engine: Callable[[], Mapping[str, int]] | None = None


def add(what: str, amount: int) -> None:
    """Says that this process has done `amount` more of `what`."""
    Metrics.counter(NAMESPACE, what).inc(amount)
    folder = os.environ.get(FOLDER)
    if folder:
        _amounts[what] += amount
        with contextlib.suppress(OSError):  # a display must not end a job
            Path(folder, f"{what}-{os.getpid()}").write_text(str(_amounts[what]))


@contextlib.contextmanager
def engine(ask: Callable[[], Mapping[str, int]]) -> Iterator[None]:
    """While the block runs, `ask` says what the engine has counted."""
    global _ask_engine
    _ask_engine = ask
    try:
        yield
    finally:
        _ask_engine = None


def totals() -> collections.Counter[str]:
    """How much of everything all workers have done, as far as can be seen from here: the engine and the files may each know of less."""
    ask = _ask_engine
    return collections.Counter(dict(ask()) if ask is not None else {}) | _in_files()


def _in_files() -> collections.Counter[str]:
    folder = os.environ.get(FOLDER)
    found: collections.Counter[str] = collections.Counter()
    for file in Path(folder).glob("*-*") if folder else ():
        with contextlib.suppress(ValueError):  # it is being written anew
            found[file.name.rpartition("-")[0]] += int(file.read_text())
    return found


def reset() -> None:
    """Forgets what was done, before another job in the same process."""
    _amounts.clear()
    folder = os.environ.get(FOLDER)
    for file in Path(folder).glob("*-*") if folder else ():
        file.unlink(missing_ok=True)
