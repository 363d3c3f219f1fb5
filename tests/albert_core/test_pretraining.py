import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from albert_core.checkpoints import read_bundle, write_bundle
from albert_core.config import AlbertConfig
from albert_core.drawing import DrawingOptions
from albert_core.errors import AlbertError
from albert_core.evaluation import evaluate
from albert_core.exporting import export_model
from albert_core.model_source import load_model
from albert_core.modeling import Albert
from albert_core.objectives import pretraining_sums
from albert_core.optimization import Optimizer, OptimizerConfig
from albert_core.pretraining import pretrain
from albert_core.shards import Dataset
from albert_core.training_log import read_metrics
from albert_core.training_step import make_train_step
from tests.albert_core import goldens, small_run
from tests.albert_core.small_dataset import VOCABULARY, write_dataset
from tests.albert_core.small_run import MODEL

STEPS = 60


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return small_run.write_inputs(tmp_path_factory.mktemp("run"))


def run_config(data, output, /, **changes):
    return small_run.run_config(data, output, **{"num_train_steps": STEPS, "save_checkpoints_steps": 20} | changes)


@pytest.fixture(scope="module")
def finished(data):
    """An undisturbed run and what it returned."""
    output = data / "finished"
    return output, pretrain(run_config(data, output))


def losses(output):
    return [(line["step"], line["loss"], line["gradient_norm"]) for line in read_metrics(output)]


def test_the_loss_falls_and_each_step_has_its_line(finished):
    output, _ = finished
    lines = read_metrics(output)
    assert [line["step"] for line in lines] == list(range(1, STEPS + 1))
    assert np.mean([line["loss"] for line in lines[-10:]]) < np.mean([line["loss"] for line in lines[:10]]) - 0.4
    assert lines[0]["loss"] == pytest.approx(lines[0]["masked_lm_loss"] + lines[0]["sentence_order_loss"], rel=1e-6)
    assert lines[0]["masked_lm_loss"] == pytest.approx(np.log(len(VOCABULARY)), abs=0.1)  # an untrained model guesses
    assert lines[0]["sentence_order_loss"] == pytest.approx(np.log(2), abs=0.1)
    assert lines[2]["learning_rate"] == pytest.approx(3e-3 * 3 / 6)
    assert lines[0]["sequences_per_second"] > 0


def test_the_output_is_a_model_directory(finished, data):
    output, result = finished
    assert (result["step"], result["finished"]) == (STEPS, True)
    assert json.loads((output / "evaluation.json").read_text()) == result["evaluation"]
    measured = evaluate(data / "data", output)
    assert {"step": STEPS, **measured} == pytest.approx(result["evaluation"], rel=1e-5)
    assert (output / "vocab.txt").read_bytes() == (data / "data" / "vocab.txt").read_bytes()
    assert json.loads((output / "normalization.json").read_text()) == {"lower_case": True}
    assert not any(name.endswith(("adam_m", "adam_v", "global_step")) for name in read_bundle(output / "model.ckpt", with_slots=True))


def test_a_finished_run_has_nothing_to_do(finished, data):
    output, result = finished
    before = losses(output)
    assert pretrain(run_config(data, output), report=lambda step, values: pytest.fail("trained on")) == result
    assert losses(output) == before


def test_sigterm_saves_and_the_same_command_gives_the_same_run(finished, data, tmp_path):
    def terminate(step, values):
        if step == 28:
            os.kill(os.getpid(), signal.SIGTERM)

    stopped = pretrain(run_config(data, tmp_path / "out"), report=terminate)
    assert stopped == {"step": 28, "finished": False, "evaluation": None}
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert not (tmp_path / "out" / "model.ckpt.index").exists()
    steps = []
    pretrain(run_config(data, tmp_path / "out"), report=lambda step, values: steps.append(step))
    assert steps == list(range(29, STEPS + 1))
    assert_same_run(finished[0], tmp_path / "out")


