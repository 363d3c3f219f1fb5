"""A SavedModel that takes strings gives the answers of Python, loaded by TensorFlow alone."""

import dataclasses
import functools
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from tensorflow.core.protobuf import saved_model_pb2

from albert_core.errors import AlbertError
from albert_core.graph_encoder import GraphEncoder
from albert_core.graph_tokenizer import GraphTokenizer
from albert_core.model_directory import write_description, write_weights
from albert_core.modeling import Albert
from albert_core.parameters import PRETRAINING, Heads
from albert_core.prediction import Predictor
from albert_core.saved_model import MODEL, SavedTextModel, export_saved_model
from albert_core.task_features import Encoder, stack_features
from albert_core.task_files import Record
from albert_core.task_model import TaskModel, write_task
from albert_core.tasks import TASKS
from albert_core.tokenization import Tokenizer
from cli.train import train
from tests.albert_core.small_dataset import SENTENCES, VOCABULARY
from tests.albert_core.small_run import WITHOUT_DROPOUT

CONFIG = dataclasses.replace(WITHOUT_DROPOUT, max_position_embeddings=40, initializer_range=0.2)
TEXTS = ["", "花", *SENTENCES[:3], "花开了。" * 9, "".join(SENTENCES) * 3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


def save(folder, heads, task=None, labels=()):
    write_description(folder, CONFIG, "".join(f"{token}\n" for token in VOCABULARY).encode(), {"lower_case": True})
    write_weights(folder, Albert(CONFIG, heads=heads, seed=1))
    if task:
        write_task(folder, TASKS[task], labels, 24)
    return folder


def with_labels(number):
    return Heads(masked_words=False, sentence_order=False, num_labels=number)


@pytest.fixture(scope="module")
def pairs(folder):
    """A model of pairs, and the report of its export."""
    path = save(folder / "pairs", with_labels(2), "afqmc", ("0", "1"))
    return path, folder / "served" / "1", export_saved_model(path, folder / "served" / "1")


@pytest.fixture(scope="module")
def loaded(pairs):
    """It, read back."""
    return SavedTextModel.load(pairs[1])


def test_the_export_says_what_it_wrote_and_compared(pairs):
    _, served, report = pairs
    assert {"saved_model.pb", "task.json", "assets/vocab.txt", "variables/variables.index"} < set(report["files"])
    assert {check["name"]: check["passed"] for check in report["checks"]} == {"embeddings": True, "probabilities": True}
    assert report["notes"] == ["embed takes text", "similarity takes first and second", "serving_default takes first and second"]
    assert (served / "assets/vocab.txt").read_text("utf-8").split() == VOCABULARY


def test_pairs_have_the_answers_of_python(pairs, loaded):
    ours, theirs = TaskModel.load(pairs[0]), loaded
    records = [Record("", "", (a, b)) for a in TEXTS for b in TEXTS]
    for expected, found in zip(ours.answer(records), theirs.answer(records), strict=True):
        assert found.value == expected.value
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)


def test_a_session_gives_them_too(pairs):
    """As TF Serving does it: the graph in a session, fed by the names of the signature."""
    path, served, _ = pairs
    texts = {"first": ["花开了。", "天黑了。"], "second": ["花", "😀 ABC"]}
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        signature = tf.compat.v1.saved_model.load(session, ["serve"], str(served)).signature_def["serving_default"]
        feeds = {signature.inputs[name].name: values for name, values in texts.items()}
        values = session.run({name: tensor.name for name, tensor in signature.outputs.items()}, feeds)
    ours = TaskModel.load(path)
    answers = ours.answer([ours.record_of(pair) for pair in zip(*texts.values(), strict=True)])
    assert [label.decode() for label in values["label"]] == [answer.value for answer in answers]
    assert values["labels"].tolist() == [[b"0", b"1"]] * 2
    np.testing.assert_allclose(values["probability"], [answer.probability for answer in answers], atol=1e-6)
    np.testing.assert_allclose(np.exp(values["log_probs"]), values["probabilities"], atol=1e-6)


def test_no_bytes_crash_it(loaded):
    serve = loaded.signature
    broken = [b"\xff\xfe", b"\xe4\xbb", "花".encode() + b"\x80\x00\xed\xa0\x80", b"\0" * 1000, bytes(range(256)) * 400]
    found = serve(first=tf.constant(broken), second=tf.constant(broken[::-1]))
    assert np.isfinite(found["log_probs"].numpy()).all()
    only = serve(first=tf.constant(["花".encode()]), second=tf.constant([b""]))["log_probs"]
    same = serve(first=tf.constant([b"\xff" + "花".encode() + b"\x80"]), second=tf.constant([b"\xc3"]))["log_probs"]
    assert np.array_equal(only, same)


