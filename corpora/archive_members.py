"""A member of an archive, as tar and zip give it, and its name."""

from collections.abc import Iterable
from dataclasses import dataclass

from corpora.decoding import log_likelihoods

NOT_CORPUS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
NOT_CORPUS_FOLDER = "__MACOSX"


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive.

    Attributes:
      name: to be shown, of printable characters only; None for the archive itself, of which then only `problem` counts.
      size: its bytes as the archive gives them.
      blocks: its content; the next member must not be asked for before these were read. May raise `DamagedStreamError`.
      problem: why it, or the rest of the archive, cannot be read.
    """

    name: str | None
    size: int = 0
    blocks: Iterable[bytes] = ()
    problem: str | None = None


def is_left_out(name: str) -> bool:
    """Whether a member is what a file manager left in the archive.

    >>> is_left_out("__MACOSX/._a.txt"), is_left_out("books/.DS_Store"), is_left_out("books/a.txt")
    (True, True, False)
    """
    parts = name.split("/")
    return parts[-1] in NOT_CORPUS or NOT_CORPUS_FOLDER in parts[:-1]


def names_encoding(raw: Iterable[bytes]) -> str:
    """The encoding of the names of an archive that does not tell: UTF-8 if all fit, else GB18030 or Big5 by evidence."""
    joined = b"\n".join(raw)
    try:
        joined.decode("utf-8")
    except UnicodeDecodeError:
        found = log_likelihoods(joined)
        return max(("gb18030", "big5hkscs"), key=lambda encoding: found[encoding])
    return "utf-8"


def shown_name(name: str) -> str:
    r"""A name that is safe to print and to put in an origin. It is never used as a path, so `../` in it does no harm.

    >>> print(shown_name("a\nb\\c.txt"))
    a\nb/c.txt
    """
    return "".join(c if c.isprintable() or c == "\u3000" else c.encode("unicode_escape").decode() for c in name.replace("\\", "/"))
