"""Texts as a model takes them, as TensorFlow operations: cut, joined and padded as task_features.Encoder does for tasks with labels.

[CLS] a [SEP]   [CLS] a [SEP] b [SEP]

The SavedModel that is served and the Beam job that writes training examples both call this, so the two cannot differ.
"""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from albert_core.graph_tokenizer import GraphTokenizer


class GraphRows(NamedTuple):
    """Sequences, not yet padded: int32 [N, tokens] both."""

    input_ids: tf.RaggedTensor
    segment_ids: tf.RaggedTensor


class GraphEncoder:
    """Makes the inputs of a model of at most `max_seq_length` tokens, [CLS] and [SEP] among them."""

    def __init__(self, tokenizer: GraphTokenizer, max_seq_length: int):
        self.tokenizer, self.max_seq_length = tokenizer, max_seq_length

    def rows(self, texts: Sequence[tf.Tensor]) -> GraphRows:
        """Sequences of N texts, or of N pairs of texts: strings [N], once or twice. Of a pair the longer one is cut first."""
        count = tf.size(texts[0])
        ids = self.tokenizer(tf.concat(texts, 0))
        room = self.max_seq_length - len(texts) - 1
        if len(texts) == 1:
            return self.join([keep_first(ids, tf.fill([count], room))])
        a, b = ids[:count], ids[count:]
        a_length, b_length = (tf.cast(each.row_lengths(), tf.int32) for each in (a, b))
        b_length = tf.minimum(b_length, tf.maximum(room // 2, room - a_length))
        return self.join([keep_first(a, tf.minimum(a_length, room - b_length)), keep_first(b, b_length)])

    def join(self, segments: Sequence[tf.RaggedTensor]) -> GraphRows:
        """One sequence of one or two segments, token ids [N, tokens] each."""
        count = segments[0].nrows()
        first, last = (tf.fill([count, 1], id_) for id_ in (self.tokenizer.cls_id, self.tokenizer.sep_id))
        ids = tf.concat([first, *(part for segment in segments for part in (segment, last))], 1)
        before = segments[0].row_lengths() + 2
        places = tf.ragged.range(ids.row_lengths())
        second = tf.cast(places.values >= tf.gather(before, places.value_rowids()), tf.int32)
        return GraphRows(ids, ids.with_values(second))

    def pad(self, rows: GraphRows) -> dict[str, tf.Tensor]:
        """A batch, padded to its longest: input_ids, input_mask, segment_ids int32 [N, T]."""
        ids = rows.input_ids
        return {
            "input_ids": ids.to_tensor(self.tokenizer.pad_id),
            "input_mask": tf.ones_like(ids).to_tensor(0),
            "segment_ids": rows.segment_ids.to_tensor(0),
        }

    def __call__(self, *texts: tf.Tensor) -> dict[str, tf.Tensor]:
        """The batch of N texts or pairs."""
        return self.pad(self.rows(texts))


def keep_first(ids: tf.RaggedTensor, lengths: tf.Tensor) -> tf.RaggedTensor:
    """The first `lengths` int32 [N] of each row."""
    places = tf.ragged.range(ids.row_lengths())
    kept = places.values < tf.cast(tf.gather(lengths, places.value_rowids()), tf.int64)
    return tf.ragged.boolean_mask(ids, ids.with_values(kept))
