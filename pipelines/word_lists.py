"""Lists of unwanted words and domains that a user gives, and rules that ask whether a document has one. Off by default."""

from collections.abc import Callable, Collection, Sequence
from urllib.parse import urlsplit

import ahocorasick_rs
import numpy as np

from pipelines.characters import keep_lines
from pipelines.errors import BuildError

MAX_LIST_BYTES = 64 << 20


def read_list(path: str, read: Callable[[str], bytes]) -> tuple[str, ...]:
    """The entries of a list: UTF-8, one a line, without blank lines, lines that begin with `#`, and copies.

    Raises:
      BuildError: it cannot be read, is not UTF-8, is too large or holds nothing.
    """
    try:
        data = read(path)
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BuildError(f"the list {path} is not UTF-8 (byte {error.start})\nconvert it, for example with iconv") from None
    except OSError as error:
        raise BuildError(f"the list {path} cannot be read ({error})\nname an existing file with one entry a line") from None
    if len(data) > MAX_LIST_BYTES:
        raise BuildError(f"the list {path} has {len(data):,} bytes, more than {MAX_LIST_BYTES:,}\nit travels to every worker: shorten it")
    entries = (line.strip() for line in text.splitlines())
    found = tuple(dict.fromkeys(entry for entry in entries if entry and not entry.startswith("#")))
    if not found:
        raise BuildError(f"the list {path} holds no entry\ngive one a line; lines that begin with # are comments")
    return found


class ListedWords:
    """The words of a list, all looked for at once (Aho–Corasick), exactly as they are written."""

    def __init__(self, words: Sequence[str]) -> None:
        """0.4 s for 100,000 words."""
        self._words = words
        self._automaton = ahocorasick_rs.BytesAhoCorasick([_encode(word) for word in words])

    def first_in(self, text: str) -> str | None:
        """The word that ends first in `text`, if it holds any."""
        found = self._automaton.find_matches_as_indexes(_encode(text))
        return self._words[found[0][0]] if found else None


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def listed_word(text: str, *, words: ListedWords) -> str | None:
    """Reason to drop a document that holds a listed word."""
    found = words.first_in(text)
    return None if found is None else f"holds {found}, which is listed"


def drop_listed_lines(text: str, *, words: ListedWords) -> str:
    """Without the lines that hold a listed word."""
    if words.first_in(text) is None:
        return text
    return keep_lines(text, np.array([words.first_in(line) is None for line in text.split("\n")]))


def domain_of(url: str) -> str:
    """The host that an address names, in small letters and without a port; empty for what is no address.

    >>> domain_of("https://News.Example.com:80/a"), domain_of("example.com/a")
    ('news.example.com', 'example.com')
    """
    try:
        return (urlsplit(url if "://" in url else f"//{url}").hostname or "").rstrip(".")
    except ValueError:  # brackets that are no IPv6 address
        return ""


def listed_domain(url: str | None, *, domains: Collection[str]) -> str | None:
    """Reason to drop a document of a listed domain, or of one below it; `domains` as `domain_of` writes them."""
    host = domain_of(url) if url else ""
    labels = host.split(".")
    for start in range(len(labels)):
        domain = ".".join(labels[start:])
        if domain in domains:
            return f"{host} is of {domain}, which is listed" if start else f"{host} is listed"
    return None


def low_quality(quality: float | None, *, minimum: float) -> str | None:
    """Reason to drop a document whose quality score is below `minimum`; one without a score stays.

    Scores are float32: the threshold is rounded to that too, so that a score of 0.7 is not less than 0.7.
    """
    return None if quality is None or quality >= np.float32(minimum) else f"quality {quality:g}, less than {minimum:g}"
