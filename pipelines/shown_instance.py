"""One instance as a person reads it: segments, masks and what they hide, words, the order label.

    A  15  今天【天气→[MASK][MASK]】很【好】。      masked tokens that stand side by side are one mark; 【好】 is masked but shown as itself
    B   8  我们【去→能】[UNK]。                     去 is hidden by a random token

With words: 今天│【天气→[MASK][MASK]】│很│【好】│。
"""

import dataclasses
import itertools
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from albert_core.tokenization import Tokenizer, is_han

WORD_MARK = "│"
Mask = tuple[int, str, str]
"""Position, original token, token shown."""


class Example(NamedTuple):
    """An instance of any tool, without padding."""

    ids: list[int]
    first_of_b: int  # its position; as many as there are tokens if there is no second segment
    originals: dict[int, int]  # of masked tokens, by position
    label: int | None  # the order label, or what stands in its place; None if there is none
    word_starts: np.ndarray | None = None  # bool, for each token; None where words are not known


@dataclasses.dataclass(frozen=True, kw_only=True)
class Origin:
    """Where the text of an instance comes from."""

    document_id: str
    first_token: int
    num_tokens: int
    source: str | None = None
    title: str | None = None

    def text(self) -> str:
        """On one line."""
        title = f"《{self.title}》" if self.title else ""
        names = "  ".join(name for name in (self.source, title) if name)
        end = self.first_token + self.num_tokens
        return f"document {self.document_id}  tokens {self.first_token:,}–{end:,}" + (f"  {names}" if names else "")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shown:
    """One instance. A mask stands as 【original→shown】, as 【original】 where it is shown as itself."""

    shard: str
    instance: int
    """Number in the shard, from 0."""
    length_bin: int | None = None
    epoch: int | None = None
    """Of a dynamic dataset."""
    origin: Origin | None = None
    swapped: bool | None
    """The sentence-order label of our shards; None where another tool may have meant something else, or nothing."""
    label: int | None
    label_name: str | None = None
    """Of a foreign record: the feature that holds the label."""
    segment_a: str
    segment_b: str
    num_tokens: int
    num_tokens_a: int
    num_tokens_b: int
    """Segments without [CLS] and [SEP]."""
    masks: list[Mask]
    missing: list[str] = dataclasses.field(default_factory=list)
    """Features of BERT data that a foreign record has not."""
    others: dict[str, list[Any]] = dataclasses.field(default_factory=dict)
    """Features that only that tool has."""

    def text(self) -> str:
        """The instance on a few lines."""
        width = len(str(max(self.num_tokens_a, self.num_tokens_b)))
        lines = [
            "  ".join(self._head()),
            *([self.origin.text()] if self.origin else []),
            f"A {self.num_tokens_a:{width}}  {self.segment_a}",
            f"B {self.num_tokens_b:{width}}  {self.segment_b}",
            f"{self._order()}; {self.num_tokens} tokens, {len(self.masks)} masked",
            *([f"lacks {', '.join(self.missing)}"] if self.missing else []),
            *([f"has also {', '.join(self.others)}"] if self.others else []),
        ]
        return "\n".join(lines)

    def json(self) -> str:
        """The instance on one line, with every field."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    def _head(self) -> Iterator[str]:
        yield f"{self.shard}  instance {self.instance:,}"
        if self.length_bin is not None:
            yield f"length bin {self.length_bin}"
        if self.epoch is not None:
            yield f"epoch {self.epoch}"

    def _order(self) -> str:
        if self.swapped is not None:
            return "swapped, B came first (label 1)" if self.swapped else "in order, A came first (label 0)"
        if self.label is None:
            return "no order label"
        meaning = "BERT: B is of another document; ALBERT: swapped" if self.label else "B follows A"
        return f"{self.label_name} {self.label} ({meaning})"


def show(example: Example, tokenizer: Tokenizer, **fields: Any) -> Shown:
    """An instance; `fields` are those of `Shown` that the example does not have.

    Raises:
      IndexError: an id beyond the vocabulary, a position beyond the text.
    """
    names = [tokenizer.vocab[index] for index in example.ids]
    masks = {position: (tokenizer.vocab[original], names[position]) for position, original in sorted(example.originals.items())}
    specials = ("[CLS]", "[SEP]")
    segments = [range(example.first_of_b), range(example.first_of_b, len(names))]
    kept = [[place for place in part if names[place] not in specials or place in masks] for part in segments]
    texts = [_segment(part, names, masks, example.word_starts) for part in kept]
    return Shown(
        label=example.label,
        segment_a=texts[0],
        segment_b=texts[1],
        num_tokens=len(names),
        num_tokens_a=len(kept[0]),
        num_tokens_b=len(kept[1]),
        masks=[(position, original, shown) for position, (original, shown) in masks.items()],
        **fields,
    )


def _segment(places: list[int], names: list[str], masks: dict[int, tuple[str, str]], word_starts: np.ndarray | None) -> str:
    """A segment: its masked and its plain stretches, cut at words where those are known."""

    def stretch_of(item: tuple[int, int]) -> tuple[bool, int]:
        order, place = item
        words = 0 if word_starts is None else int(word_starts[places[0] + 1 : place + 1].sum())
        gap = place - order  # of a special token that stands inside a segment of a broken record
        return place in masks, words + gap

    text, before = "", ""
    for (is_mask, _), group in itertools.groupby(enumerate(places), key=stretch_of):
        stretch = [place for _, place in group]
        shown = [names[place] for place in stretch]
        if word_starts is not None and text and word_starts[stretch[0]]:
            text += WORD_MARK
            before = ""
        if not is_mask:
            text += (" " if _are_latin(before, shown[0]) else "") + spell(shown, before)
            before = shown[-1]
            continue
        original = [masks[place][0] for place in stretch]
        text += f"【{spell(original)}】" if original == shown else f"【{spell(original)}→{spell(shown)}】"
        before = ""
    return text


def spell(tokens: list[str], before: str = "") -> str:
    """Tokens as text. The ## of a piece goes where it continues what stands before it; elsewhere it is a thing to see.

    >>> spell(["py", "##thon", "is", "好", "##好", "[UNK]"])
    'python is好##好[UNK]'
    """
    text = ""
    for token in tokens:
        if token.startswith("##") and before.isascii() and before and before != "[MASK]" and not is_han(token[2:3] or "#"):
            text += token[2:]
        else:
            text += f" {token}" if text and _are_latin(before, token) else token
        before = token
    return text


def _are_latin(before: str, token: str) -> bool:
    """Whether two tokens need a space between them."""
    ends, begins = before[-1:], token[:1]
    return ends.isascii() and begins.isascii() and ends.isalnum() and begins.isalnum()
