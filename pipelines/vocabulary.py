"""A WordPiece vocabulary learned from a corpus: words counted by tft.vocabulary on Beam, pieces learned by tensorflow-text's learner.

cleaned documents ─▶ words (as BERT splits them) ─▶ tft.vocabulary: word, count ─▶ WordPiece learner ─▶ vocab.txt
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from apache_beam.options.pipeline_options import PipelineOptions

from albert_core.tokenization import SPECIAL_TOKENS, Tokenizer, check_vocabulary, is_han
from pipelines import storage
from pipelines.accounts import Account, documents_taken
from pipelines.count_words import CountingConfig, count_words, folder_of
from pipelines.errors import BuildError

CHARACTER_COVERAGE = 0.9999
"""SentencePiece (2018) takes 0.9995 for Chinese and Japanese; at that, one character in 2,000 of common text would be [UNK]."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class VocabularyConfig:
    """What is learned. `size` counts every entry, specials included; the learner comes close to it, never over.

    Attributes:
      min_count: words that occur less often are not learned from.
      character_coverage: of the occurrences of characters that always stand alone, the share that gets entries, the most frequent first:
        in a large corpus the rare ones (other scripts, emoji, misprints) would leave no room for words of letters.
    """

    counting: CountingConfig
    output: str
    size: int = 21_128
    min_count: int = 2
    character_coverage: float = CHARACTER_COVERAGE

    def __post_init__(self) -> None:
        """Refuses what cannot be learned, naming value and limit."""
        if not 100 <= self.size <= 1 << 16:
            raise BuildError(f"--size {self.size:,} is not between 100 and {1 << 16:,}\nthe released Chinese models have 21,128")
        if self.min_count < 1:
            raise BuildError(f"--min-count {self.min_count} is less than 1\nwords that occur less often are not learned from")
        if not 0 < self.character_coverage <= 1:
            raise BuildError(
                f"--character-coverage {self.character_coverage} is not in (0, 1]\n"
                f"it is the share of characters that get entries; the default is {CHARACTER_COVERAGE}"
            )


class Coverage(NamedTuple):
    """What a vocabulary makes of the corpus that it was learned from, white space not counted."""

    num_characters: int
    num_tokens: int
    num_unknown: int

    def as_json(self) -> dict[str, float]:
        """Counts and rates by name."""
        return {
            "characters": self.num_characters,
            "tokens": self.num_tokens,
            "unknown_share": round(self.num_unknown / max(1, self.num_tokens), 6),
            "tokens_per_character": round(self.num_tokens / max(1, self.num_characters), 4),
        }


class LearnedVocabulary(NamedTuple):
    """What came of it."""

    entries: list[str]
    coverage: Coverage
    account: Account


def learn_vocabulary(config: VocabularyConfig, options: PipelineOptions) -> LearnedVocabulary:
    """Counts, learns and writes the vocabulary.

    Raises:
      BuildError: an unreadable corpus, nothing in it to learn from, or no place for the file.
    """
    counted = count_words(config.counting, config.output, options)
    words = [(word, count) for word, count in counted.words if count >= config.min_count]
    vocabulary = learn_pieces(words, config.size, config.character_coverage)
    check_vocabulary(vocabulary)
    write_vocabulary(config.output, "".join(f"{token}\n" for token in vocabulary).encode())
    tokenizer = Tokenizer(vocabulary, lower_case=config.counting.lower_case)
    return LearnedVocabulary(vocabulary, cover(counted.words, tokenizer), counted.account)


def write_vocabulary(path: str, content: bytes) -> None:
    """Writes the file, at once or not at all.

    Raises:
      BuildError: it cannot be written.
    """
    folder = folder_of(path)
    try:
        storage.write(folder, path.rpartition("/")[2], content)
        storage.remove_temporary(folder)
    except OSError as error:
        raise BuildError(f"--output {path} cannot be written: {error}\nchoose a file in a folder that can be written") from error


