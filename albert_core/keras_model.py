"""The model as a `keras.Model` (Keras 3 on TensorFlow), for `model.fit` and `.keras` files; the numbers are those of modeling.py.

The layer owns the variables and hands them to `Albert`, so there is one forward pass. Legend as in modeling.py.
To read a saved `.keras` file, import this module first: that registers the layer.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras  # type: ignore[import-untyped]
import tensorflow as tf

from albert_core.config import AlbertConfig
from albert_core.errors import AlbertError
from albert_core.model_source import load_model
from albert_core.modeling import Albert, initial_value
from albert_core.parameters import POOLER, Heads, list_parameters
from albert_core.shards import INPUT_IDS, INPUT_MASK, MASKED_LM_POSITIONS, SEGMENT_IDS

ENCODER, MASKED_WORDS, CLASSIFIER = "encoder", "masked_words", "classifier"
HEADS = (ENCODER, MASKED_WORDS, CLASSIFIER)


@keras.saving.register_keras_serializable(package="albert_core")
class AlbertLayer(keras.layers.Layer):
    """The encoder and one head. `albert` holds the keys of `config.json`, which with `variant` make an AlbertConfig."""

    def __init__(self, *, albert: Mapping[str, Any], variant: str, head: str = ENCODER, num_labels: int = 0, **options: Any):
        super().__init__(**options)
        self.config = AlbertConfig.from_json(albert, variant=variant)
        self.head, self.num_labels = head, num_labels
        self.heads = Heads(masked_words=head == MASKED_WORDS, sentence_order=False, num_labels=num_labels)
        self.seeds = keras.random.SeedGenerator()
        self.by_name = {  # a Keras variable cannot have the checkpoint's name: "/" is not allowed in it
            parameter.name: self.add_weight(
                name=parameter.name.replace("/", "."),
                shape=parameter.shape,
                dtype="float32",
                initializer="zeros",
                # The masked words do not depend on the pooler: no gradient would reach it.
                trainable=head != MASKED_WORDS or not parameter.name.startswith(POOLER),
                autocast=False,  # Albert itself casts, and keeps norms and softmax in float32
            )
            for parameter in list_parameters(self.config, self.heads)
        }

    def call(self, inputs: dict[str, tf.Tensor], training: bool | None = None) -> Any:
        """Int [B, T] inputs → the outputs of the head, float32. Dropout only in training, another one at each call."""
        weights = {name: variable.value for name, variable in self.by_name.items()}
        model = Albert(self.config, heads=self.heads, compute_dtype=self.compute_dtype, weights=weights)
        seed = tf.cast(self.seeds.next(), tf.int64) if training else None
        ids = (inputs[INPUT_IDS], inputs[INPUT_MASK], inputs[SEGMENT_IDS])
        if self.head == CLASSIFIER:
            return model.class_logits(model.pooled(*ids, dropout_seed=seed))
        output = model(*ids, dropout_seed=seed)
        if self.head == MASKED_WORDS:
            return model.masked_logits(output.sequence_output, inputs[MASKED_LM_POSITIONS])
        return output._asdict()

    def get_config(self) -> dict[str, Any]:
        """What `__init__` takes."""
        own = {"albert": self.config.to_json(), "variant": self.config.variant, "head": self.head, "num_labels": self.num_labels}
        return super().get_config() | own


def load_keras(
    path: str | Path, *, head: str = ENCODER, num_labels: int | None = None, dropout: float = 0.1, trainable: bool = True
) -> keras.Model:
    """The model at `path` (see `load_model`) as a keras.Model of int32 [B, T] input_ids, input_mask and segment_ids.

    Outputs, float32: "encoder" a dict of sequence_output [B, T, H] and pooled_output [B, H]; "masked_words" logits [B, P, V], from a
    fourth input masked_lm_positions [B, P]; "classifier" logits [B, labels], of the checkpoint's classifier or else a new one.

    Raises:
      AlbertError: Keras runs on another backend, or the model lacks the head.
    """
    if keras.backend.backend() != "tensorflow":
        raise AlbertError(
            f"Keras runs on {keras.backend.backend()}, ALBERT needs tensorflow\nset KERAS_BACKEND=tensorflow before the start"
        )
    if head not in HEADS:
        raise AlbertError(f'head "{head}" is unknown\nknown: {", ".join(HEADS)}')
    source = load_model(path)
    if head == MASKED_WORDS and not source.heads.masked_words:
        raise AlbertError(f"{path} has no masked-word head\nload a model that was pretrained with one")
    labels = _labels(path, source.heads.num_labels, num_labels) if head == CLASSIFIER else 0
    config = dataclasses.replace(source.config, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout)
    layer = AlbertLayer(albert=config.to_json(), variant=config.variant, head=head, num_labels=labels, name="albert")
    for name, variable in layer.by_name.items():
        drawn = initial_value(name, tuple(variable.shape), config.initializer_range, 0) if name not in source.weights else None
        variable.assign(source.weights[name] if drawn is None else drawn)
    layer.trainable = trainable
    names = [INPUT_IDS, INPUT_MASK, SEGMENT_IDS] + ([MASKED_LM_POSITIONS] if head == MASKED_WORDS else [])
    inputs = {name: keras.Input([None], dtype="int32", name=name) for name in names}
    return keras.Model(inputs, layer(inputs), name=f"albert_{head}")


def to_albert(model: keras.Model, *, source: str | Path | None = None) -> Albert:
    """The way back: an `Albert` with the weights of a model from `load_keras`, to be written as a model directory or exported.

    A keras.Model has one head at most. `source`, the model that it was loaded from, adds the heads that it was loaded without; they are
    as they were, whatever the encoder has learned since.

    Raises:
      AlbertError: `model` holds no ALBERT, or `source` is of another configuration.
    """
    layers = [layer for layer in model.layers if isinstance(layer, AlbertLayer)]
    if len(layers) != 1:
        raise AlbertError(f"this keras.Model has {len(layers)} ALBERT layers, not 1\ngive a model made by load_keras")
    layer = layers[0]
    own = {name: variable.value for name, variable in layer.by_name.items()}
    if source is None:
        albert = Albert(layer.config, heads=layer.heads)
    else:
        albert = load_model(source)
        rates: dict[str, Any] = {key: getattr(layer.config, key) for key in ("hidden_dropout_prob", "attention_probs_dropout_prob")}
        if dataclasses.replace(albert.config, **rates) != layer.config:
            raise AlbertError(f"{source} has another configuration than this keras.Model\ngive the model that load_keras was given")
        heads = dataclasses.replace(albert.heads, num_labels=layer.num_labels or albert.heads.num_labels)
        rest = {name: variable for name, variable in albert.weights.items() if name not in own}
        own |= rest
        albert = Albert(albert.config, heads=heads)
    for name, variable in albert.weights.items():
        variable.assign(own[name])
    return albert


def _labels(path: str | Path, own: int, wanted: int | None) -> int:
    """Number of labels of the classifier: the checkpoint's `own`, else what is `wanted`."""
    if own and wanted not in (None, own):
        raise AlbertError(
            f"{path} has a classifier of {own} labels, num_labels is {wanted}\nleave num_labels out, or load a pretrained model"
        )
    if not own and (wanted is None or wanted < 1):
        raise AlbertError(f"{path} has no classifier, and num_labels is {wanted}\ngive num_labels, the number of labels of your task: 2")
    return own or int(wanted or 0)
