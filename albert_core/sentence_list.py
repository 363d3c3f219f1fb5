"""The texts of a list that are most like another: each is one or more chunks, each chunk a vector, a text as near as its nearest chunk.

text     第一句。第二句很长……第三句。        more tokens than CHUNK_TOKENS: cut, at sentence ends where there are some
chunks   第一句。第二句很长……│第三句。       a vector of length 1 each
FILE.npz                                    vectors and bounds, and the digest of model, texts and chunk size that they are of
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from albert_core.errors import AlbertError

if TYPE_CHECKING:
    from albert_core.prediction import Predictor

CHUNK_TOKENS = 128  # without [CLS] and [SEP]
SENTENCE_ENDS = frozenset("。！？!?；;…\n”」』")
AT_ONCE = 1024  # chunks that are embedded between two reports
ROWS = 1 << 16  # chunks that are compared at once, so that cosines need little memory

Report = Callable[[int, int], None]


class Neighbour(NamedTuple):
    """A text of the list: its number, from 0, the text, its cosine, and the part of it that is nearest."""

    number: int
    text: str
    similarity: float
    part: str


class SentenceList:
    """Texts with the vectors of their chunks. It is not changed after it was made, and asked from any thread."""

    def __init__(self, texts: Sequence[str], vectors: np.ndarray, bounds: np.ndarray):
        """`vectors` float32 [C, H], of length 1; `bounds` int64 [C, 3]: number of the text and characters [start, end) of each chunk."""
        self.texts, self.vectors, self.bounds = list(texts), vectors, bounds

    @classmethod
    def make(
        cls, predictor: "Predictor", texts: Sequence[str], *, chunk_tokens: int = CHUNK_TOKENS, report: Report = lambda done, total: None
    ) -> Self:
        """Embed `texts`. `report(chunks done, chunks in all)`.

        Raises:
          AlbertError: there is none, or one has no tokens; its number, from 1, is named.
        """
        if not texts:
            raise AlbertError("the list is empty\ngive one text at least")
        chunk_tokens = min(chunk_tokens, predictor.max_tokens)
        bounds = []
        for number, text in enumerate(texts):
            parts = list(cut_text(*predictor.tokenize(text), text, chunk_tokens))
            if not parts:
                raise AlbertError(f"entry {number + 1} of the list has no tokens\nremove it, or give it a text")
            bounds += [(number, start, end) for start, end in parts]
        vectors = np.zeros((len(bounds), predictor.vector_size), np.float32)
        for first in range(0, len(bounds), AT_ONCE):
            some = bounds[first : first + AT_ONCE]
            vectors[first : first + len(some)] = predictor.embed([texts[number][start:end] for number, start, end in some])
            report(first + len(some), len(bounds))
        return cls(texts, vectors, np.array(bounds, np.int64))

    @classmethod
    def load(cls, path: str | Path, texts: Sequence[str], digest: str) -> Self | None:
        """What `save` wrote for the same texts, model and chunk size; None where there is nothing, or of others.

        Raises:
          AlbertError: the file is there and is no such file.
        """
        if not Path(path).exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls(texts, stored["vectors"], stored["bounds"]) if str(stored["digest"]) == digest else None
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise AlbertError(f"{path} holds no vectors of a list: {error}\nremove it, or name another file") from error

    def save(self, path: str | Path, digest: str) -> None:
        """Keep the vectors for later. The file appears whole, or not at all. OSError when it cannot be written."""
        partial = Path(path).with_name(f".{Path(path).name}.partial")
        with partial.open("wb") as file:
            np.savez(file, vectors=self.vectors, bounds=self.bounds, digest=np.array(digest))
        partial.replace(path)

    def nearest(self, vectors: np.ndarray, *, top_k: int = 5) -> list[list[Neighbour]]:
        """For each of `vectors`, float32 [Q, H] of length 1, the `top_k` texts of the greatest cosines, of equals the first one first."""
        owners = self.bounds[:, 0]
        found: list[tuple[list[np.ndarray], list[np.ndarray]]] = [([], []) for _ in vectors]
        for first, last in _whole_texts(owners):
            cosines = vectors @ self.vectors[first:last].T  # [Q, rows]
            starts = np.flatnonzero(np.diff(owners[first:last], prepend=-1))
            best = np.maximum.reduceat(cosines, starts, axis=1)  # of each text
            for (values, numbers), row in zip(found, best, strict=True):
                some = np.argsort(-row, kind="stable")[:top_k]
                values.append(row[some])
                numbers.append(owners[first:last][starts[some]])
        return [
            self._neighbours(vector, np.concatenate(values), np.concatenate(numbers), top_k)
            for vector, (values, numbers) in zip(vectors, found, strict=True)
        ]

    def _neighbours(self, vector: np.ndarray, cosines: np.ndarray, numbers: np.ndarray, top_k: int) -> list[Neighbour]:
        neighbours = []
        for at in np.lexsort((numbers, -cosines))[:top_k].tolist():
            number = int(numbers[at])
            first, last = np.searchsorted(self.bounds[:, 0], (number, number + 1)).tolist()
            chunk = first + int((self.vectors[first:last] @ vector).argmax())
            _, start, end = self.bounds[chunk].tolist()
            neighbours.append(Neighbour(number, self.texts[number], float(cosines[at]), self.texts[number][start:end].strip()))
        return neighbours


def _whole_texts(owners: np.ndarray) -> Iterator[tuple[int, int]]:
    """Rows [first, last) with about ROWS chunks each, no text in two of them."""
    first = 0
    while first < len(owners):
        last = min(first + ROWS, len(owners))
        last = int(np.searchsorted(owners, owners[last - 1], side="right"))
        yield first, last
        first = last


def cut_text(ids: np.ndarray, starts: np.ndarray, text: str, max_tokens: int) -> Iterator[tuple[int, int]]:
    """Characters [start, end) of each chunk of at most `max_tokens` tokens: it ends with a sentence where one ends in its latter half.

    `ids` are the tokens of `text`, `starts` the characters where they begin, as `Tokenizer.encode_offsets` gives them.
    """
    first = 0
    while first < len(ids):
        last = min(first + max_tokens, len(ids))
        if last < len(ids):
            least = first + max_tokens // 2
            last = next((at for at in range(last, least, -1) if text[starts[at] - 1] in SENTENCE_ENDS), last)
        yield int(starts[first]), int(starts[last]) if last < len(ids) else len(text)
        first = last


def digest_of(predictor: "Predictor", texts: Sequence[str], chunk_tokens: int = CHUNK_TOKENS) -> str:
    """What the vectors of a list depend on, as a digest."""
    digest = hashlib.sha256(f"{predictor.fingerprint()} {chunk_tokens}".encode())
    digest.update(json.dumps(list(texts), ensure_ascii=False).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