def assert_same_run(first, second):
    assert losses(first) == losses(second)  # bitwise: floats are written so that they come back
    ours, theirs = (read_bundle(output / "model.ckpt") for output in (first, second))
    assert {name: value.tobytes() for name, value in ours.items()} == {name: value.tobytes() for name, value in theirs.items()}


@pytest.mark.slow
@pytest.mark.integration
def test_sigkill_in_the_middle_changes_nothing(finished, data, tmp_path):
    config = run_config(data, tmp_path / "out")
    arguments = [f"--{key.replace('_', '-')}={getattr(config, key)}" for key in ("model", "output", "num_train_steps")]
    arguments += [
        f"--data={data / 'data'}",
        "--train-batch-size=16",
        "--save-checkpoints-steps=20",
        "--learning-rate=3e-3",
        "--compute-dtype=float32",
    ]
    command = [sys.executable, "-c", "from cli.train import main; main()", "pretrain", *arguments]
    metrics = tmp_path / "out" / "metrics.jsonl"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None and (not metrics.exists() or metrics.read_bytes().count(b"\n") < 25):
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -signal.SIGKILL, "it had ended by itself before it could be killed"
    assert 25 <= metrics.read_bytes().count(b"\n") < STEPS
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "held-out data:" in done.stdout
    assert_same_run(finished[0], tmp_path / "out")


def test_a_loss_that_is_no_number_stops_the_run(data, tmp_path):
    config = run_config(data, tmp_path / "out", learning_rate=1e30, num_warmup_steps=0, save_checkpoints_steps=1)
    with pytest.raises(AlbertError, match=r"step 2: loss nan.* diverged; the checkpoint of step 1 is kept\nits batch is number 1"):
        pretrain(config)
    assert [line["step"] for line in read_metrics(tmp_path / "out")] == [1]


def test_held_out_numbers_come_every_so_many_steps(data, tmp_path):
    pretrain(run_config(data, tmp_path / "out", num_train_steps=5, eval_steps=2, max_eval_steps=1))
    held_out = {line["step"]: line.get("held_out_num_instances") for line in read_metrics(tmp_path / "out")}
    assert held_out == {1: None, 2: 32, 3: None, 4: 32, 5: None}


def test_a_dataset_without_held_out_documents_is_trained_all_the_same(data, tmp_path):
    write_dataset(tmp_path / "data", num_eval=0)
    config = run_config(data, tmp_path / "out", data=str(tmp_path / "data"), num_train_steps=2, eval_steps=1)
    assert pretrain(config)["evaluation"] is None


def test_a_named_size_takes_the_vocabulary_of_the_data(data, tmp_path):
    pretrain(run_config(data, tmp_path / "out", model="tiny", num_train_steps=1, train_batch_size=1))
    assert AlbertConfig.from_file(tmp_path / "out" / "config.json") == AlbertConfig.named("tiny", vocab_size=len(VOCABULARY))


def test_training_starts_from_a_checkpoint(finished, data, tmp_path):
    pretrain(run_config(data, tmp_path / "out", init_checkpoint=str(finished[0]), num_train_steps=1, learning_rate=1e-30))
    before, after = load_model(finished[0]), load_model(tmp_path / "out")
    assert all((variable.numpy() == after.weights[name].numpy()).all() for name, variable in before.weights.items())


