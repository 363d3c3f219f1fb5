from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from albert_core.errors import AlbertError
from albert_core.model_directory import write_description, write_weights
from albert_core.modeling import Albert
from albert_core.prediction import Predictor
from albert_core.tokenization import Tokenizer
from tests.albert_core.small_dataset import VOCABULARY
from tests.albert_core.test_model_directory import CONFIG, CONTENT

TOKENIZER = Tokenizer(VOCABULARY)


def predictor_of(**biases):
    """A model that answers by its biases alone: the hidden states are multiplied by zero."""
    model = Albert(CONFIG, seed=3)
    for name in ("bert/embeddings/word_embeddings", "cls/seq_relationship/output_weights"):
        model.weights[name].assign(np.zeros(model.weights[name].shape))
    for name, bias in biases.items():
        model.weights[{"words": "cls/predictions/output_bias", "order": "cls/seq_relationship/output_bias"}[name]].assign(bias)
    return Predictor(model, TOKENIZER)


def test_words_come_with_their_probabilities_best_first():
    bias = np.full(len(VOCABULARY), -100.0)
    bias[[VOCABULARY.index("花"), VOCABULARY.index("天")]] = np.log([0.75, 0.25])
    (words,) = predictor_of(words=bias).masked_words(["春[MASK]来了"], top_k=2)
    assert [token for token, _ in words.masks[0]] == ["花", "天"]
    np.testing.assert_allclose([probability for _, probability in words.masks[0]], [0.75, 0.25], rtol=1e-5)
    assert (words.text, words.filled) == ("春[MASK]来了", "春花来了")


def test_each_mask_is_answered_at_its_own_place():
    """Against the model itself, with several masks a text, texts of several lengths, and more of them than a batch holds."""
    model = Albert(CONFIG, seed=5)
    for name, variable in model.weights.items():
        variable.assign(variable * 20 if "kernel" in name or "embeddings" in name else variable)
    texts = ["春[MASK]来了[MASK]", "[MASK]们去公园[MASK]花。天黑了[MASK]", "花[MASK]"] * 12
    for text, words in zip(texts, Predictor(model, TOKENIZER).masked_words(texts, top_k=1), strict=True):
        pieces = text.replace("[MASK]", "\0")
        ids = [TOKENIZER.cls_id, *(TOKENIZER.mask_id if c == "\0" else VOCABULARY.index(c) for c in pieces), TOKENIZER.sep_id]
        inputs = np.array([ids], np.int32)
        positions = np.array([[at for at, token in enumerate(ids) if token == TOKENIZER.mask_id]], np.int32)
        sequence = model(inputs, np.ones_like(inputs), np.zeros_like(inputs)).sequence_output
        expected = model.masked_log_probs(sequence, positions).numpy()[0].argmax(-1)
        assert [candidates[0].token for candidates in words.masks] == [VOCABULARY[index] for index in expected]


def test_order_is_the_probability_of_label_0():
    predictor = predictor_of(order=np.log([0.8, 0.2]))
    np.testing.assert_allclose(predictor.sentence_order([("春天来了。", "花开了。")] * 33), [0.8] * 33, rtol=1e-5)


def test_order_sees_which_segment_is_which():
    model = Albert(CONFIG, seed=5)
    model.weights["bert/embeddings/token_type_embeddings"].assign_add(np.eye(2, 8) * 5)
    model.weights["cls/seq_relationship/output_weights"].assign(np.eye(2, 8) * 5)
    first, second = Predictor(model, TOKENIZER).sentence_order([("春天来了。", "花开了。"), ("花开了。", "春天来了。")])
    assert first != second


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: p.masked_words(["春天来了"]), "no [MASK] in “春天来了”\nwrite [MASK]"),
        (
            lambda p: p.masked_words(["[MASK]" * 31]),
            "has 33 tokens with [CLS] and [SEP], the model has 32 positions\nshorten it by 1 tokens",
        ),
        (lambda p: p.sentence_order([("花" * 20, "花" * 20)]), "“花花花花花花花花花花花花花花花花花花花花” has 43 tokens"),
        (lambda p: p.sentence_order([("花", " ")]), "a segment of the pair “花”, “ ” has no tokens"),
    ],
)
def test_texts_that_cannot_be_read_are_refused(call, message):
    with pytest.raises(AlbertError) as refused:
        call(predictor_of())
    assert message in str(refused.value)


def test_another_vocabulary_is_refused():
    with pytest.raises(AlbertError, match=f"the vocabulary has {len(VOCABULARY) + 1} entries, the model's vocab_size is {len(VOCABULARY)}"):
        Predictor(Albert(CONFIG), Tokenizer([*VOCABULARY, "more"]))


def test_loading_a_directory(tmp_path):
    write_description(tmp_path, CONFIG, CONTENT, {"lower_case": True})
    write_weights(tmp_path, Albert(CONFIG))
    assert Predictor.load(tmp_path).masked_words(["花[MASK]"])[0].masks[0][0].probability < 0.2
    (tmp_path / "vocab.txt").unlink()
    with pytest.raises(AlbertError, match=r"vocab\.txt"):
        Predictor.load(tmp_path)


def test_threads_get_the_answers_of_one_thread():
    """Every question from eight threads at once, on a model that has answered nothing yet, so that tracing is part of the race."""
    texts = ["春天来了。", "花[MASK]了，天[MASK]了。", "我们去公园看花。" * 12, "天黑了[MASK]", "花"]
    masked = [text for text in texts if "[MASK]" in text]
    pairs = [(first, second) for first in texts[:2] for second in texts[3:]]
    questions = [
        lambda asked, at: asked.embed(texts[at % 5 :]).tolist(),
        lambda asked, at: asked.masked_words(masked[at % 2 :], top_k=3),
        lambda asked, at: asked.sentence_order(pairs[at % 4 :]),
        lambda asked, at: asked.similarity(pairs[at % 4 :]),
        lambda asked, at: asked.nearest(texts[at % 5], texts, top_k=2),
    ]
    one, many = (Predictor(Albert(CONFIG, seed=5), TOKENIZER) for _ in range(2))
    jobs = [(question, at) for at in range(20) for question in questions]
    expected = [question(one, at) for question, at in jobs]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda job: job[0](many, job[1]), jobs)) == expected
