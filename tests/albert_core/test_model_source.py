import dataclasses
import json
import logging
import shutil

import numpy as np
import pytest
import tensorflow as tf

from albert_core.checkpoints import read_bundle, write_bundle
from albert_core.config import AlbertConfig
from albert_core.errors import AlbertError
from albert_core.huggingface import write_huggingface
from albert_core.model_source import load_model, read_model
from albert_core.modeling import Albert
from albert_core.parameters import Heads
from tests.albert_core.test_exporting import VOCABULARY, save
from tests.albert_core.test_modeling import SMALL, VARIANTS, random_inputs, with_random_weights
from tests.shared_data import shared


def write_checkpoint(folder, tensors, config=None):
    """A released model: a TF1 checkpoint, its configuration and vocabulary."""
    folder.mkdir(exist_ok=True)
    write_bundle(folder / "albert_model.ckpt", tensors)
    (folder / "vocab.txt").write_bytes(VOCABULARY)
    if config is not None:
        (folder / "albert_config.json").write_text(json.dumps(config))
    return folder


def numbers(model):
    return {name: variable.numpy() for name, variable in model.weights.items()}


@pytest.mark.parametrize(("variant", "slots"), [("brightmart_postln", 62), ("google", 64)])
def test_trained_checkpoints_of_the_original_programs(variant, slots):
    """Every name of the file is in exactly one list; the weights are the file's, bit by bit."""
    prefix = shared(f"data/goldens/{variant}/trained.ckpt.index").with_suffix("")
    source, stored = read_model(prefix), read_bundle(prefix, with_slots=True)
    assert sorted([*source.tensors, *source.skipped]) == sorted(stored)
    assert sorted(source.skipped.values()) == ["counter of the training"] + ["optimizer slot"] * slots
    assert source.skipped["global_step"] == "counter of the training"
    assert {name: value.tobytes() for name, value in source.tensors.items()} == {n: stored[n].tobytes() for n in source.tensors}
    assert (source.missing, source.notes, source.format, source.heads) == ([], [], "TF1 checkpoint", Heads())


@pytest.mark.parametrize("name", VARIANTS)
def test_nobody_needs_to_say_which_format_it_is(tmp_path, name):
    model = with_random_weights(VARIANTS[name], heads=Heads(num_labels=3))
    source = read_model(write_checkpoint(tmp_path / "m", model.weights, model.config.to_json()))
    assert source.config == model.config
    assert all((value == source.tensors[key]).all() for key, value in numbers(model).items())


def test_a_configuration_that_says_nothing_of_sharing_follows_the_weights(tmp_path):
    config = {key: value for key, value in VARIANTS["own feed-forward"].to_json().items() if key != "sharing"}
    source = read_model(write_checkpoint(tmp_path / "m", with_random_weights(VARIANTS["own feed-forward"]).weights, config))
    assert source.config.sharing == "attention"
    assert source.notes == ['its layers share "attention", the configuration says "all": read as it is']


def test_a_configuration_without_the_keys_of_its_format_gets_that_programs_defaults(tmp_path):
    """Google's program takes one group, and no dropout, where the file says nothing."""
    config = {key: SMALL.to_json()[key] for key in SMALL.to_json() if key not in ("ln_type", "hidden_dropout_prob")}
    source = read_model(write_checkpoint(tmp_path / "m", with_random_weights(VARIANTS["google"]).weights, config))
    assert source.config == VARIANTS["google"]


def test_a_configuration_by_name_and_without_one_a_hint(tmp_path):
    tiny = AlbertConfig.named("tiny", vocab_size=40)
    folder = write_checkpoint(tmp_path / "m", Albert(tiny).weights)
    with pytest.raises(AlbertError, match=r"holds no config\.json\nits shapes are those of tiny: give tiny .*--config tiny"):
        read_model(folder)
    assert read_model(folder, config="tiny").config == tiny
    with pytest.raises(AlbertError, match=r"is of the brightmart format, the configuration tiny_google of the google one\n.*such as tiny"):
        read_model(folder, config="tiny_google")


def test_without_any_hint(tmp_path):
    with pytest.raises(AlbertError, match="put the one it was made with there"):
        read_model(write_checkpoint(tmp_path / "m", with_random_weights(SMALL).weights))


