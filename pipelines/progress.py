"""How far a local job is, for the progress line: workers add up amounts in small files that the command watches.

Only a display: where the folder is not set (a remote worker), nothing happens. What must be right travels as accounts.
"""

import collections
import contextlib
import os
from pathlib import Path

FOLDER = "ALBERT_DATA_PROGRESS"  # environment variable: inherited by the worker processes of the direct runner

_amounts: collections.Counter[str] = collections.Counter()


def add(what: str, amount: int) -> None:
    """Says that this process has done `amount` more of `what`."""
    folder = os.environ.get(FOLDER)
    if folder:
        _amounts[what] += amount
        with contextlib.suppress(OSError):  # a display must not end a job
            Path(folder, f"{what}-{os.getpid()}").write_text(str(_amounts[what]))


def total(what: str) -> int:
    """How much of `what` all processes have done."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return 0
    return sum(int(file.read_text() or 0) for file in Path(folder).glob(f"{what}-*"))


def reset() -> None:
    """Forgets what was done, before another job in the same process."""
    _amounts.clear()
    folder = os.environ.get(FOLDER)
    for file in Path(folder).glob("*-*") if folder else ():
        file.unlink(missing_ok=True)
