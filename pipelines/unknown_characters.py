"""What became [UNK]: the characters that the vocabulary lacks, counted by source.

WordPiece gives up a whole word for one piece that it cannot find. Words are without bound, characters are not: each [UNK] counts for the
character at which WordPiece got stuck, so the counts add up to the number of [UNK] and can be summed whatever the corpus.

    text      他说“好”。Привет     the vocabulary lacks “ and ”, and of Привет the и
    tokens    他 说 [UNK] 好 [UNK] 。 [UNK]
    counted   “ 1   ” 1   и 1
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from tokenizers import normalizers

from albert_core.tokenization import MAX_RUN, Tokenizer
from pipelines.accounts import Account

CONTINUES = "##"
LONG_WORD = "long_word"
LONG_WORD_TEXT = f"(word of more than {MAX_RUN} characters)"
_PREFIX = "unknown."


class MissingCharacters:
    """Finds what the vocabulary lacks for a word that is [UNK]."""

    def __init__(self, tokenizer: Tokenizer):
        self.unk_id = tokenizer.unk_id
        self._ids = tokenizer.ids
        self._longest = max(len(token) for token in tokenizer.vocab)
        self._normalizer = normalizers.BertNormalizer(lowercase=tokenizer.lower_case)
        self._normal: dict[str, str] = {}

    def find(self, word: str) -> str:
        """The character, normalized as the tokenizer does, at which WordPiece gets stuck; LONG_WORD if it does not try.

        `##℃` where the vocabulary has ℃, but not within a word such as 15℃.
        """
        normal = "".join(self._normalized(character) for character in word)
        if len(normal) > MAX_RUN:
            return LONG_WORD
        start = 0
        while start < len(normal):
            prefix = CONTINUES if start else ""
            ends = range(min(len(normal), start + self._longest), start, -1)
            end = next((end for end in ends if prefix + normal[start:end] in self._ids), start)
            if end == start:
                return prefix + normal[start] if normal[start] in self._ids else normal[start]
            start = end
        return word[:1]  # unreachable for a word that is [UNK]

    def _normalized(self, character: str) -> str:
        """Nothing for marks that the reference removes; the library also drops private-use and unassigned characters, which it keeps."""
        if character not in self._normal:
            category = unicodedata.category(character)
            if category in ("Co", "Cn", "Cs"):
                normal = character
            else:
                removed = category in ("Cc", "Cf", "Mn") or character == "\ufffd"
                normal = self._normalizer.normalize_str(character).strip() or ("" if removed else character)
            self._normal[character] = normal
        return self._normal[character]


def unknown_words(text: str, starts: np.ndarray, unknown: np.ndarray) -> list[str]:
    """The text of each [UNK]: from its start to the next token, or the white space before it.

    Args:
      text: what was tokenized.
      starts: int [T], the offset of each token.
      unknown: int [U], the tokens that are [UNK].
    """
    ends = np.append(starts[1:], len(text))
    stretches = (text[start:end] for start, end in zip(starts[unknown].tolist(), ends[unknown].tolist(), strict=True))
    return [stretch if len(stretch) == 1 else (stretch.split(maxsplit=1) or [stretch])[0] for stretch in stretches]


def count_tokens(
    token_ids: np.ndarray, offsets: np.ndarray, words: Sequence[str], sources: Sequence[str], missing: MissingCharacters
) -> Account:
    """Tokens, [UNK] and missing characters of D documents as `name@source`.

    Args:
      token_ids: [T].
      offsets: int64 [D + 1], the first token of each document.
      words: the text of each [UNK], from `unknown_words`.
      sources: D names.
      missing: of the vocabulary.
    """
    account: Counter[str] = Counter()
    for source, size in zip(sources, np.diff(offsets).tolist(), strict=True):
        account[f"document_tokens@{source}"] += size
    documents = np.searchsorted(offsets, np.flatnonzero(token_ids == missing.unk_id), side="right") - 1
    found = Counter(zip((sources[document] for document in documents.tolist()), words, strict=True))
    for (source, word), count in found.items():
        account[f"document_unknown@{source}"] += count
        account[f"{_PREFIX}{_name(missing.find(word))}@{source}"] += count
    return dict(account)


def most_frequent(counts: Account, number: int) -> list[dict[str, Any]]:
    """The missing characters of an account without sources: text, count, share of all tokens; ties by code point.

    >>> most_frequent({"document_tokens": 200, "unknown.201C": 2, "unknown.3007": 3}, 1)
    [{'text': '〇', 'count': 3, 'share': 0.015}]
    """
    found = [(count, _text(key.removeprefix(_PREFIX))) for key, count in counts.items() if key.startswith(_PREFIX)]
    found.sort(key=lambda item: (-item[0], item[1]))
    return [{"text": text, "count": count, "share": round(count / counts["document_tokens"], 6)} for count, text in found[:number]]


def readable(text: str) -> str:
    """The character, or its code point where nothing would be seen: private use, marks without a letter.

    >>> readable("“"), readable("\\ue000")
    ('“', 'U+E000')
    """
    seen = text.isprintable() and unicodedata.category(text[0])[0] != "M"
    return text if seen else " ".join(f"U+{ord(character):04X}" for character in text)


def _name(missing: str) -> str:
    """As a key has it: the characters @ and . have a meaning there."""
    if missing == LONG_WORD:
        return missing
    return f"{missing[:-1]}{ord(missing[-1]):04X}"


def _text(name: str) -> str:
    if name == LONG_WORD:
        return LONG_WORD_TEXT
    prefix = CONTINUES if name.startswith(CONTINUES) else ""
    return prefix + chr(int(name.removeprefix(prefix), 16))
