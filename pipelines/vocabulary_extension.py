"""Wanted entries in the `[unused…]` slots of an existing vocabulary: all other ids stay, so a released checkpoint still fits.

    wanted   “ ” docker          line 1   [unused1]  →  “
                                 line 2   [unused2]  →  ”
                                 line 3   [unused3]  →  docker

Each entry is looked for in what the tokenizer makes of a text with it: one that no text can ever give would waste its slot.
"""

import dataclasses
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from apache_beam.options.pipeline_options import PipelineOptions
from tokenizers import normalizers, pre_tokenizers

from albert_core.tokenization import MAX_RUN, Tokenizer
from pipelines import storage
from pipelines.count_words import CountingConfig, count_words
from pipelines.errors import BuildError
from pipelines.vocabulary import write_vocabulary

SLOT = re.compile(r"\[unused\d+\]")
STEMS = "abcdefghijklmnopqrstuvwxyz0123456789"
"""What a ## piece may follow, one after the other, until one gives it."""
SHOWN = 5


class Added(NamedTuple):
    """An entry that was put into a slot."""

    token: str
    id: int
    replaced: str


class ExtendedVocabulary(NamedTuple):
    """A vocabulary file with entries in slots that were free."""

    content: bytes
    added: list[Added]
    num_slots_left: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExtensionConfig:
    """What is added to which vocabulary: what is named first, then what the corpus has most of.

    Attributes:
      vocabulary: the file that is extended.
      output: the new file.
      additions: texts whose words are wanted.
      add_file: a file of entries, one a line.
      counting: the corpus whose most frequent lacking characters are wanted, if any.
      count: how many of them, at most.
      min_count: characters that occur less often are not.
      lower_case: whether the tokenizer lower-cases, as the model was trained.
    """

    vocabulary: str
    output: str
    additions: tuple[str, ...] = ()
    add_file: str | None = None
    counting: CountingConfig | None = None
    count: int = 0
    min_count: int = 2
    lower_case: bool = True

    def __post_init__(self) -> None:
        """Refuses to write over the vocabulary that a model knows."""
        if self.output == self.vocabulary:
            raise BuildError(
                f"--output {self.output} is the vocabulary that is extended\ngive another file: models that know the old one need it"
            )
        if not (self.additions or self.add_file or self.counting):
            raise BuildError("nothing to add\ngive --add '“”—…', --add-file FILE, or --corpus and --count N")


class Extended(NamedTuple):
    """What was added; `counts`: how often those that came from the corpus stand in it."""

    added: list[Added]
    counts: dict[str, int]
    num_slots_left: int


def run_extend(config: ExtensionConfig, options: PipelineOptions) -> Extended:
    """Extends a vocabulary and writes the new file.

    Raises:
      BuildError: see `extend_vocabulary`; a file that cannot be read or written; a corpus that lacks nothing.
      AlbertError: the file is no vocabulary.
    """
    content = _read(config.vocabulary, "--extend")
    tokenizer = Tokenizer.from_bytes(content, name=config.vocabulary, lower_case=config.lower_case)
    named = [entry for text in config.additions for entry in wanted_entries(text)]
    if config.add_file:
        named += listed_entries(_read(config.add_file, "--add-file"), config.add_file)
    if named:
        extend_vocabulary(content, named, lower_case=config.lower_case, name=config.vocabulary)  # a bad entry shows before a corpus is read
    counts: dict[str, int] = {}
    if config.counting is not None:
        words = [(word, count) for word, count in count_words(config.counting, config.output, options).words if count >= config.min_count]
        found = ((word, count) for word, count in lacking_characters(words, tokenizer) if word not in named)
        counts = dict(itertools.islice(found, config.count))
        if not counts and not named:
            raise BuildError(f"the corpus has no character that {config.vocabulary} lacks, {config.min_count} times or more\nkeep using it")
    extended = extend_vocabulary(content, [*named, *counts], lower_case=config.lower_case, name=config.vocabulary)
    write_vocabulary(config.output, extended.content)
    return Extended(extended.added, counts, extended.num_slots_left)


def _read(path: str, option: str) -> bytes:
    try:
        return storage.read(path)
    except OSError as error:
        raise BuildError(f"{option} {path} cannot be read: {error}\ncheck the path") from error


