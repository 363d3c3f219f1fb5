"""What a pretrained model can be asked by `albert-train predict`, and how each answer is printed."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from albert_core.errors import AlbertError
from cli.text_lines import Entry

if TYPE_CHECKING:
    from albert_core.prediction import MaskedWords, Predictor
    from albert_core.sentence_list import Neighbour, SentenceList

SHOWN = 60  # characters of a neighbour


class Question(ABC):
    """One question about entries of `size` texts each; 0: any number."""

    size = 1
    asker = ""

    @abstractmethod
    def answer(self, entries: Sequence[Entry]) -> Iterator[str]:
        """What is printed, a piece an entry.

        Raises:
          AlbertError: a text cannot be answered; it is named before the first answer is given.
        """


class MaskedQuestion(Question):
    """The words behind [MASK]."""

    def __init__(self, predictor: "Predictor", top_k: int, as_json: bool):
        self._predictor, self._top_k, self._as_json = predictor, top_k, as_json

    def answer(self, entries: Sequence[Entry]) -> Iterator[str]:
        """The filled text, and the guesses for each mask."""
        for entry in entries:
            with naming(entry):
                self._predictor.check_masked(entry.texts)
        for words in self._predictor.masked_words([entry.texts[0] for entry in entries], top_k=self._top_k):
            yield self._show(words)

    def _show(self, words: "MaskedWords") -> str:
        if self._as_json:
            masks = [[candidate._asdict() for candidate in candidates] for candidates in words.masks]
            return to_json({"text": words.text, "filled": words.filled, "masks": masks})
        shown = ("   ".join(f"{token} {probability:.1%}" for token, probability in candidates) for candidates in words.masks)
        return "\n".join([words.filled, *(f"  [MASK] {number}   {guesses}" for number, guesses in enumerate(shown, 1))])


class PairQuestion(Question):
    """Something about two texts."""

    size = 2

    def __init__(self, predictor: "Predictor", as_json: bool):
        self._predictor, self._as_json = predictor, as_json


class OrderQuestion(PairQuestion):
    """Do two segments stand in order?"""

    asker = "--order"

    def answer(self, entries: Sequence[Entry]) -> Iterator[str]:
        """The probability that they do."""
        pairs = [(entry.texts[0], entry.texts[1]) for entry in entries]
        for entry, pair in zip(entries, pairs, strict=True):
            with naming(entry):
                self._predictor.check_pairs([pair])
        for (first, second), probability in zip(pairs, self._predictor.sentence_order(pairs), strict=True):
            value = {"first": first, "second": second, "in_order": probability}
            yield to_json(value) if self._as_json else f"{probability:6.1%} in order   {first} | {second}"


class SimilarityQuestion(PairQuestion):
    """How alike are two texts?"""

    asker = "--similarity"

    def answer(self, entries: Sequence[Entry]) -> Iterator[str]:
        """The cosine of their vectors."""
        check_texts(self._predictor, entries)
        pairs = [(entry.texts[0], entry.texts[1]) for entry in entries]
        for (first, second), cosine in zip(pairs, self._predictor.similarity(pairs), strict=True):
            value = {"first": first, "second": second, "similarity": cosine}
            yield to_json(value) if self._as_json else f"{cosine:6.3f}   {first} | {second}"


class NearestQuestion(Question):
    """Which texts of a list are most like this one?"""

    def __init__(self, predictor: "Predictor", texts: "SentenceList", lines: Sequence[int], top_k: int, as_json: bool):
        """`lines`: where each text of the list stands in its file."""
        self._predictor, self._texts, self._lines, self._top_k, self._as_json = predictor, texts, lines, top_k, as_json

    def answer(self, entries: Sequence[Entry]) -> Iterator[str]:
        """The neighbours, the nearest first."""
        check_texts(self._predictor, entries)
        vectors = self._predictor.embed([entry.texts[0] for entry in entries])
        for entry, neighbours in zip(entries, self._texts.nearest(vectors, top_k=self._top_k), strict=True):
            yield self._show(entry.texts[0], neighbours)

    def _show(self, text: str, neighbours: "list[Neighbour]") -> str:
        if self._as_json:
            found = [
                {"line": self._lines[each.number], "text": each.text, "similarity": each.similarity, "part": each.part}
                for each in neighbours
            ]
            return to_json({"text": text, "nearest": found})
        rows = (f"{each.similarity:8.3f}   line {self._lines[each.number]:<6} {shorten(each.part)}" for each in neighbours)
        return "\n".join([text, *rows])


@contextmanager
def naming(entry: Entry) -> Iterator[None]:
    """Put file and line before what is wrong with an entry."""
    try:
        yield
    except AlbertError as error:
        raise AlbertError(f"{entry.where}: {error}" if entry.where else str(error)) from None


def check_texts(predictor: "Predictor", entries: Sequence[Entry]) -> None:
    """Refuse entries with a text that has no tokens.

    Raises:
      AlbertError: file and line are named.
    """
    for entry in entries:
        with naming(entry):
            predictor.check_texts(entry.texts)


def to_json(value: dict[str, Any]) -> str:
    """One line."""
    return json.dumps(value, ensure_ascii=False)


def shorten(text: str, length: int = SHOWN) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[:length] + "…"
