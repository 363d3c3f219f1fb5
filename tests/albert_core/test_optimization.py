import math

import numpy as np
import pytest
import tensorflow as tf

from albert_core.errors import AlbertError
from albert_core.objectives import pretraining_sums
from albert_core.optimization import RULES, Optimizer, OptimizerConfig, clip_by_global_norm, learning_rate_at, scale_to_batch, trust_ratio
from tests.albert_core import goldens


def config(name="adamw", **changes):
    return OptimizerConfig(**{"name": name, "learning_rate": 1e-2, "num_train_steps": 20, "num_warmup_steps": 4} | changes)


def losses_of(optimizer, variables, loss_of, steps):
    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = loss_of()
        optimizer.apply(tape.gradient(loss, variables))
        return loss

    return [float(step()) for _ in range(steps)] + [float(loss_of())]


@pytest.mark.parametrize(("variant", "name"), [(goldens.BRIGHTMART, "lamb-brightmart"), (goldens.GOOGLE, "lamb")])
def test_eight_lamb_losses_of_the_original_programs(variant, name):
    values, model = goldens.golden(variant), goldens.golden_model(variant)
    batch = {name: tf.constant(array) for name, array in values.items() if name.startswith(("input", "segment", "masked"))}
    batch["next_sentence_labels"] = tf.constant(values["sentence_order_labels"][:, None])
    optimizer = Optimizer(config(name), model.weights)
    losses = losses_of(optimizer, list(model.weights.values()), lambda: sum(pretraining_sums(model, batch).losses()), 8)
    np.testing.assert_allclose(losses, values["lamb_losses"], rtol=1e-5)
    trained = tf.train.load_checkpoint(str(goldens.shared(f"data/goldens/{variant}/trained.ckpt.index").with_suffix("")))
    assert trained.get_tensor("global_step") == optimizer.global_step.numpy() == 8
    for name, variable in {**model.weights, **optimizer.slots}.items():
        if "key/bias" in name:
            continue  # softmax does not see it: its gradient is rounding noise, which Adam scales up to full steps
        np.testing.assert_allclose(variable, trained.get_tensor(name), rtol=2e-3, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("variant", [goldens.BRIGHTMART, goldens.GOOGLE])
def test_eight_losses_of_the_reference_fine_tuning_optimizer(variant):
    values, model = goldens.golden(variant, "classifier"), goldens.golden_model(variant)
    reader = tf.train.load_checkpoint(str(goldens.shared(f"data/goldens/{variant}/classifier.ckpt.index").with_suffix("")))
    head = {name: tf.Variable(reader.get_tensor(name), name=name) for name in ("output_weights", "output_bias")}
    variables = {name: variable for name, variable in model.weights.items() if name.startswith("bert/")} | head

    def loss_of():
        pooled = model(values["input_ids"], values["input_mask"], values["segment_ids"]).pooled_output
        logits = tf.matmul(pooled, head["output_weights"], transpose_b=True) + head["output_bias"]
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=values["labels"], logits=logits))

    optimizer = Optimizer(config("adamw-reference", learning_rate=2e-4), variables)
    np.testing.assert_allclose(losses_of(optimizer, list(variables.values()), loss_of, 8), values["adamw_losses"], rtol=1e-5)


@pytest.mark.parametrize(
    ("update", "rate"), [(1, 0.0025), (3, 0.0075), (4, 0.01 * (1 - 4 / 20)), (10, 0.005), (19, 0.0005), (20, 0.0), (25, 0.0)]
)
def test_schedule_rises_then_falls_on_the_line_from_step_0(update, rate):
    assert float(learning_rate_at(tf.constant(update), config())) == pytest.approx(rate, abs=1e-9)


def test_schedule_without_warmup_begins_on_the_line():
    assert float(learning_rate_at(tf.constant(1), config(num_warmup_steps=0))) == pytest.approx(0.01 * 19 / 20)


def test_rate_of_another_batch():
    assert scale_to_batch(0.00176, 4096) == 0.00176
    assert scale_to_batch(0.00176, 1024) == pytest.approx(0.00088)


