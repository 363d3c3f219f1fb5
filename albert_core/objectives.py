"""The two pretraining objectives, masked words and sentence order (ALBERT §3.1), as sums that add up over batches and replicas."""

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from albert_core.modeling import Albert
from albert_core.shards import (
    INPUT_IDS,
    INPUT_MASK,
    MASKED_LM_IDS,
    MASKED_LM_POSITIONS,
    MASKED_LM_WEIGHTS,
    NEXT_SENTENCE_LABELS,
    SEGMENT_IDS,
)

MASKED_COUNT_EPSILON = 1e-5  # the reference's guard against a batch without predictions


class Sums(NamedTuple):
    """Losses in nats, hits and counts, summed over predictions (masked words) or instances (order). Float32 scalars, or their totals."""

    masked_loss: tf.Tensor
    masked_correct: tf.Tensor
    masked_count: tf.Tensor
    order_loss: tf.Tensor
    order_correct: tf.Tensor
    order_count: tf.Tensor

    def losses(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Means: (masked-word loss per prediction, sentence-order loss per instance). Their sum is what training minimises."""
        return self.masked_loss / (self.masked_count + MASKED_COUNT_EPSILON), self.order_loss / self.order_count

    def metrics(self) -> dict[str, tf.Tensor]:
        """The reference's four numbers."""
        masked_loss, order_loss = self.losses()
        return {
            "masked_lm_loss": masked_loss,
            "masked_lm_accuracy": self.masked_correct / (self.masked_count + MASKED_COUNT_EPSILON),
            "sentence_order_loss": order_loss,
            "sentence_order_accuracy": self.order_correct / self.order_count,
        }


def pretraining_sums(
    model: Albert, batch: Mapping[str, tf.Tensor], *, dropout_seed: tf.Tensor | None = None, instance_weights: tf.Tensor | None = None
) -> Sums:
    """Run the model on a batch and add up both objectives; see `instance_sums` for the arguments."""
    each = instance_sums(model, batch, dropout_seed=dropout_seed, instance_weights=instance_weights)
    return Sums(*(tf.reduce_sum(values) for values in each))


def instance_sums(
    model: Albert, batch: Mapping[str, tf.Tensor], *, dropout_seed: tf.Tensor | None = None, instance_weights: tf.Tensor | None = None
) -> Sums:
    """The sums of each instance, float32 [B]: what is added up over sources, parts and replicas.

    Args:
      model: the model.
      batch: the seven features by name, [B, T], [B, P] or [B, 1].
      dropout_seed: int [2], or None for no dropout.
      instance_weights: float32 [B], 0 for rows that only fill the batch; None counts all.
    """
    output = model(batch[INPUT_IDS], batch[INPUT_MASK], batch[SEGMENT_IDS], dropout_seed=dropout_seed)
    order_labels = tf.reshape(batch[NEXT_SENTENCE_LABELS], [-1])
    order_weights = tf.ones_like(order_labels, tf.float32) if instance_weights is None else instance_weights
    masked_weights = batch[MASKED_LM_WEIGHTS] * order_weights[:, tf.newaxis]
    masked = _weighted(model.masked_logits(output.sequence_output, batch[MASKED_LM_POSITIONS]), batch[MASKED_LM_IDS], masked_weights)
    order = _weighted(model.order_logits(output.pooled_output), order_labels, order_weights)
    masked_loss, masked_correct, masked_count = (tf.reduce_sum(values, -1) for values in masked)
    return Sums(masked_loss, masked_correct, masked_count, *order)


def _weighted(logits: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """From [..., classes], labels [...], weights [...]: (cross entropy, hits, 1), each times its weight, [...]."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    hits = tf.cast(tf.equal(tf.argmax(logits, -1, output_type=labels.dtype), labels), tf.float32)
    return weights * losses, weights * hits, weights
