"""A trained model, asked: which words stand behind `[MASK]`, do two segments stand in their order, how alike are two texts?"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import tensorflow as tf

from albert_core.config import AlbertConfig
from albert_core.errors import AlbertError
from albert_core.model_source import read_model
from albert_core.modeling import Albert
from albert_core.parameters import Heads
from albert_core.sentence_list import Neighbour, SentenceList
from albert_core.task_features import UNREADABLE, excerpt
from albert_core.tokenization import Tokenizer

MASK = "[MASK]"
BATCH_SIZE = 32


class Candidate(NamedTuple):
    """One guess for a mask."""

    token: str
    probability: float


class MaskedWords(NamedTuple):
    """What the model reads in place of each `[MASK]` of a text: the most probable tokens, best first, and the text with the best ones."""

    text: str
    masks: list[list[Candidate]]
    filled: str


class Predictor:
    """A model with its tokenizer, loaded once and asked often, from any thread."""

    def __init__(self, model: Albert, tokenizer: Tokenizer):
        """Raises AlbertError when the vocabulary is not the model's."""
        if tokenizer.size != model.config.vocab_size:
            raise AlbertError(
                f"the vocabulary has {tokenizer.size:,} entries, the model's vocab_size is {model.config.vocab_size:,}\n"
                "put the vocab.txt that the model was trained with beside it"
            )
        self._model, self._tokenizer = model, tokenizer
        ids = tf.TensorSpec([None, None], tf.int32)  # autograph=False: it would wrap an error made for the user in its own
        self._masked = tf.function(self._masked_log_probs, input_signature=[ids, ids, ids, ids], autograph=False)
        self._order = tf.function(self._order_log_probs, input_signature=[ids, ids, ids], autograph=False)
        self._sums = tf.function(self._token_sums, input_signature=[ids, ids, ids], autograph=False)

    @classmethod
    def load(cls, path: str | Path, *, config: str | Path | AlbertConfig | None = None) -> Self:
        """The predictor of a model directory, or of any model that `load_model` reads with a vocab.txt beside it."""
        source = read_model(path, config=config)
        return cls(source.build(), source.tokenizer())

    def masked_words(self, texts: Sequence[str], *, top_k: int = 5) -> list[MaskedWords]:
        """The `top_k` most probable tokens for each `[MASK]`, which stands for one token (a Han character, a Latin word or piece).

        Raises:
          AlbertError: a text has no `[MASK]`, or is too long for the model.
        """
        encoded = [self._encode_masked(text) for text in texts]
        results: list[MaskedWords] = []
        for batch in _batches(encoded):
            input_ids, input_mask = _pad(batch)
            places = [[at for at, token in enumerate(ids) if token == self._tokenizer.mask_id] for ids in batch]
            positions, _ = _pad(places)
            log_probs = self._masked(input_ids, input_mask, np.zeros_like(input_ids), positions).numpy()  # [B, P, V]
            for row, at in enumerate(places):
                masks = [self._best(log_probs[row, index], top_k) for index in range(len(at))]
                text = texts[len(results)]
                results.append(MaskedWords(text, masks, _fill(text, [candidates[0].token for candidates in masks])))
        return results

    def sentence_order(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """For each pair of segments the probability that the first stands before the second in their document.

        Raises:
          AlbertError: a segment is empty, or the two are too long for the model.
        """
        encoded = [self._encode_pair(first, second) for first, second in pairs]
        results: list[float] = []
        for batch in _batches(encoded):
            input_ids, input_mask = _pad([ids for ids, _ in batch])
            segment_ids, _ = _pad([segments for _, segments in batch])
            results += np.exp(self._order(input_ids, input_mask, segment_ids).numpy()[:, 0]).tolist()
        return results

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """A vector of length 1 for each text: the mean over its tokens. float32 [texts, H]. Texts too long for the model are read in parts.

        Raises:
          AlbertError: a text has no tokens.
        """
        room = self.max_tokens
        parts: list[list[int]] = []
        owners: list[int] = []
        for number, text in enumerate(texts):
            ids = self._tokenizer.encode(text)
            if not ids:
                raise AlbertError(f"“{excerpt(text)}” has no tokens\ngive a text")
            for start in range(0, len(ids), room):
                parts.append([self._tokenizer.cls_id, *ids[start : start + room], self._tokenizer.sep_id])
                owners.append(number)
        sums = np.zeros((len(texts), self._model.config.hidden_size), np.float64)
        order = sorted(range(len(parts)), key=lambda at: len(parts[at]))  # so that little is padding
        for batch in _batches(order):
            input_ids, input_mask = _pad([parts[at] for at in batch])
            for at, vector in zip(batch, self._sums(input_ids, input_mask, np.zeros_like(input_ids)).numpy(), strict=True):
                sums[owners[at]] += vector
        return (sums / np.linalg.norm(sums, axis=1, keepdims=True)).astype(np.float32)

    @property
    def heads(self) -> Heads:
        """What the model can be asked."""
        return self._model.heads

    @property
    def vector_size(self) -> int:
        """Values of a vector of `embed`."""
        return self._model.config.hidden_size

    @property
    def max_tokens(self) -> int:
        """Tokens that the model reads at once, without [CLS] and [SEP]."""
        return self._model.config.max_position_embeddings - 2

    def tokenize(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Ids int32 [T] of the tokens of `text`, and the characters where they begin."""
        return self._tokenizer.encode_offsets(text)

    def fingerprint(self) -> str:
        """A digest of all that answers depend on: weights, sizes and vocabulary. The same for the same model, wherever it lies."""
        digest = hashlib.sha256(f"{self._model.config.to_json()} {self._tokenizer.vocab} {self._tokenizer.lower_case}".encode())
        for name, variable in sorted(self._model.weights.items()):
            digest.update(name.encode() + variable.numpy().tobytes())
        return digest.hexdigest()

    def check_texts(self, texts: Sequence[str]) -> None:
        """Refuse texts of which the model sees nothing: without tokens, or with unknown ones alone. Raises AlbertError."""
        for text in texts:
            ids = self._tokenizer.encode(text)
            if not ids:
                raise AlbertError(f"“{excerpt(text)}” has no tokens\ngive a text")
            if set(ids) == {self._tokenizer.unk_id}:
                raise AlbertError(f"“{excerpt(text)}” has no character that the vocabulary knows\n{UNREADABLE}")

    def check_masked(self, texts: Sequence[str]) -> None:
        """Refuse what `masked_words` would. Raises AlbertError when a text has no `[MASK]` or is too long."""
        for text in texts:
            self._encode_masked(text)

    def check_pairs(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Refuse what `sentence_order` would. Raises AlbertError when a text has no tokens or the two are too long."""
        for first, second in pairs:
            self._encode_pair(first, second)

    def similarity(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """How alike two texts are: the cosine of their vectors, -1 … 1. Without fine-tuning it sees words more than meaning.

        Raises:
          AlbertError: a text has no tokens.
        """
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        vectors = dict(zip(texts, self.embed(texts), strict=True)) if texts else {}
        return [float(vectors[first] @ vectors[second]) for first, second in pairs]

    def nearest(self, text: str, candidates: Sequence[str] | SentenceList, *, top_k: int = 5) -> list[Neighbour]:
        """The `top_k` of `candidates` most like `text`, the nearest first. Who asks often gives a `SentenceList`, embedded once.

        Raises:
          AlbertError: a text has no tokens.
        """
        candidates = candidates if isinstance(candidates, SentenceList) else SentenceList.make(self, candidates)
        return candidates.nearest(self.embed([text]), top_k=top_k)[0]

    def _token_sums(self, input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor) -> tf.Tensor:
        """The sum over the tokens of each row, [B, H]; [CLS] and [SEP] count too."""
        sequence = self._model(input_ids, input_mask, segment_ids).sequence_output
        return tf.reduce_sum(sequence * tf.cast(input_mask, tf.float32)[:, :, tf.newaxis], 1)

    def _masked_log_probs(self, input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        output = self._model(input_ids, input_mask, segment_ids)
        return self._model.masked_log_probs(output.sequence_output, positions)

    def _order_log_probs(self, input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor) -> tf.Tensor:
        return self._model.order_log_probs(self._model.pooled(input_ids, input_mask, segment_ids))

    def _encode_masked(self, text: str) -> list[int]:
        tokenizer = self._tokenizer
        first, *rest = text.split(MASK)
        if not rest:
            raise AlbertError(f"no {MASK} in “{excerpt(text)}”\nwrite {MASK} where a token is to be guessed: 今天天{MASK}很好")
        ids = [tokenizer.cls_id, *tokenizer.encode(first)]
        for part in rest:
            ids += [tokenizer.mask_id, *tokenizer.encode(part)]
        return self._checked([*ids, tokenizer.sep_id], text)

    def _encode_pair(self, first: str, second: str) -> tuple[list[int], list[int]]:
        """(ids, segments) of `[CLS] first [SEP] second [SEP]`."""
        tokenizer = self._tokenizer
        a, b = tokenizer.encode(first), tokenizer.encode(second)
        if not a or not b:
            raise AlbertError(f"a segment of the pair “{excerpt(first)}”, “{excerpt(second)}” has no tokens\ngive two texts")
        ids = [tokenizer.cls_id, *a, tokenizer.sep_id, *b, tokenizer.sep_id]
        return self._checked(ids, first), [0] * (len(a) + 2) + [1] * (len(b) + 1)

    def _checked(self, ids: list[int], text: str) -> list[int]:
        limit = self._model.config.max_position_embeddings
        if len(ids) > limit:
            raise AlbertError(
                f"“{excerpt(text)}” has {len(ids)} tokens with [CLS] and [SEP], the model has {limit} positions\n"
                f"shorten it by {len(ids) - limit} tokens, or cut it into several texts"
            )
        return ids

    def _best(self, log_probs: np.ndarray, top_k: int) -> list[Candidate]:
        order = np.argsort(-log_probs, kind="stable")[:top_k]
        return [Candidate(self._tokenizer.vocab[index], float(np.exp(log_probs[index]))) for index in order]


def _batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), BATCH_SIZE):
        yield items[start : start + BATCH_SIZE]


def _pad(rows: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """(rows filled up with 0, 1 where a value stands), int32 [B, longest] each."""
    values = np.zeros((len(rows), max(map(len, rows))), np.int32)
    mask = np.zeros_like(values)
    for index, row in enumerate(rows):
        values[index, : len(row)] = row
        mask[index, : len(row)] = 1
    return values, mask


def _fill(text: str, tokens: Sequence[str]) -> str:
    """`text` with its masks replaced, in order; the ## of a piece goes."""
    for token in tokens:
        text = text.replace(MASK, token.removeprefix("##"), 1)
    return text
