import dataclasses
import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from albert_core import checkpoints
from albert_core.config import GOOGLE
from albert_core.errors import AlbertError
from albert_core.huggingface import FACTORS, is_huggingface, read_huggingface, write_huggingface
from albert_core.huggingface_names import config_from_theirs, config_to_theirs, same_groups
from albert_core.modeling import Albert
from albert_core.parameters import WORD_EMBEDDINGS, Heads
from tests.albert_core import goldens
from tests.albert_core.test_modeling import SMALL, VARIANTS, random_inputs, with_random_weights
from tests.shared_data import shared

VOCABULARY = "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"今天气很好，。"]).encode() + b"\n"
WITH_A_FORM = [name for name, config in VARIANTS.items() if config.ln_type != "preln"]
PREFIX = "albert.encoder.albert_layer_groups"


def export(folder, name, **options):
    model = with_random_weights(VARIANTS[name], **options)
    write_huggingface(folder, model, vocabulary=VOCABULARY, normalization={})
    return model


def built(read):
    """The model of what was read."""
    model = Albert(read.config, heads=Heads.of({name: tensor.shape for name, tensor in read.tensors.items()}))
    checkpoints.assign(model.weights, read.tensors, origin="test")
    return model


def change(folder, edit, name="model.safetensors"):
    """Rewrite a safetensors file after `edit` has changed its tensors in place."""
    tensors = load_file(folder / name)
    edit(tensors)
    save_file(tensors, folder / name)


