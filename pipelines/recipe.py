"""The recipe: which cleaning rules run, in which order, with which thresholds."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

from pipelines import repetition, rules, variants
from pipelines.errors import BuildError
from pipelines.markup import MARKUP_RULES
from pipelines.normalization import normalize_characters, squeeze_blanks
from pipelines.personal_data import MASKS
from pipelines.reflow import MIN_HAN_WIDTH, join_wrapped_lines
from pipelines.word_lists import ListedWords, domain_of, drop_listed_lines, listed_domain, listed_word, low_quality

TextRule = Callable[[str], str]
DocumentRule = Callable[[str], str | None]
RecordRule = Callable[[str | None, float | None], str | None]


def _threshold(default: Any, doc: str) -> Any:
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True, kw_only=True)
class CleanConfig:
    """Thresholds of the rules; the rules' own modules say where the defaults are from.

    A minimum of 0 or a maximum of 1 turns a rule off. Optional rules are off by default.
    """

    reflow: bool = _threshold(True, "join the lines of hard-wrapped paragraphs")
    min_wrapped_han_share: float = _threshold(
        MIN_HAN_WIDTH, "of the columns of a line that is joined, at least so many are Han; 0 joins lines of any language"
    )
    min_line_characters: int = _threshold(rules.MIN_LINE_CHARACTERS, "a line without a sentence mark has at least so many characters")
    min_line_han_share: float = _threshold(
        rules.MIN_LINE_HAN_SHARE, "of a line's Han characters, letters and digits, at least so many are Han"
    )
    boilerplate_words: tuple[str, ...] = _threshold(rules.BOILERPLATE_WORDS, "words that make a short line page furniture")
    boilerplate_labels: tuple[str, ...] = _threshold(rules.BOILERPLATE_LABELS, "what a colon follows at the beginning of a by-line")
    max_boilerplate_line_characters: int = _threshold(rules.MAX_BOILERPLATE_LINE_CHARACTERS, "a longer line is prose all the same")
    min_han: int = _threshold(rules.MIN_HAN, "a document has at least so many Han characters")
    min_han_share: float = _threshold(rules.MIN_HAN_SHARE, "of a document's characters, at least so many are Han")
    max_kana_share: float = _threshold(rules.MAX_KANA_SHARE, "of kana and Han, at most so many are kana")
    max_hangul_share: float = _threshold(rules.MAX_HANGUL_SHARE, "of Hangul and Han, at most so many are Hangul")
    max_garbled_share: float = _threshold(rules.MAX_GARBLED_SHARE, "of a document's characters, at most so many replace lost ones")
    max_symbol_share: float = _threshold(
        rules.MAX_SYMBOL_SHARE, "of a document's characters, at most so many are neither words nor their marks"
    )
    max_bullet_line_share: float = _threshold(rules.MAX_BULLET_LINE_SHARE, "of a document's lines, at most so many begin with a bullet")
    max_ellipsis_line_share: float = _threshold(
        rules.MAX_ELLIPSIS_LINE_SHARE, "of a document's lines, at most so many end with an ellipsis"
    )
    max_repeated_share: float = _threshold(
        rules.MAX_REPEATED_SHARE, "of a document's characters, at most so many are in lines that stood before"
    )
    max_top_ngram_share: float = _threshold(
        repetition.MAX_TOP_NGRAM_SHARE, "of a document's characters, at most so many are its most frequent n-gram"
    )
    max_repeated_ngram_share: float = _threshold(
        repetition.MAX_REPEATED_NGRAM_SHARE, "of a document's characters, at most so many are in n-grams that stood before"
    )
    fold_quotes: bool = _threshold(False, "curly quotes, dashes and ellipses become characters that the Chinese BERT vocabulary has")
    simplify: bool = _threshold(False, "traditional characters become simplified ones (OpenCC t2s)")
    mask_personal_data: tuple[str, ...] = _threshold((), f"kinds of personal data to mask, or all: {', '.join(MASKS)}")
    listed_words: tuple[str, ...] = _threshold((), "documents with one of these words are dropped")
    listed_line_words: tuple[str, ...] = _threshold((), "lines with one of these words are dropped")
    listed_domains: tuple[str, ...] = _threshold((), "documents from these domains, or below them, are dropped")
    min_quality: float | None = _threshold(None, "documents with a lower quality score are dropped; those without one stay")

    def __post_init__(self) -> None:
        """Refuses values that mean nothing."""
        for setting in fields(self):
            value = getattr(self, setting.name)
            if setting.name.endswith("_share") and not 0 <= value <= 1:
                raise BuildError(f"{setting.name} {value} is not a share\ngive a number from 0 to 1; the default is {setting.default}")
            if isinstance(setting.default, int) and value < 0:
                raise BuildError(f"{setting.name} {value} is negative\ngive 0 to turn the rule off; the default is {setting.default}")
            if isinstance(setting.default, tuple) and "" in value:
                raise BuildError(f"{setting.name} holds an empty entry\nit would be in every text: leave it out")
        if not set(self.mask_personal_data) <= {"all", *MASKS}:
            raise BuildError(f"mask_personal_data {','.join(self.mask_personal_data)} is unknown\ngive all, or some of {', '.join(MASKS)}")

    def record_rules(self) -> dict[str, RecordRule]:
        """Reason → rule that says from web address and quality score why a document goes, before its text is looked at."""
        rules_on: dict[str, RecordRule] = {}
        if self.listed_domains:
            domains = frozenset(filter(None, (domain_of(domain.removeprefix("*.")) for domain in self.listed_domains)))
            rules_on["listed_domain"] = lambda url, quality: listed_domain(url, domains=domains)
        if self.min_quality is not None:
            minimum = self.min_quality
            rules_on["low_quality"] = lambda url, quality: low_quality(quality, minimum=minimum)
        return rules_on

    def text_rules(self) -> dict[str, TextRule]:
        """Name → rule, text in, text out, in order. The second squeeze is for what the markup leaves."""
        join = partial(join_wrapped_lines, min_han=self.min_wrapped_han_share)
        reflow: dict[str, TextRule] = {"join_wrapped_lines": join} if self.reflow else {}
        listed = (
            {"drop_listed_lines": partial(drop_listed_lines, words=ListedWords(self.listed_line_words))} if self.listed_line_words else {}
        )
        masks = {rule.__name__: rule for kind, rule in MASKS.items() if {kind, "all"} & set(self.mask_personal_data)}
        simplify: dict[str, TextRule] = {"simplify": variants.Simplifier()} if self.simplify else {}
        fold: dict[str, TextRule] = {"fold_quotes": variants.fold_quotes} if self.fold_quotes else {}
        return {
            "normalize_characters": normalize_characters,
            **reflow,
            "squeeze_blanks": squeeze_blanks,
            **{rule.__name__: rule for rule in MARKUP_RULES},
            "squeeze_blanks_again": squeeze_blanks,
            **self.line_rules(),
            **listed,
            **masks,
            **simplify,
            **fold,
        }

    def line_rules(self) -> dict[str, TextRule]:
        """Name → rule, text in, text without some lines out, in order."""
        return {
            "drop_short_lines": partial(rules.drop_short_lines, minimum=self.min_line_characters),
            "drop_foreign_lines": partial(rules.drop_foreign_lines, minimum=self.min_line_han_share),
            "drop_boilerplate_lines": partial(
                rules.drop_boilerplate_lines,
                words=self.boilerplate_words,
                labels=self.boilerplate_labels,
                maximum=self.max_boilerplate_line_characters,
            ),
        }

    def document_rules(self) -> dict[str, DocumentRule]:
        """Reason → rule that says why a document goes, if it does; the first counts."""
        listed = {"listed_word": partial(listed_word, words=ListedWords(self.listed_words))} if self.listed_words else {}
        return {
            "too_few_han": partial(rules.too_few_han, minimum=self.min_han),
            "low_han_share": partial(rules.low_han_share, minimum=self.min_han_share),
            "too_much_kana": partial(rules.too_much_kana, maximum=self.max_kana_share),
            "too_much_hangul": partial(rules.too_much_hangul, maximum=self.max_hangul_share),
            "garbled": partial(rules.garbled, maximum=self.max_garbled_share),
            "too_many_symbols": partial(rules.too_many_symbols, maximum=self.max_symbol_share),
            "bullet_lines": partial(rules.bullet_lines, maximum=self.max_bullet_line_share),
            "ellipsis_lines": partial(rules.ellipsis_lines, maximum=self.max_ellipsis_line_share),
            "repeated_lines": partial(rules.repeated_lines, maximum=self.max_repeated_share),
            "top_ngram": partial(repetition.top_ngram, maximum=self.max_top_ngram_share),
            "repeated_ngrams": partial(repetition.repeated_ngrams, maximum=self.max_repeated_ngram_share),
            **listed,
        }

    def text_normalization(self) -> dict[str, Any]:
        """The rules that are on and change characters of the kept text, with what decides how: a model must see its input so too."""
        normalization: dict[str, Any] = {}
        if self.mask_personal_data:
            normalization["mask_personal_data"] = [kind for kind in MASKS if {kind, "all"} & set(self.mask_personal_data)]
        if self.simplify:
            normalization["simplify"] = {"conversion": "t2s", "opencc": variants.opencc_version()}
        if self.fold_quotes:
            normalization["fold_quotes"] = dict(variants.FOLDED)
        return normalization
