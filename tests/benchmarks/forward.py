"""The forward pass on this machine: its share of the machine's own float32 matrix products, and how it compares with BERT base.

python -m tests.benchmarks.forward [ROUNDS]
"""

import os
import sys
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from albert_core import costs
from albert_core.config import AlbertConfig
from albert_core.modeling import Albert

TOKENS = 128
CASES = (("tiny", 32), ("tiny", 1), ("small_google", 32), ("small_google", 1), ("bert_base", 32), ("bert_base", 1))


def encoder(config: AlbertConfig, batch: int, *, xla: bool = False) -> Callable[[], np.ndarray]:
    """A compiled forward pass of random weights, with its inputs."""
    model = Albert(config)
    ids = tf.constant(np.random.default_rng(0).integers(0, config.vocab_size, (batch, TOKENS)), tf.int32)
    run = tf.function(lambda ids, ones, zeros: model(ids, ones, zeros), jit_compile=xla)
    return lambda: run(ids, tf.ones_like(ids), tf.zeros_like(ids)).pooled_output.numpy()


def products(config: AlbertConfig, batch: int) -> Callable[[], np.ndarray]:
    """The machine's own speed: [B·T, H] × [H, F]."""
    left = tf.random.stateless_normal((batch * TOKENS, config.hidden_size), (1, 2))
    right = tf.random.stateless_normal((config.hidden_size, config.intermediate_size), (1, 3))
    multiply = tf.function(tf.matmul)
    return lambda: multiply(left, right)[0, 0].numpy()


def seconds(runs: list[Callable[[], np.ndarray]], rounds: int) -> list[float]:
    """The least time of each; they take turns, so that a noisy machine slows all."""
    least = [float("inf")] * len(runs)
    for run in runs:
        run(), run()
    for _ in range(rounds):
        for index, run in enumerate(runs):
            started = time.perf_counter()
            run()
            least[index] = min(least[index], time.perf_counter() - started)
    return least


def main(rounds: int = 20) -> None:
    """Prints a line a case."""
    times: dict[tuple[str, int], float] = {}
    for name, batch in CASES:
        config = AlbertConfig.named(name)
        forward, compiled, product = seconds([encoder(config, batch), encoder(config, batch, xla=True), products(config, batch)], rounds)
        times[name, batch] = min(forward, compiled)
        peak = 2 * batch * TOKENS * config.hidden_size * config.intermediate_size / product
        share = [batch * costs.flops(config, tokens=TOKENS) / taken / peak for taken in (forward, compiled)]
        print(f"{name:>14} {batch:>3} × {TOKENS}  {forward * 1e3:8.2f} ms {share[0]:4.0%} of matmul   ", end="")
        print(f"XLA {compiled * 1e3:8.2f} ms {share[1]:4.0%}   ({peak / 1e9:.0f} GFLOPS)")
    for name, batch in CASES[:4]:
        print(f"{name} is {times['bert_base', batch] / times[name, batch]:.1f} × as fast as BERT base, batch {batch}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