@pytest.mark.parametrize("form", ["huggingface", "fine-tuned"])
def test_training_starts_from_any_form_and_heads_that_are_missing_keep_their_initial_values(finished, data, tmp_path, form, caplog):
    start = load_model(finished[0])
    if form == "huggingface":
        export_model(finished[0], tmp_path / "start", format="huggingface")
    else:
        shutil.copytree(finished[0], tmp_path / "start")
        weights = {name: value for name, value in start.weights.items() if not name.startswith("cls/")}
        write_bundle(tmp_path / "start" / "model.ckpt", weights | {"output_weights": np.zeros((3, 32)), "output_bias": np.zeros(3)})
    pretrain(run_config(data, tmp_path / "out", init_checkpoint=str(tmp_path / "start"), num_train_steps=1, learning_rate=1e-30))
    expected = dict(start.weights)
    if form == "fine-tuned":
        expected |= {name: value for name, value in Albert(MODEL, seed=0).weights.items() if name.startswith("cls/")}
        assert "has no cls/predictions/output_bias, cls/predictions/transform/LayerNorm/beta" in caplog.text
    after = load_model(tmp_path / "out")
    assert all((variable.numpy() == after.weights[name].numpy()).all() for name, variable in expected.items())


def test_a_checkpoint_of_other_sizes_is_refused_and_another_depth_is_said(finished, data, tmp_path, caplog):
    for name, change in [("wide", {"intermediate_size": 128}), ("deep", {"num_hidden_layers": 3})]:
        (tmp_path / f"{name}.json").write_text(json.dumps(MODEL.to_json() | change))
    options = {"init_checkpoint": str(finished[0]), "num_train_steps": 1}
    with pytest.raises(AlbertError, match=r"intermediate/dense/kernel has shape \[32, 64\], the configuration asks for \[32, 128\]"):
        pretrain(run_config(data, tmp_path / "wide", model=str(tmp_path / "wide.json"), **options))
    assert not (tmp_path / "wide").exists()
    pretrain(run_config(data, tmp_path / "deep", model=str(tmp_path / "deep.json"), **options))
    assert "has num_hidden_layers 2, the model that is trained 3" in caplog.text


def test_a_checkpoint_of_another_vocabulary_is_refused(finished, data, tmp_path):
    write_dataset(tmp_path / "data", vocabulary=VOCABULARY[:5] + VOCABULARY[5:][::-1])
    with pytest.raises(AlbertError, match="was built with another vocabulary"):
        pretrain(run_config(data, tmp_path / "out", data=str(tmp_path / "data"), init_checkpoint=str(finished[0])))
    assert not (tmp_path / "out").exists()


def test_a_configuration_of_another_vocabulary_is_refused(data, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(MODEL.to_json() | {"vocab_size": 99}))
    with pytest.raises(AlbertError, match=f"a vocabulary of {len(VOCABULARY)} entries, --model .* has vocab_size 99"):
        pretrain(run_config(data, tmp_path / "out", model=str(tmp_path / "config.json")))


def test_the_folder_of_another_run_is_refused(finished, data, tmp_path):
    with pytest.raises(AlbertError, match=r"another configuration: learning_rate was 0\.003, is 0\.001\n"):
        pretrain(run_config(data, finished[0], learning_rate=1e-3))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("…")
    with pytest.raises(AlbertError, match=r"holds files that are not of a training run \(there is no run\.json\)"):
        pretrain(run_config(data, tmp_path / "out"))


