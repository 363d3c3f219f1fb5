import lzma

import keras
import numpy as np
import pytest
import tensorflow as tf

from albert_core.config import AlbertConfig
from albert_core.errors import AlbertError
from albert_core.keras_model import load_keras, to_albert
from albert_core.model_directory import write_description, write_weights
from albert_core.modeling import Albert
from albert_core.parameters import Heads, list_parameters
from albert_core.tokenization import Tokenizer
from tests.albert_core import goldens
from tests.albert_core.small_run import skip_without_jit
from tests.albert_core.test_exporting import save
from tests.albert_core.test_modeling import VARIANTS as FORMS
from tests.albert_core.test_modeling import random_inputs
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
    if jit:
        skip_without_jit()
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


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_numbers_of_the_core(tmp_path, name):
    model = save(tmp_path / "m", FORMS[name], heads=Heads(num_labels=3))
    inputs = random_inputs(model.config)
    output = model(*inputs)
    encoder, classifier = (load_keras(tmp_path / "m", head=head) for head in ("encoder", "classifier"))
    given = dict(zip(NAMES, inputs, strict=True))
    np.testing.assert_allclose(encoder(given)["sequence_output"], output.sequence_output, atol=1e-5)
    np.testing.assert_allclose(classifier(given), model.class_logits(output.pooled_output), atol=1e-5)


def test_the_way_back_with_the_heads_that_were_left(tmp_path):
    pretrained = save(tmp_path / "m", FORMS["postln"])
    model = load_keras(tmp_path / "m", head="classifier", num_labels=3)
    model.get_layer("albert").by_name["output_bias"].assign([1.0, 2.0, 3.0])
    assert to_albert(model).heads == Heads(masked_words=False, sentence_order=False, num_labels=3)
    whole = to_albert(model, source=tmp_path / "m")
    assert whole.heads == Heads(num_labels=3)
    assert whole.config == pretrained.config
    assert all((whole.weights[name].numpy() == value.numpy()).all() for name, value in pretrained.weights.items())
    assert whole.weights["output_bias"].numpy().tolist() == [1.0, 2.0, 3.0]
    save(tmp_path / "other", FORMS["preln"])
    with pytest.raises(AlbertError, match="another configuration than this"):
        to_albert(model, source=tmp_path / "other")


def test_another_backend_is_refused_with_what_to_set(monkeypatch):
    """The other backends bring packages of a gigabyte, so Keras is made to say that it runs on one."""
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(AlbertError, match="Keras runs on jax, ALBERT needs tensorflow\nset KERAS_BACKEND=tensorflow before the start"):
        load(goldens.GOOGLE)


def afqmc(lines, tokens=32):
    """Inputs and labels of the first `lines` question pairs: [CLS] a [SEP] b [SEP]."""
    tokenizer = Tokenizer.load(shared("data/vocab.txt"))
    with lzma.open(shared("data/tasks/afqmc/train.txt.xz"), "rt", encoding="utf-8") as file:
        rows = [next(file).rstrip("\n").split("\t") for _ in range(lines)]
    inputs = {name: np.zeros((lines, tokens), np.int32) for name in NAMES}
    for row, (a, b, _) in enumerate(rows):
        first = [tokenizer.cls_id, *tokenizer.encode(a), tokenizer.sep_id]
        ids = [*first, *tokenizer.encode(b), tokenizer.sep_id][:tokens]
        inputs["input_ids"][row, : len(ids)] = ids
        inputs["input_mask"][row, : len(ids)] = 1
        inputs["segment_ids"][row, len(first) : len(ids)] = 1
    return inputs, np.array([int(label) for _, _, label in rows])


def test_fit_on_real_pairs(tmp_path):
    """256 question pairs of AFQMC, learned by heart: that real text, labels and `fit` go together, and a file brings it back."""
    inputs, labels = afqmc(256)
    assert set(labels.tolist()) == {0, 1}
    config = AlbertConfig(
        vocab_size=21_128, num_hidden_layers=2, hidden_size=64, num_attention_heads=4, intermediate_size=128, embedding_size=32
    )
    write_description(tmp_path / "m", config, shared("data/vocab.txt").read_bytes(), {})
    write_weights(tmp_path / "m", Albert(config, seed=1))
    keras.utils.set_random_seed(0)
    model = load_keras(tmp_path / "m", head="classifier", num_labels=2, dropout=0.0)
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    history = model.fit(inputs, labels, batch_size=32, epochs=25, verbose=0).history
    assert history["loss"][-1] < 0.3 * history["loss"][0]
    assert history["accuracy"][-1] > 0.9
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras").predict(inputs, verbose=0)
    np.testing.assert_array_equal(again, model.predict(inputs, verbose=0))
