import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from albert_core.config import BERT, GOOGLE, AlbertConfig
from albert_core.errors import AlbertError
from albert_core.modeling import Albert, initial_value
from albert_core.parameters import Heads
from tests.albert_core import goldens, numpy_albert

SMALL = AlbertConfig(
    vocab_size=40,
    hidden_size=12,
    num_hidden_layers=4,
    num_attention_heads=3,
    intermediate_size=20,
    embedding_size=6,
    max_position_embeddings=10,
)
VARIANTS = {
    "postln": SMALL,
    "preln": dataclasses.replace(SMALL, ln_type="preln"),
    "relu": dataclasses.replace(SMALL, hidden_act="relu"),
    "google": dataclasses.replace(SMALL, variant=GOOGLE),
    "groups": dataclasses.replace(SMALL, variant=GOOGLE, num_hidden_groups=3),
    "inner groups": dataclasses.replace(SMALL, variant=GOOGLE, num_hidden_groups=2, inner_group_num=2, hidden_act="relu"),
    "no mapping": dataclasses.replace(SMALL, variant=GOOGLE, embedding_size=12),
    "mapping of equal sizes": dataclasses.replace(SMALL, variant=GOOGLE, embedding_size=12, embedding_mapping=True),
    "own feed-forward": dataclasses.replace(SMALL, sharing="attention"),
    "own attention": dataclasses.replace(SMALL, sharing="ffn", ln_type="preln"),
    "nothing shared": dataclasses.replace(SMALL, sharing="none"),
    "google, own feed-forward": dataclasses.replace(SMALL, variant=GOOGLE, sharing="attention"),
    "google, own attention": dataclasses.replace(SMALL, variant=GOOGLE, sharing="ffn"),
    "exact gelu": dataclasses.replace(SMALL, hidden_act="gelu_erf"),
    "bert": dataclasses.replace(SMALL, variant=BERT, embedding_size=12, sharing="none"),
}


def with_random_weights(config, **options):
    model = Albert(config, **options)
    random = np.random.default_rng(1)
    for variable in model.weights.values():
        variable.assign(variable + random.normal(size=variable.shape).astype(np.float32) * 0.3)
    return model


def random_inputs(config, batch=3, tokens=9):
    random = np.random.default_rng(2)
    ids, segments = random.integers(0, config.vocab_size, (batch, tokens)), random.integers(0, 2, (batch, tokens))
    mask = np.arange(tokens) < np.array([tokens, 5, 2])[:batch, None]
    return [array.astype(np.int32) for array in (ids, mask, segments)]


@pytest.mark.parametrize("variant", [goldens.BRIGHTMART, goldens.GOOGLE])
def test_forward_pass_of_the_original_programs(variant):
    values, model = goldens.golden(variant), goldens.golden_model(variant)
    output = model(values["input_ids"], values["input_mask"], values["segment_ids"])
    np.testing.assert_allclose(output.sequence_output, values["sequence_output"], atol=1e-5)
    np.testing.assert_allclose(output.pooled_output, values["pooled_output"], atol=1e-5)
    log_probs = model.masked_log_probs(output.sequence_output, values["masked_lm_positions"])
    np.testing.assert_allclose(log_probs, values["mlm_log_probs"], atol=1e-5)
    np.testing.assert_allclose(model.order_log_probs(output.pooled_output), values["sop_log_probs"], atol=1e-5)


