"""The recipe: which cleaning rules run, in which order, with which thresholds."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial

from pipelines import rules
from pipelines.errors import BuildError


@dataclass(frozen=True, kw_only=True)
class CleanConfig:
    """Thresholds of the rules; `pipelines/rules.py` says what each means and where its default is from.

    A minimum of 0 or a maximum of 1 turns a rule off.
    """

    min_line_characters: int = rules.MIN_LINE_CHARACTERS
    min_line_han_share: float = rules.MIN_LINE_HAN_SHARE
    boilerplate_words: tuple[str, ...] = rules.BOILERPLATE_WORDS
    boilerplate_labels: tuple[str, ...] = rules.BOILERPLATE_LABELS
    max_boilerplate_line_characters: int = rules.MAX_BOILERPLATE_LINE_CHARACTERS
    min_han: int = rules.MIN_HAN
    min_han_share: float = rules.MIN_HAN_SHARE
    max_kana_share: float = rules.MAX_KANA_SHARE
    max_hangul_share: float = rules.MAX_HANGUL_SHARE
    max_repeated_share: float = rules.MAX_REPEATED_SHARE
    max_garbled_share: float = rules.MAX_GARBLED_SHARE

    def __post_init__(self) -> None:
        """Refuses values that mean nothing."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_share") and not 0 <= value <= 1:
                raise BuildError(f"{field.name} {value} is not a share\ngive a number from 0 to 1; the default is {field.default}")
            if isinstance(field.default, int) and value < 0:
                raise BuildError(f"{field.name} {value} is negative\ngive 0 to turn the rule off; the default is {field.default}")

    def line_rules(self) -> tuple[Callable[[str], str], ...]:
        """Text in, text without some lines out, in order."""
        return (
            partial(rules.drop_short_lines, minimum=self.min_line_characters),
            partial(rules.drop_foreign_lines, minimum=self.min_line_han_share),
            partial(
                rules.drop_boilerplate_lines,
                words=self.boilerplate_words,
                labels=self.boilerplate_labels,
                maximum=self.max_boilerplate_line_characters,
            ),
        )

    def document_rules(self) -> dict[str, Callable[[str], str | None]]:
        """Reason → rule that says why a document goes, if it does; the first counts."""
        return {
            "too_few_han": partial(rules.too_few_han, minimum=self.min_han),
            "low_han_share": partial(rules.low_han_share, minimum=self.min_han_share),
            "too_much_kana": partial(rules.too_much_kana, maximum=self.max_kana_share),
            "too_much_hangul": partial(rules.too_much_hangul, maximum=self.max_hangul_share),
            "repeated_lines": partial(rules.repeated_lines, maximum=self.max_repeated_share),
            "garbled": partial(rules.garbled, maximum=self.max_garbled_share),
        }
