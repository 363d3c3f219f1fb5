"""A user's own words, in jieba's format: a word a line, perhaps with its frequency and a tag.

    石墨烯 50 n
    云计算
    5G网络 nz
    # a line that begins with a hash and a space is a remark, which jieba does not have

The file is read once, where the command starts; a worker gets the words with their frequencies.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pipelines.errors import BuildError
from pipelines.segmenters import new_jieba
from pipelines.simplified_shadow import simplified_shadow

MAX_FREQUENCY = 10**9  # the frequencies of jieba's own dictionary sum up to 60 million
SHOWN = 5  # bad lines that a message shows
_WORD = re.compile(r"[\u4E00-\u9FD5a-zA-Z0-9+#&._%\-]+")  # what jieba looks for words in; it splits at everything else first
_FIX = "write a line as WORD FREQUENCY TAG or WORD FREQUENCY or WORD, in UTF-8; a word has no blanks, a frequency is a whole number"

Entry = tuple[str, int | None]


@dataclass(frozen=True, kw_only=True)
class UserDictionary:
    """Words that travel to the workers. It pickles, and equal ones are equal keys."""

    sha256: str  # of the file
    num_words: int
    entries: bytes = field(repr=False)
    """Lines of word and frequency: each word once, and the simplified form of a traditional one behind it."""
    overlap: int = 0
    """Sum of the frequencies that the words have in jieba's own dictionary."""

    def words(self) -> Iterator[tuple[str, int]]:
        """Words and frequencies in the order in which a library is given them."""
        for line in self.entries.decode("utf-8").splitlines():
            word, _, frequency = line.partition(" ")
            yield word, int(frequency)


def read_user_dictionary(path: str, read: Callable[[str], bytes]) -> UserDictionary:
    """The dictionary in a file.

    Raises:
      BuildError: it cannot be read, holds no word, or has bad lines: all are counted, the first five shown.
    """
    try:
        content = read(path)
    except OSError as error:
        raise BuildError(f"--user-dict {path}: {error.strerror or error}\ngive a file of words, one a line") from error
    entries, bad = parse_entries(content)
    if bad:
        shown = [f"line {number}: {reason}" for number, reason in bad[:SHOWN]]
        more = [f"and {len(bad) - SHOWN:,} more"] if len(bad) > SHOWN else []
        head = f"--user-dict {path}: {len(bad):,} bad {'line' if len(bad) == 1 else 'lines'}"
        raise BuildError("\n".join([head, *shown, *more, _FIX]))
    if not entries:
        raise BuildError(f"--user-dict {path} holds no word\n{_FIX}")
    return with_frequencies(entries, hashlib.sha256(content).hexdigest())


def parse_entries(content: bytes) -> tuple[list[Entry], list[tuple[int, str]]]:
    """Words and frequencies in the order of the file; and line numbers, from 1, with what is wrong there."""
    entries: list[Entry] = []
    bad: list[tuple[int, str]] = []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        try:
            entry = _parse_line(line)
        except ValueError as error:
            bad.append((number, str(error)))
        else:
            entries.extend([entry] if entry else [])
    return entries, bad


def _parse_line(line: bytes) -> Entry | None:
    """The entry of a line, None of a blank one or a remark.

    Raises:
      ValueError: saying what is wrong with it.
    """
    try:
        text = line.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is not UTF-8: {line[:40]!r}") from None
    if not text or text == "#" or text.startswith("# "):
        return None
    word, *rest = text.split()
    shown = f"{text[:40]}…" if len(text) > 40 else text
    if len(rest) > 2:
        raise ValueError(f"{shown!r} has {len(rest) + 1} parts, at most 3; a word has no blanks: jieba splits there")
    if len(word) == 1:
        raise ValueError(f"{word!r} is one character: that is a word without being listed")
    if not _WORD.fullmatch(word):
        strange = next(character for character in word if not _WORD.fullmatch(character))
        raise ValueError(f"{word[:40]!r} is never found: jieba splits text at {strange!r}")
    tag = "[a-z]{1,4}" if word.isascii() else "[a-z]+"  # jieba's are short: a longer one behind a Latin word is a second word
    if not rest or (len(rest) == 1 and re.fullmatch(tag, rest[0])):
        return word, None
    return word, _frequency(rest[0])


def _frequency(text: str) -> int:
    if not re.fullmatch("[0-9]+", text):
        raise ValueError(f"frequency {text[:40]!r} is not a whole number above 0")
    if not 1 <= int(text[:20]) <= MAX_FREQUENCY:
        raise ValueError(f"frequency {text[:40]} is not between 1 and {MAX_FREQUENCY:,}")
    return int(text)


def with_frequencies(entries: list[Entry], sha256: str) -> UserDictionary:
    """The dictionary of `entries`; a word without a frequency gets the one that jieba gives it: just enough to be found.

    The last line of a word counts, as in jieba. Traditional words are listed in simplified form too: so their text is looked through.
    """
    wanted = dict(entries)
    for word, frequency in list(wanted.items()):
        wanted.setdefault(simplified_shadow(word), frequency)
    library = new_jieba()
    before = {word: library.FREQ.get(word, 0) for word in wanted}
    for word, frequency in wanted.items():
        library.add_word(word, frequency)
    return UserDictionary(
        sha256=sha256,
        num_words=len(dict(entries)),
        entries="".join(f"{word} {library.FREQ[word]}\n" for word in wanted).encode(),
        overlap=sum(before.values()),
    )
