"""Other ways to write the same: characters that the Chinese BERT vocabulary lacks, and traditional characters. Off by default.

What these rules change, a model must see changed at inference too: `CleanConfig.text_normalization` records them.
"""

from importlib import metadata

import opencc

FOLDED = dict(zip("“”„‟‘’‚‛—–―…", "\"\"\"\"''''---⋯", strict=True))
"""One character for one, so that offsets stay. “ ” ‘ ’ — and … are 1.4 % of real Chinese text and `[UNK]` in the vocabulary that all
released albert_zh models use; what replaces them is in it."""


def fold_quotes(text: str) -> str:
    """Curly quotes straight, dashes `-`, ellipses `⋯`."""
    for character, folded in FOLDED.items():
        if character in text:
            text = text.replace(character, folded)
    return text


class Simplifier:
    """Traditional → simplified characters, phrase by phrase (OpenCC)."""

    def __init__(self, conversion: str = "t2s") -> None:
        self._converter = opencc.OpenCC(conversion)

    def __call__(self, text: str) -> str:
        """`text` in simplified characters. Lone surrogates, which OpenCC refuses, become `?`."""
        try:
            return str(self._converter.convert(text))
        except UnicodeEncodeError:
            return str(self._converter.convert(text.encode("utf-8", "replace").decode("utf-8")))


def opencc_version() -> str:
    """Version of the library whose dictionaries decide."""
    return metadata.version("opencc")
