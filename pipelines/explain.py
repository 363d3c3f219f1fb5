"""What each rule of a recipe does to one document, and why it is kept or dropped: the very rules that the clean stage applies."""

import dataclasses
import json
from collections.abc import Iterator

from pipelines.apply_rules import NOTHING_LEFT, Verdict, first_reason, first_record_reason
from pipelines.recipe import CleanConfig

MAX_SNIPPETS = 5  # of a rule
MAX_SNIPPET_CHARACTERS = 80


@dataclasses.dataclass(frozen=True, kw_only=True)
class Change:
    """What one place was and what it became; a line that went became nothing."""

    before: str
    after: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """A rule that changed the text.

    Attributes:
      rule: its name, as the counters have it.
      characters: by how many the text became shorter; less than 0, longer.
      num_changes: how many places changed; `changes` holds the first of them, shortened.
    """

    rule: str
    characters: int
    num_changes: int
    changes: tuple[Change, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Explanation:
    """The way of a document through the recipe; `reason` and `message` are None if it is kept."""

    origin: str = ""
    title: str = ""
    num_read: int
    num_kept: int
    steps: tuple[Step, ...]
    reason: str | None
    message: str | None
    result: str

    @classmethod
    def unread(cls, origin: str, reason: str, message: str, excerpt: str) -> "Explanation":
        """Of a record that never became a document."""
        return cls(origin=origin, num_read=len(excerpt), num_kept=0, steps=(), reason=reason, message=message, result="")

    @property
    def kept(self) -> bool:
        """Whether the document stays."""
        return self.reason is None

    def text(self) -> str:
        """For people: a line for each rule that did something, below it the places, and the verdict."""
        lines = [" ".join(filter(None, (self.origin, self.title)))] if self.origin or self.title else []
        for step in self.steps:
            lines.append(f"{step.rule}: {-step.characters:+,} characters, {step.num_changes:,} places")
            lines += [
                f"    - {change.before}\n    + {change.after}" if change.after else f"    - {change.before}" for change in step.changes
            ]
            if step.num_changes > len(step.changes):
                lines.append(f"    … and {step.num_changes - len(step.changes):,} more")
        verdict = "kept" if self.kept else f"dropped, {self.reason}: {self.message}"
        return "\n".join([*lines, f"{verdict} ({self.num_kept:,} of {self.num_read:,} characters left)"])

    def json(self) -> str:
        """For machines: one line."""
        return json.dumps(dataclasses.asdict(self) | {"kept": self.kept}, ensure_ascii=False)


def explain(
    text: str, config: CleanConfig, *, origin: str = "", title: str = "", url: str | None = None, quality: float | None = None
) -> Explanation:
    """What the clean stage does with one raw document, but for what depends on other documents (copies, repeated lines)."""
    raw, steps = text, []
    verdict: Verdict | None = first_record_reason(url, quality, config.record_rules())
    if verdict is None:
        for name, rule in config.text_rules().items():
            after = rule(text)
            if after != text:
                steps.append(_step(name, text, after))
            text = after
        verdict = first_reason(text, config.document_rules()) if text else NOTHING_LEFT
    reason, message = verdict or (None, None)
    return Explanation(
        origin=origin,
        title=title,
        num_read=len(raw),
        num_kept=0 if verdict else len(text),
        steps=tuple(steps),
        reason=reason,
        message=message,
        result=text,
    )


def _step(name: str, before: str, after: str) -> Step:
    changes = list(_changes(before, after))
    telling = [change for change in changes if change.before.strip("⏎ ")]  # not just blank lines
    return Step(rule=name, characters=len(before) - len(after), num_changes=len(changes), changes=tuple(telling[:MAX_SNIPPETS]))


def _changes(before: str, after: str) -> Iterator[Change]:
    """Lines that went, came or changed; of two that stand for each other, only what differs, with a little around it."""
    old, new = before.split("\n"), after.split("\n")
    for old_start, old_stop, new_start, new_stop in _differing(old, new):
        gone, come = old[old_start:old_stop], new[new_start:new_stop]
        if len(gone) == len(come):
            yield from (_narrow(a, b) for a, b in zip(gone, come, strict=True) if a != b)
        else:
            yield Change(before=_shorten("⏎".join(gone)), after=_shorten("⏎".join(come)))


def _differing(old: list[str], new: list[str]) -> Iterator[tuple[int, int, int, int]]:
    """Ranges of lines that differ. Rules keep the order of lines, so a line that stays is soon found again: linear in most texts."""
    i = j = 0
    while i < len(old) or j < len(new):
        if i < len(old) and j < len(new) and old[i] == new[j]:
            i, j = i + 1, j + 1
            continue
        next_i, next_j = _next_common(old, new, i, j)
        yield i, next_i, j, next_j
        i, j = next_i, next_j


WINDOW = 50  # lines in which the next common one is looked for


def _next_common(old: list[str], new: list[str], i: int, j: int) -> tuple[int, int]:
    places = {line: place for place, line in reversed(list(enumerate(new[j : j + WINDOW], j)))}
    found = [(a - i + places[line] - j, a, places[line]) for a, line in enumerate(old[i : i + WINDOW], i) if line in places]
    if found:
        return min(found)[1:]
    return (min(i + WINDOW, len(old)), min(j + WINDOW, len(new))) if i < len(old) and j < len(new) else (len(old), len(new))


def _narrow(before: str, after: str) -> Change:
    """The part of a line that differs, with some characters around it."""
    start = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after)))
    stop = 0
    while stop < min(len(before), len(after)) - start and before[-1 - stop] == after[-1 - stop]:
        stop += 1
    left, right = max(0, start - 10), max(0, stop - 10)
    return Change(before=_shorten(before[left : len(before) - right]), after=_shorten(after[left : len(after) - right]))


def _shorten(text: str) -> str:
    """At most `MAX_SNIPPET_CHARACTERS` of a text, its middle left out."""
    if len(text) <= MAX_SNIPPET_CHARACTERS:
        return text
    half = (MAX_SNIPPET_CHARACTERS - 3) // 2
    return f"{text[:half]} … {text[-half:]}"
