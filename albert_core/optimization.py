"""LAMB in both published forms, AdamW, and the schedule: one update rule whose four presets differ in a table.

m ← β₁·m + (1 - β₁)·g        v ← β₂·v + (1 - β₂)·g²          g after clipping all gradients to a common norm of 1
u = m / (√v + ε) + λ·w                                         λ·w not on norms and biases
w ← w - rate(t) · trust(w, u) · u                              trust = ‖w‖ / ‖u‖ for LAMB, else 1
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from albert_core.errors import AlbertError

# The reference's own pattern: these weights do not decay, and Google's LAMB gives them no trust ratio either.
NOT_DECAYED = re.compile("LayerNorm|layer_norm|bias")
REFERENCE_BATCH = 4096


class Rule(NamedTuple):
    """What sets one optimizer apart. Slots are named as the checkpoints of the original program name them."""

    trust_ratio: str  # "none", "decayed" (only where weights decay) or "all"
    bias_correction: bool
    slots: tuple[str, str]


RULES = {
    "lamb": Rule("decayed", False, ("adam_m", "adam_v")),  # Google's ALBERT
    "lamb-brightmart": Rule("all", False, ("lamb_m", "lamb_v")),  # nearly freezes biases, which start at norm 0
    "adamw": Rule("none", True, ("adam_m", "adam_v")),  # Loshchilov & Hutter; what small runs and fine-tuning want
    "adamw-reference": Rule("none", False, ("adam_m", "adam_v")),  # BERT's: no bias correction, so warm-up must do its work
}


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """One optimizer with its schedule. Raises AlbertError when a value cannot work."""

    name: str
    learning_rate: float
    num_train_steps: int
    num_warmup_steps: int
    first_update: int = 0  # updates that a run made before this schedule began, where its slots are taken over
    weight_decay: float = 0.01
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-6
    clip_norm: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in RULES:
            raise AlbertError(f'optimizer "{self.name}" is unknown\nknown: {", ".join(RULES)}')
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise AlbertError(
                f"learning_rate {self.learning_rate} is not a positive number\nthe reference uses 0.00176 for a batch of 4096"
            )
        if self.num_train_steps < 1:
            raise AlbertError(f"num_train_steps {self.num_train_steps} is less than 1\ngive the number of updates of the whole run")
        if not 0 <= self.num_warmup_steps <= self.num_train_steps:
            raise AlbertError(
                f"num_warmup_steps {self.num_warmup_steps} is outside 0 … num_train_steps {self.num_train_steps}\n"
                "the reference uses a tenth of num_train_steps"
            )


def scale_to_batch(rate: float, batch_size: int) -> float:
    """The rate of the reference's batch of 4096 carried to another one: `rate · √(B / 4096)` (LAMB §4.3)."""
    return rate * math.sqrt(batch_size / REFERENCE_BATCH)


def learning_rate_at(update: tf.Tensor, config: OptimizerConfig) -> tf.Tensor:
    """Rate of the `update`-th update, counted from 1 after `first_update`: rising to the full rate, then on the line to 0 at the last.

    The line starts at step 0, not at the end of the warm-up: so the rate drops by the warm-up's share when that ends.
    """
    t = tf.cast(update - config.first_update, tf.float32)
    warming = config.learning_rate * t / max(config.num_warmup_steps, 1)
    falling = config.learning_rate * (1.0 - tf.minimum(t / config.num_train_steps, 1.0))
    return tf.where(t < config.num_warmup_steps, warming, falling)


class Optimizer(tf.Module):
    """Updates `variables` in place. `global_step` counts updates; `slots` maps checkpoint names to the two moments of each variable."""

    def __init__(self, config: OptimizerConfig, variables: Mapping[str, tf.Variable]):
        super().__init__(name="optimizer")
        self.config = config
        self.rule = RULES[config.name]
        self.variables_by_name = dict(variables)
        self.global_step = tf.Variable(0, dtype=tf.int64, trainable=False, name="global_step")
        self.slots = {
            f"{name}/{slot}": tf.Variable(tf.zeros(variable.shape), trainable=False, name=f"{name}/{slot}")
            for name, variable in variables.items()
            for slot in self.rule.slots
        }

    def apply(self, gradients: Sequence[tf.Tensor | tf.IndexedSlices]) -> tuple[tf.Tensor, tf.Tensor]:
        """One update from the gradients, in the order of `variables` and already summed over replicas.

        Returns:
          (learning rate of this update, global norm of the gradients before clipping), both scalars.
        """
        gradients, norm = clip_by_global_norm(gradients, self.config.clip_norm)
        update = self.global_step.assign_add(1)
        rate = learning_rate_at(update, self.config)
        corrections = self._corrections(tf.cast(update, tf.float32))
        for (name, variable), gradient in zip(self.variables_by_name.items(), gradients, strict=True):
            self._update(name, variable, gradient, rate, corrections)
        return rate, norm

    def _corrections(self, update: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """What the two moments are divided by, for they start at zero (Adam §3)."""
        if not self.rule.bias_correction:
            return tf.constant(1.0), tf.constant(1.0)
        return 1.0 - tf.pow(self.config.beta_1, update), 1.0 - tf.pow(self.config.beta_2, update)

    def _update(
        self, name: str, variable: tf.Variable, gradient: tf.Tensor, rate: tf.Tensor, corrections: tuple[tf.Tensor, tf.Tensor]
    ) -> None:
        config, (m, v) = self.config, (self.slots[f"{name}/{slot}"] for slot in self.rule.slots)
        decays = NOT_DECAYED.search(name) is None
        first = m.assign(config.beta_1 * m + (1.0 - config.beta_1) * gradient) / corrections[0]
        second = v.assign(config.beta_2 * v + (1.0 - config.beta_2) * tf.square(gradient)) / corrections[1]
        change = first / (tf.sqrt(second) + config.epsilon)
        if decays and config.weight_decay:
            change += config.weight_decay * variable
        if self.rule.trust_ratio == "all" or (self.rule.trust_ratio == "decayed" and decays):
            rate *= trust_ratio(variable, change)
        variable.assign_sub(rate * change)


def trust_ratio(weights: tf.Tensor, change: tf.Tensor) -> tf.Tensor:
    """How far a layer may go: ‖w‖ / ‖u‖, or 1 where either is 0 (LAMB, algorithm 2)."""
    weight_norm, change_norm = tf.norm(weights), tf.norm(change)
    usable = (weight_norm > 0) & (change_norm > 0)
    return tf.where(usable, weight_norm / tf.where(usable, change_norm, 1.0), 1.0)


def clip_by_global_norm(gradients: Iterable[tf.Tensor | tf.IndexedSlices], limit: float) -> tuple[list[tf.Tensor], tf.Tensor]:
    """(gradients scaled so that together their norm is at most `limit`, their norm before); sparse ones come out dense."""
    dense = [tf.convert_to_tensor(gradient) for gradient in gradients]
    norm = tf.linalg.global_norm(dense)
    scale = limit / tf.maximum(norm, limit)
    return [gradient * scale for gradient in dense], norm
