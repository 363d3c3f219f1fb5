import dataclasses
import math

import pytest
import tensorflow as tf

from albert_core.config import AlbertConfig
from albert_core.costs import ENCODER_ONLY, flops, forward_bytes, multiply_adds, training_bytes, weight_bytes
from albert_core.errors import AlbertError
from albert_core.modeling import Albert
from albert_core.parameters import POSITION_EMBEDDINGS, PRETRAINING, Heads
from tests.albert_core.test_modeling import SMALL, VARIANTS


@pytest.mark.parametrize(
    ("name", "count"),
    [("tiny", 644_185_152), ("small_google", 1_440_890_880), ("bert_base", 11_174_215_680)],
)
def test_the_encoder_at_128_tokens(name, count):
    """By hand: layers × (T (4 H² + 2 H F) + 2 T² H), the projection T E H where there is one, the pooler H²."""
    config = AlbertConfig.named(name)
    T, H, F, E = 128, config.hidden_size, config.intermediate_size, config.embedding_size
    by_hand = config.num_hidden_layers * (T * (4 * H * H + 2 * H * F) + 2 * T * T * H) + (T * E * H if E != H else 0) + H * H
    assert sum(multiply_adds(config, tokens=128).values()) == by_hand == count
    assert flops(config, tokens=128) == 2 * count


def products_of_the_graph(config, heads, tokens, predictions):
    """Multiply-adds that TensorFlow's own graph of the forward pass has, from the static shapes of its products."""
    model = Albert(config, heads=heads)

    @tf.function
    def run(ids, positions):
        output = model(ids, tf.ones_like(ids), tf.zeros_like(ids))
        scores = [output.pooled_output]
        if heads.masked_words:
            scores.append(model.masked_logits(output.sequence_output, positions))
        if heads.sentence_order:
            scores.append(model.order_logits(output.pooled_output))
        if heads.num_labels:
            scores.append(model.class_logits(output.pooled_output))
        return scores

    graph = run.get_concrete_function(tf.TensorSpec([1, tokens], tf.int32), tf.TensorSpec([1, predictions], tf.int32)).graph
    total = 0
    for operation in graph.get_operations():
        if operation.type in ("MatMul", "BatchMatMulV2"):
            transposed = operation.get_attr("transpose_a" if operation.type == "MatMul" else "adj_x")
            left = operation.inputs[0].shape.as_list()
            total += math.prod(operation.outputs[0].shape.as_list()) * left[-2 if transposed else -1]
    segments = tokens * config.type_vocab_size * model.weights[POSITION_EMBEDDINGS].shape[1]  # a look-up that is written as a product
    return total - segments


@pytest.mark.parametrize("name", VARIANTS)
def test_every_product_of_the_graph_is_counted_and_no_other(name):
    config, heads = VARIANTS[name], Heads(num_labels=3)
    counted = sum(multiply_adds(config, tokens=9, predictions=4, heads=heads).values())
    assert counted == products_of_the_graph(config, heads, tokens=9, predictions=4)


def test_a_training_step_is_three_forward_passes():
    forward = flops(SMALL, tokens=8, predictions=2, heads=PRETRAINING)
    assert flops(SMALL, tokens=8, predictions=2, heads=PRETRAINING, training=True) == 3 * forward
    assert forward > flops(SMALL, tokens=8)


def test_what_is_shared_costs_memory_once_and_time_every_time():
    own = dataclasses.replace(SMALL, sharing="none")
    assert flops(own, tokens=8) == flops(SMALL, tokens=8)
    assert weight_bytes(own) > weight_bytes(SMALL)


def test_bytes():
    tiny = AlbertConfig.named("tiny")
    assert weight_bytes(tiny) == 4 * 4_295_186
    assert training_bytes(tiny) == 16 * 4_295_186
    assert weight_bytes(tiny, ENCODER_ONLY) == 4 * 4_175_152
    assert forward_bytes(tiny, batch=2, tokens=10) == 2 * forward_bytes(tiny, batch=1, tokens=10) == 8 * 10 * (2 * 1248 + 2 * 312)
    assert forward_bytes(tiny, batch=1, tokens=512) == 4 * (2 * 12 * 512 * 512 + 3 * 512 * 312 + 2 * 512 * 312)


@pytest.mark.parametrize("tokens", [0, 11])
def test_a_length_that_the_model_has_no_positions_for(tokens):
    with pytest.raises(AlbertError, match=f"{tokens} tokens do not fit the 10 positions"):
        multiply_adds(SMALL, tokens=tokens)
