"""The project's sample corpus, and a vocabulary of its characters, for tests that need real text."""

import functools
from pathlib import Path

import corpora
from albert_core.tokenization import SPECIAL_TOKENS

FOLDER = Path(corpora.__file__).parent / "samples"
ENCYCLOPEDIA, NEWS, COMMUNITY, DIRTY = FOLDER / "encyclopedia.jsonl", FOLDER / "news.txt", FOLDER / "community", FOLDER / "dirty.jsonl"


@functools.cache
def vocabulary() -> bytes:
    """A vocabulary file of every character in the encyclopedia and the news, with a few Latin pieces."""
    text = ENCYCLOPEDIA.read_text("utf-8") + NEWS.read_text("utf-8")
    characters = sorted(character for character in set(text.lower()) if character.isprintable() and not character.isspace())
    pieces = [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz0123456789"]
    return "".join(f"{token}\n" for token in dict.fromkeys([*SPECIAL_TOKENS, *characters, *pieces])).encode()


def write_vocabulary(folder: Path) -> Path:
    """The vocabulary as a file in `folder`."""
    path = folder / "vocab.txt"
    path.write_bytes(vocabulary())
    return path
