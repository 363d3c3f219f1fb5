"""`albert-train evaluate --report`: what a fine-tuned model gets right and wrong, as one HTML page with pictures.

The page needs nothing beside it: no script, no network, no font. The same answers give the same bytes.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from albert_core.errors import AlbertError
from albert_core.mistakes import Judged, worst_first
from albert_core.pages.page import Page, Words, count, percent, ratio, render
from albert_core.task_report.examples import example_sections
from albert_core.task_report.groups import by_probability, calibration_error
from albert_core.task_report.sections import sections
from albert_core.task_report.words import HTML_LANGUAGES, WORDS
from albert_core.tasks import CLASSIFY, TAG, Task

FEW = 1000  # examples


def write_report(
    path: str | Path,
    task: Task,
    labels: Sequence[str],
    judged: Sequence[Judged],
    numbers: Mapping[str, float],
    *,
    model: str,
    data: str,
    language: str = "en",
) -> None:
    """Write the page. It appears whole, or not at all.

    `judged` are all labelled examples with their answers, `numbers` those of `task_metrics.measure`, `labels` the rows of the head; `model`
    and `data` are names for the page, `language` is en or zh.

    Raises:
      AlbertError: a library that pages need is not installed, or there is no such language.
    """
    content = make_report(task, labels, judged, numbers, model=model, data=data, language=language)
    partial = Path(path).with_name(f".{Path(path).name}.partial")
    partial.write_text(content, encoding="utf-8")
    partial.replace(path)


def make_report(
    task: Task,
    labels: Sequence[str],
    judged: Sequence[Judged],
    numbers: Mapping[str, float],
    *,
    model: str,
    data: str,
    language: str = "en",
) -> str:
    """The page as HTML. Raises as `write_report` does."""
    if language not in WORDS:
        raise AlbertError(f"--language {language} is unknown\nknown: {', '.join(WORDS)}")
    words = WORDS[language]
    mistakes = worst_first(task, judged)
    page = Page(
        language=HTML_LANGUAGES[language],
        title=words["title"].format(task=task.name),
        subtitle=words["subtitle"].format(model=model, data=data),
        words=words,
        headline=list(headline(task, judged, numbers, mistakes, words)),
        warnings=list(warnings(task, judged, words)),
        sections=[*sections(task, labels, judged, words), *example_sections(task, judged, mistakes, words)],
    )
    return render(page)


def headline(
    task: Task, judged: Sequence[Judged], numbers: Mapping[str, float], mistakes: Sequence[Judged], words: Words
) -> Iterator[tuple[str, str, str]]:
    """Name, figure and explanation of what one wants to know at a glance: the number that counts first."""
    order = sorted((name for name in numbers if name != "num_examples"), key=lambda name: name != task.metric)
    for name in order:
        yield words[name], percent(numbers[name]), words[f"{name}_note"]
    yield words["examples"], count(len(judged)), words["examples_note"]
    yield words["mistakes"], count(len(mistakes)), words["mistakes_note"].format(share=percent(ratio(len(mistakes), len(judged))))
    if task.kind == CLASSIFY:
        label, most = Counter(each.right for each in judged).most_common(1)[0]
        yield words["guess"], percent(ratio(most, len(judged))), words["guess_note"].format(label=label)
    if task.kind != TAG:
        yield words["calibration"], f"{calibration_error(by_probability(judged)):.3f}", words["calibration_note"]


def warnings(task: Task, judged: Sequence[Judged], words: Words) -> Iterator[str]:
    """What a person should know before all else."""
    said = {each.said for each in judged}
    if task.kind == CLASSIFY and len(said) == 1 and len({each.right for each in judged}) > 1:
        yield words["one_answer"].format(label=next(iter(said)))
    if len(judged) < FEW:  # two standard errors of a share of one half
        yield words["few"].format(count=count(len(judged)), points=f"{100 / math.sqrt(len(judged)):.0f}")
