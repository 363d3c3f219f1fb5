"""One fine-tuned model in several forms: what each answers, how large, fast and hungry it is. What a smaller form costs, in one table."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np

from albert_core.benchmarking import benchmark
from albert_core.litert import LiteRtModel
from albert_core.task_answers import Answer
from albert_core.task_files import Record
from albert_core.task_metrics import measure
from albert_core.tasks import Task

Report = Callable[[int, int], None]


class Asked(Protocol):
    """A model in any of its forms."""

    task: Task
    labels: tuple[str, ...]

    def answer(self, records: Sequence[Record], *, report: Report) -> list[Answer]:
        """The answers to `records`."""


def compare_forms(
    forms: Mapping[str, Asked], records: Sequence[Record], *, repeats: int = 50, threads: int | None = None,
    report: Report = lambda done, total: None,
) -> dict[str, Any]:  # fmt: skip
    """Ask every form all `records`, then time them in turns.

    Args:
      forms: by path; the first is what the others are held against.
      records: the examples, with labels.
      repeats: calls that are timed.
      threads: of the timing, see `benchmark`.
      report: called with (records answered, those of all forms).

    Returns:
      {"task", "metric", "threads", "forms": [{"model", the task's numbers, "same_answers": share that is the first form's,
      "largest_difference" of a probability of labels and choices, else None, and the values of `benchmark`}]}.
    """
    answers: dict[str, list[Answer]] = {}
    for name, asked in forms.items():
        before = len(answers) * len(records)
        answers[name] = asked.answer(records, report=partial(_report_on, report, before, len(forms) * len(records)))
    first, *_ = forms.values()
    lengths = {asked.encoder.max_seq_length for asked in forms.values() if isinstance(asked, LiteRtModel)} or {128}
    timed = benchmark(list(forms), lengths=sorted(lengths), dtypes=("float32",), batch_size=1, repeats=repeats, threads=threads)
    rows = []
    for name, given in answers.items():
        numbers = measure(first.task, first.labels, records, given)
        for row in timed["rows"]:
            if row["model"] == name:
                rows.append({"model": name, **numbers, **_beside(answers[next(iter(forms))], given)} | row)
    return {"task": first.task.name, "metric": first.task.metric, "threads": timed["threads"], "forms": rows}


def _report_on(report: Report, before: int, total: int, done: int, _: int) -> None:
    report(before + done, total)


def _beside(first: Sequence[Answer], given: Sequence[Answer]) -> dict[str, Any]:
    same = float(np.mean([a.value == b.value for a, b in zip(first, given, strict=True)]))
    scores = [np.abs(np.subtract(a.scores, b.scores)).max() for a, b in zip(first, given, strict=True) if a.scores]
    return {"same_answers": same, "largest_difference": float(max(scores)) if scores else None}
