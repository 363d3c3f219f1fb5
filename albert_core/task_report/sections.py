"""The parts of the page, each from judged examples: classes, confusions, probabilities, lengths, answers, types of entities."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from albert_core.mistakes import Judged
from albert_core.pages.page import Bar, Cell, Figure, Heat, Section, Table, Words, count, percent, ratio
from albert_core.task_report.figures import draw_reliability, draw_shares, draw_sureness
from albert_core.task_report.groups import Group, by_probability, by_size, entity_f1, share_exact, share_right
from albert_core.tasks import CLASSIFY, SPAN, TAG, Task

MOST_LABELS = 24  # of a table of confusions; more are too wide to read
MOST_CONFUSIONS = 12
FIFTHS = 5
Measures = Sequence[tuple[str, Callable[[Sequence[Judged]], float]]]


def sections(task: Task, labels: Sequence[str], judged: Sequence[Judged], words: Words) -> Iterator[Section]:
    """All sections of numbers and pictures, in the order of the page."""
    if task.kind == CLASSIFY:
        confusion = confusion_of(labels, judged)
        yield confusion_section(labels, confusion, words)
        yield classes_section(labels, confusion, words)
    if task.kind == TAG:
        yield types_section(judged, words)
    yield lengths_section(task, judged, words)
    if task.kind == SPAN:
        yield answers_section(judged, words)
    if task.kind != TAG:
        yield sureness_section(judged, words)


def confusion_of(labels: Sequence[str], judged: Sequence[Judged]) -> np.ndarray:
    """How often each label (row) was called which (column), int64 [L, L]."""
    number = {label: at for at, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), np.int64)
    for each in judged:
        counts[number[each.right], number[each.said]] += 1
    return counts


def confusion_section(labels: Sequence[str], confusion: np.ndarray, words: Words) -> Section:
    """A heat map, where it is not too wide, and the most frequent confusions."""
    totals = confusion.sum(1)
    tables = []
    if len(labels) <= MOST_LABELS:
        heat: list[list[Cell]] = [
            [label, *(Heat(count(n), ratio(int(n), int(totals[row])), row == at) if n else "" for at, n in enumerate(confusion[row]))]
            for row, label in enumerate(labels)
        ]
        tables.append(Table(caption=words["confusion_table"], columns=[words["right_said"], *labels], rows=heat))
    wrong = confusion - np.diag(np.diag(confusion))
    most = max(int(wrong.max(initial=0)), 1)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSIONS]
    rows: list[list[Cell]] = []
    for row, column in zip(*np.unravel_index(order, wrong.shape), strict=True):
        if n := int(wrong[row, column]):
            rows.append([labels[row], labels[column], Bar(count(n), n / most), percent(ratio(n, int(totals[row])))])
    columns = [words["right"], words["taken_for"], words["examples"], words["share_of_class"]]
    tables.append(Table(caption=words["confusions_table"], columns=columns, rows=rows, left=2))
    return Section(name="confusion", heading=words["confusion_heading"], paragraphs=[words["confusion_text"]], tables=tables)


def classes_section(labels: Sequence[str], confusion: np.ndarray, words: Words) -> Section:
    """Precision, recall and F1 of each class."""
    right, gold, said = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    rows: list[list[Cell]] = []
    for at in np.argsort(-gold, kind="stable").tolist():
        rows.append([labels[at], count(gold[at]), count(said[at]), *_shares(int(right[at]), int(gold[at]), int(said[at]))])
    columns = [words["class"], words["examples"], words["said"], words["precision"], words["recall"], "F1"]
    table = Table(caption=words["classes_table"], columns=columns, rows=rows, folded=len(labels) > MOST_LABELS)
    return Section(name="classes", heading=words["classes_heading"], paragraphs=[words["classes_text"]], tables=[table])


def types_section(judged: Sequence[Judged], words: Words) -> Section:
    """The same of each type of entity, with those that were missed and those that are none."""
    gold, missed, spurious = (Counter[str]() for _ in range(3))
    for each in judged:
        gold.update(entity.type for entity in each.record.entities or ())
        missed.update(entity.type for entity in each.missed)
        spurious.update(entity.type for entity in each.spurious)
    rows: list[list[Cell]] = []
    shares: list[list[float]] = [[], [], []]
    names = [name for name, _ in gold.most_common()]
    for name in [*names, *sorted(set(spurious) - set(names))]:
        right = gold[name] - missed[name]
        found = right + spurious[name]
        rows.append([name, count(gold[name]), count(missed[name]), count(spurious[name]), *_shares(right, gold[name], found)])
        for values, value in zip(shares, _ratios(right, gold[name], found), strict=True):
            values.append(value)
    measures = [words["precision"], words["recall"], "F1"]
    columns = [words["type"], words["entities"], words["missed"], words["spurious"], *measures]
    figures = []
    if rows:
        svg = draw_shares("types", shares, [str(at) for at in range(1, len(rows) + 1)])
        figures = [Figure(svg=svg, caption=words["types_figure"], legend=measures)]
    table = Table(caption=words["types_table"], columns=columns, rows=rows)
    return Section(name="types", heading=words["types_heading"], figures=figures, tables=[table])


def lengths_section(task: Task, judged: Sequence[Judged], words: Words) -> Section:
    """The task's number by the length of the text."""
    if task.kind == SPAN:
        groups = by_size(judged, lambda each: len(each.record.texts[1]))
    else:
        groups = by_size(judged, lambda each: sum(map(len, each.record.texts)))
    measures = measures_of(task, words)
    caption = words[f"lengths_{task.kind}"]
    figure, table = _by_group("lengths", groups, measures, caption, words["lengths_table"], words["characters"], words)
    return Section(name="lengths", heading=words["lengths_heading"], figures=[figure], tables=[table])


