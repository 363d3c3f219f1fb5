"""What an exported file computes: of a fine-tuned model its task, of any model its vectors or its masked words.

B sequences, T tokens, H hidden, P masked positions, V vocabulary; all take int32 input_ids, input_mask, segment_ids [B, T]. LiteRT wants
sizes, and B = 1; where None is allowed, any size comes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from albert_core.errors import AlbertError
from albert_core.modeling import Albert, shape_of
from albert_core.shards import INPUT_IDS, INPUT_MASK, MASKED_LM_POSITIONS, SEGMENT_IDS
from albert_core.task_heads import task_log_probs

INPUTS = (INPUT_IDS, INPUT_MASK, SEGMENT_IDS)
TASK, ENCODER, MASKED_WORDS = "task", "encoder", "masked_words"
HEADS = (TASK, ENCODER, MASKED_WORDS)
MASKS = 4  # positions of the masked-word form for LiteRT; of fewer masks the rest may be any

Shape = tuple[int | None, int | None]
Outputs = dict[str, tf.Tensor]


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A function of int32 inputs, its inputs by name and shape, and the model whose variables it reads."""

    head: str
    model: Albert
    inputs: dict[str, Shape]
    run: Callable[..., Outputs]


def task_graph(model: Albert, kind: str, shape: Shape) -> Graph:
    """→ log_probs, as task_heads.py has them."""
    return Graph(
        head=TASK,
        model=model,
        inputs=dict.fromkeys(INPUTS, shape),
        run=lambda **batch: {"log_probs": task_log_probs(model, kind, batch)},
    )


def encoder_graph(model: Albert, shape: Shape) -> Graph:
    """→ embedding [B, H], the mean over the tokens with length 1, whose dot products are similarities; pooled_output [B, H]."""

    def run(input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor) -> Outputs:
        output = model(input_ids, input_mask, segment_ids)
        # A mean and not a sum: the sum of 512 tokens would be what eight bits have to span.
        share = tf.cast(input_mask, tf.float32) / tf.cast(shape_of(input_mask)[1], tf.float32)
        mean = tf.reduce_sum(output.sequence_output * share[:, :, tf.newaxis], 1)
        return {"embedding": tf.math.l2_normalize(mean, -1), "pooled_output": output.pooled_output}

    return Graph(head=ENCODER, model=model, inputs=dict.fromkeys(INPUTS, shape), run=run)


def masked_words_graph(model: Albert, shape: Shape, masks: int | None = MASKS) -> Graph:
    """With int32 masked_lm_positions [B, P] → log_probs [B, P, V] of the words there.

    Raises:
      AlbertError: the model has no such head.
    """
    if not model.heads.masked_words:
        raise AlbertError("--head masked_words: this model has no such head\nexport a pretrained model, or another head")

    def run(input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor, masked_lm_positions: tf.Tensor) -> Outputs:
        sequence = model(input_ids, input_mask, segment_ids).sequence_output
        return {"log_probs": model.masked_log_probs(sequence, masked_lm_positions)}

    inputs = dict.fromkeys(INPUTS, shape) | {MASKED_LM_POSITIONS: (shape[0], masks)}
    return Graph(head=MASKED_WORDS, model=model, inputs=inputs, run=run)