def test_a_missing_pooler_is_drawn_anew_and_said(tmp_path, caplog):
    tensors = {name: value for name, value in numbers(with_random_weights(SMALL)).items() if "pooler" not in name}
    folder = write_checkpoint(tmp_path / "m", tensors, SMALL.to_json())
    source = read_model(folder)
    assert source.missing == ["bert/pooler/dense/bias", "bert/pooler/dense/kernel"]
    with caplog.at_level(logging.WARNING):
        model = load_model(folder, seed=3)
    assert "bert/pooler/dense/bias, bert/pooler/dense/kernel not there: drawn anew" in caplog.text
    expected = Albert(SMALL, seed=3).weights["bert/pooler/dense/kernel"]
    np.testing.assert_array_equal(model.weights["bert/pooler/dense/kernel"], expected)
    np.testing.assert_array_equal(model.weights["bert/embeddings/word_embeddings"], tensors["bert/embeddings/word_embeddings"])


def test_names_below_a_scope_and_half_precision(tmp_path):
    model = with_random_weights(SMALL)
    tensors = {f"module/{name}": value.astype(np.float16) for name, value in numbers(model).items()}
    source = read_model(write_checkpoint(tmp_path / "m", tensors, SMALL.to_json()))
    assert source.notes == ['names stand below "module/"', "weights are stored as float16: read as float32"]
    kernel = "bert/pooler/dense/kernel"
    np.testing.assert_array_equal(source.tensors[kernel], model.weights[kernel].numpy().astype(np.float16).astype(np.float32))


def test_a_safetensors_file_stands_for_its_folder(tmp_path):
    write_huggingface(tmp_path / "hf", with_random_weights(SMALL), vocabulary=VOCABULARY, normalization={"lower_case": False})
    source = read_model(tmp_path / "hf" / "model.safetensors")
    assert (source.format, source.config, source.normalization) == ("Hugging Face folder", SMALL, {"lower_case": False})
    assert source.tokenizer().lower_case is False
    with pytest.raises(AlbertError, match=r"whose config\.json is its own"):
        read_model(tmp_path / "hf", config="tiny")


def test_a_keras_checkpoint_of_tensorflow_2_is_refused(tmp_path):
    tf.train.Checkpoint(kernel=tf.Variable([1.0])).save(str(tmp_path / "ckpt"))
    with pytest.raises(AlbertError, match="ckpt-1: it is an object checkpoint of TensorFlow 2"):
        read_model(tmp_path)


def test_a_fast_configuration_is_refused_by_its_name(tmp_path):
    folder = write_checkpoint(tmp_path / "m", with_random_weights(VARIANTS["google"]).weights, VARIANTS["google"].to_json())
    (folder / "albert_config.json").rename(folder / "albert_config_tiny_google_fast.json")
    with pytest.raises(AlbertError, match="_google_fast configurations are another architecture"):
        read_model(folder)


def test_a_misspelt_key_and_heads_that_do_not_divide(tmp_path):
    folder = write_checkpoint(tmp_path / "m", with_random_weights(SMALL).weights, SMALL.to_json() | {"hiden_size": 3})
    with pytest.raises(AlbertError, match='unknown key "hiden_size"\ndid you mean "hidden_size"'):
        read_model(folder)
    write_checkpoint(folder, with_random_weights(SMALL).weights, SMALL.to_json() | {"num_attention_heads": 5})
    with pytest.raises(AlbertError, match="hidden_size 12 cannot be divided among 5"):
        read_model(folder)


def test_a_model_directory_is_called_so(tmp_path):
    model = save(tmp_path / "m", dataclasses.replace(SMALL, hidden_dropout_prob=0.1))
    source = read_model(tmp_path / "m")
    assert (source.format, source.config, source.vocabulary) == ("model directory", model.config, VOCABULARY)
    (tmp_path / "m" / "normalization.json").write_text("[")
    with pytest.raises(AlbertError, match="is no JSON object"):
        read_model(tmp_path / "m")


def test_bert_computes_the_same_from_a_file_as_before_it(tmp_path):
    model = with_random_weights(VARIANTS["bert"])
    again = load_model(write_checkpoint(tmp_path / "m", model.weights, model.config.to_json()))
    np.testing.assert_array_equal(model(*random_inputs(SMALL)).sequence_output, again(*random_inputs(SMALL)).sequence_output)


def test_a_damaged_data_file_is_named(tmp_path):
    folder = write_checkpoint(tmp_path / "m", with_random_weights(SMALL).weights, SMALL.to_json())
    data = folder / "albert_model.ckpt.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-200])
    with pytest.raises(AlbertError, match=r"albert_model\.ckpt is damaged: "):
        read_model(folder)
    shutil.copy(folder / "vocab.txt", data)
    with pytest.raises(AlbertError, match=r"albert_model\.ckpt is damaged: "):
        read_model(folder)
