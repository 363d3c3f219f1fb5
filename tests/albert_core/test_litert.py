"""The phone's form gives the same answers."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from albert_core.config import AlbertConfig
from albert_core.errors import AlbertError
from albert_core.litert import LiteRtModel, convert, export_litert
from albert_core.model_directory import write_description, write_weights
from albert_core.modeling import Albert
from albert_core.parameters import Heads
from albert_core.task_features import Encoder
from albert_core.task_model import TaskModel, write_task
from albert_core.tasks import TASKS
from albert_core.tokenization import Tokenizer
from tests.albert_core.small_dataset import SENTENCES, VOCABULARY
from tests.albert_core.small_run import WITHOUT_DROPOUT

LABELS = {
    "tnews": ("0", "1", "2"),
    "afqmc": ("0", "1"),
    "cluener": ("O", "B-name", "I-name"),
    "cmrc2018": ("start", "end"),
    "c3": ("score",),
}


@pytest.fixture
def fine_tuned(tmp_path):
    """Makes a model directory of a task, with weights that decide clearly."""

    def make(name):
        config = dataclasses.replace(WITHOUT_DROPOUT, max_position_embeddings=96, initializer_range=0.2)
        write_description(tmp_path / name, config, "".join(f"{token}\n" for token in VOCABULARY).encode(), {"lower_case": True})
        write_weights(
            tmp_path / name, Albert(config, heads=Heads(masked_words=False, sentence_order=False, num_labels=len(LABELS[name])), seed=1)
        )
        write_task(tmp_path / name, TASKS[name], LABELS[name], 96)
        return tmp_path / name

    return make


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tnews", "afqmc", "cluener", "cmrc2018"])
def test_every_kind_gives_the_answers_of_python(fine_tuned, tmp_path, name):
    path = fine_tuned(name)
    report = export_litert(path, tmp_path / "phone")
    assert report["checks"][0]["largest_difference"] < 1e-4
    ours, theirs = TaskModel.load(path), LiteRtModel.load(tmp_path / "phone")
    records = [ours.record_of([a, b][: ours.num_texts]) for a in SENTENCES for b in SENTENCES[:4]]
    for expected, found in zip(ours.answer(records), theirs.answer(records), strict=True):
        assert found.value == expected.value
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)


@pytest.mark.slow
def test_eight_bits_are_a_quarter_of_the_size_and_nearly_as_right(fine_tuned, tmp_path):
    path = fine_tuned("tnews")
    sizes = {
        quantize: export_litert(path, tmp_path / quantize, quantize=quantize)["files"]["model.tflite"] for quantize in ("none", "dynamic")
    }
    assert sizes["dynamic"] < sizes["none"]
    ours, theirs = TaskModel.load(path), LiteRtModel.load(tmp_path / "dynamic")
    records = [ours.record_of([text]) for text in SENTENCES]
    differences = [np.abs(np.subtract(a.scores, b.scores)).max() for a, b in zip(ours.answer(records), theirs.answer(records), strict=True)]
    assert 0 < max(differences) < 0.1


def test_what_has_no_such_form_is_refused_and_nothing_is_written(fine_tuned, tmp_path):
    with pytest.raises(AlbertError, match="is of a task with choices, which has no LiteRT form"):
        export_litert(fine_tuned("c3"), tmp_path / "phone")
    with pytest.raises(AlbertError, match="--quantize float16 is unknown\nknown: none, dynamic"):
        export_litert(fine_tuned("tnews"), tmp_path / "phone", quantize="float16")
    assert not (tmp_path / "phone").exists()


@pytest.mark.slow
def test_a_shared_kernel_stands_once(tmp_path):
    """The converter likes to multiply the gamma of a norm into the kernel behind it, which in the first layer has none before it."""
    sizes = AlbertConfig.named("tiny_google", vocab_size=len(VOCABULARY))
    model = Albert(sizes, heads=Heads(masked_words=False, sentence_order=False, num_labels=2), seed=1)
    for name, variable in model.weights.items():
        if name.endswith("gamma"):
            variable.assign(tf.random.stateless_uniform(variable.shape, (1, 2), 0.5, 1.5))
    task = TASKS["afqmc"]
    content = convert(TaskModel(model, task, ("0", "1"), Encoder(task, Tokenizer(VOCABULARY), ("0", "1"), 64)), 64, "none")
    parameters = sum(int(np.prod(variable.shape)) for variable in model.weights.values())
    assert len(content) < 4 * parameters + 100_000