@pytest.mark.parametrize("name", VARIANTS)
def test_forward_pass_of_the_numpy_oracle(name):
    config = VARIANTS[name]
    model, positions = with_random_weights(config, heads=Heads(num_labels=3)), np.array([[1, 3], [0, 4], [1, 1]], np.int32)
    ids, mask, segments = random_inputs(config)
    output = model(ids, mask, segments)
    masked, order = model.masked_log_probs(output.sequence_output, positions), model.order_log_probs(output.pooled_output)
    classes = model.class_logits(output.pooled_output)
    weights = {name: variable.numpy().astype(np.float64) for name, variable in model.weights.items()}
    for row in range(3):
        sequence, pooled = numpy_albert.encode(config.to_json(), weights, ids[row], mask[row], segments[row])
        np.testing.assert_allclose(output.sequence_output[row], sequence, atol=2e-5)
        np.testing.assert_allclose(output.pooled_output[row], pooled, atol=2e-5)
        expected = numpy_albert.masked_log_probs(config.to_json(), weights, sequence, positions[row])
        np.testing.assert_allclose(masked[row], expected, atol=5e-5)
        np.testing.assert_allclose(order[row], numpy_albert.order_log_probs(weights, pooled), atol=2e-5)
        np.testing.assert_allclose(classes[row], numpy_albert.class_logits(config.to_json(), weights, pooled), atol=2e-5)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_pooled_output_alone_is_the_same_with_the_same_gradient(name):
    config = VARIANTS[name]
    model, inputs = with_random_weights(config, heads=Heads(num_labels=3)), random_inputs(config)
    variables = list(model.weights.values())
    outputs, gradients = [], []
    for pooled in (lambda: model(*inputs).pooled_output, lambda: model.pooled(*inputs)):
        with tf.GradientTape() as tape:
            outputs.append(pooled())
            loss = tf.reduce_sum(outputs[-1] ** 2)
        gradients.append([tf.convert_to_tensor(each) for each in tape.gradient(loss, variables, unconnected_gradients="zero")])
    np.testing.assert_allclose(outputs[1], outputs[0], atol=2e-6)
    for variable, whole, alone in zip(variables, *gradients, strict=True):
        np.testing.assert_allclose(alone, whole, atol=2e-5, err_msg=variable.name)


def test_the_pooled_output_alone_leaves_out_what_no_one_reads():
    """Of 4 layers of T tokens the last makes keys and values (2 T H²) and no more than one token's other products."""
    config, T = VARIANTS["google"], 9
    model = Albert(config)
    specs = [tf.TensorSpec([1, T], tf.int32)] * 3
    whole = tf.function(lambda *inputs: model(*inputs).pooled_output, input_signature=specs).get_concrete_function()
    alone = tf.function(lambda *inputs: model.pooled(*inputs), input_signature=specs).get_concrete_function()
    H, F = config.hidden_size, config.intermediate_size
    of_one_token = 2 * H * H + 2 * H * F + 2 * T * H  # query, output, feed-forward, scores and context
    assert multiply_adds(whole.graph) - multiply_adds(alone.graph) == (T - 1) * of_one_token


def multiply_adds(graph):
    """Of the products of a graph whose shapes are static."""
    total = 0
    for operation in graph.get_operations():
        if operation.type in ("MatMul", "BatchMatMulV2"):
            transposed = operation.get_attr("transpose_a" if operation.type == "MatMul" else "adj_x")
            total += math.prod(operation.outputs[0].shape.as_list()) * operation.inputs[0].shape.as_list()[-2 if transposed else -1]
    return total


@pytest.mark.parametrize("variant", [goldens.BRIGHTMART, goldens.GOOGLE])
def test_logits_of_the_fine_tuned_models_of_the_original_programs(variant):
    values, model = goldens.golden(variant, "classifier"), goldens.golden_model(variant, "classifier.ckpt")
    assert model.heads == Heads(masked_words=False, sentence_order=False, num_labels=3)
    logits = model.class_logits(model(values["input_ids"], values["input_mask"], values["segment_ids"]).pooled_output)
    np.testing.assert_allclose(logits, values["logits"], atol=1e-5)
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=values["labels"], logits=logits)
    assert float(tf.reduce_mean(loss)) == pytest.approx(float(values["loss"]), abs=1e-5)


def test_a_head_that_is_not_there_is_named():
    model = Albert(SMALL, heads=Heads(masked_words=False, sentence_order=False))
    pooled = tf.zeros([1, 12])
    with pytest.raises(AlbertError, match="has no masked-word head"):
        model.masked_log_probs(tf.zeros([1, 3, 12]), np.array([[1]]))
    with pytest.raises(AlbertError, match="has no sentence-order head"):
        model.order_log_probs(pooled)
    with pytest.raises(AlbertError, match="has no classifier"):
        model.class_logits(pooled)


