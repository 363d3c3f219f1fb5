"""What ALBERT changed in BERT, with the numbers of the paper (arXiv 1909.11942)."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from albert_core.config import GOOGLE, AlbertConfig
from albert_core.modeling import Albert
from albert_core.parameters import Heads, list_parameters
from tests.albert_core.test_modeling import SMALL, random_inputs, with_random_weights

NO_HEADS = Heads(masked_words=False, sentence_order=False)
BASE = AlbertConfig(
    vocab_size=30_000, hidden_size=768, num_hidden_layers=12, num_attention_heads=12, intermediate_size=3072, variant=GOOGLE
)


def count(config, *parts):
    """Values in the model; in `parts` of it if any are named."""
    return sum(parameter.count for parameter in list_parameters(config, NO_HEADS) if not parts or parameter.part in parts)


def test_factorised_embedding_needs_v_times_e_and_e_times_h_in_place_of_v_times_h():
    """§3.1: at xxlarge's H = 4096 and E = 128 the table of 30,000 words shrinks from 123 million values to 4.4 million."""
    xxlarge = AlbertConfig.named("xxlarge", vocab_size=30_000)
    assert 30_000 * 4096 == 122_880_000
    assert count(xxlarge, "word embeddings", "embedding projection") == 30_000 * 128 + 128 * 4096 == 4_364_288


def test_one_layer_in_place_of_twelve():
    """§3.1: the encoder that the reference program demonstrates with, of H = 1024, is a twelfth when all of it is shared."""
    sizes = {"vocab_size": 100, "hidden_size": 1024, "num_hidden_layers": 12, "num_attention_heads": 16, "intermediate_size": 3072}
    assert count(AlbertConfig(**sizes, sharing="none"), "encoder") == 125_976_576
    assert count(AlbertConfig(**sizes), "encoder") == 10_498_048


@pytest.mark.parametrize(
    ("embedding_size", "sharing", "millions"),
    [
        *[(768, "all", 31), (768, "attention", 83), (768, "ffn", 57), (768, "none", 108)],
        *[(128, "all", 12), (128, "attention", 64), (128, "ffn", 38), (128, "none", 89)],
    ],
)
def test_what_each_way_of_sharing_costs(embedding_size, sharing, millions):
    """Table 4: ALBERT base, by what its layers share. The paper rounds, and does not say which heads it counts: within 1.1 million."""
    how = {"num_hidden_groups": 12} if sharing == "none" else {"sharing": sharing}
    assert count(dataclasses.replace(BASE, embedding_size=embedding_size, **how)) / 1e6 == pytest.approx(millions, abs=1.1)


def test_a_shared_weight_learns_from_every_layer_and_so_all_layers_change_alike():
    """§3.1: the gradient of the shared kernel is the sum of those that four separate layers of equal weights would get."""
    shared = with_random_weights(SMALL)
    own = Albert(dataclasses.replace(SMALL, sharing="none"))
    for name, variable in own.weights.items():
        parts = [f"layer_{'shared' if part[6:].isdigit() else part[6:]}" if part.startswith("layer_") else part for part in name.split("/")]
        variable.assign(shared.weights["/".join(parts)])
    name = "bert/encoder/layer_{}/intermediate/dense/kernel"
    together = kernel_gradients(shared, [name.format("shared")])[0]
    apart = kernel_gradients(own, [name.format(layer) for layer in range(4)])
    np.testing.assert_allclose(together, np.sum(apart, axis=0), rtol=1e-3, atol=1e-4)
    assert np.abs(apart[0] - apart[1]).max() > 1e-3  # without sharing the layers part at the first step


def kernel_gradients(model, names):
    """Gradients of an arbitrary loss with respect to the weights `names`."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(model(*random_inputs(SMALL)).sequence_output[:, :, 0]))
    return [gradient.numpy() for gradient in tape.gradient(loss, [model.weights[name] for name in names])]
