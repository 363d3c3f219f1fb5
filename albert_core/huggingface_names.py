"""Names and configurations of the transformers library against ours: one table, read in both directions."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from albert_core.config import BERT, GOOGLE, AlbertConfig
from albert_core.errors import AlbertError
from albert_core.parameters import (
    CLASSIFIER_BIAS,
    CLASSIFIER_WEIGHTS,
    EMBEDDING_NORM,
    MASKED_LM_BIAS,
    ORDER_BIAS,
    ORDER_WEIGHTS,
    POOLER,
    POSITION_EMBEDDINGS,
    TOKEN_TYPE_EMBEDDINGS,
    TRANSFORM,
    WORD_EMBEDDINGS,
    Heads,
    LayerNames,
    group_of,
    layer_names,
    list_parameters,
)

CONFIG = "config.json"
MAPPING = "bert/encoder/embedding_hidden_mapping_in"  # Google's dense layer from E to H
ACTIVATIONS = {"gelu": "gelu_new", "relu": "relu", "gelu_erf": "gelu"}  # ours → theirs: their "gelu" is the exact one
SAME_KEYS = (  # keys of config.json that mean the same on both sides
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "max_position_embeddings",
    "type_vocab_size",
    "initializer_range",
    "layer_norm_eps",
)
ALBERT_KEYS = ("embedding_size", "num_hidden_groups", "inner_group_num")

# Names. Modules: a dense layer's kernel is their weight, transposed; a norm's gamma their weight. Variables: equal in orientation too.
SUFFIXES = {"kernel": "weight", "gamma": "weight", "bias": "bias", "beta": "bias"}
ALBERT_LAYER = LayerNames(
    query="attention.query",
    key="attention.key",
    value="attention.value",
    attention_output="attention.dense",
    attention_norm="attention.LayerNorm",
    intermediate="ffn",
    output="ffn_output",
    output_norm="full_layer_layer_norm",
)
BERT_LAYER = LayerNames(
    query="attention.self.query",
    key="attention.self.key",
    value="attention.self.value",
    attention_output="attention.output.dense",
    attention_norm="attention.output.LayerNorm",
    intermediate="intermediate.dense",
    output="output.dense",
    output_norm="output.LayerNorm",
)
ALBERT_MODULES = {
    EMBEDDING_NORM: "albert.embeddings.LayerNorm",
    MAPPING: "albert.encoder.embedding_hidden_mapping_in",
    POOLER: "albert.pooler",
    f"{TRANSFORM}/dense": "predictions.dense",
    f"{TRANSFORM}/LayerNorm": "predictions.LayerNorm",
}
BERT_MODULES = {
    EMBEDDING_NORM: "bert.embeddings.LayerNorm",
    POOLER: "bert.pooler.dense",
    f"{TRANSFORM}/dense": "cls.predictions.transform.dense",
    f"{TRANSFORM}/LayerNorm": "cls.predictions.transform.LayerNorm",
}
SAME_VARIABLES = {CLASSIFIER_WEIGHTS: "classifier.weight", CLASSIFIER_BIAS: "classifier.bias"}
ALBERT_VARIABLES = SAME_VARIABLES | {
    WORD_EMBEDDINGS: "albert.embeddings.word_embeddings.weight",
    POSITION_EMBEDDINGS: "albert.embeddings.position_embeddings.weight",
    TOKEN_TYPE_EMBEDDINGS: "albert.embeddings.token_type_embeddings.weight",
    MASKED_LM_BIAS: "predictions.bias",
    ORDER_WEIGHTS: "sop_classifier.classifier.weight",
    ORDER_BIAS: "sop_classifier.classifier.bias",
}
BERT_VARIABLES = SAME_VARIABLES | {
    WORD_EMBEDDINGS: "bert.embeddings.word_embeddings.weight",
    POSITION_EMBEDDINGS: "bert.embeddings.position_embeddings.weight",
    TOKEN_TYPE_EMBEDDINGS: "bert.embeddings.token_type_embeddings.weight",
    MASKED_LM_BIAS: "cls.predictions.bias",
    ORDER_WEIGHTS: "cls.seq_relationship.weight",
    ORDER_BIAS: "cls.seq_relationship.bias",
}


def config_from_theirs(values: Mapping[str, Any], *, origin: str = CONFIG) -> AlbertConfig:
    """Our configuration of a Hugging Face `config.json`. Keys that say nothing about the forward pass are ignored.

    Raises:
      AlbertError: another architecture, activation, kind of positions, or a size that cannot be.
    """
    kind = values.get("model_type")
    if kind not in ("albert", "bert"):
        raise AlbertError(f'{origin}: model_type is "{kind}", not albert or bert\nonly these two architectures can be read')
    if (positions := values.get("position_embedding_type", "absolute")) != "absolute":
        raise AlbertError(f'{origin}: position_embedding_type "{positions}" is not supported\nonly absolute positions can be read')
    if values.get("is_decoder"):
        raise AlbertError(f"{origin}: is_decoder is true, a decoder attends only to the left\nonly encoders can be read")
    act = values.get("hidden_act", "gelu_new" if kind == "albert" else "gelu")
    ours = {theirs: name for name, theirs in ACTIVATIONS.items()}
    if act not in ours:
        raise AlbertError(f'{origin}: hidden_act "{act}" is not supported\nknown: {", ".join(ours)}')
    keys = SAME_KEYS + (ALBERT_KEYS if kind == "albert" else ())
    taken = {key: values[key] for key in keys if key in values} | {"hidden_act": ours[act]}
    if kind == "bert":
        return AlbertConfig.from_json(taken, origin=origin, variant=BERT)
    config = AlbertConfig.from_json(taken, origin=origin, variant=GOOGLE)
    return with_mapping(config)


def config_to_theirs(config: AlbertConfig, heads: Heads) -> dict[str, Any]:
    """Their `config.json` of a Google or BERT configuration, less what the vocabulary tells."""
    albert = config.variant == GOOGLE
    values = {key: getattr(config, key) for key in SAME_KEYS + (ALBERT_KEYS if albert else ())}
    values |= {
        "architectures": [("Albert" if albert else "Bert") + architecture(heads)],
        "model_type": "albert" if albert else "bert",
        "hidden_act": ACTIVATIONS[config.hidden_act],
        "classifier_dropout_prob" if albert else "classifier_dropout": 0.1,  # what the original fine-tuning drops
        "tie_word_embeddings": True,
    }
    if heads.num_labels:
        labels = {str(index): f"LABEL_{index}" for index in range(heads.num_labels)}
        values |= {"id2label": labels, "label2id": {label: int(index) for index, label in labels.items()}}
    return values


def architecture(heads: Heads) -> str:
    """Their class, less its first word, that uses these heads."""
    if heads.num_labels:
        return "ForSequenceClassification"
    if heads.masked_words:
        return "ForPreTraining" if heads.sentence_order else "ForMaskedLM"
    return "Model"


def same_groups(layers: int, groups: int) -> bool:
    """Whether transformers gives each layer the group that Google's program does: it divides twice, and int() may fall one short."""
    return all(int(layer / (layers / groups)) == group_of(layer, layers, groups) for layer in range(layers))