def learn_pieces(counts: Iterable[tuple[str, int]], size: int, character_coverage: float = 1.0) -> list[str]:
    """The vocabulary: specials, then characters that always stand alone, then the pieces of the other words.

    Characters that BERT makes words of their own, Han above all, need no pieces: the learner would give each a `##` twin that no text ever
    uses, as 7,322 of the 21,128 entries of the released vocabulary are. So it learns from words of letters and digits only.

    Raises:
      BuildError: there is nothing to learn from.
    """
    words = list(counts)
    if not words:
        raise BuildError("no word occurs often enough to learn from\ngive more text, or --min-count 1")
    letters = letter_counts(words)
    alone = [(word, count) for word, count in words if len(word) == 1 and word not in letters]
    reserved = [*SPECIAL_TOKENS, *most_frequent(alone, character_coverage)]
    room = size - len(reserved)
    if room <= 0:
        return reserved[:size]
    alphabet = most_frequent(sorted(letters.items(), key=lambda item: (-item[1], item[0])), character_coverage)
    pieced = [(word, count) for word, count in words if len(word) > 1 or word in letters]
    return reserved + _learn(pieced, room, max(1, min(len(alphabet), room // 2)))


def letter_counts(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """How often each character stands in words of several characters: those are what pieces are made of."""
    letters: Counter[str] = Counter()
    for word, count in counts:
        if len(word) > 1:
            for character in word:
                letters[character] += count
    return letters


def most_frequent(counts: Sequence[tuple[str, int]], share: float) -> list[str]:
    """The first words that are at least `share` of all occurrences; `counts` descending.

    >>> most_frequent([("的", 90), ("今", 9), ("龘", 1)], 0.99)
    ['的', '今']
    """
    wanted = share * sum(count for _, count in counts)
    taken, covered = [], 0
    for word, count in counts:
        if covered >= wanted:
            break
        taken.append(word)
        covered += count
    return taken


def _learn(words: list[tuple[str, int]], size: int, num_letters: int) -> list[str]:
    """At most `size` pieces of the words, found by tensorflow-text's learner: first of all the letters, at a word's start and behind."""
    from tensorflow_text.tools.wordpiece_vocab import wordpiece_tokenizer_learner_lib as learner

    if not words or size < 2:
        return []
    lowest = min(count for _, count in words)
    found = learner.learn(words, vocab_size=size, reserved_tokens=[], lower_thresh=lowest, max_unique_chars=num_letters)
    first_letters = sorted(found, key=lambda piece: len(piece.removeprefix("##")) > 1)  # the learner may go over the size
    return sorted(first_letters[:size], key=lambda piece: (piece.startswith("##"), piece))


def cover(counts: Sequence[tuple[str, int]], tokenizer: Tokenizer) -> Coverage:
    """What a vocabulary makes of words that occur so often: characters, tokens, and those that are [UNK]."""
    characters = tokens = unknown = 0
    for word, count in counts:
        ids = tokenizer.encode(word)
        characters += len(word) * count
        tokens += len(ids) * count
        unknown += ids.count(tokenizer.unk_id) * count
    return Coverage(characters, tokens, unknown)


def kinds_of_entries(entries: Iterable[str]) -> dict[str, int]:
    """How many entries are specials, Han, other single characters, words of letters, and pieces of words.

    >>> kinds_of_entries(["[UNK]", "今", "，", "a", "docker", "##er"])
    {'special': 1, 'han': 1, 'characters': 2, 'words': 1, 'pieces': 1}
    """
    kinds = {"special": 0, "han": 0, "characters": 0, "words": 0, "pieces": 0}
    for entry in entries:
        kinds[_kind(entry)] += 1
    return kinds


def _kind(entry: str) -> str:
    if entry in SPECIAL_TOKENS or entry.startswith("[unused"):
        return "special"
    if entry.startswith("##") and len(entry) > 2:
        return "pieces"
    return "words" if len(entry) > 1 else "han" if is_han(entry) else "characters"


def describe(learned: LearnedVocabulary, output: str) -> dict[str, Any]:
    """The answer, for scripts."""
    return {
        "output": output,
        "entries": len(learned.entries),
        "kinds": kinds_of_entries(learned.entries),
        "coverage": learned.coverage.as_json(),
        "documents": {"read": documents_taken(learned.account), "kept": learned.account.get("documents.kept", 0)},
    }