def one_update(name, weight, gradient, *, variable="kernel", **changes):
    """What one update makes of a small variable, at rate 0.1 and without clipping."""
    changed = tf.Variable(np.array(weight, np.float32))
    settings = {"learning_rate": 0.1, "num_warmup_steps": 1, "num_train_steps": 10**6, "clip_norm": 1e9} | changes
    Optimizer(config(name, **settings), {variable: changed}).apply([tf.constant(np.array(gradient, np.float32))])
    return changed.numpy()


def test_adamw_corrects_the_bias_of_its_moments():
    """m̂ = g and v̂ = g² at the first update, so every weight goes by the rate, and decays by rate × 0.01."""
    np.testing.assert_allclose(one_update("adamw", [1.0, -2.0], [0.5, 3.0]), [1 - 0.1 - 0.001, -2 - 0.1 + 0.002], rtol=1e-5)


def test_adamw_of_the_reference_does_not():
    m, v = 0.1 * 0.5, 0.001 * 0.25
    np.testing.assert_allclose(one_update("adamw-reference", [1.0], [0.5]), [1 - 0.1 * (m / (math.sqrt(v) + 1e-6) + 0.01)], rtol=1e-5)


def test_biases_and_norms_do_not_decay():
    assert one_update("adamw", [1.0], [0.0], variable="dense/bias") == [1.0]
    assert one_update("adamw", [1.0], [0.0], variable="LayerNorm/gamma") == [1.0]
    np.testing.assert_allclose(one_update("adamw", [1.0], [0.0]), [1 - 0.1 * 0.01])


def test_only_brightmart_gives_biases_a_trust_ratio():
    change = 0.1 * 0.5 / (math.sqrt(0.001 * 0.25) + 1e-6)
    np.testing.assert_allclose(one_update("lamb", [4.0], [0.5], variable="bias"), [4 - 0.1 * change], rtol=1e-5)
    np.testing.assert_allclose(one_update("lamb-brightmart", [4.0], [0.5], variable="bias"), [4 - 0.1 * 4.0], rtol=1e-5)


def test_trust_ratio_is_1_where_a_norm_is_0():
    assert float(trust_ratio(tf.constant([3.0, 4.0]), tf.constant([0.0, 2.0]))) == 2.5
    assert float(trust_ratio(tf.zeros(2), tf.ones(2))) == 1.0
    assert float(trust_ratio(tf.ones(2), tf.zeros(2))) == 1.0


def test_clipping_is_over_all_gradients_and_adds_up_sparse_rows():
    sparse = tf.IndexedSlices(tf.constant([[3.0], [3.0]]), tf.constant([1, 1]), tf.constant([3, 1]))
    clipped, norm = clip_by_global_norm([tf.constant([8.0]), sparse], 1.0)
    assert float(norm) == 10.0
    np.testing.assert_allclose(clipped[0], [0.8])
    np.testing.assert_allclose(clipped[1], [[0.0], [0.6], [0.0]])
    untouched, norm = clip_by_global_norm([tf.constant([0.25])], 1.0)
    assert (float(untouched[0][0]), float(norm)) == (0.25, 0.25)


def test_slots_are_named_as_in_the_checkpoints():
    for name, rule in RULES.items():
        optimizer = Optimizer(config(name), {"a/kernel": tf.Variable([1.0])})
        assert list(optimizer.slots) == [f"a/kernel/{rule.slots[0]}", f"a/kernel/{rule.slots[1]}"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "sgd"}, 'optimizer "sgd" is unknown'),
        ({"learning_rate": 0.0}, "learning_rate 0.0 is not a positive number"),
        ({"learning_rate": math.nan}, "learning_rate nan is not"),
        ({"num_train_steps": 0}, "num_train_steps 0 is less than 1"),
        ({"num_warmup_steps": 21}, "num_warmup_steps 21 is outside 0 … num_train_steps 20"),
    ],
)
def test_values_that_cannot_work_are_refused(change, message):
    with pytest.raises(AlbertError) as refused:
        config(**change)
    assert message in str(refused.value)
