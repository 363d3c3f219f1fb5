"""Fine-tuning of small models on small tasks, to the end: learnt, stopped, resumed, collapsed, refused."""

import dataclasses
import json
import os
import signal

import numpy as np
import pytest
import tensorflow as tf

from albert_core.checkpoints import read_bundle
from albert_core.errors import AlbertError
from albert_core.finetuning import finetune
from albert_core.finetuning_recipe import FinetuningConfig
from albert_core.model_directory import write_description, write_weights
from albert_core.modeling import Albert
from albert_core.optimization import Optimizer, OptimizerConfig
from albert_core.parameters import Heads, list_parameters
from albert_core.submissions import write_submission
from albert_core.task_files import Entity, read_records
from albert_core.task_heads import task_log_probs, task_loss
from albert_core.task_model import TaskModel
from albert_core.tasks import CLASSIFY, TASKS
from tests.albert_core import goldens
from tests.albert_core.small_dataset import VOCABULARY
from tests.albert_core.small_run import MODEL

GOOD, BAD = "花菜学", "黑天吃"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    write_description(folder, MODEL, "".join(f"{token}\n" for token in VOCABULARY).encode(), {"lower_case": True})
    write_weights(folder, Albert(MODEL, seed=1))
    return folder


def words(seed, count):
    random = np.random.default_rng(seed)
    letters = list("春来了我们去公园看高兴")
    for _ in range(count):
        yield random, "".join(random.choice(letters, random.integers(3, 9)))


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    """A folder for each kind, whose rule a small model can learn."""
    root = tmp_path_factory.mktemp("tasks")
    for split, seed, count in (("train", 1, 320), ("dev", 2, 60)):
        classify, spans, tags, choices = [], [], [], []
        for number, (random, text) in enumerate(words(seed, count)):
            right = int(random.integers(2))
            sign = str(random.choice(list((BAD, GOOD)[right])))
            at = int(random.integers(len(text) + 1))
            marked = text[:at] + sign + text[at:]
            classify.append({"id": number, "sentence": text[:at] + "".join(random.choice(list((BAD, GOOD)[right]), 8)), "label": right})
            tags.append({"text": marked, "label": {("bad", "good")[right]: {sign: [[at, at]]}}})
            spans.append({"context_text": marked, "qas": [{"query_id": f"q{number}", "query_text": "花", "answers": [sign]}]})
            two = [text + "花", text + "黑"] if right else [text + "黑", text + "花"]
            choices.append([[text], [{"question": "看", "choice": two, "answer": text + "花"}], str(number)])
        for name, rows in (("tnews", classify), ("cluener", tags), ("cmrc2018", spans), ("c3", choices)):
            (root / name).mkdir(exist_ok=True)
            lines = json.dumps(rows) if name in ("cmrc2018", "c3") else "\n".join(map(json.dumps, rows))
            (root / name / f"{split}.json").write_text(lines)
    return root


def config(tasks, model, output, name="tnews", **changes):
    values = {"learning_rates": (3e-3,), "num_train_epochs": 4, "train_batch_size": 16, "classifier_dropout": 0.0}
    values |= {"data": str(tasks / name), "model": str(model), "output": str(output), "max_seq_length": 32} | changes
    return FinetuningConfig(task=TASKS[name], **values)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least", "changes"), [
    ("tnews", 0.95, {}),
    ("cluener", 0.95, {}),
    ("c3", 0.9, {"num_train_epochs": 8}),
])  # fmt: skip
def test_each_kind_learns_its_rule_and_is_loaded_again(tasks, model, tmp_path, name, least, changes):
    result = finetune(config(tasks, model, tmp_path / "out", name, **changes))
    assert result["best"]["dev"] >= least
    records = read_records(tasks / name / "dev.json", TASKS[name])
    loaded = TaskModel.load(tmp_path / "out")
    answers = loaded.answer(records)
    if name != "cluener":
        right = np.mean([answer.value == record.label for answer, record in zip(answers, records, strict=True)])
        assert right == pytest.approx(result["best"]["dev"])
    else:
        assert loaded.answer([loaded.record_of(["我们去看花了"])])[0].value == (Entity(4, 5, "good"),)
    written = tmp_path / "submission.json"
    write_submission(written, TASKS[name], records, answers)
    assert len(written.read_text().splitlines()) == len(records)


@pytest.mark.slow
def test_answers_in_a_text_are_learnt(tasks, model, tmp_path):
    longer = dataclasses.replace(MODEL, max_position_embeddings=96)
    write_description(tmp_path / "longer", longer, (model / "vocab.txt").read_bytes(), {"lower_case": True})
    write_weights(tmp_path / "longer", Albert(longer, seed=1))
    result = finetune(config(tasks, tmp_path / "longer", tmp_path / "out", "cmrc2018", max_seq_length=96, num_train_epochs=8))
    assert result["metric"] == "f1"
    assert result["best"]["dev"] > 0.9
    loaded = TaskModel.load(tmp_path / "out")
    assert loaded.answer([loaded.record_of(["花", "我们去公园菜高兴"])])[0].value == "菜"


