"""TFRecord files that another BERT tool wrote: whatever of BERT's features is there is shown, the rest is named as missing.

tool                       differs from ours in
BERT, albert_zh            `next_sentence_labels` 1: another document, or swapped
google-research ALBERT     `token_boundary`, 1 where a word begins
tf-models                  `input_word_ids`, `input_type_ids`
ELECTRA                    input_ids, input_mask, segment_ids alone: it masks while it trains
RoBERTa's kind             no order label, one segment
"""

import gzip
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from albert_core.shards import (
    INPUT_IDS,
    INPUT_MASK,
    MASKED_LM_IDS,
    MASKED_LM_POSITIONS,
    MASKED_LM_WEIGHTS,
    NEXT_SENTENCE_LABELS,
    SEGMENT_IDS,
    DamagedRecordError,
    read_frames,
)
from albert_core.tokenization import Tokenizer
from pipelines import storage
from pipelines.errors import BuildError
from pipelines.shown_instance import Example

TOKEN_BOUNDARY = "token_boundary"
ALIASES = {  # our name first
    INPUT_IDS: (INPUT_IDS, "input_word_ids"),
    INPUT_MASK: (INPUT_MASK, "attention_mask"),
    SEGMENT_IDS: (SEGMENT_IDS, "input_type_ids", "token_type_ids"),
    MASKED_LM_POSITIONS: (MASKED_LM_POSITIONS,),
    MASKED_LM_IDS: (MASKED_LM_IDS,),
    MASKED_LM_WEIGHTS: (MASKED_LM_WEIGHTS,),
    NEXT_SENTENCE_LABELS: (NEXT_SENTENCE_LABELS, "sentence_order_labels", "sentence_order_label", "next_sentence_label"),
    TOKEN_BOUNDARY: (TOKEN_BOUNDARY,),
}
GZIP, ZLIB = b"\x1f\x8b", b"\x78"


class ForeignRecord(NamedTuple):
    """What a record holds."""

    example: Example
    label_name: str | None
    missing: list[str]
    others: dict[str, list[Any]]


def read_records(path: str) -> Iterator[bytes]:
    """The records of a TFRecord file, gzip-compressed or not.

    Raises:
      BuildError: it is none, or damaged.
    """
    with storage.open_file(path) as file:
        head = file.read(12)
        file.seek(0)
        content: BinaryIO = gzip.GzipFile(fileobj=file) if head[:2] == GZIP else file  # type: ignore[assignment]
        try:
            yield from read_frames(content)
        except (DamagedRecordError, OSError, EOFError) as error:
            fix = "copy it anew, or build again"
            if head[:1] == ZLIB and int.from_bytes(head[:2], "big") % 31 == 0:
                fix = "it looks zlib-compressed: decompress it first; gzip is read as it is"
            raise BuildError(f"{path} is damaged or no TFRecord file: {error}\n{fix}") from error


def parse_record(record: bytes, tokenizer: Tokenizer) -> ForeignRecord:
    """A serialised `tf.train.Example` of any BERT tool.

    Raises:
      ValueError: it is no example, or one that is not of BERT's kind.
    """
    values, others, names = _features(record)
    if INPUT_IDS not in values:
        raise ValueError(f"it has {', '.join(names) or 'no features'}, and no {INPUT_IDS}")
    ids = values[INPUT_IDS]
    length = _num_tokens(ids, values.get(INPUT_MASK), tokenizer.pad_id)
    ids = ids[:length]
    segments = values.get(SEGMENT_IDS)
    if segments is not None and 1 in segments[:length]:
        first_of_b = segments.index(1)
    else:
        first_sep = ids.index(tokenizer.sep_id) if segments is None and tokenizer.sep_id in ids else length
        first_of_b = min(first_sep + 1, length)
    label = values.get(NEXT_SENTENCE_LABELS)
    boundaries = values.get(TOKEN_BOUNDARY)
    example = Example(
        ids=ids,
        first_of_b=first_of_b,
        originals=_originals(values, length),
        label=int(label[0]) if label else None,
        word_starts=np.array(boundaries[:length]) == 1 if boundaries and len(boundaries) >= length else None,
    )
    missing = [name for name in ALIASES if name not in values and name != TOKEN_BOUNDARY]
    label_name = next((name for name in ALIASES[NEXT_SENTENCE_LABELS] if name in names), None)
    return ForeignRecord(example, label_name, missing, others)


def _features(record: bytes) -> tuple[dict[str, list[Any]], dict[str, list[Any]], list[str]]:
    """BERT's features by our names, the others by their own, and all names."""
    import tensorflow as tf  # here: slow to import

    try:
        features = tf.train.Example.FromString(record).features.feature
    except Exception as error:  # protobuf's own DecodeError has no common base that is public
        raise ValueError(f"it is not a tf.train.Example: {error}") from error
    named = {name: list(getattr(feature, kind).value) for name, feature in features.items() if (kind := feature.WhichOneof("kind"))}
    values = {ours: named[name] for ours, aliases in ALIASES.items() for name in aliases[:1] if name in named}
    values |= {ours: named[name] for ours, aliases in ALIASES.items() for name in aliases[1:] if name in named and ours not in values}
    known = {name for aliases in ALIASES.values() for name in aliases if name != TOKEN_BOUNDARY}
    others = {
        name: [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in named[name]]
        for name in sorted(named)
        if name not in known
    }
    return values, others, sorted(features)


def _num_tokens(ids: list[int], mask: list[int] | None, pad_id: int) -> int:
    """Tokens without the padding: as the mask says, else up to the last one that is not [PAD]."""
    if mask is not None:
        return min(len(ids), sum(value != 0 for value in mask))
    return max((place + 1 for place, index in enumerate(ids) if index != pad_id), default=0)


def _originals(values: dict[str, list[Any]], length: int) -> dict[int, int]:
    """The labels of masked tokens by position. Without weights, a padded prediction is known by position 0, where [CLS] stands."""
    positions, labels = values.get(MASKED_LM_POSITIONS, []), values.get(MASKED_LM_IDS, [])
    weights = values.get(MASKED_LM_WEIGHTS) or [float(position != 0) for position in positions]
    if not len(positions) == len(labels) == len(weights):
        raise ValueError(f"it has {len(positions)} positions, {len(labels)} labels and {len(weights)} weights of masked tokens")
    found = {position: label for position, label, weight in zip(positions, labels, weights, strict=True) if weight > 0}
    if found and not 0 <= min(found) <= max(found) < length:
        raise ValueError(f"it masks position {max(found)} of {length} tokens")
    return found
