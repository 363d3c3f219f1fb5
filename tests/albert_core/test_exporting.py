import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from albert_core import exporting
from albert_core.errors import AlbertError
from albert_core.exporting import export_model, find_differences
from albert_core.model_directory import write_description, write_weights
from albert_core.model_source import load_model
from albert_core.parameters import Heads
from tests.albert_core.test_modeling import SMALL, VARIANTS, with_random_weights

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = "".join(f"{token}\n" for token in [*SPECIAL, *(chr(0x4E00 + i) for i in range(35))]).encode()
ORIGINAL = ["postln", "preln", "relu", "google", "groups", "inner groups", "no mapping", "bert"]


def save(folder, config, **options):
    model = with_random_weights(config, **options)
    write_description(folder, config, VOCABULARY, {"lower_case": True})
    write_weights(folder, model)
    return model


@pytest.mark.parametrize("name", ORIGINAL)
def test_a_tf1_checkpoint_holds_the_same_bits(tmp_path, name):
    model = save(tmp_path / "model", VARIANTS[name], heads=Heads(num_labels=3))
    report = export_model(tmp_path / "model", tmp_path / "out", format="tf1")
    assert [check["largest_difference"] for check in report["checks"]] == [0.0] * 7
    again = load_model(tmp_path / "out")
    assert again.config == model.config
    assert {n: v.numpy().tobytes() for n, v in again.weights.items()} == {n: v.numpy().tobytes() for n, v in model.weights.items()}
    config = "bert_config.json" if name == "bert" else "albert_config.json"
    bundle = ["albert_model.ckpt.data-00000-of-00001", "albert_model.ckpt.index"]
    assert set(report["files"]) == {config, *bundle, "checkpoint", "vocab.txt"}
    assert (tmp_path / "out" / "vocab.txt").read_bytes() == VOCABULARY


@pytest.mark.parametrize(
    ("name", "reason"),
    [("nothing shared", 'sharing "none"'), ("exact gelu", "gelu_erf"), ("mapping of equal sizes", "embedding_mapping True")],
)
def test_what_the_original_program_cannot_say_is_refused(tmp_path, name, reason):
    save(tmp_path / "model", VARIANTS[name])
    with pytest.raises(AlbertError, match=reason):
        export_model(tmp_path / "model", tmp_path / "out", format="tf1")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_pre_norm_has_no_hugging_face_form_and_nothing_is_left(tmp_path):
    save(tmp_path / "model", VARIANTS["preln"])
    with pytest.raises(AlbertError, match="has no form in Hugging Face"):
        export_model(tmp_path / "model", tmp_path / "out", format="huggingface")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert export_model(tmp_path / "model", tmp_path / "out", format="albert")["checks"][0]["passed"]


def test_an_interrupted_export_leaves_nothing(tmp_path, monkeypatch):
    save(tmp_path / "model", SMALL)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(exporting, "find_differences", interrupt)
    with pytest.raises(KeyboardInterrupt):
        export_model(tmp_path / "model", tmp_path / "out", format="albert")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_changed_weight_is_found(tmp_path):
    model = save(tmp_path / "model", SMALL)
    kernel = model.weights["bert/pooler/dense/kernel"]
    kernel.assign(kernel + 0.01)
    passed = {check["name"]: check["passed"] for check in find_differences(tmp_path / "model", model, "albert")}
    assert [name for name in passed if not passed[name]] == ["configuration and tensors", "pooled output", "sentence order"]


def test_a_used_folder_and_an_unknown_format_are_refused(tmp_path):
    save(tmp_path / "model", SMALL)
    with pytest.raises(AlbertError, match="nothing is overwritten"):
        export_model(tmp_path / "model", tmp_path / "model", format="tf1")
    with pytest.raises(AlbertError, match='"onnx"\nknown: huggingface, tf1, albert'):
        export_model(tmp_path / "model", tmp_path / "out", format="onnx")


def test_hugging_face_carries_the_way_back(tmp_path):
    model = save(tmp_path / "model", dataclasses.replace(SMALL, hidden_dropout_prob=0.1))
    export_model(tmp_path / "model", tmp_path / "out", format="huggingface")
    again = load_model(tmp_path / "out")
    for name, variable in model.weights.items():
        np.testing.assert_array_equal(again.weights[name], variable)


def test_an_export_draws_nothing_so_it_works_in_the_process_of_a_training_run(tmp_path):
    """Pretraining turns on op determinism for the whole process, under which an unseeded random op is an error."""
    save(tmp_path / "model", SMALL)
    script = (
        "import sys, tensorflow as tf; tf.config.experimental.enable_op_determinism(); from albert_core.exporting import export_model; "
        "assert all(check['passed'] for check in export_model(sys.argv[1], sys.argv[2], format='tf1')['checks'])"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "model"), str(tmp_path / "out")], check=True)
    assert (tmp_path / "out" / "albert_model.ckpt.index").exists()
