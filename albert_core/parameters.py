"""Every variable of a model: name (the checkpoint's own), shape and part. Needs no TensorFlow; the model is built from this table."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from albert_core.config import GOOGLE, AlbertConfig

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


def projection_name(config: AlbertConfig) -> str:
    """The kernel [E, H] that takes embeddings to the hidden size."""
    return "bert/encoder/embedding_hidden_mapping_in/kernel" if config.variant == GOOGLE else f"{EMBEDDINGS}/word_embeddings_2"


def layer_names(config: AlbertConfig) -> list[LayerNames]:
    """The names of each layer that is run, in order. A name that returns is a shared weight (ALBERT §3.1)."""
    if config.variant != GOOGLE:
        return [_brightmart_layer("bert/encoder/layer_shared")] * config.num_hidden_layers
    return [
        _google_layer(f"bert/encoder/transformer/group_{layer * config.num_hidden_groups // config.num_hidden_layers}/inner_group_{inner}")
        for layer in range(config.num_hidden_layers)
        for inner in range(config.inner_group_num)
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


def list_parameters(config: AlbertConfig) -> list[Parameter]:
    """Every variable of the pretraining model, each once."""
    return list(dict.fromkeys(_embeddings(config))) + list(dict.fromkeys(_encoder(config))) + list(_heads(config))


def count_by_part(config: AlbertConfig) -> dict[str, int]:
    """Number of values in each part of the model."""
    counts: dict[str, int] = {}
    for parameter in list_parameters(config):
        counts[parameter.part] = counts.get(parameter.part, 0) + parameter.count
    return counts


def savings_against_bert(config: AlbertConfig) -> dict[str, int]:
    """Values that a BERT of the same sizes would have more: by factorised word vectors (ALBERT §3.1), by shared layers.

    BERT's word vectors are [V, H]; ALBERT's are [V, E]·[E, H]. BERT has a layer for each one run; ALBERT runs one many times.
    """
    shapes = {parameter.name: parameter for parameter in list_parameters(config)}
    kept = shapes[WORD_EMBEDDINGS].count + sum(p.count for p in shapes.values() if p.part == "embedding projection")
    run = layer_names(config)
    one_layer = sum(parameter.count for parameter in _layer(config, run[0]))
    return {
        "factorised word embedding": config.vocab_size * config.hidden_size - kept,
        "shared encoder layers": one_layer * (len(run) - len(set(run))),
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
    if config.variant != GOOGLE:
        yield Parameter(projection_name(config), (E, H), "embedding projection")
    yield Parameter(TOKEN_TYPE_EMBEDDINGS, (config.type_vocab_size, N), "positions and segments")
    yield Parameter(POSITION_EMBEDDINGS, (config.max_position_embeddings, N), "positions and segments")
    yield from _norm(EMBEDDING_NORM, N, "positions and segments")
    if config.variant == GOOGLE and E != H:
        yield from _dense(projection_name(config).removesuffix("/kernel"), E, H, "embedding projection")


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


def _heads(config: AlbertConfig) -> Iterator[Parameter]:
    H = config.hidden_size
    transformed = config.embedding_size if config.variant == GOOGLE else H
    yield from _dense(POOLER, H, H, "pooler")
    yield from _dense(f"{TRANSFORM}/dense", H, transformed, "masked-word head")
    yield from _norm(f"{TRANSFORM}/LayerNorm", transformed, "masked-word head")
    yield Parameter(MASKED_LM_BIAS, (config.vocab_size,), "masked-word head")
    yield Parameter(ORDER_WEIGHTS, (2, H), "sentence-order head")
    yield Parameter(ORDER_BIAS, (2,), "sentence-order head")
