"""ALBERT, and BERT, as one `tf.Module`: embeddings, an encoder whose layers may be one, and the heads on it.

Legend: B batch, T tokens, H hidden, E embedding, A heads, D = H / A, P predictions, V vocabulary.
Variables are float32 and carry the names of the checkpoint (parameters.py). Matrix products run in `compute_dtype`;
softmax, layer norms and everything that is added up stay in float32.
"""

import copy
import math
import zlib
from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from albert_core.config import BRIGHTMART, GOOGLE, AlbertConfig
from albert_core.errors import AlbertError
from albert_core.parameters import (
    CLASSIFIER_BIAS,
    CLASSIFIER_NORM,
    CLASSIFIER_WEIGHTS,
    EMBEDDING_NORM,
    MASKED_LM_BIAS,
    ORDER_BIAS,
    ORDER_WEIGHTS,
    POOLER,
    POSITION_EMBEDDINGS,
    PRETRAINING,
    TOKEN_TYPE_EMBEDDINGS,
    TRANSFORM,
    WORD_EMBEDDINGS,
    Heads,
    LayerNames,
    layer_names,
    list_parameters,
    projection_name,
)

LAYER_KEYS = 1000  # keys of layers begin here, above those of places
MASK_ADDER = -10_000.0  # added to the scores of padding: exp() of it is 0 in float32, and bfloat16 still holds it


class Output(NamedTuple):
    """What the encoder gives: sequence_output [B, T, H] and pooled_output [B, H], float32."""

    sequence_output: tf.Tensor
    pooled_output: tf.Tensor


class Projections(NamedTuple):
    """What makes queries, scaled, and keys and values: kernels [H, H] and [H, 2H], biases [H] and [2H]."""

    query_kernel: tf.Tensor
    query_bias: tf.Tensor
    key_value_kernel: tf.Tensor
    key_value_bias: tf.Tensor


