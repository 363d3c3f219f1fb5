"""Memory of a training step on a device, from the shapes: what is there all the time, and what each sequence adds until the backward pass.

    weights         4 bytes a parameter            word scores     masked words × vocabulary, with its softmax and gradient
    slots           8 (two moments)                activations     what the backward pass needs of each layer, and once of the rest
    gradients       4                              batch           seven features

The factors of activations were fitted to measurements (tests/benchmarks/RESULTS.md, "Plans against compiled steps"), a set for each way:
"xla" keeps what its compiler could not fuse, in padded tiles; "ops" keeps the result of nearly every operation, in float32.
"""

from dataclasses import dataclass

from albert_core.config import AlbertConfig
from albert_core.costs import BYTES, weight_bytes
from albert_core.parameters import PRETRAINING, Heads, layer_names, projection_name

LANES = 128  # a TPU pads the last axis of every array to a multiple


@dataclass(frozen=True)
class Factors:
    """Values kept per token, as multiples of the sizes they have."""

    probabilities: float  # bytes of each of A · T attention weights
    heads: float  # bytes of each of A · D values of query, key and value
    hidden: float  # float32 values of H, of a layer
    intermediate: float  # float32 values of F, of a layer
    once: float  # float32 values of H, of embeddings and heads
    scores: float  # float32 values of each of P · V word scores
    padded: bool  # whether sizes are rounded up to LANES


WAYS = {
    "xla": Factors(probabilities=2.0, heads=6.0, hidden=2.7, intermediate=1.0, once=11.0, scores=2.5, padded=True),
    "ops": Factors(probabilities=4.0, heads=24.0, hidden=8.0, intermediate=4.0, once=11.0, scores=4.0, padded=False),
}


@dataclass(frozen=True, kw_only=True)
class StepShape:
    """What a device does at once: `parts` of its batch one after the other."""

    tokens: int
    predictions: int = 0
    heads: Heads = PRETRAINING
    parts: int = 1
    rematerialize: bool = False
    way: str = "xla"
    activations: float = 1.0  # of a chip: see chips.py


def fixed_bytes(config: AlbertConfig, heads: Heads = PRETRAINING, *, parts: int = 1) -> dict[str, int]:
    """Bytes by part that do not depend on the batch. With several parts a second set of gradients is added up."""
    weights = weight_bytes(config, heads)
    return {"weights": weights, "optimizer slots": 2 * weights, "gradients": weights * (1 if parts == 1 else 2)}


def sequence_bytes(config: AlbertConfig, shape: StepShape) -> dict[str, float]:
    """Bytes by part that one sequence adds, of those that go through the model together."""
    factors, T = WAYS[shape.way], shape.tokens
    size = _padded if factors.padded else int
    H, F, A = size(config.hidden_size), size(config.intermediate_size), config.num_attention_heads
    layer = factors.probabilities * A * T + factors.heads * A * size(config.head_size)
    layer += BYTES * (factors.hidden * H + factors.intermediate * F)
    layers = len(layer_names(config))
    kept = layers * BYTES * H + layer if shape.rematerialize else layers * layer
    once = BYTES * factors.once * (H if projection_name(config) is not None else 2 * H)
    parts = {"activations": shape.activations * T * (kept + once), "batch": BYTES * (3 * T + 3 * shape.predictions + 1)}
    if shape.heads.masked_words:
        parts["word scores"] = BYTES * factors.scores * shape.predictions * config.vocab_size
    return parts


def step_bytes(config: AlbertConfig, shape: StepShape, batch: int) -> dict[str, int]:
    """Bytes by part of a step of `batch` sequences on a device."""
    together = -(-batch // shape.parts)
    each = sequence_bytes(config, shape)
    moving = {name: round(value * (batch if name == "batch" else together)) for name, value in each.items()}
    return {**fixed_bytes(config, shape.heads, parts=shape.parts), **moving}


def greatest_batch(config: AlbertConfig, shape: StepShape, memory: float) -> int:
    """The most sequences that fit `memory` bytes of a device, in parts as `shape` says; 0 when not even one does."""
    free = memory - sum(fixed_bytes(config, shape.heads, parts=shape.parts).values())
    together = int(free // sum(sequence_bytes(config, shape).values()))
    return max(0, together) * shape.parts


def _padded(size: int) -> int:
    return -(-size // LANES) * LANES
