"""bfloat16 against float32, and masks and lengths at their limits. Differences are absolute, of outputs whose largest values are 1 to 7."""

import numpy as np
import pytest
import tensorflow as tf

from albert_core.config import AlbertConfig
from albert_core.modeling import Albert, layer_norm
from tests.albert_core import goldens
from tests.albert_core.small_run import skip_without_jit
from tests.albert_core.test_modeling import VARIANTS, random_inputs, with_random_weights

NEAR = 2e-2
LIMITS = ["tiny", "tiny_google"]


def in_bfloat16(model):
    """The same variables, products in bfloat16."""
    return Albert(model.config, heads=model.heads, compute_dtype=tf.bfloat16, weights=model.weights)


def outputs(model, values):
    found = model(values["input_ids"], values["input_mask"], values["segment_ids"])
    words = model.masked_log_probs(found.sequence_output, values["masked_lm_positions"])
    return {**found._asdict(), "words": words, "order": model.order_log_probs(found.pooled_output)}


@pytest.fixture(scope="module", params=LIMITS)
def full_size(request):
    return Albert(AlbertConfig.named(request.param), seed=1)


@pytest.mark.parametrize("variant", [goldens.BRIGHTMART, goldens.GOOGLE])
def test_every_golden_output_is_near(variant):
    model, values = goldens.golden_model(variant), goldens.golden(variant)
    exact, rough = outputs(model, values), outputs(in_bfloat16(model), values)
    for name, value in exact.items():
        gap = np.abs(value - rough[name]).max()
        assert rough[name].dtype == tf.float32
        assert 1e-5 < gap < NEAR, (name, gap)  # it did compute in another type


@pytest.mark.parametrize("name", VARIANTS)
def test_every_form_is_near_on_average(name):
    """Weights here are large (deviation 0.3), in layers of 12: a single value may be 0.1 off, the root mean square is near."""
    model = with_random_weights(VARIANTS[name])
    exact, rough = (built(*random_inputs(model.config)).sequence_output.numpy() for built in (model, in_bfloat16(model)))
    assert np.sqrt(np.square(exact - rough).mean() / np.square(exact).mean()) < NEAR


@pytest.mark.parametrize("how", ["eager", "graph", "XLA"])
@pytest.mark.parametrize("tokens", [1, 512])
def test_no_length_and_no_mask_gives_nan(full_size, tokens, how):
    """Sequences of one token and of all positions; masks full, empty, and of one token, side by side in one batch."""
    if how == "XLA":
        skip_without_jit()
    ids = np.random.default_rng(0).integers(0, full_size.config.vocab_size, (3, tokens)).astype(np.int32)
    mask = (np.arange(tokens) < np.array([tokens, 0, 1])[:, None]).astype(np.int32)
    found = []
    for model in (full_size, in_bfloat16(full_size)):
        run = model if how == "eager" else tf.function(model.__call__, jit_compile=how == "XLA")
        output = run(ids, mask, np.zeros_like(ids))
        assert np.isfinite(output.sequence_output).all()
        assert np.isfinite(output.pooled_output).all()
        found.append(output)
    assert np.abs(found[0].sequence_output - found[1].sequence_output).max() < NEAR
    assert np.abs(found[0].pooled_output - found[1].pooled_output).max() < NEAR


def test_an_empty_mask_shifts_all_scores_alike_and_so_is_a_full_one(full_size):
    """-10000 on every score cancels in the softmax, but for the last bits that float32 has left beside it."""
    ids = np.random.default_rng(0).integers(0, full_size.config.vocab_size, (2, 64)).astype(np.int32)
    empty, full = (full_size(ids, mask, np.zeros_like(ids)).sequence_output for mask in (np.zeros_like(ids), np.ones_like(ids)))
    np.testing.assert_allclose(empty, full, atol=5e-5)


def test_a_norm_in_bfloat16_would_be_wrong_where_ours_is_right():
    """Values that stand out little from a common offset, as residual streams do: bfloat16 has 8 bits, and loses them in the mean."""
    values = 100 + np.random.default_rng(3).normal(size=(4, 312)).astype(np.float32)
    values = tf.cast(tf.cast(values, tf.bfloat16), tf.float32)  # both get the same numbers
    gamma, beta = tf.ones(312), tf.zeros(312)
    exact = values.numpy().astype(np.float64)
    exact = (exact - exact.mean(-1, keepdims=True)) / exact.std(-1, keepdims=True)
    ours = layer_norm(values, gamma, beta, 1e-12)
    low = [tf.cast(tensor, tf.bfloat16) for tensor in (values, gamma, beta)]
    theirs = tf.cast(layer_norm(*low, tf.constant(1e-12, tf.bfloat16)), tf.float32)
    np.testing.assert_allclose(ours, exact, atol=1e-4)
    assert np.abs(theirs - exact).max() > 4 * NEAR


def test_sums_over_many_tokens_stay_in_float32():
    """Weights of a softmax over 512 equal scores add up to 1; added up one by one in bfloat16 they stop growing at 0.5."""
    weights = tf.nn.softmax(tf.zeros([512]))
    assert float(tf.reduce_sum(weights)) == 1.0
    total = tf.constant(0, tf.bfloat16)
    for weight in tf.cast(weights, tf.bfloat16):
        total += weight
    assert float(total) == 0.5
    model = in_bfloat16(Albert(AlbertConfig.named("tiny")))
    scores = model._matmul(tf.ones([1, 512]), tf.fill([512, 1], 1 / 512))
    assert scores.dtype == tf.float32
    assert float(scores[0, 0]) == 1.0
