"""The phone's form gives the same answers."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from albert_core.config import AlbertConfig
from albert_core.errors import AlbertError
from albert_core.inference_graphs import task_graph
from albert_core.litert import LiteRtModel, export_litert, load_program
from albert_core.litert_conversion import convert
from albert_core.litert_process import measure_process
from albert_core.model_directory import write_description, write_weights
from albert_core.modeling import Albert
from albert_core.parameters import Heads
from albert_core.prediction import Predictor
from albert_core.task_model import TaskModel, write_task
from albert_core.tasks import TASKS
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
    with pytest.raises(AlbertError, match="--quantize float16 is unknown\nknown: none, dynamic, full"):
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
    content = convert(task_graph(model, "classify", (1, 64)), "none")
    parameters = sum(int(np.prod(variable.shape)) for variable in model.weights.values())
    assert len(content) < 4 * parameters + 100_000


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """A model without a task, that has its masked-word head."""
    path = tmp_path_factory.mktemp("litert") / "pretrained"
    config = dataclasses.replace(WITHOUT_DROPOUT, initializer_range=0.2)
    write_description(path, config, "".join(f"{token}\n" for token in VOCABULARY).encode(), {"lower_case": True})
    write_weights(path, Albert(config, seed=1))
    return path


@pytest.mark.slow
def test_a_pretrained_model_gives_the_vectors_and_words_of_python(pretrained, tmp_path):
    predictor, text = Predictor.load(pretrained), "我们去公园看花。"
    ids = predictor._tokenizer.encode(text)
    values = {name: np.zeros((1, 32), np.int32) for name in ("input_ids", "input_mask", "segment_ids")}
    values["input_ids"][0, : len(ids) + 2] = [predictor._tokenizer.cls_id, *ids, predictor._tokenizer.sep_id]
    values["input_mask"][0, : len(ids) + 2] = 1
    export_litert(pretrained, tmp_path / "encoder", max_seq_length=32)
    found = load_program(tmp_path / "encoder").run(values)
    np.testing.assert_allclose(found["embedding"], predictor.embed([text]), atol=1e-5)

    export_litert(pretrained, tmp_path / "words", head="masked_words", max_seq_length=32)
    values["input_ids"][0, 3] = predictor._tokenizer.mask_id
    found = load_program(tmp_path / "words").run(values | {"masked_lm_positions": np.array([[3, 0, 0, 0]], np.int32)})
    (best, *_), *_ = predictor.masked_words([text.replace("去", "[MASK]")])[0].masks
    at = int(found["log_probs"][0, 0].argmax())
    assert (VOCABULARY[at], pytest.approx(best.probability, abs=1e-5)) == (best.token, np.exp(found["log_probs"][0, 0, at]))


@pytest.mark.slow
def test_all_in_eight_bits_knows_padding_and_gives_nearly_the_same(fine_tuned, tmp_path):
    """With the adder of -10,000 for padding every score of the attention was rounded to 0."""
    pytest.importorskip("litert_quantizer")
    path = fine_tuned("tnews")
    (tmp_path / "lines.txt").write_text("".join(f"{line}\n" for line in SENTENCES))
    report = export_litert(path, tmp_path / "full", quantize="full", representative=tmp_path / "lines.txt")
    assert 0 < report["checks"][0]["largest_difference"] < 0.5
    ours, theirs = TaskModel.load(path), LiteRtModel.load(tmp_path / "full")
    records = [ours.record_of([text]) for text in SENTENCES]
    differences = [np.abs(np.subtract(a.scores, b.scores)).max() for a, b in zip(ours.answer(records), theirs.answer(records), strict=True)]
    assert 0 < max(differences) < 0.1
    details = theirs._program._interpreter.get_tensor_details()
    assert 0 < max(scale for tensor in details for scale in tensor["quantization_parameters"]["scales"]) < 1  # 10,000 / 255 is one of 39


def test_what_quantization_needs_is_said(fine_tuned, pretrained, tmp_path):
    path = fine_tuned("cmrc2018")
    (tmp_path / "empty.txt").write_text("\n\n")
    for options, message in [
        ({"quantize": "full"}, "--quantize full needs --representative\ngive full and a file with texts"),
        ({"representative": "x.txt"}, "--quantize none takes no --representative"),
        ({"quantize": "full", "representative": tmp_path / "empty.txt"}, "--quantize full has no form for answers in a text"),
        ({"head": "words"}, "--head words is unknown\nknown: task, encoder, masked_words"),
        ({"head": "masked_words"}, "--head masked_words: this model has no such head"),
    ]:
        with pytest.raises(AlbertError, match=message):
            export_litert(path, tmp_path / "phone", **options)
    with pytest.raises(AlbertError, match=r"empty\.txt has no line of 1 texts"):
        export_litert(pretrained, tmp_path / "phone", quantize="full", representative=tmp_path / "empty.txt")
    with pytest.raises(AlbertError, match="--max-seq-length 64 is more than the 32 positions"):
        export_litert(pretrained, tmp_path / "phone", max_seq_length=64)
    assert not (tmp_path / "phone").exists()


@pytest.mark.slow
def test_memory_is_that_of_a_process_without_tensorflow(pretrained, tmp_path):
    pytest.importorskip("ai_edge_litert")
    export_litert(pretrained, tmp_path / "phone", max_seq_length=32)
    measured = measure_process(tmp_path / "phone" / "model.tflite", threads=1, calls=2)
    assert 0 < measured["peak_mb"] < 30 < measured["process_mb"] < 150
    assert measure_process(tmp_path / "nowhere.tflite", threads=1) is None
