"""What ALBERT changed in BERT, with the numbers of the paper (arXiv 1909.11942)."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from albert_core.config import GOOGLE, AlbertConfig
from albert_core.drawing import SENTENCE_START, WORD_START, DrawingOptions, DrawingTables, Instances, draw
from albert_core.modeling import Albert
from albert_core.objectives import pretraining_sums
from albert_core.parameters import Heads, list_parameters
from albert_core.shards import (
    INPUT_IDS,
    INPUT_MASK,
    MASKED_LM_IDS,
    MASKED_LM_POSITIONS,
    MASKED_LM_WEIGHTS,
    NEXT_SENTENCE_LABELS,
    SEGMENT_IDS,
)
from albert_core.tokenization import SPECIAL_TOKENS, Tokenizer
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
    found = count(dataclasses.replace(BASE, embedding_size=embedding_size, **how))
    V, E, H, F = 30_000, embedding_size, 768, 3072
    around = (V + 512 + 2 + 2) * E + (H * H + H) + (E * H + H if E != H else 0)  # words, positions, types, a norm; pooler; mapping
    attention, feed_forward = 4 * (H * H + H) + 2 * H, 2 * H * F + F + H + 2 * H  # each with its norm
    assert found == around + attention * (1 if sharing in ("all", "attention") else 12) + feed_forward * (
        1 if sharing in ("all", "ffn") else 12
    )
    assert found / 1e6 == pytest.approx(millions, abs=1.1)


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


TOKENS = [*SPECIAL_TOKENS, *"春天来了花开我们去公园看。"]
DOCUMENT = ("春天来了。", "花开了。", "我们去公园。", "我们看花。")


def drawn_pairs(count):
    """(segment A, segment B, label) of `count` drawings of DOCUMENT, with the masked words put back."""
    tokens, text = Tokenizer(TOKENS, sha256=""), "".join(DOCUMENT)
    sentence_starts = np.cumsum([0, *map(len, DOCUMENT[:-1])])
    flags = np.full(len(text), WORD_START, np.uint8)
    flags[sentence_starts] |= SENTENCE_START
    instances = Instances(
        token_ids=np.array([tokens.ids[character] for character in text], np.uint16),
        flags=flags,
        starts=np.zeros(count, np.int64),
        ends=np.full(count, len(text), np.int64),
        keys=np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15),
        sources=np.zeros(count, np.uint16),
    )
    drawn = draw(instances, DrawingOptions(max_seq_length=32, max_predictions_per_seq=4), DrawingTables.of(tokens), seed=0)
    for row in range(count):
        ids = drawn.input_ids[row, : drawn.lengths[row]].copy()
        at = slice(drawn.num_predictions[row])
        ids[drawn.positions[row, at]] = drawn.labels[row, at]
        segments = drawn.segment_ids[row, : drawn.lengths[row]]
        a, b = ("".join(TOKENS[index] for index in ids[segments == side] if index >= len(SPECIAL_TOKENS)) for side in (0, 1))
        yield a, b, int(drawn.swapped[row])


def test_sentence_order_asks_which_of_two_neighbours_came_first():
    """§3.1: the negatives are the positives with their segments swapped.

    BERT took the second segment of its negatives from another document, so that the topic gave the answer. Here both come from one
    document and stand next to each other: what a pair is about says nothing, only its order does.
    """
    whole, labels, cuts = "".join(DOCUMENT), [], set()
    for a, b, swapped in drawn_pairs(400):
        first, second = (b, a) if swapped else (a, b)
        assert first + second == whole  # neighbours, nothing between them, nothing from elsewhere
        assert sorted(a + b) == sorted(whole)  # a bag of words cannot tell
        labels.append(swapped)
        cuts.add(len(first))
    assert cuts == {5, 9, 15}  # after each sentence, never within one
    assert 0.45 < np.mean(labels) < 0.55


def test_a_model_that_knows_nothing_of_order_has_a_loss_of_ln_2():
    """The loss is a cross-entropy of two classes; with the head's weights at zero both are as probable."""
    model = with_random_weights(SMALL)
    for name in ("cls/seq_relationship/output_weights", "cls/seq_relationship/output_bias"):
        model.weights[name].assign(tf.zeros_like(model.weights[name]))
    ids, mask, segments = random_inputs(SMALL)
    batch = {INPUT_IDS: ids, INPUT_MASK: mask, SEGMENT_IDS: segments, NEXT_SENTENCE_LABELS: np.array([[0], [1], [1]], np.int32)}
    batch |= {MASKED_LM_POSITIONS: np.array([[1], [2], [1]], np.int32), MASKED_LM_IDS: np.ones((3, 1), np.int32)}
    batch[MASKED_LM_WEIGHTS] = np.ones((3, 1), np.float32)
    _, order_loss = pretraining_sums(model, {name: tf.constant(value) for name, value in batch.items()}).losses()
    assert float(order_loss) == pytest.approx(np.log(2), abs=1e-6)
