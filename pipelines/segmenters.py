"""The two segmentation libraries: instances of our own with a user's words in them, and what identifies their dictionaries.

jieba keeps one tokenizer for the whole process and a cache of its dictionary among the temporary files; both are avoided here, so that
words given to one segmenter are unknown to the others, and what decides words is the installed dictionary, byte for byte.
"""

import functools
import hashlib
import io
from collections.abc import Iterable
from importlib import metadata, resources
from typing import Any, Literal

import numpy as np

SegmenterName = Literal["rjieba", "jieba", "none"]
Entries = Iterable[tuple[str, int]]  # words with their frequencies


def new_jieba(entries: Entries = ()) -> Any:
    """A `jieba.Tokenizer` with the installed dictionary and, in their order, more words. Takes a second and 120 MB."""
    import jieba

    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = jieba.Tokenizer.gen_pfdict(io.BytesIO(_jieba_dictionary()))
    tokenizer.initialized = True  # else it would read a cache that anybody may have written
    for word, frequency in entries:
        tokenizer.add_word(word, frequency)
    return tokenizer


def new_rjieba(entries: Entries = (), overlap: int = 0) -> Any:
    """An `rjieba.Jieba` with its own dictionary and more words.

    Args:
      entries: the words.
      overlap: sum of the frequencies that these words had before. jieba goes on counting them in its total, by which it divides, and
        rjieba does not: they are given to a word that no text can hold.
    """
    import rjieba

    library = rjieba.Jieba()
    for word, frequency in entries:
        library.add_word(word, frequency, None)
    if overlap:
        library.add_word("\n", overlap, None)  # both libraries split at newlines before they look for words
    return library


@functools.cache
def describe_segmenter(name: SegmenterName) -> dict[str, Any]:
    """Name, version and the SHA-256 of the dictionary, for the manifest.

    jieba's is that of its `dict.txt`. rjieba has its dictionary compiled in, compressed, and the file it is in differs between platforms.
    So its SHA-256 is over what it says: for every word of jieba's dictionary whether it has it and how frequent it makes it, and where it
    cuts the text of all these words. It would not notice a word that jieba lacks and that this text does not bring up.
    """
    if name == "none":
        return {"name": name, "version": None, "dictionary_sha256": None}
    digest = hashlib.sha256(_jieba_dictionary() if name == "jieba" else b"")
    if name == "rjieba":
        library = new_rjieba()
        words = [line.split(" ", 1)[0] for line in _jieba_dictionary().decode("utf-8").splitlines()]
        digest.update("".join(f"{word} {library.has_word(word)} {library.suggest_freq(word)}\n" for word in words).encode())
        digest.update(np.fromiter(map(len, library.cut("".join(words))), "<u4").tobytes())
    return {"name": name, "version": metadata.version(name), "dictionary_sha256": digest.hexdigest()}


def _jieba_dictionary() -> bytes:
    return (resources.files("jieba") / "dict.txt").read_bytes()