def change_config(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_outputs_of_the_golden_model():
    values, read = goldens.golden("huggingface"), read_huggingface(shared("data/goldens/huggingface"))
    assert (read.skipped, read.notes) == ({}, [])
    model = built(read)
    output = model(*(values[key].astype(np.int32) for key in ("input_ids", "attention_mask", "token_type_ids")))
    everywhere = np.tile(np.arange(32, dtype=np.int32), (4, 1))
    np.testing.assert_allclose(output.sequence_output, values["last_hidden_state"], atol=1e-5)
    np.testing.assert_allclose(output.pooled_output, values["pooler_output"], atol=1e-5)
    np.testing.assert_allclose(model.masked_logits(output.sequence_output, everywhere), values["prediction_logits"], atol=1e-5)
    np.testing.assert_allclose(model.order_logits(output.pooled_output), values["sop_logits"], atol=1e-5)


@pytest.mark.parametrize("name", WITH_A_FORM)
def test_out_and_back_is_bitwise(tmp_path, name):
    model = export(tmp_path, name, heads=Heads(num_labels=3))
    read = read_huggingface(tmp_path)
    assert read.config == model.config
    assert {n: t.tobytes() for n, t in read.tensors.items()} == {n: v.numpy().tobytes() for n, v in model.weights.items()}
    assert read.notes == []


@pytest.mark.parametrize("name", WITH_A_FORM)
def test_without_the_factors_the_function_is_the_same(tmp_path, name):
    """What transformers sees: only its own files."""
    model = export(tmp_path, name)
    (tmp_path / FACTORS).unlink(missing_ok=True)
    read = read_huggingface(tmp_path)
    inputs = random_inputs(model.config)
    positions = np.array([[1, 3], [0, 4], [1, 1]], np.int32)
    ours, other = model(*inputs), (again := built(read))(*inputs)
    np.testing.assert_allclose(other.sequence_output, ours.sequence_output, atol=2e-5)
    np.testing.assert_allclose(other.pooled_output, ours.pooled_output, atol=2e-5)
    words = model.masked_logits(ours.sequence_output, positions)
    np.testing.assert_allclose(again.masked_logits(other.sequence_output, positions), words, atol=2e-4)


@pytest.mark.parametrize("variant", [goldens.BRIGHTMART, goldens.GOOGLE])
def test_a_tf1_checkpoint_goes_there_and_back_bitwise(tmp_path, variant):
    model = goldens.golden_model(variant)
    write_huggingface(tmp_path / "hf", model, vocabulary=VOCABULARY, normalization={})
    checkpoints.write_bundle(tmp_path / "back", read_huggingface(tmp_path / "hf").tensors)
    original = checkpoints.read_bundle(shared(f"data/goldens/{variant}/albert_model.ckpt.index").with_suffix(""))
    back = checkpoints.read_bundle(tmp_path / "back")
    assert {name: tensor.tobytes() for name, tensor in back.items()} == {name: original[name].tobytes() for name in back}
    assert set(back) == set(model.weights)


def test_brightmart_trained_on_in_pytorch_is_read_as_google(tmp_path):
    model = export(tmp_path, "postln")

    def train(tensors):
        tensors["albert.embeddings.word_embeddings.weight"][3, 4] += 1

    change(tmp_path, train)
    read = read_huggingface(tmp_path)
    assert read.config == dataclasses.replace(SMALL, variant=GOOGLE, embedding_size=12)
    assert read.notes == [
        "albert_zh_factors.safetensors is left aside: the word embeddings have been trained on since, and are no product of its factors; "
        "read as google variant, embedding_size 12, 1 groups"
    ]
    assert read.tensors[WORD_EMBEDDINGS].shape == (40, 12)
    assert "bert/embeddings/word_embeddings_2" in model.weights
    assert "bert/embeddings/word_embeddings_2" not in read.tensors


def test_a_trained_mapping_is_kept(tmp_path):
    export(tmp_path, "postln")

    def train(tensors):
        tensors["albert.encoder.embedding_hidden_mapping_in.weight"][3, 4] = 0.5

    change(tmp_path, train)
    read = read_huggingface(tmp_path)
    assert read.config.embedding_mapping is True
    assert read.tensors["bert/encoder/embedding_hidden_mapping_in/kernel"][4, 3] == 0.5  # ours is the transpose
    assert "mapping has been trained on" in read.notes[0]


def test_layers_trained_apart_stay_apart(tmp_path):
    export(tmp_path, "own feed-forward")

    def train(tensors):
        tensors[f"{PREFIX}.2.albert_layers.0.attention.query.bias"][0] += 1

    change(tmp_path, train)
    read = read_huggingface(tmp_path)
    assert (read.config.variant, read.config.num_hidden_groups, read.config.sharing) == (GOOGLE, 4, "all")
    assert "trained apart" in read.notes[0]


def test_where_transformers_numbers_groups_otherwise(tmp_path):
    """int(9 / (18 / 14)) is 6, Google's 9 · 14 // 18 is 7; at no size that anyone has published."""
    assert [(n, g) for n in range(1, 20) for g in range(1, n + 1) if not same_groups(n, g)] == [(18, 14)]
    uneven = dataclasses.replace(VARIANTS["google"], num_hidden_layers=18, num_hidden_groups=14)
    model = with_random_weights(uneven)
    write_huggingface(tmp_path, model, vocabulary=VOCABULARY, normalization={})
    assert json.loads((tmp_path / "config.json").read_text())["num_hidden_groups"] == 18
    assert read_huggingface(tmp_path).config == uneven
    config = config_from_theirs(config_to_theirs(uneven, Heads()))
    assert config.num_hidden_groups == 14


def test_tensors_that_are_not_taken_have_a_reason(tmp_path):
    model = export(tmp_path, "bert")
    words = model.weights[WORD_EMBEDDINGS].numpy()
    extra = {
        "bert.embeddings.position_ids": np.arange(10),
        "cls.predictions.decoder.weight": words,
        "cls.predictions.decoder.bias": model.weights["cls/predictions/output_bias"].numpy(),
        "qa_outputs.weight": np.zeros((2, 12), np.float32),
    }
    change(tmp_path, lambda tensors: tensors.update(extra))
    assert read_huggingface(tmp_path).skipped == {
        "bert.embeddings.position_ids": "a buffer that counts, no weight",
        "cls.predictions.decoder.weight": "tied: the same values as bert/embeddings/word_embeddings",
        "cls.predictions.decoder.bias": "tied: the same values as cls/predictions/output_bias",
        "qa_outputs.weight": "no part of a model that is pretrained, or labels sequences",
    }


def test_a_token_classifier_is_no_sequence_classifier(tmp_path):
    export(tmp_path, "google", heads=Heads(num_labels=3))
    change_config(tmp_path, architectures=["AlbertForTokenClassification"])
    read = read_huggingface(tmp_path)
    assert "output_weights" not in read.tensors
    assert read.skipped["classifier.weight"] == "a head of AlbertForTokenClassification, which does not label sequences"


def test_an_output_layer_of_its_own_is_refused(tmp_path):
    model = export(tmp_path, "bert")
    decoder = {"cls.predictions.decoder.weight": model.weights[WORD_EMBEDDINGS].numpy() * 2}
    change(tmp_path, lambda tensors: tensors.update(decoder))
    with pytest.raises(AlbertError, match=r"decoder\.weight differs from bert/embeddings/word_embeddings"):
        read_huggingface(tmp_path)


def test_a_base_model_and_the_oldest_names_are_read(tmp_path):
    """AlbertModel and BertModel save without prefix; the first BERTs call the norm's weights gamma and beta; a pooler may be missing."""
    model = export(tmp_path, "bert", heads=Heads(masked_words=False, sentence_order=False))
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}

    def rename(tensors):
        for name in list(tensors):
            last = ".".join(name.split(".")[-2:])
            new = name.removeprefix("bert.").removesuffix(last) + old.get(last, last)
            tensors[new] = tensors.pop(name)
        del tensors["pooler.dense.weight"], tensors["pooler.dense.bias"]

    change(tmp_path, rename)
    read = read_huggingface(tmp_path)
    assert set(model.weights) - set(read.tensors) == {"bert/pooler/dense/kernel", "bert/pooler/dense/bias"}
    assert all(np.array_equal(tensor, model.weights[name]) for name, tensor in read.tensors.items())