def test_only_operations_of_tensorflow_itself(pairs):
    _, served, _ = pairs
    saved = saved_model_pb2.SavedModel.FromString((served / MODEL).read_bytes())
    nodes = [node.op for function in saved.meta_graphs[0].graph_def.library.function for node in function.node_def]
    assert "UnicodeDecode" in nodes
    assert {"PyFunc", "EagerPyFunc", "HashTableV2", "LookupTableFindV2"}.isdisjoint(nodes)


def test_a_pretrained_model_gives_embeddings_and_words(folder):
    path = save(folder / "plain", PRETRAINING)
    report = export_saved_model(path, folder / "plain-served")
    assert [check["name"] for check in report["checks"]] == ["embeddings", "masked words"]
    predictor, served = Predictor.load(path), tf.saved_model.load(str(folder / "plain-served")).signatures
    texts = ["花开了。", "".join(SENTENCES) * 4, "我们"]  # the second is read in parts
    embeddings = served["serving_default"](text=tf.constant(texts))["embedding"].numpy()
    np.testing.assert_allclose(embeddings, predictor.embed(texts), atol=1e-6)
    found = served["similarity"](first=tf.constant(texts), second=tf.constant(texts[::-1]))["similarity"].numpy()
    np.testing.assert_allclose(found, predictor.similarity(list(zip(texts, texts[::-1], strict=True))), atol=1e-6)
    masked = ["[MASK]开了[MASK][MASK]", "没有", "看[MASK]"]
    words = served["masked_words"](text=tf.constant(masked))
    assert words["tokens"].shape == (3, 3, 5)
    assert not words["tokens"].numpy()[1].any()
    for row, expected in ((0, predictor.masked_words(masked[:1])[0]), (2, predictor.masked_words(masked[2:])[0])):
        for at, candidates in enumerate(expected.masks):
            assert [token.decode() for token in words["tokens"].numpy()[row, at]] == [candidate.token for candidate in candidates]
            np.testing.assert_allclose(words["probabilities"].numpy()[row, at], [each.probability for each in candidates], atol=1e-6)
    assert served["masked_words"](text=tf.constant(["没有"]))["tokens"].shape == (1, 0, 5)


@pytest.mark.parametrize("length", [5, 6, 11, 40])
@pytest.mark.parametrize("name", ["tnews", "afqmc"])
def test_texts_are_cut_joined_and_padded_as_the_trainer_does(name, length):
    tokenizer = Tokenizer(VOCABULARY)
    texts = [(a, b)[: 2 if TASKS[name].second else 1] for a in TEXTS for b in TEXTS]
    features = Encoder(TASKS[name], tokenizer, ("0", "1"), length).encode([Record("", "", row) for row in texts])
    expected = stack_features(features, width=max(feature.length for feature in features), pad_id=tokenizer.pad_id)
    found = GraphEncoder(shared_graph(), length)(*(tf.constant(column) for column in zip(*texts, strict=True)))
    assert {name: values.numpy().tolist() for name, values in found.items()} == {name: expected[name].tolist() for name in found}


@functools.cache
def shared_graph():
    return GraphTokenizer(Tokenizer(VOCABULARY))


def test_what_has_no_such_form_is_refused_and_nothing_is_written(folder):
    path = save(folder / "tags", with_labels(2), "cluener", ("O", "B-name"))
    with pytest.raises(AlbertError, match="is of a task of kind tag, whose answers are places in a text or choices: it has no such form"):
        export_saved_model(path, folder / "refused")
    assert not (folder / "refused").exists()


def test_a_damaged_folder_is_named(pairs, tmp_path):
    _, served, _ = pairs
    shutil.copytree(served, tmp_path / "cut")
    (tmp_path / "cut" / MODEL).write_bytes((served / MODEL).read_bytes()[:1000])
    with pytest.raises(AlbertError, match=r"saved_model\.pb cannot be read: .*\nexport it anew"):
        SavedTextModel.load(tmp_path / "cut")


def test_evaluate_runs_it_as_it_runs_the_model(pairs, tmp_path):
    path, served, _ = pairs
    lines = [{"sentence1": a, "sentence2": b, "label": str(len(a) % 2)} for a in SENTENCES for b in SENTENCES]
    (tmp_path / "dev.json").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    numbers = [
        CliRunner().invoke(train, ["evaluate", "--task", "--data", str(tmp_path), "--model", str(each), "--json"], catch_exceptions=False)
        for each in (path, served)
    ]
    assert json.loads(numbers[0].output)["num_examples"] == 64
    assert numbers[0].output == numbers[1].output
