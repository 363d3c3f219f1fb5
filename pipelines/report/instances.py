"""A few instances for the report: their text in plain and masked pieces."""

import itertools
from collections.abc import Iterator, Sequence

from albert_core.pages.page import Mark, ShownInstance, count
from albert_core.shards import BLOCK_INSTANCES, Dataset, Split
from albert_core.tokenization import Tokenizer
from pipelines import storage
from pipelines.inspection import Wanted, inspect, to_example
from pipelines.report.words import WORDS, Language
from pipelines.shown_instance import Example, Shown, spell

NUM_SHOWN = 3
NUM_LOOKED_AT = 24
"""Instances of the first shard among which one of each source is sought; they lie in random order."""


def shown_instances(path: str, language: Language) -> Iterator[ShownInstance]:
    """Some instances of the first shard, of as many sources as there are; none if the shard was left behind.

    Raises:
      AlbertError: the shard or the vocabulary is damaged.
    """
    dataset = Dataset.open(path, storage.KeptOpen())
    shard = dataset.manifest["shards"][0]
    if not storage.exists(storage.join(path, shard["name"])):
        return
    candidates = list(inspect(path, Wanted(count=min(NUM_LOOKED_AT, shard["instances"]), shard=shard["name"])))
    split = Split(dataset, [shard], dataset.length_of(shard))
    words = WORDS[language]
    for shown in of_different_sources(candidates)[:NUM_SHOWN]:
        block, row = divmod(shown.instance, BLOCK_INSTANCES)
        example = to_example(split.read_block(block, 0), row)
        origin = " · ".join(filter(None, (shown.origin.source, shown.origin.title))) if shown.origin else ""
        title = words["instance_title"].format(number=count(shown.instance), shard=shown.shard)
        yield ShownInstance(
            title=f"{title} · {origin}" if origin else title,
            order=words[f"order_{int(shown.swapped or 0)}"].format(tokens=shown.num_tokens, masks=len(shown.masks)),
            segments=list(zip(("A", "B"), marked_segments(example, dataset.tokenizer), strict=True)),
        )


def of_different_sources(candidates: Sequence[Shown]) -> list[Shown]:
    """The first of each source, then the others, each in their order."""
    first: dict[str | None, Shown] = {}
    for shown in candidates:
        first.setdefault(shown.origin.source if shown.origin else None, shown)
    chosen = {shown.instance for shown in first.values()}
    return [*first.values(), *(shown for shown in candidates if shown.instance not in chosen)]


def marked_segments(example: Example, tokenizer: Tokenizer) -> Iterator[list[Mark]]:
    """The pieces of each segment: neighbours that are plain, or masked in the same way, are one piece."""
    names = [tokenizer.vocab[index] for index in example.ids]

    def kind(place: int) -> str:
        if place not in example.originals:
            return ""
        if example.ids[place] == tokenizer.mask_id:
            return "mask"
        return "same" if example.originals[place] == example.ids[place] else "random"

    for segment in (range(1, example.first_of_b), range(example.first_of_b, len(names))):
        places = [place for place in segment if example.ids[place] not in (tokenizer.cls_id, tokenizer.sep_id) or kind(place)]
        marks, before = [], ""
        for name, group in itertools.groupby(places, key=kind):
            stretch = list(group)
            originals = [tokenizer.vocab[example.originals.get(place, example.ids[place])] for place in stretch]
            shown = spell([names[place] for place in stretch], "" if name else before)
            marks.append(Mark(text=shown if name else gap(before, originals[0]) + shown, kind=name, original=spell(originals)))
            before = originals[-1]
        yield marks


def gap(before: str, after: str) -> str:
    """The space between two Latin words that stand in different pieces.

    >>> gap("is", "good"), gap("是", "good"), gap("good", "##ness")
    (' ', '', '')
    """
    ends, begins = before[-1:], after[:1]
    return " " if ends.isascii() and begins.isascii() and ends.isalnum() and begins.isalnum() else ""