def their_names(config: AlbertConfig, heads: Heads, groups: int | None = None) -> dict[str, str]:
    """Our variable → their tensor, of a Google or BERT model; `groups` where theirs has another number of them."""
    if config.variant == BERT:
        modules, variables, layer_form = dict(BERT_MODULES), BERT_VARIABLES, BERT_LAYER
        places = [f"bert.encoder.layer.{layer}" for layer in range(config.num_hidden_layers)]
    else:
        modules, variables, layer_form = dict(ALBERT_MODULES), ALBERT_VARIABLES, ALBERT_LAYER
        per_group = config.num_hidden_layers / (groups or config.num_hidden_groups)  # as transformers computes it
        places = [
            f"albert.encoder.albert_layer_groups.{int(layer / per_group)}.albert_layers.{inner}"
            for layer in range(config.num_hidden_layers)
            for inner in range(config.inner_group_num)
        ]
    for ours, place in zip(layer_names(config), places, strict=True):
        modules |= {module: f"{place}.{theirs}" for module, theirs in zip(ours, layer_form, strict=True)}
    names = {}
    for parameter in list_parameters(config, heads):
        module, _, last = parameter.name.rpartition("/")
        names[parameter.name] = variables.get(parameter.name) or f"{modules[module]}.{SUFFIXES[last]}"
    return names


def with_mapping(config: AlbertConfig) -> AlbertConfig:
    """Every ALBERT of theirs has the mapping; only between equal sizes it has to be said."""
    return dataclasses.replace(config, embedding_mapping=True if config.embedding_size == config.hidden_size else None)


def transposed(name: str) -> bool:
    """Whether their tensor is the transpose of our variable: so are the weights of all dense layers, which PyTorch keeps as [out, in]."""
    return name.endswith("/kernel")
