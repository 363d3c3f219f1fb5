"""Instances as a person reads them: segments, masks and what they hide, the order label. Of our shards and of other BERT tools'."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from albert_core.shards import (
    FEATURES,
    INPUT_IDS,
    MANIFEST,
    MASKED_LM_IDS,
    MASKED_LM_POSITIONS,
    MASKED_LM_WEIGHTS,
    NEXT_SENTENCE_LABELS,
    SEGMENT_IDS,
    SHARD_SUFFIX,
    DamagedRecordError,
    Dataset,
    Split,
    decode_records,
    feature_lengths,
    read_frames,
)
from albert_core.tokenization import Tokenizer
from pipelines import storage
from pipelines.errors import BuildError

Features = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shown:
    """One instance. A masked token stands as 【original→shown】, as 【original】 where it is shown as itself."""

    swapped: bool
    segment_a: str
    segment_b: str
    num_tokens: int
    masks: list[tuple[int, str, str]]
    """Position, original token, token shown."""

    def text(self) -> str:
        """The instance on a few lines."""
        order = "B came first (label 1)" if self.swapped else "in order (label 0)"
        return f"A  {self.segment_a}\nB  {self.segment_b}\n   {order}, {self.num_tokens} tokens, {len(self.masks)} masked"

    def json(self) -> str:
        """The instance on one line."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)


def show_instance(features: Features, row: int, tokenizer: Tokenizer) -> Shown:
    """An instance of a batch of features."""
    ids = features[INPUT_IDS][row].tolist()
    segments = features[SEGMENT_IDS][row].tolist()
    num_tokens = int(np.flatnonzero(features[INPUT_IDS][row] == tokenizer.sep_id)[-1]) + 1 if tokenizer.sep_id in ids else len(ids)
    count = int(features[MASKED_LM_WEIGHTS][row].sum())
    originals = dict(zip(features[MASKED_LM_POSITIONS][row, :count].tolist(), features[MASKED_LM_IDS][row, :count].tolist(), strict=True))
    name = tokenizer.vocab.__getitem__
    masks = [(position, name(original), name(ids[position])) for position, original in originals.items()]
    parts: list[list[int | str]] = [[], []]
    for position, index in enumerate(ids[:num_tokens]):
        if position in originals:
            original, shown = name(originals[position]), name(index)
            parts[segments[position]].append(f"【{original}】" if original == shown else f"【{original}→{shown}】")
        elif index not in (tokenizer.cls_id, tokenizer.sep_id):
            parts[segments[position]].append(index)
    segment_a, segment_b = (_readable(part, tokenizer) for part in parts)
    swapped = bool(features[NEXT_SENTENCE_LABELS][row, 0])
    return Shown(swapped=swapped, segment_a=segment_a, segment_b=segment_b, num_tokens=num_tokens, masks=masks)


def _readable(parts: list[int | str], tokenizer: Tokenizer) -> str:
    """Runs of ids decoded, marks between them."""
    text, run = "", []
    for part in [*parts, ""]:
        if isinstance(part, int):
            run.append(part)
        else:
            text += tokenizer.decode(run) + part
            run = []
    return text


def inspect(path: str, count: int, *, vocab: str | None = None, epoch: int = 0) -> Iterator[Shown]:
    """The first `count` instances of a dataset folder or of a static shard file.

    Raises:
      BuildError: nothing there that can be shown; a foreign shard without `vocab`.
    """
    if path.endswith(SHARD_SUFFIX) or not storage.exists(storage.join(path, MANIFEST)):
        yield from _inspect_file(path, count, vocab)
        return
    dataset = Dataset.open(path)
    left = count
    split: Split = dataset.split("train")
    for block in range(len(split.block_sizes)):
        features = split.read_block(block, epoch)
        for row in range(min(left, len(features[INPUT_IDS]))):
            yield show_instance(features, row, dataset.tokenizer)
        left -= len(features[INPUT_IDS])
        if left <= 0:
            return


def _inspect_file(path: str, count: int, vocab: str | None) -> Iterator[Shown]:
    folder, _, name = path.rpartition("/")
    if vocab is None and storage.exists(storage.join(folder or ".", MANIFEST)):
        vocab = storage.join(folder or ".", "vocab.txt")
    if not storage.is_file(path):
        raise BuildError(
            f"{path} holds neither a dataset ({MANIFEST}) nor is it a TFRecord file\ngive the --output folder of a build, or a shard"
        )
    if vocab is None:
        raise BuildError(f"{name or path} does not say which vocabulary its ids mean\ngive it: --vocab vocab.txt")
    tokenizer = Tokenizer.from_bytes(storage.read(vocab), name=vocab)
    with storage.open_file(path) as file:
        for index, record in enumerate(_records(path, file)):
            if index == count:
                return
            try:
                length, predictions = feature_lengths(record)
                features = decode_records([record], length, predictions)
                shown = show_instance(features, 0, tokenizer)
            except (ValueError, IndexError, KeyError) as error:
                raise BuildError(
                    f"{path}: record {index} is not a BERT example: {error}\nit should have the features {', '.join(FEATURES)}"
                ) from error
            yield shown


def _records(path: str, file: Any) -> Iterator[bytes]:
    try:
        yield from read_frames(file)
    except DamagedRecordError as error:
        raise BuildError(f"{path} is damaged or no TFRecord file: {error}\ncopy it anew, or build again") from error