def test_a_wrong_shape_names_tensor_found_and_expected(tmp_path):
    export(tmp_path, "google")
    change_config(tmp_path, intermediate_size=24)
    message = rf"{PREFIX}.0.albert_layers.0.ffn.weight has shape \[20, 12\], config.json asks for \[24, 12\]"
    with pytest.raises(AlbertError, match=message):
        read_huggingface(tmp_path)


def test_layers_beyond_the_configuration_are_not_lost_silently(tmp_path):
    export(tmp_path, "bert")
    change_config(tmp_path, num_hidden_layers=3)
    with pytest.raises(AlbertError, match=r"bert\.encoder\.layer\.3\.\S+ is part of an encoder that has more layers"):
        read_huggingface(tmp_path)


def test_cut_factors_are_damaged(tmp_path):
    export(tmp_path, "postln")
    (tmp_path / FACTORS).write_bytes((tmp_path / FACTORS).read_bytes()[:100])
    with pytest.raises(AlbertError, match="remove it to read the model without its factors"):
        read_huggingface(tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model_type": "roberta"}, 'model_type is "roberta", not albert or bert'),
        ({"model_type": "t5"}, 'model_type is "t5"'),
        ({"hidden_act": "silu"}, 'hidden_act "silu" is not supported\nknown: gelu_new, relu, gelu'),
        ({"position_embedding_type": "relative_key"}, 'position_embedding_type "relative_key"'),
        ({"is_decoder": True}, "is_decoder is true"),
        ({"num_attention_heads": 5}, "hidden_size 12 cannot be divided among 5"),
    ],
)
def test_other_architectures_are_refused(tmp_path, values, message):
    export(tmp_path, "google")
    change_config(tmp_path, **values)
    with pytest.raises(AlbertError, match=message):
        read_huggingface(tmp_path)


def test_weights_of_another_model_are_refused(tmp_path):
    export(tmp_path, "bert")
    change_config(tmp_path, model_type="albert", embedding_size=12)
    with pytest.raises(AlbertError, match=r"lacks albert.embeddings.word_embeddings.weight, .* more\nit is of another model"):
        read_huggingface(tmp_path)


def test_pre_norm_and_a_larger_vocabulary_are_refused(tmp_path):
    with pytest.raises(AlbertError, match="pre-norm model has no form in Hugging Face"):
        export(tmp_path, "preln")
    model = Albert(dataclasses.replace(SMALL, vocab_size=11))
    with pytest.raises(AlbertError, match="vocabulary has 12 entries, the model has vocab_size 11"):
        write_huggingface(tmp_path, model, vocabulary=VOCABULARY, normalization={})
    assert not (tmp_path / "config.json").exists()


def test_a_folder_that_is_no_model(tmp_path):
    assert not is_huggingface(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(SMALL.to_json()))
    assert not is_huggingface(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "albert"}')
    assert is_huggingface(tmp_path)
    with pytest.raises(AlbertError, match="lacks hidden_size, intermediate_size"):
        read_huggingface(tmp_path)