@pytest.mark.slow
def test_a_run_that_is_stopped_goes_on_as_if_it_had_not_been(tasks, model, tmp_path):
    options = {"num_train_epochs": 2, "restarts": 0}
    whole = finetune(config(tasks, model, tmp_path / "whole", **options))

    def stop(run, step, total, values):
        if step == 27:
            os.kill(os.getpid(), signal.SIGTERM)

    assert not finetune(config(tasks, model, tmp_path / "cut", **options), report=stop)["finished"]
    steps = []
    again = finetune(config(tasks, model, tmp_path / "cut", **options), report=lambda run, step, total, values: steps.append(step))
    assert steps == list(range(28, 41))
    assert {**again["best"], "seconds": 0} == {**whole["best"], "seconds": 0}
    first, second = (read_bundle(tmp_path / name / "model.ckpt") for name in ("whole", "cut"))
    assert {name: value.tobytes() for name, value in first.items()} == {name: value.tobytes() for name, value in second.items()}
    finetune(config(tasks, model, tmp_path / "cut", **options), report=lambda *values: pytest.fail("it was finished"))
    with pytest.raises(AlbertError, match=r"is a fine-tuning with other options: num_train_epochs was 2, is 3"):
        finetune(config(tasks, model, tmp_path / "cut", num_train_epochs=3, restarts=0))


@pytest.mark.slow
def test_rates_and_seeds_are_tried_and_a_collapse_is_started_again(tasks, model, tmp_path):
    result = finetune(config(tasks, model, tmp_path / "out", learning_rates=(3e-3, 1e-9), seeds=(0, 1), num_train_epochs=3, restarts=1))
    learnt, still = result["rates"]
    assert learnt["num_seeds"] == 2
    assert learnt["mean"] > 0.9
    assert learnt["deviation"] is not None
    assert result["best"]["asked_rate"] == 3e-3
    collapsed = [run for run in result["runs"] if run["asked_rate"] == 1e-9]
    assert still["mean"] < 0.7
    assert all(run["attempts"] == 2 for run in collapsed if run["collapsed"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_seq_length": 99}, r"--max-seq-length 99 is more than the 32 positions"),
        ({"optimizer": "sgd"}, r"--optimizer sgd is unknown\nknown: adamw"),
        ({"num_train_epochs": 0}, r"--num-train-epochs 0 is less than 1"),
        ({"hidden_dropout": 1.5}, r"--hidden-dropout 1\.5 is outside 0 … 1"),
        ({"data": "nowhere"}, r"--data nowhere is no folder"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(tasks, model, tmp_path, changes, message):
    with pytest.raises(AlbertError, match=message):
        finetune(config(tasks, model, tmp_path / "out", **changes))
    assert not (tmp_path / "out").exists()


def test_a_model_without_a_task_and_texts_that_do_not_fit(model, tmp_path):
    with pytest.raises(AlbertError, match=r"was not fine-tuned on a task: it has no task\.json\nfine-tune it"):
        TaskModel.load(model)


@pytest.mark.parametrize("variant", [goldens.BRIGHTMART, goldens.GOOGLE])
def test_eight_updates_of_a_classifier_give_the_originals_losses(variant):
    values, model = goldens.golden(variant, "classifier"), goldens.golden_model(variant, "classifier.ckpt")
    batch = {name: values[name] for name in ("input_ids", "input_mask", "segment_ids")}
    labels = values["labels"].astype(np.int32)[:, None]
    rates = {"learning_rate": 2e-4, "num_train_steps": 20, "num_warmup_steps": 4}
    weights = {name: variable for name, variable in model.weights.items() if name in used(model)}
    optimizer = Optimizer(OptimizerConfig(name="adamw-reference", **rates), weights)
    losses = []
    for _ in values["adamw_losses"]:
        with tf.GradientTape() as tape:
            loss = task_loss(CLASSIFY, task_log_probs(model, CLASSIFY, batch), labels)
        losses.append(float(loss))
        optimizer.apply(tape.gradient(loss, list(weights.values())))
    assert losses[0] == pytest.approx(values["loss"], abs=1e-4)
    np.testing.assert_allclose(losses, values["adamw_losses"], atol=1e-4)


def used(model):
    """The weights that the classifier has a gradient for: not the heads of pretraining."""
    heads = Heads(masked_words=False, sentence_order=False, num_labels=model.heads.num_labels)
    return {parameter.name for parameter in list_parameters(model.config, heads)}