def test_padding_does_not_reach_the_text():
    model = with_random_weights(SMALL)
    ids, mask, segments = random_inputs(SMALL)
    long = model(ids, mask, segments).sequence_output
    short = model(ids[1:2, :5], mask[1:2, :5], segments[1:2, :5]).sequence_output
    np.testing.assert_allclose(long[1, :5], short[0], atol=1e-5)


@pytest.mark.parametrize("length", [0, 9])
def test_masks_of_no_and_of_full_length_give_numbers(length):
    ids, _, segments = random_inputs(SMALL)
    output = with_random_weights(SMALL)(ids, np.broadcast_to(np.arange(9) < length, (3, 9)).astype(np.int32), segments)
    assert np.isfinite(output.sequence_output).all()


def test_bfloat16_is_near_float32_and_norms_stay_in_float32():
    values = goldens.golden(goldens.BRIGHTMART)
    exact = goldens.golden_model(goldens.BRIGHTMART)
    rough = Albert(exact.config, compute_dtype=tf.bfloat16)
    for name, variable in exact.weights.items():
        rough.weights[name].assign(variable)
    output = rough(values["input_ids"], values["input_mask"], values["segment_ids"])
    assert output.sequence_output.dtype == tf.float32
    assert np.abs(output.pooled_output - values["pooled_output"]).max() < 2e-2
    assert np.abs(output.pooled_output - values["pooled_output"]).max() > 1e-5  # it did compute in another type


def test_shapes_may_be_unknown_when_the_graph_is_made():
    model = with_random_weights(SMALL)
    ids, mask, segments = random_inputs(SMALL)
    anything = tf.TensorSpec([None, None], tf.int32)
    graph = tf.function(lambda *inputs: model(*inputs).sequence_output, input_signature=[anything] * 3)
    np.testing.assert_allclose(graph(ids, mask, segments), model(ids, mask, segments).sequence_output, atol=1e-5)


def test_initial_weights():
    model = Albert(AlbertConfig.named("tiny", vocab_size=3000), seed=3)
    words = model.weights["bert/embeddings/word_embeddings"].numpy()
    assert np.abs(words).max() <= 0.04  # cut at two deviations
    assert words.std() == pytest.approx(0.02 * 0.8796, rel=0.01)  # what is left of the deviation then
    for name, variable in model.weights.items():
        if name.endswith(("beta", "bias")):
            assert not variable.numpy().any()
        elif name.endswith("gamma"):
            assert (variable.numpy() == 1).all()


def test_initial_weights_are_keyed_by_seed_and_name_alone():
    first = initial_value("bert/pooler/dense/kernel", (4, 4), 0.02, 7)
    np.testing.assert_array_equal(first, initial_value("bert/pooler/dense/kernel", (4, 4), 0.02, 7))
    assert (first.numpy() != initial_value("bert/pooler/dense/kernel", (4, 4), 0.02, 8).numpy()).all()
    assert (first.numpy() != initial_value("cls/predictions/transform/dense/kernel", (4, 4), 0.02, 7).numpy()).all()


def test_dropout_is_keyed_and_off_without_a_key():
    model = with_random_weights(dataclasses.replace(SMALL, hidden_dropout_prob=0.5, attention_probs_dropout_prob=0.5))
    inputs = random_inputs(SMALL)

    def run(*seed):
        return model(*inputs, dropout_seed=tf.constant(seed, tf.int64) if seed else None).sequence_output.numpy()

    np.testing.assert_array_equal(run(1, 5), run(1, 5))
    assert np.abs(run(1, 5) - run(1, 6)).max() > 0.1
    np.testing.assert_array_equal(run(), with_random_weights(SMALL)(*inputs).sequence_output)
    np.testing.assert_array_equal(with_random_weights(SMALL)(*inputs, dropout_seed=tf.constant([1, 5], tf.int64)).sequence_output, run())