def extend_vocabulary(content: bytes, wanted: Iterable[str], *, lower_case: bool = True, name: str = "vocabulary") -> ExtendedVocabulary:
    """Puts entries into the slots, in the order given, slots by ascending id.

    Args:
      content: the vocabulary file; nothing but the slots is changed, line ends included.
      wanted: entries; one that is given twice counts once.
      lower_case: whether the tokenizer lower-cases, as the model was trained.
      name: of the file, for messages.

    Raises:
      BuildError: nothing is wanted, an entry is there already or can never be made, or there are too few slots.
      AlbertError: the file is no vocabulary.
    """
    before = Tokenizer.from_bytes(content, name=name, lower_case=lower_case)
    tokens = list(dict.fromkeys(wanted))
    if not tokens:
        raise BuildError("nothing to add\ngive --add '“”—…', --add-file FILE, or --corpus and --count N")
    _refuse(name, {token: f"is there already, id {before.ids[token]}" for token in tokens if token in before.ids})
    _refuse(name, {token: reason for token in tokens if (reason := malformed(token)) is not None})
    slots = [number for number, token in enumerate(before.vocab) if SLOT.fullmatch(token)]
    if len(slots) < len(tokens):
        raise BuildError(
            f"{len(tokens):,} entries do not fit into the {len(slots):,} [unused…] slots of {name}\n"
            "add the most frequent ones only: other entries would move the ids that a released model knows"
        )
    added = [Added(token, slot, before.vocab[slot]) for token, slot in zip(tokens, slots, strict=False)]
    lines = content.decode("utf-8").split("\n")
    for token, slot, replaced in added:
        lines[slot] = lines[slot].replace(replaced, token)
    extended = "\n".join(lines).encode()
    after = Tokenizer.from_bytes(extended, name=name, lower_case=lower_case)
    _refuse(name, {token: reason for token, slot, _ in added if (reason := never_made(token, slot, after)) is not None})
    return ExtendedVocabulary(extended, added, len(slots) - len(added))


def _refuse(name: str, reasons: dict[str, str]) -> None:
    if reasons:
        listed = "; ".join(f"{token!r} {reason}" for token, reason in list(reasons.items())[:SHOWN])
        more = f"; and {len(reasons) - SHOWN:,} more" if len(reasons) > SHOWN else ""
        raise BuildError(f"{name}: {listed}{more}\nleave {'it' if len(reasons) == 1 else 'them'} out; nothing was written")


def malformed(token: str) -> str | None:
    """Why `token` can be no entry of any vocabulary, else None."""
    if not token or any(character.isspace() for character in token):
        return "holds white space, which separates tokens" if token else "is empty"
    for character in token:
        if unicodedata.category(character) in ("Cc", "Cf", "Cn", "Co", "Cs"):
            return f"holds U+{ord(character):04X}, a control, private-use or unassigned character"
    return f"has more than {MAX_RUN} characters" if len(token) > MAX_RUN else None


def never_made(token: str, index: int, tokenizer: Tokenizer) -> str | None:
    """Why no text gives `token`, whose id is `index`, else None. A piece `##x` is tried behind letters and digits."""
    if token.startswith("##") and len(token) > 2:
        body = token.removeprefix("##")
        if any(tokenizer.encode(stem + body)[1:] == [index] for stem in STEMS):
            return None
        words = bert_words(body)
        if len(words) != 1 or len(bert_words(f"a{body}")) > 1:
            return f"can never be made: BERT parts {' '.join(words)} from what stands before"
        return f"can never be made{_shown_as(body, tokenizer)}"
    if tokenizer.encode(token) == [index]:
        return None
    words = bert_words(token)
    if len(words) > 1:
        return f"can never be made: BERT splits it into {' '.join(words)}"
    return f"can never be made{_shown_as(token, tokenizer)}"


def _shown_as(text: str, tokenizer: Tokenizer) -> str:
    normalizer = normalizers.BertNormalizer(lowercase=tokenizer.lower_case)
    normal = normalizer.normalize_str(text).strip()
    return f": text is lower-cased and loses its accents, and shows {normal!r}" if normal != text else ""


def bert_words(text: str) -> list[str]:
    """The words of a text as BERT parts them before WordPiece: Han and punctuation by themselves. Letters keep their case.

    >>> bert_words("“微信”docker-compose")
    ['“', '微', '信', '”', 'docker', '-', 'compose']
    """
    normalizer = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=True, strip_accents=False, lowercase=False)
    return [word for word, _ in pre_tokenizers.BertPreTokenizer().pre_tokenize_str(normalizer.normalize_str(text))]


def wanted_entries(text: str) -> list[str]:
    """The entries that `--add TEXT` means: the text's words, and pieces such as ##ing as they stand.

    >>> wanted_entries("“”— docker ##ing")
    ['“', '”', '—', 'docker', '##ing']
    """
    return [word for part in text.split() for word in ([part] if part.startswith("##") else bert_words(part))]


def listed_entries(content: bytes, name: str) -> list[str]:
    """The entries of an `--add-file`: one a line, as it stands; empty lines are left out.

    Raises:
      BuildError: the file is not UTF-8.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BuildError(f"--add-file {name}: byte {error.start} is not UTF-8\nsave the file as UTF-8, one entry a line") from error
    return [line for line in text.replace("\r\n", "\n").split("\n") if line]


def lacking_characters(counts: Sequence[tuple[str, int]], tokenizer: Tokenizer) -> Iterator[tuple[str, int]]:
    """Of words with counts, the single characters that the vocabulary lacks, in the order given.

    A character that WordPiece would look for inside longer words gains little from an entry of its own: Han and marks always stand alone.
    """
    for word, count in counts:
        if len(word) == 1 and malformed(word) is None and tokenizer.encode(word) == [tokenizer.unk_id]:
            yield word, count
