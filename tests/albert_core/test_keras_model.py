import keras
import numpy as np
import pytest
import tensorflow as tf

from albert_core.errors import AlbertError
from albert_core.keras_model import load_keras, to_albert
from albert_core.parameters import Heads, list_parameters
from tests.albert_core import goldens
from tests.shared_data import shared

NAMES = ("input_ids", "input_mask", "segment_ids")
VARIANTS = [goldens.BRIGHTMART, goldens.GOOGLE]


def load(variant, checkpoint="albert_model.ckpt", **options):
    return load_keras(shared(f"data/goldens/{variant}/{checkpoint}.index").with_suffix(""), **options)


def inputs_of(values, *more):
    return {name: values[name].astype(np.int32) for name in (*NAMES, *more)}


@pytest.mark.parametrize("variant", VARIANTS)
def test_encoder_gives_the_numbers_of_the_original_programs(variant):
    values, model = goldens.golden(variant), load(variant)
    output = model.predict(inputs_of(values), verbose=0)
    np.testing.assert_allclose(output["sequence_output"], values["sequence_output"], atol=1e-5)
    np.testing.assert_allclose(output["pooled_output"], values["pooled_output"], atol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_masked_words_give_the_numbers_of_the_original_programs(variant):
    values, model = goldens.golden(variant), load(variant, head="masked_words")
    logits = model(inputs_of(values, "masked_lm_positions"))
    np.testing.assert_allclose(tf.nn.log_softmax(logits), values["mlm_log_probs"], atol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_classifier_gives_the_logits_of_the_fine_tuned_model(variant):
    values, model = goldens.golden(variant, "classifier"), load(variant, "classifier.ckpt", head="classifier")
    np.testing.assert_allclose(model(inputs_of(values)), values["logits"], atol=1e-5)


def test_summary_counts_what_the_table_of_parameters_counts():
    model, config = load(goldens.GOOGLE), goldens.golden_model(goldens.GOOGLE).config
    heads = Heads(masked_words=False, sentence_order=False)
    assert model.count_params() == sum(parameter.count for parameter in list_parameters(config, heads))


@pytest.mark.parametrize("head", ["encoder", "masked_words", "classifier"])
def test_a_saved_model_comes_back_bit_for_bit(head, tmp_path):
    model = load(goldens.BRIGHTMART, head=head, num_labels=2)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    inputs = inputs_of(goldens.golden(goldens.BRIGHTMART), *(["masked_lm_positions"] if head == "masked_words" else []))
    for first, second in zip(tf.nest.flatten(model(inputs)), tf.nest.flatten(again(inputs)), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(("policy", "jit"), [("float32", False), ("float32", True), ("mixed_bfloat16", False)])
def test_fit_learns_and_the_trained_weights_come_back(policy, jit):
    values = goldens.golden(goldens.BRIGHTMART)
    inputs, labels = inputs_of(values), np.arange(len(values["input_ids"])) % 2
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(policy)
    try:
        model = load(goldens.BRIGHTMART, head="classifier", num_labels=2)
    finally:
        keras.config.set_dtype_policy("float32")
    before = to_albert(model).weights
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, jit_compile=jit)
    losses = model.fit(inputs, labels, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2
    after = to_albert(model)
    assert all(np.any(after.weights[name].numpy() != before[name].numpy()) for name in before)
    if policy == "float32":
        pooled = after(*inputs.values()).pooled_output
        np.testing.assert_allclose(after.class_logits(pooled), model(inputs), atol=1e-5)


def test_dropout_is_active_in_training_alone_and_differs_from_step_to_step():
    inputs, model = inputs_of(goldens.golden(goldens.GOOGLE)), load(goldens.GOOGLE, dropout=0.5)
    first, second = (model(inputs, training=True)["pooled_output"] for _ in range(2))
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(model(inputs)["pooled_output"], model(inputs)["pooled_output"])


def test_a_frozen_model_has_nothing_to_train():
    assert load(goldens.GOOGLE, trainable=False).trainable_weights == []


def test_what_cannot_be_loaded_is_named():
    with pytest.raises(AlbertError, match='head "answer" is unknown'):
        load(goldens.GOOGLE, head="answer")
    with pytest.raises(AlbertError, match="has no classifier, and num_labels is None"):
        load(goldens.GOOGLE, head="classifier")
    with pytest.raises(AlbertError, match="has a classifier of 3 labels, num_labels is 2"):
        load(goldens.GOOGLE, "classifier.ckpt", head="classifier", num_labels=2)
    with pytest.raises(AlbertError, match="has no masked-word head"):
        load(goldens.GOOGLE, "classifier.ckpt", head="masked_words")
    with pytest.raises(AlbertError, match="has 0 ALBERT layers"):
        to_albert(keras.Sequential([keras.layers.Dense(1)]))