class Albert(tf.Module):
    """An encoder with `heads`. `weights` maps checkpoint names to variables; unless they are given, they are drawn from `seed`."""

    def __init__(
        self,
        config: AlbertConfig,
        *,
        heads: Heads = PRETRAINING,
        seed: int = 0,
        compute_dtype: tf.DType = tf.float32,
        rematerialize: bool = False,
        weights: Mapping[str, tf.Variable] | None = None,
    ):
        """`rematerialize`: keep of each layer its input only, and compute the rest anew in the backward pass: less memory, ⅓ more work."""
        super().__init__(name="albert")
        self.rematerialize = rematerialize
        self.config, self.heads = config, heads
        self.compute_dtype = tf.as_dtype(compute_dtype)
        self.mask_adder = MASK_ADDER
        self.weights: dict[str, tf.Variable] = dict(weights) if weights is not None else new_weights(config, heads, seed)
        self._layers = layer_names(config)
        self._activate = {"gelu": gelu, "relu": tf.nn.relu, "gelu_erf": tf.nn.gelu}[config.hidden_act]

    def __call__(
        self, input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor, *, dropout_seed: tf.Tensor | None = None
    ) -> Output:
        """Encode int [B, T] → Output. Dropout happens only under a `dropout_seed` (int [2]), and only as the configuration says."""
        B, T = shape_of(input_ids)
        hidden = self._encode(input_ids, input_mask, segment_ids, Dropout(dropout_seed))
        sequence = tf.reshape(hidden, [B, T, self.config.hidden_size])
        return Output(sequence, self._pool(sequence[:, 0]))

    def pooled(
        self, input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor, *, dropout_seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """The pooled output alone, [B, H], with less work: of the last layer nothing is computed but what the first token reads.

        The numbers are those of `__call__` to rounding; under a `dropout_seed` other units of the last layer are dropped.
        """
        return self._pool(self._encode(input_ids, input_mask, segment_ids, Dropout(dropout_seed), first_only=True))

    def masked_logits(self, sequence_output: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        """Scores of every word at the masked positions: [B, T, H], int [B, P] → [B, P, V]. Only those positions are projected."""
        self._need(self.heads.masked_words, "masked-word head")
        B, P = shape_of(positions)
        T = shape_of(sequence_output)[1]
        rows = tf.reshape(positions + T * tf.range(B, dtype=positions.dtype)[:, tf.newaxis], [-1])
        hidden = tf.gather(tf.reshape(sequence_output, [-1, self.config.hidden_size]), rows)  # [B·P, H]
        hidden = self._norm(f"{TRANSFORM}/LayerNorm", self._activate(self._dense(f"{TRANSFORM}/dense", hidden)))
        if self.config.variant == BRIGHTMART:
            hidden = self._matmul(hidden, self.weights[str(projection_name(self.config))], transpose_b=True)  # [B·P, E]
        logits = self._matmul(hidden, self.weights[WORD_EMBEDDINGS], transpose_b=True) + self.weights[MASKED_LM_BIAS]
        return tf.reshape(logits, [B, P, self.config.vocab_size])

    def masked_log_probs(self, sequence_output: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        """Log-probability of every word at the masked positions: [B, T, H], int [B, P] → [B, P, V]."""
        return tf.nn.log_softmax(self.masked_logits(sequence_output, tf.convert_to_tensor(positions)))

    def order_logits(self, pooled_output: tf.Tensor) -> tf.Tensor:
        """Scores of (in order, swapped), in BERT of (next, random): [B, H] → [B, 2]."""
        self._need(self.heads.sentence_order, "sentence-order head")
        return self._matmul(pooled_output, self.weights[ORDER_WEIGHTS], transpose_b=True) + self.weights[ORDER_BIAS]

    def order_log_probs(self, pooled_output: tf.Tensor) -> tf.Tensor:
        """Log-probability of (in order, swapped): [B, H] → [B, 2]."""
        return tf.nn.log_softmax(self.order_logits(pooled_output))

    def class_logits(self, pooled_output: tf.Tensor) -> tf.Tensor:
        """Scores of the labels that the model was fine-tuned on: [B, H] → [B, labels]."""
        self._need(self.heads.num_labels > 0, "classifier")
        if self.config.ln_type == "preln":  # nothing has normalised the last layer's output yet
            pooled_output = self._norm(CLASSIFIER_NORM, pooled_output)
        return self._matmul(pooled_output, self.weights[CLASSIFIER_WEIGHTS], transpose_b=True) + self.weights[CLASSIFIER_BIAS]

    def token_logits(self, sequence_output: tf.Tensor) -> tf.Tensor:
        """The same of every token, for spans and tags: [B, T, H] → [B, T, labels]."""
        B, T = shape_of(sequence_output)[:2]
        rows = tf.reshape(sequence_output, [-1, self.config.hidden_size])
        return tf.reshape(self.class_logits(rows), [B, T, self.heads.num_labels])

    def _embed(self, input_ids: tf.Tensor, segment_ids: tf.Tensor, dropout: "Dropout") -> tf.Tensor:
        """Word, segment and position vectors of int [B, T] → [B·T, H]: the word vectors factorised (ALBERT §3.1)."""
        B, T = shape_of(input_ids)
        projection = projection_name(self.config)
        words = tf.gather(self.weights[WORD_EMBEDDINGS], tf.reshape(input_ids, [-1]))  # [B·T, E]
        if projection is not None and self.config.variant == BRIGHTMART:  # B·T rows to project; the whole table would be V, to be kept
            words = self._matmul(words, self.weights[projection])
        # As a product, so that the gradient is one too and not a scatter of B·T rows into two.
        segments = tf.one_hot(tf.reshape(segment_ids, [-1]), self.config.type_vocab_size) @ self.weights[TOKEN_TYPE_EMBEDDINGS]
        total = tf.reshape(words + segments, [B, T, -1]) + self.weights[POSITION_EMBEDDINGS][:T]
        hidden = self._norm(EMBEDDING_NORM, tf.reshape(total, [B * T, total.shape[-1]]))
        hidden = dropout(hidden, self.config.hidden_dropout_prob)
        if projection is not None and self.config.variant == GOOGLE:
            hidden = self._dense(projection.removesuffix("/kernel"), hidden)
        return hidden

    def _encode(
        self, input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor, dropout: "Dropout", *, first_only: bool = False
    ) -> tf.Tensor:
        """Int [B, T] → [B·T, H], what the last layer says of every token; `first_only`: [B, H], of the first."""
        adder = self.mask_adder * (1.0 - tf.cast(input_mask, tf.float32))[:, tf.newaxis, tf.newaxis, :]  # [B, 1, 1, T]
        hidden = self._embed(input_ids, segment_ids, dropout)
        projections: dict[str, Projections] = {}  # shared attention joins its kernels once
        for number, names in enumerate(self._layers):
            if names.query not in projections:
                projections[names.query] = self._join_projections(names)
            run = self._layer_computed_twice if self.rematerialize else self._layer
            first = first_only and number == len(self._layers) - 1
            hidden = run(names, projections[names.query], hidden, adder, dropout.of_layer(number), first_only=first)
        return hidden

    def _pool(self, first: tf.Tensor) -> tf.Tensor:
        return tf.tanh(self._dense(POOLER, first))

    def _layer(
        self, names: LayerNames, projections: "Projections", hidden: tf.Tensor, adder: tf.Tensor, dropout: "Dropout",
        *, first_only: bool = False,
    ) -> tf.Tensor:  # fmt: skip
        """One transformer layer, [B·T, H] → [B·T, H]. The norms stand after each sum, or (preln) before each block.

        `first_only`: → [B, H], of the first token of each sequence, which reads the keys and values of all.
        """
        rate, before = self.config.hidden_dropout_prob, self.config.ln_type == "preln"
        normed = self._norm(names.attention_norm, hidden) if before else hidden
        asking = normed
        if first_only:
            T = shape_of(adder)[3]
            asking, hidden = (tf.reshape(rows, [-1, T, self.config.hidden_size])[:, 0] for rows in (normed, hidden))
        attended = self._attend(asking, normed, projections, adder, dropout)
        hidden = hidden + dropout(self._dense(names.attention_output, attended), rate)
        normed = self._norm(names.output_norm if before else names.attention_norm, hidden)
        if not before:
            hidden = normed
        inner = self._activate(self._dense(names.intermediate, normed))
        hidden = hidden + dropout(self._dense(names.output, inner), rate)
        return hidden if before else self._norm(names.output_norm, hidden)

    def _layer_computed_twice(
        self, names: LayerNames, projections: "Projections", hidden: tf.Tensor, adder: tf.Tensor, dropout: "Dropout",
        *, first_only: bool = False,
    ) -> tf.Tensor:  # fmt: skip
        """`_layer`, of which the backward pass finds only the input and computes the rest again (Chen et al. 2016).

        The weights go in as tensors: what recomputes must not look for variables, which a strategy may have wrapped.
        """
        weights = {name: tf.convert_to_tensor(self.weights[name]) for name in _weight_names(names)}

        def layer(hidden: tf.Tensor, adder: tf.Tensor, *values: tf.Tensor) -> tf.Tensor:
            view = copy.copy(self)
            view.weights = dict(zip(weights, values[len(projections) :], strict=True))
            return view._layer(names, Projections(*values[: len(projections)]), hidden, adder, dropout.again(), first_only=first_only)

        return tf.recompute_grad(layer)(hidden, adder, *projections, *weights.values())

    def _attend(self, asking: tf.Tensor, asked: tf.Tensor, projections: "Projections", adder: tf.Tensor, dropout: "Dropout") -> tf.Tensor:
        """Scaled dot-product attention of the Q tokens that ask to the T that are asked.

        asking [B·Q, H]; asked [B·T, H]; adder [B, 1, 1, T], 0 or -10000 → [B·Q, H].
        """
        A, D, T = self.config.num_attention_heads, self.config.head_size, shape_of(adder)[3]
        B = shape_of(adder)[0]
        query = tf.nn.bias_add(self._matmul(asking, projections.query_kernel), projections.query_bias)
        query = tf.transpose(tf.reshape(query, [B, -1, A, D]), [0, 2, 1, 3])  # [B, A, Q, D]
        both = tf.nn.bias_add(self._matmul(asked, projections.key_value_kernel), projections.key_value_bias)
        key, value = tf.unstack(tf.transpose(tf.reshape(both, [B, T, 2, A, D]), [2, 0, 3, 1, 4]))  # each [B, A, T, D]
        scores = self._matmul(query, key, transpose_b=True) + adder  # [B, A, Q, T]
        weights = dropout(tf.nn.softmax(scores), self.config.attention_probs_dropout_prob)
        context = self._matmul(weights, value)  # [B, A, Q, D]
        return tf.reshape(tf.transpose(context, [0, 2, 1, 3]), [-1, A * D])

    def _join_projections(self, names: LayerNames) -> "Projections":
        """Two products in place of three, and the scale of the scores in a kernel in place of every query."""
        scale, both = 1.0 / math.sqrt(self.config.head_size), (names.key, names.value)
        return Projections(
            self.weights[f"{names.query}/kernel"] * scale,
            self.weights[f"{names.query}/bias"] * scale,
            tf.concat([self.weights[f"{name}/kernel"] for name in both], 1),
            tf.concat([self.weights[f"{name}/bias"] for name in both], 0),
        )

    def _dense(self, name: str, inputs: tf.Tensor) -> tf.Tensor:
        return tf.nn.bias_add(self._matmul(inputs, self.weights[f"{name}/kernel"]), self.weights[f"{name}/bias"])  # fuses with the product

    def _norm(self, name: str, inputs: tf.Tensor) -> tf.Tensor:
        return layer_norm(inputs, self.weights[f"{name}/gamma"], self.weights[f"{name}/beta"], self.config.layer_norm_eps)

    def _need(self, there: bool, head: str) -> None:
        if not there:
            raise AlbertError(f"this model has no {head}: its checkpoint holds none\nload a model that was trained with one")

    def _matmul(self, a: tf.Tensor, b: tf.Tensor, *, transpose_b: bool = False) -> tf.Tensor:
        """Product in the compute type, result in float32."""
        product = tf.matmul(tf.cast(a, self.compute_dtype), tf.cast(b, self.compute_dtype), transpose_b=transpose_b)
        return tf.cast(product, tf.float32)


class Dropout:
    """Dropout keyed by (seed, place): the same step of the same run drops the same units, whatever ran before."""

    def __init__(self, seed: tf.Tensor | None):
        self._seed = seed
        self._place = 0

    def of_layer(self, number: int) -> "Dropout":
        """That of a layer, keyed by its number."""
        return Dropout(None if self._seed is None else tf.random.experimental.stateless_fold_in(self._seed, LAYER_KEYS + number))

    def again(self) -> "Dropout":
        """The same from its beginning: what is computed twice drops the same units twice."""
        return Dropout(self._seed)

    def __call__(self, inputs: tf.Tensor, rate: float) -> tf.Tensor:
        """Zero a share `rate` of the values and scale the others up by 1 / (1 - rate)."""
        if self._seed is None or not rate:
            return inputs
        self._place += 1
        seed = tf.random.experimental.stateless_fold_in(self._seed, self._place)
        return tf.nn.experimental.stateless_dropout(inputs, rate, seed, rng_alg="philox")


def gelu(x: tf.Tensor) -> tf.Tensor:
    """The tanh form of gelu, which the reference was trained with; the exact form differs by up to 5e-4."""
    return tf.nn.gelu(x, approximate=True)


def layer_norm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float) -> tf.Tensor:
    """Normalise the last axis to mean 0 and variance 1, then scale and shift."""
    mean, variance = tf.nn.moments(x, [-1], keepdims=True)
    return (x - mean) * tf.math.rsqrt(variance + epsilon) * gamma + beta


def new_weights(config: AlbertConfig, heads: Heads, seed: int) -> dict[str, tf.Variable]:
    """Variables of a model that has not been trained."""
    return {
        parameter.name: tf.Variable(initial_value(parameter.name, parameter.shape, config.initializer_range, seed), name=parameter.name)
        for parameter in list_parameters(config, heads)
    }


def initial_value(name: str, shape: tuple[int, ...], deviation: float, seed: int) -> tf.Tensor:
    """Ones for norm scales, zeros for biases, else a normal cut at two deviations; keyed by (seed, name), so no order matters."""
    last = name.rsplit("/", 1)[-1]
    if last == "gamma":
        return tf.ones(shape)
    if last in ("beta", "bias", "output_bias"):
        return tf.zeros(shape)
    key = tf.constant([seed, zlib.crc32(name.encode())], tf.int64)
    return tf.random.stateless_truncated_normal(shape, key, stddev=deviation, alg="philox")


def _weight_names(names: LayerNames) -> list[str]:
    """The weights that a layer reads itself; those of query, key and value reach it joined."""
    dense = (names.attention_output, names.intermediate, names.output)
    norms = (names.attention_norm, names.output_norm)
    return [f"{name}/{part}" for name in dense for part in ("kernel", "bias")] + [
        f"{n}/{part}" for n in norms for part in ("gamma", "beta")
    ]


def shape_of(tensor: tf.Tensor) -> list[int]:
    """The shape, static where it is known."""
    dynamic = tf.shape(tensor)
    return [dynamic[axis] if size is None else size for axis, size in enumerate(tensor.shape)]
