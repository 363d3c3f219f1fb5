"""Every variable of a model: name (the checkpoint's own), shape and part. Needs no TensorFlow; the model is built from this table."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from albert_core.config import BRIGHTMART, GOOGLE, AlbertConfig

EMBEDDINGS = "bert/embeddings"
WORD_EMBEDDINGS = f"{EMBEDDINGS}/word_embeddings"  # [V, E]
POSITION_EMBEDDINGS = f"{EMBEDDINGS}/position_embeddings"  # [positions, N]
TOKEN_TYPE_EMBEDDINGS = f"{EMBEDDINGS}/token_type_embeddings"  # [types, N]
EMBEDDING_NORM = f"{EMBEDDINGS}/LayerNorm"  # [N]; N is H in brightmart, E in Google
POOLER = "bert/pooler/dense"
TRANSFORM = "cls/predictions/transform"  # of the masked-word head
MASKED_LM_BIAS = "cls/predictions/output_bias"  # [V]
ORDER_WEIGHTS = "cls/seq_relationship/output_weights"  # [2, H]
ORDER_BIAS = "cls/seq_relationship/output_bias"  # [2]
CLASSIFIER_WEIGHTS = "output_weights"  # [labels, H], of a fine-tuned model
CLASSIFIER_BIAS = "output_bias"  # [labels]
CLASSIFIER_NORM = "loss/LayerNorm"  # [H], over the pooled output of a pre-norm model


@dataclass(frozen=True)
class Parameter:
    """One variable: its name in a checkpoint, its shape, and the part of the model that it is counted under."""

    name: str
    shape: tuple[int, ...]
    part: str

    @property
    def count(self) -> int:
        """Number of values."""
        return math.prod(self.shape)


class LayerNames(NamedTuple):
    """Where one encoder layer keeps its weights. The only difference between the variants inside a layer."""

    query: str
    key: str
    value: str
    attention_output: str
    attention_norm: str
    intermediate: str
    output: str
    output_norm: str


NUM_ATTENTION_NAMES = LayerNames._fields.index("intermediate")  # the names before it belong to attention


@dataclass(frozen=True, kw_only=True)
class Heads:
    """What stands on the encoder: a pretrained model has the first two, a fine-tuned one `num_labels` classes."""

    masked_words: bool = True
    sentence_order: bool = True
    num_labels: int = 0

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]]) -> "Heads":
        """The heads that a checkpoint with these variables has."""
        return cls(
            masked_words=MASKED_LM_BIAS in shapes,
            sentence_order=ORDER_WEIGHTS in shapes,
            num_labels=shapes[CLASSIFIER_WEIGHTS][0] if len(shapes.get(CLASSIFIER_WEIGHTS, ())) == 2 else 0,
        )


PRETRAINING = Heads()


def projection_name(config: AlbertConfig) -> str | None:
    """The kernel [E, H] that takes embeddings to the hidden size; None where they have it already."""
    if config.variant == BRIGHTMART:
        return f"{EMBEDDINGS}/word_embeddings_2"
    return "bert/encoder/embedding_hidden_mapping_in/kernel" if config.maps_embeddings else None


def group_of(layer: int, layers: int, groups: int) -> int:
    """The group whose weights a layer of Google's format runs, as its program computes it, in floating point.

    Its result is one short for a few layers of 22 and more, such as layer 30 of 44 in 22 groups. With a group for each layer it would
    leave groups unused there; nobody means that, so then each layer has its own.
    """
    return layer if layers == groups else int(layer / layers * groups)


def layer_names(config: AlbertConfig) -> list[LayerNames]:
    """The names of each layer that is run, in order. A name that returns is a shared weight (ALBERT §3.1)."""
    layers = range(config.num_hidden_layers)
    if config.variant == GOOGLE and config.sharing == "all":
        groups = [group_of(layer, config.num_hidden_layers, config.num_hidden_groups) for layer in layers]
        inner = range(config.inner_group_num)
        return [_google_layer(f"bert/encoder/transformer/group_{group}/inner_group_{j}") for group in groups for j in inner]
    if config.variant == GOOGLE:
        shared, own, names = (
            "bert/encoder/transformer/group_0/inner_group_0",
            "bert/encoder/transformer/group_{}/inner_group_0",
            _google_layer,
        )
    else:
        shared, own, names = "bert/encoder/layer_shared", "bert/encoder/layer_{}", _brightmart_layer
    return [
        LayerNames(
            *names(shared if config.sharing in ("all", "attention") else own.format(layer))[:NUM_ATTENTION_NAMES],
            *names(shared if config.sharing in ("all", "ffn") else own.format(layer))[NUM_ATTENTION_NAMES:],
        )
        for layer in layers
    ]


def _brightmart_layer(prefix: str) -> LayerNames:
    attention = f"{prefix}/attention"
    return LayerNames(
        query=f"{attention}/self/query",
        key=f"{attention}/self/key",
        value=f"{attention}/self/value",
        attention_output=f"{attention}/output/dense",
        attention_norm=f"{attention}/output/LayerNorm",
        intermediate=f"{prefix}/intermediate/dense",
        output=f"{prefix}/output/dense",
        output_norm=f"{prefix}/output/LayerNorm",
    )


def _google_layer(prefix: str) -> LayerNames:
    attention = f"{prefix}/attention_1"
    return LayerNames(
        query=f"{attention}/self/query",
        key=f"{attention}/self/key",
        value=f"{attention}/self/value",
        attention_output=f"{attention}/output/dense",
        attention_norm=f"{prefix}/LayerNorm",
        intermediate=f"{prefix}/ffn_1/intermediate/dense",
        output=f"{prefix}/ffn_1/intermediate/output/dense",
        output_norm=f"{prefix}/LayerNorm_1",
    )


def list_parameters(config: AlbertConfig, heads: Heads = PRETRAINING) -> list[Parameter]:
    """Every variable of a model, each once."""
    return list(dict.fromkeys(_embeddings(config))) + list(dict.fromkeys(_encoder(config))) + list(_heads(config, heads))


def count_by_part(config: AlbertConfig, heads: Heads = PRETRAINING) -> dict[str, int]:
    """Number of values in each part of the model."""
    counts: dict[str, int] = {}
    for parameter in list_parameters(config, heads):
        counts[parameter.part] = counts.get(parameter.part, 0) + parameter.count
    return counts


def savings_against_bert(config: AlbertConfig) -> dict[str, int]:
    """Values that a BERT of the same sizes would have more: by factorised word vectors (ALBERT §3.1), by shared layers.

    BERT's word vectors are [V, H]; ALBERT's are [V, E]·[E, H]. BERT has a layer for each one run; ALBERT runs one many times.
    """
    kept = sum(p.count for p in _embeddings(config) if p.part in ("word embeddings", "embedding projection"))
    run = list(_encoder(config))
    return {
        "factorised word embedding": config.vocab_size * config.hidden_size - kept,
        "shared encoder layers": sum(p.count for p in run) - sum(p.count for p in set(run)),
    }


def _dense(name: str, inputs: int, outputs: int, part: str) -> Iterator[Parameter]:
    yield Parameter(f"{name}/kernel", (inputs, outputs), part)
    yield Parameter(f"{name}/bias", (outputs,), part)


def _norm(name: str, size: int, part: str) -> Iterator[Parameter]:
    yield Parameter(f"{name}/beta", (size,), part)
    yield Parameter(f"{name}/gamma", (size,), part)


def _embeddings(config: AlbertConfig) -> Iterator[Parameter]:
    E, H = config.embedding_size, config.hidden_size
    N = E if config.variant == GOOGLE else H
    yield Parameter(WORD_EMBEDDINGS, (config.vocab_size, E), "word embeddings")
    projection = projection_name(config)
    if projection is not None and config.variant == BRIGHTMART:
        yield Parameter(projection, (E, H), "embedding projection")
    yield Parameter(TOKEN_TYPE_EMBEDDINGS, (config.type_vocab_size, N), "positions and segments")
    yield Parameter(POSITION_EMBEDDINGS, (config.max_position_embeddings, N), "positions and segments")
    yield from _norm(EMBEDDING_NORM, N, "positions and segments")
    if projection is not None and config.variant == GOOGLE:
        yield from _dense(projection.removesuffix("/kernel"), E, H, "embedding projection")


def _encoder(config: AlbertConfig) -> Iterator[Parameter]:
    for names in layer_names(config):
        yield from _layer(config, names)


def _layer(config: AlbertConfig, names: LayerNames) -> Iterator[Parameter]:
    H, F, part = config.hidden_size, config.intermediate_size, "encoder"
    for name in (names.query, names.key, names.value, names.attention_output):
        yield from _dense(name, H, H, part)
    yield from _norm(names.attention_norm, H, part)
    yield from _dense(names.intermediate, H, F, part)
    yield from _dense(names.output, F, H, part)
    yield from _norm(names.output_norm, H, part)


def _heads(config: AlbertConfig, heads: Heads) -> Iterator[Parameter]:
    H = config.hidden_size
    transformed = config.embedding_size if config.variant == GOOGLE else H
    yield from _dense(POOLER, H, H, "pooler")
    if heads.masked_words:
        yield from _dense(f"{TRANSFORM}/dense", H, transformed, "masked-word head")
        yield from _norm(f"{TRANSFORM}/LayerNorm", transformed, "masked-word head")
        yield Parameter(MASKED_LM_BIAS, (config.vocab_size,), "masked-word head")
    if heads.sentence_order:
        yield Parameter(ORDER_WEIGHTS, (2, H), "sentence-order head")
        yield Parameter(ORDER_BIAS, (2,), "sentence-order head")
    if heads.num_labels:
        yield Parameter(CLASSIFIER_WEIGHTS, (heads.num_labels, H), "classifier")
        yield Parameter(CLASSIFIER_BIAS, (heads.num_labels,), "classifier")
        if config.ln_type == "preln":
            yield from _norm(CLASSIFIER_NORM, H, "classifier")
