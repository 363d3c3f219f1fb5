"""Examples as the page shows them: the worst mistakes and the least sure answers, what is right and what was said marked in the text."""

from collections.abc import Iterator, Sequence

from albert_core.mistakes import Judged
from albert_core.pages.page import Mark, Section, ShownInstance, Words, percent
from albert_core.task_files import Entity
from albert_core.tasks import SPAN, TAG, Task

SHOWN = 20  # examples of a list
MOST_CHARACTERS = 400  # of a text
AROUND = 120  # characters before and behind an answer


def example_sections(task: Task, judged: Sequence[Judged], mistakes: Sequence[Judged], words: Words) -> Iterator[Section]:
    """The worst mistakes; where answers have a probability of their own, the least sure ones too."""
    kind = {SPAN: "worst_span", TAG: "worst_tag"}.get(task.kind, "worst")
    text = words[f"{kind}_text"] if mistakes else words["no_mistakes"]
    shown = [_show(task, at, each, words) for at, each in enumerate(mistakes[:SHOWN], 1)]
    yield Section(name="worst", heading=words[f"{kind}_heading"], paragraphs=[text], examples=shown)
    if task.kind != TAG:
        unsure = sorted(judged, key=lambda each: each.answer.probability)[:SHOWN]
        shown = [_show(task, at, each, words) for at, each in enumerate(unsure, 1)]
        yield Section(name="unsure", heading=words["unsure_heading"], paragraphs=[words["unsure_text"]], examples=shown)


def _show(task: Task, number: int, each: Judged, words: Words) -> ShownInstance:
    where = each.record.where.rpartition("/")[2]
    if task.kind == TAG:
        lines = [(words["right"], _mark_entities(each, "missed")), (words["said"], _mark_entities(each, "spurious"))]
        return ShownInstance(title=f"{number}. {where}", order="", segments=lines)
    said = words["said_is"].format(said=each.said or "–", probability=percent(each.answer.probability))
    note = f"{words['right_is'].format(right=each.right)}  ·  {said}"
    if task.kind == SPAN:
        segments = [(words["question"], [Mark(text=each.record.texts[0])]), (words["text"], _mark_answers(each))]
    else:
        names = [words[name] for name in task.text_names]
        segments = [(name, [Mark(text=_cut(text))]) for name, text in zip(names, each.record.texts, strict=True)]
    return ShownInstance(title=f"{number}. {where}", order=note, segments=segments)


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]} … (+{len(text) - MOST_CHARACTERS:,})"


def _mark_answers(each: Judged) -> list[Mark]:
    """The surroundings of the right answer and of the one that was given, both marked."""
    text, gold, said = each.record.texts[1], (each.record.answers or ("",))[0], each.answer.value
    start = each.record.answer_start if each.record.answer_start is not None else text.find(gold)
    places = [Entity(start, start + len(gold), "right")] if start >= 0 and gold else []
    at = text.find(said) if said else -1
    if at >= 0 and (at, at + len(said)) != tuple(places[0][:2] if places else ()):
        places.append(Entity(at, at + len(said), "spurious"))
    first = max(0, min((place.start for place in places), default=0) - AROUND)
    last = min(len(text), max((place.end for place in places), default=MOST_CHARACTERS) + AROUND)
    marks = _mark(text[:last], places, first, notes=False)
    return [Mark(text="…")] * (first > 0) + marks + [Mark(text="…")] * (last < len(text))


def _mark_entities(each: Judged, kind: str) -> list[Mark]:
    """The text with its right entities marked, and those that were missed; or with those that were said, and the spurious of them."""
    wrong = set(each.missed if kind == "missed" else each.spurious)
    entities = (each.record.entities or ()) if kind == "missed" else each.answer.value
    places = [entity._replace(type=f"{kind if entity in wrong else 'right'} {entity.type}") for entity in entities]
    return _mark(each.record.texts[0], places, 0, notes=True)


def _mark(text: str, places: Sequence[Entity], first: int, *, notes: bool) -> list[Mark]:
    """`text` from `first` on, its `places` marked; `type` is the kind of mark and a note."""
    marks, at = [], first
    for place in sorted(places):
        kind, _, note = place.type.partition(" ")
        if place.start > at:
            marks.append(Mark(text=text[at : place.start]))
        marks.append(Mark(text=text[place.start : place.end], kind=kind, note=note if notes else ""))
        at = max(at, place.end)
    return [*marks, Mark(text=text[at:])] if at < len(text) else marks
