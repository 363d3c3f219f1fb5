"""What a model costs: multiply-adds of each part, bytes of weights and activations. Needs no TensorFlow.

Counted is every matrix product and nothing else; norms, activations and look-ups are a few per cent more, and are left out of every
share of the machine's speed that is given anywhere. One multiply-add is two floating-point operations.
"""

from albert_core.config import BERT, BRIGHTMART, GOOGLE, AlbertConfig
from albert_core.errors import AlbertError
from albert_core.parameters import PRETRAINING, Heads, layer_names, list_parameters, projection_name

FLOPS_PER_MULTIPLY_ADD = 2
TRAINING_FACTOR = 3  # a backward pass has two products, with respect to inputs and to weights, for each one of the forward pass
BYTES = 4  # of a float32
TRAINING_COPIES = 4  # weights, gradients, and the two moments of the optimizer
ENCODER_ONLY = Heads(masked_words=False, sentence_order=False)


def multiply_adds(config: AlbertConfig, *, tokens: int, predictions: int = 0, heads: Heads = ENCODER_ONLY) -> dict[str, int]:
    """Multiply-adds of the forward pass of one sequence of `tokens`, `predictions` of them masked, by part.

    Raises:
      AlbertError: the model has fewer positions than `tokens`, or `tokens` is less than 1.
    """
    if not 1 <= tokens <= config.max_position_embeddings:
        raise AlbertError(
            f"{tokens} tokens do not fit the {config.max_position_embeddings} positions of the model\ngive a length from 1 to that"
        )
    T, P, H, F, E = tokens, predictions, config.hidden_size, config.intermediate_size, config.embedding_size
    layers = len(layer_names(config))
    parts = {
        "embedding projection": T * E * H if projection_name(config) is not None else 0,
        "attention, projections": layers * T * 4 * H * H,
        "attention, scores and context": layers * 2 * T * T * H,
        "feed-forward": layers * T * 2 * H * F,
        "pooler": H * H,
        "masked-word head": P * _word_scores(config) if heads.masked_words else 0,
        "sentence-order head": 2 * H if heads.sentence_order else 0,
        "classifier": heads.num_labels * H,
    }
    return {part: count for part, count in parts.items() if count}


def _word_scores(config: AlbertConfig) -> int:
    """Multiply-adds of the masked-word head at one position: transform, for brightmart the way back to E, product with the word table."""
    H, E, V = config.hidden_size, config.embedding_size, config.vocab_size
    return {BRIGHTMART: H * H + H * E + E * V, GOOGLE: H * E + E * V, BERT: H * H + H * V}[config.variant]


def flops(config: AlbertConfig, *, tokens: int, predictions: int = 0, heads: Heads = ENCODER_ONLY, training: bool = False) -> int:
    """Floating-point operations of one sequence: of the forward pass, or of a training step's share."""
    forward = FLOPS_PER_MULTIPLY_ADD * sum(multiply_adds(config, tokens=tokens, predictions=predictions, heads=heads).values())
    return forward * (TRAINING_FACTOR if training else 1)


def weight_bytes(config: AlbertConfig, heads: Heads = PRETRAINING) -> int:
    """Bytes of the float32 weights, on disk and in memory."""
    return BYTES * sum(parameter.count for parameter in list_parameters(config, heads))


def training_bytes(config: AlbertConfig, heads: Heads = PRETRAINING) -> int:
    """Bytes that a training run holds for as long as it lasts: weights, gradients, two moments. Activations come on top."""
    return TRAINING_COPIES * weight_bytes(config, heads)


def forward_bytes(config: AlbertConfig, *, batch: int, tokens: int) -> int:
    """Bytes of the largest float32 activations that a forward pass holds at one time, from the shapes.

    Within a layer either the feed-forward block's [B, T, F] before and after its activation, or attention's [B, A, T, T] before and
    after the softmax beside the [B, T, 3H] of query, key and value; and the layer's input and residual, [B, T, H] each.
    """
    T, H, F, A = tokens, config.hidden_size, config.intermediate_size, config.num_attention_heads
    attention = 2 * A * T * T + 3 * T * H
    return BYTES * batch * (max(2 * T * F, attention) + 2 * T * H)