def test_a_run_on_data_that_is_drawn_in_another_way_is_refused(finished, data, tmp_path):
    """Dynamic shards of other masks have the same bytes."""
    shutil.copytree(data / "data", tmp_path / "data")
    manifest = json.loads((tmp_path / "data" / "manifest.json").read_text())
    manifest["parameters"]["max_ngram"] = 1
    (tmp_path / "data" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(AlbertError, match=r"another configuration: drawing was .*'max_ngram': 3.*, is .*'max_ngram': 1"):
        pretrain(run_config(data, finished[0], data=str(tmp_path / "data")))


def golden_batch(repeat=1):
    """The batch of the golden, as often as asked, with fewer and fewer predictions that count: no two parts have the same number."""
    values = goldens.golden(goldens.GOOGLE)
    batch = {name: array for name, array in values.items() if name.startswith(("input", "segment", "masked"))}
    batch["next_sentence_labels"] = values["sentence_order_labels"][:, None]
    batch = {name: np.concatenate([array] * repeat) for name, array in batch.items()}
    rows, width = batch["masked_lm_weights"].shape
    batch["masked_lm_weights"] = (np.arange(width) < (np.arange(rows) % width + 1)[:, None]).astype(np.float32)
    return {name: tf.constant(array) for name, array in batch.items()}


@pytest.mark.parametrize("parts", [2, 4, 8])
def test_a_batch_in_parts_is_one_update_of_the_whole(parts):
    results = []
    for cut in (1, parts):
        model = goldens.golden_model(goldens.GOOGLE)
        config = OptimizerConfig(name="lamb", learning_rate=1e-2, num_train_steps=20, num_warmup_steps=4)
        step = make_train_step(model, Optimizer(config, model.weights), seed=0, parts=cut)
        values = [step(golden_batch(8 // len(golden_batch()["input_ids"]) or 1)) for _ in range(3)]
        results.append((values, {name: variable.numpy() for name, variable in model.weights.items()}))
    (whole, weights), (cut_values, cut_weights) = results
    for first, second in zip(whole, cut_values, strict=True):
        assert {name: float(value) for name, value in second.items()} == pytest.approx({n: float(v) for n, v in first.items()}, rel=1e-5)
    for name, value in weights.items():
        np.testing.assert_allclose(cut_weights[name], value, atol=1e-5)


def test_parts_and_type_are_options_of_a_run_that_resumes_exactly(data, tmp_path):
    options = {"gradient_accumulation_steps": 4, "compute_dtype": "bfloat16", "num_train_steps": 12, "save_checkpoints_steps": 5}
    pretrain(run_config(data, tmp_path / "whole", **options))
    pretrain(run_config(data, tmp_path / "cut", **options))
    for path in (tmp_path / "cut" / "checkpoints").glob("model.ckpt-1[0-9]*"):
        path.unlink()
    pretrain(run_config(data, tmp_path / "cut", **options))
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
    float32 = tmp_path / "float32"
    pretrain(run_config(data, float32, **options | {"compute_dtype": "float32"}))
    gaps = [abs(a[1] - b[1]) for a, b in zip(losses(float32), losses(tmp_path / "whole"), strict=True)]
    assert 0 < max(gaps) < 2e-2
    with pytest.raises(AlbertError, match="compute_dtype was bfloat16, is float32"):
        pretrain(run_config(data, tmp_path / "whole", **options | {"compute_dtype": "float32"}))


def test_a_run_of_an_older_version_goes_on(data, tmp_path):
    pretrain(run_config(data, tmp_path / "out", num_train_steps=2))
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    for key in ("compute_dtype", "gradient_accumulation_steps", "drawing", "start_step", "with_slots", "curriculum"):
        del record[key]
    (tmp_path / "out" / "run.json").write_text(json.dumps(record))
    assert pretrain(run_config(data, tmp_path / "out", num_train_steps=2))["finished"]
    with pytest.raises(AlbertError, match="gradient_accumulation_steps was 1, is 2"):
        pretrain(run_config(data, tmp_path / "out", num_train_steps=2, gradient_accumulation_steps=2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gradient_accumulation_steps": 3}, "--train-batch-size 16 cannot be cut into 3 equal parts"),
        ({"gradient_accumulation_steps": 0}, "--gradient-accumulation-steps 0 is less than 1"),
        ({"compute_dtype": "float16"}, "--compute-dtype float16 is unknown\nknown: auto, float32, bfloat16"),
    ],
)
def test_parts_and_types_that_cannot_be(data, tmp_path, change, message):
    with pytest.raises(AlbertError, match=message):
        run_config(data, tmp_path / "out", **change)


def test_losses_are_divided_by_the_counts_of_the_whole_batch():
    """One step of SGD-like size on the golden batch gives the golden's second loss: loss, clipping and schedule in the shipped step."""
    values, model = goldens.golden(goldens.GOOGLE), goldens.golden_model(goldens.GOOGLE)
    batch = {name: tf.constant(array) for name, array in values.items() if name.startswith(("input", "segment", "masked"))}
    batch["next_sentence_labels"] = tf.constant(values["sentence_order_labels"][:, None])
    config = OptimizerConfig(name="lamb", learning_rate=1e-2, num_train_steps=20, num_warmup_steps=4)
    step = make_train_step(model, Optimizer(config, model.weights), seed=0)
    assert float(step(batch)["loss"]) == pytest.approx(values["lamb_losses"][0], rel=1e-5)
    assert float(step(batch)["loss"]) == pytest.approx(values["lamb_losses"][1], rel=1e-5)


def test_a_second_plain_loop_gives_the_same_losses(finished, data):
    """The same recipe without tf.function, streams, logs and checkpoints: a few lines that are easily seen to be right."""
    from albert_core.input import BatchOrder

    split, model = Dataset.open(data / "data").split("train"), Albert(MODEL, seed=0)
    optimizer = Optimizer(run_config(data, "unused").optimizer_config(), model.weights)
    order, plain = BatchOrder(split.block_sizes, batch_size=16, seed=0), []
    for step in range(5):
        rows = zip(*order.rows_of_step(step), strict=True)
        picked = [{name: values[row] for name, values in split.read_block(int(block), int(epoch)).items()} for epoch, block, row in rows]
        batch = {name: tf.stack([one[name] for one in picked]) for name in picked[0]}
        with tf.GradientTape() as tape:
            masked, order_loss = pretraining_sums(model, batch, dropout_seed=tf.constant([0, step], tf.int64)).losses()
            loss = masked + order_loss
        optimizer.apply(tape.gradient(loss, list(model.weights.values())))
        plain.append(float(loss))
    np.testing.assert_allclose([loss for _, loss, _ in losses(finished[0])[:5]], plain, rtol=1e-5)


def test_an_extension_goes_on_with_slots_step_and_data(finished, data, tmp_path):
    steps = []
    config = run_config(data, tmp_path / "more", init_checkpoint=str(finished[0]), with_slots=True, num_train_steps=10, num_warmup_steps=2)
    result = pretrain(config, report=lambda step, values: steps.append((step, values["learning_rate"])))
    assert result["step"] == STEPS + 10
    assert [step for step, _ in steps] == list(range(STEPS + 1, STEPS + 11))
    assert [rate for _, rate in steps] == pytest.approx([3e-3 / 2] + [3e-3 * (1 - t / 10) for t in range(2, 11)])  # a schedule of its own
    record = json.loads((tmp_path / "more" / "run.json").read_text())
    assert (record["start_step"], record["with_slots"]) == (STEPS, True)
    before = read_bundle(finished[0] / "checkpoints" / f"model.ckpt-{STEPS}", with_slots=True)
    after = read_bundle(tmp_path / "more" / "checkpoints" / f"model.ckpt-{STEPS + 10}", with_slots=True)
    slots = [name for name in before if name.endswith("adam_v")]
    assert all((after[name] >= before[name] * 0.999**10 * 0.99).all() for name in slots)  # they decayed from what they were
    again = []
    for path in (tmp_path / "more" / "checkpoints").iterdir():
        path.unlink()
    pretrain(config, report=lambda step, values: again.append((step, values["learning_rate"])))
    assert again == steps


def test_slots_that_are_not_there_are_named(finished, data, tmp_path):
    shutil.copytree(finished[0], tmp_path / "weights", ignore=shutil.ignore_patterns("checkpoints"))
    options = {"with_slots": True, "num_train_steps": 10}
    with pytest.raises(AlbertError, match=r"has no global_step and no optimizer slots\n.*--without-slots"):
        pretrain(run_config(data, tmp_path / "out", init_checkpoint=str(tmp_path / "weights"), **options))
    with pytest.raises(AlbertError, match=r"model\.ckpt-60 lacks .*/lamb_m and \d+ more .*\ngive the --optimizer"):
        pretrain(run_config(data, tmp_path / "out", init_checkpoint=str(finished[0]), optimizer="lamb-brightmart", **options))


def test_the_best_model_is_kept_where_it_was_best(data, tmp_path):
    output = tmp_path / "out"
    pretrain(run_config(data, output, num_train_steps=40, eval_steps=5, learning_rate=0.03, num_warmup_steps=5, stop_at_loss_ratio=0))
    measured = {
        line["step"]: line["held_out_masked_lm_loss"] + line["held_out_sentence_order_loss"]
        for line in read_metrics(output)
        if "held_out_masked_lm_loss" in line
    }
    best = json.loads((output / "best" / "best.json").read_text())
    assert best == {"step": min(measured, key=measured.get), "loss": min(measured.values())}
    found = evaluate(data / "data", output / "best")
    assert found["masked_lm_loss"] + found["sentence_order_loss"] == pytest.approx(best["loss"], rel=1e-4)


def test_losses_by_source_add_up_to_the_whole(data, tmp_path):
    write_dataset(tmp_path / "more", kind="dynamic", num_train=200, seed=9)
    both = (f"{data / 'data'}=3", f"{tmp_path / 'more'}=1")
    result = pretrain(run_config(data, tmp_path / "out", data=both, num_train_steps=12, train_batch_size=32, eval_steps=6))
    for line in read_metrics(tmp_path / "out"):
        parts = [line["sentence_order_loss/data/all"], line["sentence_order_loss/more/all"]]
        assert min(parts) - 1e-5 <= line["sentence_order_loss"] <= max(parts) + 1e-5
    sources = result["evaluation"]["sources"]
    assert {name: numbers["num_instances"] for name, numbers in sources.items()} == {"data/all": 40, "more/all": 40}
    whole = np.mean([numbers["sentence_order_loss"] for numbers in sources.values()])
    assert result["evaluation"]["sentence_order_loss"] == pytest.approx(whole, rel=1e-5)
    assert "held_out_masked_lm_loss/more/all" in read_metrics(tmp_path / "out")[5]
    assert all(0 <= line["input_wait"] <= 1 and line["share_of_peak"] > 0 for line in read_metrics(tmp_path / "out"))


def test_a_run_changes_its_length_once(data, tmp_path):
    """Two datasets of one corpus: 30 tokens first, then 32."""
    short = DrawingOptions(max_seq_length=30, max_predictions_per_seq=4, masked_lm_prob=0.15)
    write_dataset(tmp_path / "short", kind="static", options=short)
    both = (str(tmp_path / "short"), str(data / "data"))
    config = run_config(data, tmp_path / "out", data=both, curriculum="30:0.75,32:0.25", num_train_steps=16, steps_per_call=3)
    assert pretrain(config)["finished"]
    by_source = [sorted(name for name in line if name.startswith("sentence_order_loss/")) for line in read_metrics(tmp_path / "out")]
    assert by_source == [["sentence_order_loss/short/all"]] * 12 + [["sentence_order_loss/data/all"]] * 4
    with pytest.raises(AlbertError, match=r"curriculum was 30:0\.75,32:0\.25, is 30:0\.5,32:0\.5"):
        pretrain(run_config(data, tmp_path / "out", data=both, curriculum="30:0.5,32:0.5", num_train_steps=16))


def test_a_loss_that_explodes_stops_the_run_and_names_the_good_checkpoint(data, tmp_path, monkeypatch):
    monkeypatch.setattr("albert_core.divergence.WINDOW", 5)
    options = {"num_train_steps": 100, "learning_rate": 3.0, "num_warmup_steps": 100, "save_checkpoints_steps": 2, "optimizer": "adamw"}
    with pytest.raises(AlbertError, match=r"step \d+: loss .* over the last 5 steps, it had been .*; the checkpoint of step \d+ is kept"):
        pretrain(run_config(data, tmp_path / "out", **options))
