"""Killed at any moment, and damaged on disk: the run that goes on is the run that was never disturbed, or says what is wrong."""

import json
import shutil
import signal
import time

import numpy as np
import pytest

from albert_core.checkpoints import read_bundle
from albert_core.errors import AlbertError
from albert_core.pretraining import pretrain
from tests.albert_core import small_run, training_processes
from tests.albert_core.small_dataset import write_dataset

STEPS, KILLS = 200, 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_run.write_inputs(tmp_path_factory.mktemp("killed"))


def config(folder, output, **changes):
    return small_run.run_config(folder, output, **{"num_train_steps": STEPS, "save_checkpoints_steps": 15} | changes)


@pytest.mark.slow
@pytest.mark.integration
def test_ten_kills_at_random_moments_change_nothing(folder):
    pretrain(config(folder, folder / "whole"))
    arguments = small_run.run_arguments(folder, folder / "killed", f"--num-train-steps={STEPS}", "--save-checkpoints-steps=15")
    metrics = folder / "killed" / "metrics.jsonl"
    killed = 0
    for moment in np.sort(np.random.default_rng(7).integers(1, STEPS - 20, KILLS)).tolist():
        process = training_processes.start(*arguments)
        while process.poll() is None and (not metrics.exists() or metrics.read_bytes().count(b"\n") < moment):
            time.sleep(0.002)
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
    assert killed == KILLS, "a run ended by itself before its moment"
    training_processes.finish(training_processes.start(*arguments))
    assert training_processes.losses(folder / "killed") == training_processes.losses(folder / "whole")  # and each step is there once
    assert len(training_processes.losses(folder / "killed")) == STEPS
    whole, again = (read_bundle(folder / name / "model.ckpt") for name in ("whole", "killed"))
    assert {name: value.tobytes() for name, value in again.items()} == {name: value.tobytes() for name, value in whole.items()}


def flip(path, at=-9):
    content = bytearray(path.read_bytes())
    content[at] ^= 4
    path.write_bytes(content)


def test_a_bit_flipped_in_the_newest_checkpoint_is_named_and_the_one_before_is_taken(folder, tmp_path, caplog):
    pretrain(config(folder, tmp_path / "whole", num_train_steps=30))
    shutil.copytree(tmp_path / "whole", tmp_path / "damaged")
    flip(tmp_path / "damaged" / "checkpoints" / "model.ckpt-30.data-00000-of-00001")
    steps = []
    pretrain(config(folder, tmp_path / "damaged", num_train_steps=30), report=lambda step, values: steps.append(step))
    assert steps == list(range(16, 31))
    assert "model.ckpt-30.data-00000-of-00001 is damaged: its SHA-256 is not the one in model.ckpt-30.json" in caplog.text
    assert training_processes.losses(tmp_path / "damaged") == training_processes.losses(tmp_path / "whole")
    for path in (tmp_path / "damaged" / "checkpoints").glob("*.index"):
        flip(path)
    with pytest.raises(AlbertError, match=r"is damaged.*and no other is intact"):
        pretrain(config(folder, tmp_path / "damaged", num_train_steps=30))


def test_predictions_that_differ_from_the_manifest_are_named(folder, tmp_path):
    write_dataset(tmp_path / "data")
    manifest = json.loads((tmp_path / "data" / "manifest.json").read_text())
    manifest["parameters"]["max_predictions_per_seq"] = 6
    (tmp_path / "data" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(
        AlbertError, match=r"has records of 32 tokens and 4 predictions, manifest\.json says 32 and 6\nput back the manifest"
    ):
        pretrain(config(folder, tmp_path / "out", data=str(tmp_path / "data"), num_train_steps=40))


@pytest.mark.parametrize("kind", ["static", "dynamic"])
@pytest.mark.parametrize("damage", ["flipped", "truncated", "missing", "not in the manifest"])
def test_a_damaged_dataset_is_named_and_not_trained_on(folder, tmp_path, kind, damage):
    write_dataset(tmp_path / "data", kind=kind, num_shards=2)
    shard = tmp_path / "data" / "train-00001-of-00002.tfrecord"
    if damage == "flipped":
        flip(shard, len(shard.read_bytes()) // 2)
    elif damage == "truncated":
        shard.write_bytes(shard.read_bytes()[:-5])
    elif damage == "missing":
        shard.unlink()
    else:
        manifest = json.loads((tmp_path / "data" / "manifest.json").read_text())
        manifest["shards"] = [entry for entry in manifest["shards"] if entry["name"] != shard.name]
        (tmp_path / "data" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(AlbertError, match=r"train-00001-of-00002\.tfrecord"):
        pretrain(config(folder, tmp_path / "out", data=str(tmp_path / "data"), num_train_steps=40))
