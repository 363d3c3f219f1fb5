import numpy as np
import pytest
import tensorflow as tf

from albert_core.objectives import Sums, pretraining_sums
from tests.albert_core import goldens


def golden_batch(values):
    batch = {name: tf.constant(array) for name, array in values.items() if name.startswith(("input", "segment", "masked"))}
    return batch | {"next_sentence_labels": tf.constant(values["sentence_order_labels"][:, None])}


@pytest.mark.parametrize("variant", [goldens.BRIGHTMART, goldens.GOOGLE])
def test_losses_of_the_original_programs(variant):
    values = goldens.golden(variant)
    masked_loss, order_loss = pretraining_sums(goldens.golden_model(variant), golden_batch(values)).losses()
    assert float(masked_loss) == pytest.approx(float(values["mlm_loss"]), abs=1e-5)
    assert float(order_loss) == pytest.approx(float(values["sop_loss"]), abs=1e-5)


def test_hits_and_counts_are_those_of_the_log_probabilities():
    values = goldens.golden(goldens.BRIGHTMART)
    right = values["mlm_log_probs"].argmax(-1)
    values["masked_lm_ids"][0] = right[0]  # six right answers, of which the weights say how many count
    sums = pretraining_sums(goldens.golden_model(goldens.BRIGHTMART), golden_batch(values))
    weights = values["masked_lm_weights"]
    assert 0 < float(sums.masked_correct) == ((right == values["masked_lm_ids"]) * weights).sum()
    assert float(sums.masked_count) == weights.sum()
    assert float(sums.order_correct) == (values["sop_log_probs"].argmax(-1) == values["sentence_order_labels"]).sum() == 3
    assert float(sums.order_count) == 4


def test_rows_of_weight_0_count_for_nothing():
    values, model = goldens.golden(goldens.BRIGHTMART), goldens.golden_model(goldens.BRIGHTMART)
    weights = tf.constant([1.0, 0.0, 1.0, 0.0])
    some = pretraining_sums(model, golden_batch(values), instance_weights=weights)
    kept = pretraining_sums(model, golden_batch({name: array[::2] for name, array in values.items() if array.ndim}))
    np.testing.assert_allclose([float(value) for value in some], [float(value) for value in kept], rtol=1e-6)


def test_parts_add_up_to_means_over_all():
    parts = [Sums(6.0, 1.0, 3.0, 2.0, 1.0, 2.0), Sums(2.0, 1.0, 1.0, 4.0, 1.0, 1.0)]
    metrics = Sums(*np.sum(parts, 0)).metrics()
    assert metrics["masked_lm_loss"] == pytest.approx(2.0, rel=1e-5)
    assert metrics["masked_lm_accuracy"] == pytest.approx(0.5, rel=1e-5)
    assert metrics["sentence_order_loss"] == 2.0
    assert metrics["sentence_order_accuracy"] == 2 / 3
