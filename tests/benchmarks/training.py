"""The pretraining step of a model on this machine: seconds, and the share of the machine's own float32 matrix products.

python -m tests.benchmarks.training [SIZE [float32|bfloat16]]
"""

import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from albert_core import costs
from albert_core.config import AlbertConfig
from albert_core.modeling import Albert
from albert_core.optimization import Optimizer, OptimizerConfig
from albert_core.parameters import PRETRAINING
from albert_core.shards import (
    INPUT_IDS,
    INPUT_MASK,
    MASKED_LM_IDS,
    MASKED_LM_POSITIONS,
    MASKED_LM_WEIGHTS,
    NEXT_SENTENCE_LABELS,
    SEGMENT_IDS,
)
from albert_core.training_step import make_train_step

BATCH, TOKENS, PREDICTIONS = 32, 128, 20
ROUNDS, PRODUCTS = 8, 10


def main(name: str = "tiny", compute_dtype: str = "float32") -> None:
    """Prints one line; the step and the products alternate, so that a noisy machine slows both."""
    config = AlbertConfig.named(name)
    model = Albert(config, compute_dtype=compute_dtype)
    settings = OptimizerConfig(name="adamw", learning_rate=1e-3, num_train_steps=300, num_warmup_steps=30)
    step = tf.function(make_train_step(model, Optimizer(settings, model.weights), 0))
    rng = np.random.default_rng(0)

    def integers(high: int, *shape: int) -> tf.Tensor:
        return tf.constant(rng.integers(0, high, shape), tf.int32)

    batch = {
        INPUT_IDS: integers(config.vocab_size, BATCH, TOKENS),
        INPUT_MASK: tf.ones((BATCH, TOKENS), tf.int32),
        SEGMENT_IDS: integers(2, BATCH, TOKENS),
        MASKED_LM_POSITIONS: integers(TOKENS, BATCH, PREDICTIONS),
        MASKED_LM_IDS: integers(config.vocab_size, BATCH, PREDICTIONS),
        MASKED_LM_WEIGHTS: tf.ones((BATCH, PREDICTIONS)),
        NEXT_SENTENCE_LABELS: integers(2, BATCH, 1),
    }
    left = tf.random.stateless_normal((BATCH * TOKENS, config.hidden_size), (1, 2))
    right = tf.random.stateless_normal((config.hidden_size, config.intermediate_size), (1, 3))
    multiply = tf.function(tf.matmul)
    multiply(left, right), step(batch), step(batch)
    step_seconds = product_seconds = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(PRODUCTS):
            product = multiply(left, right)
        product.numpy()
        product_seconds = min(product_seconds, (time.perf_counter() - started) / PRODUCTS)
        started = time.perf_counter()
        step(batch)["loss"].numpy()
        step_seconds = min(step_seconds, time.perf_counter() - started)
    flops = BATCH * costs.flops(config, tokens=TOKENS, predictions=PREDICTIONS, heads=PRETRAINING, training=True)
    peak = 2 * BATCH * TOKENS * config.hidden_size * config.intermediate_size / product_seconds
    print(
        f"{name}, {compute_dtype}, {BATCH} × {TOKENS}, {PREDICTIONS} predictions: {step_seconds:.3f} s a step, {flops / 1e9:.1f} GFLOP, ",
        end="",
    )
    print(f"{flops / step_seconds / 1e9:.0f} GFLOPS = {flops / step_seconds / peak:.0%} of its float32 matmul ({peak / 1e9:.0f} GFLOPS)")


if __name__ == "__main__":
    main(*sys.argv[1:])
