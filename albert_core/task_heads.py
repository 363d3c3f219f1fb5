"""What a fine-tuned head says of a batch, and its loss.

B examples, C choices, T tokens, L labels. Every head is `output_weights` [L, H] and `output_bias` [L].
"""

from collections.abc import Mapping

import tensorflow as tf

from albert_core.modeling import Albert, Dropout
from albert_core.tasks import CHOICE, CLASSIFY, SPAN, TAG

NOT_THERE = -10_000.0  # the score of a choice or a position that does not exist
HEAD_KEY = 1 << 20  # of the dropout before the head: no place in the encoder has it


def task_log_probs(
    model: Albert, kind: str, batch: Mapping[str, tf.Tensor], *, dropout_seed: tf.Tensor | None = None, head_dropout: float = 0.0
) -> tf.Tensor:
    """Log-probabilities: classify [B, L]; choice [B, C]; span [B, 2, T], over positions; tag [B, T, L]."""
    inputs = (batch["input_ids"], batch["input_mask"], batch["segment_ids"])
    dropout = Dropout(None if dropout_seed is None else tf.random.experimental.stateless_fold_in(dropout_seed, HEAD_KEY))
    if kind in (CLASSIFY, CHOICE):
        logits = model.class_logits(dropout(model.pooled(*inputs, dropout_seed=dropout_seed), head_dropout))
        if kind == CHOICE:
            logits = tf.reshape(logits, tf.shape(batch["choices"])) + NOT_THERE * (1.0 - batch["choices"])
        return tf.nn.log_softmax(logits)
    sequence = model(*inputs, dropout_seed=dropout_seed).sequence_output
    logits = model.token_logits(dropout(sequence, head_dropout))  # [B, T, L]
    if kind == SPAN:
        there = tf.cast(batch["input_mask"], tf.float32)[:, tf.newaxis]
        return tf.nn.log_softmax(tf.transpose(logits, [0, 2, 1]) + NOT_THERE * (1.0 - there))
    return tf.nn.log_softmax(logits)


def task_loss(kind: str, log_probs: tf.Tensor, target: tf.Tensor, class_weights: tf.Tensor | None = None) -> tf.Tensor:
    """Mean cross-entropy. Targets below 0 count for nothing. `class_weights` [L] weigh the examples of a class (classify and tag).

    target: classify and choice [B, 1]; span [B, 2], whose two losses are averaged; tag [B, T].
    """
    if kind in (CLASSIFY, CHOICE):
        log_probs = log_probs[:, tf.newaxis]  # [B, 1, L]
    counted = tf.cast(target >= 0, tf.float32)
    # A product with a one-hot row, whose gradient is one too and the same every time, as that of a gather is not.
    chosen = tf.one_hot(target, tf.shape(log_probs)[-1])
    if class_weights is not None and kind in (CLASSIFY, TAG):
        counted *= tf.reduce_sum(chosen * class_weights, -1)
    each = -tf.reduce_sum(chosen * log_probs, -1)
    return tf.reduce_sum(each * counted) / tf.maximum(tf.reduce_sum(counted), 1e-9)