def answers_section(judged: Sequence[Judged], words: Words) -> Section:
    """F1 and exact match by the length of the right answer, and by where it stands."""
    measures: Measures = [("F1", share_right), (words["exact_match"], share_exact)]
    there = [each for each in judged if each.record.answers]
    groups = by_size(there, lambda each: len((each.record.answers or ("",))[0]))
    places: list[list[Judged]] = [[] for _ in range(FIFTHS)]
    for each in there:
        text, answer = each.record.texts[1], (each.record.answers or ("",))[0]
        start = each.record.answer_start if each.record.answer_start is not None else text.find(answer)
        if 0 <= start < len(text):
            places[start * FIFTHS // len(text)].append(each)
    fifths = [Group(str(at + 1), members) for at, members in enumerate(places) if members]
    parts = [
        _by_group("answers", groups, measures, words["answer_length"], words["answer_table"], words["characters"], words),
        _by_group("places", fifths, measures, words["answer_place"], words["place_table"], words["fifth"], words),
    ]
    return Section(
        name="answers", heading=words["answers_heading"], figures=[figure for figure, _ in parts], tables=[table for _, table in parts]
    )


def sureness_section(judged: Sequence[Judged], words: Words) -> Section:
    """Whether probabilities are what they say, and how they are spread."""
    steps = by_probability(judged)
    total = max(len(judged), 1)
    spread = [[step.right / total for step in steps], [(step.total - step.right) / total for step in steps]]
    figures = [
        Figure(svg=draw_reliability([step.right / step.total if step.total else None for step in steps]), caption=words["reliability"]),
        Figure(svg=draw_sureness(spread), caption=words["sureness"], legend=[words["right"], words["mistakes"]]),
    ]
    return Section(name="sureness", heading=words["sure_heading"], paragraphs=[words["sure_text"]], figures=figures)


def measures_of(task: Task, words: Words) -> Measures:
    """What counts for a kind of task, of any part of the examples."""
    if task.kind == SPAN:
        return [("F1", share_right), (words["exact_match"], share_exact)]
    return [(words["entity_f1"], entity_f1)] if task.kind == TAG else [(words["accuracy"], share_right)]


def _by_group(
    name: str, groups: Sequence[Group], measures: Measures, caption: str, table: str, column: str, words: Words
) -> tuple[Figure, Table]:
    shares = [[measure(group.members) for group in groups] for _, measure in measures]
    rows: list[list[Cell]] = [
        [group.name, count(len(group.members)), *(percent(values[at]) for values in shares)] for at, group in enumerate(groups)
    ]
    legend = [each for each, _ in measures]
    figure = Figure(
        svg=draw_shares(name, shares, [group.name for group in groups]), caption=caption, legend=legend if len(legend) > 1 else ()
    )
    return figure, Table(caption=table, columns=[column, words["examples"], *legend], rows=rows)


def _ratios(right: int, gold: int, found: int) -> tuple[float, float, float]:
    return ratio(right, found), ratio(right, gold), ratio(2 * right, gold + found)


def _shares(right: int, gold: int, found: int) -> list[Cell]:
    """Precision, recall and F1 as cells; a dash where nothing was said, or nothing is there."""
    precision, recall, f1 = _ratios(right, gold, found)
    return [percent(precision) if found else "–", percent(recall) if gold else "–", Bar(percent(f1), f1)]
