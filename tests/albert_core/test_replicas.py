import json

import numpy as np
import pytest

from albert_core.errors import AlbertError
from albert_core.replicas import TF_CONFIG, Replicas, choose_replicas
from tests.albert_core import small_run, training_processes

STEPS = 50


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_run.write_inputs(tmp_path_factory.mktemp("replicas"), small_run.WITHOUT_DROPOUT)


def arguments(folder, name, *more):
    steps = (f"--num-train-steps={STEPS}", "--save-checkpoints-steps=20", "--eval-steps=20")
    return small_run.run_arguments(folder, folder / name, *steps, *more)


@pytest.fixture(scope="module")
def one_device(folder):
    training_processes.finish(training_processes.start(*arguments(folder, "one", "--strategy=one")))
    return folder / "one"


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize(
    "options",
    [
        ("--strategy=mirrored", "--num-replicas=2"),
        ("--strategy=mirrored", "--num-replicas=4", "--gradient-accumulation-steps=2", "--steps-per-call=7"),
        ("--gradient-accumulation-steps=4",),
        ("--steps-per-call=8", "--rematerialize"),
        ("--xla", "--gradient-accumulation-steps=2"),
    ],
    ids=lambda options: "-".join(option.strip("-").replace("=", "-") for option in options),
)
def test_devices_parts_and_calls_give_the_same_losses(folder, one_device, options):
    if "--xla" in options:
        small_run.skip_without_jit()
    name = "".join(options)
    output = training_processes.finish(training_processes.start(*arguments(folder, name, *options)))
    assert "held-out data:" in output
    compare(one_device, folder / name)


@pytest.mark.slow
@pytest.mark.integration
def test_two_processes_give_the_same_losses_and_one_of_them_writes(folder, one_device):
    workers = training_processes.start_workers(2, *arguments(folder, "two", "--strategy=multi-worker"))
    first, second = (training_processes.finish(worker) for worker in workers)
    compare(one_device, folder / "two")
    assert "held-out data:" in first
    assert "held-out data:" in second  # both took part in measuring; the table of the steps is the chief's
    assert first.count("\n") > second.count("\n")


def compare(expected, found):
    np.testing.assert_allclose(training_processes.losses(found), training_processes.losses(expected), atol=1e-4)
    numbers = [json.loads((folder / "evaluation.json").read_text()) for folder in (expected, found)]
    assert numbers[1] == pytest.approx(numbers[0], rel=1e-3)
    assert sorted(path.name for path in (found / "checkpoints").glob("*.json")) == [f"model.ckpt-{step}.json" for step in (20, 40, 50)]


class Pretended:
    """A strategy of which only the number of replicas is asked."""

    num_replicas_in_sync = 8


def test_a_batch_that_replicas_cannot_share_is_refused():
    replicas = Replicas("mirrored", Pretended(), num_hosts=2)
    assert replicas.per_host == 4
    replicas.check_batch(64, 4)
    with pytest.raises(AlbertError, match=r"--train-batch-size 60 cannot be divided among 8 replicas\ngive a multiple of 8, such as 64"):
        replicas.check_batch(60, 1)
    with pytest.raises(AlbertError, match=r"among 8 replicas in 4 parts each\ngive a multiple of 32, such as 96"):
        replicas.check_batch(72, 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "horovod"}, "--strategy horovod is unknown\nknown: auto, one, mirrored, multi-worker, tpu"),
        ({"strategy": "multi-worker"}, "--strategy multi-worker needs TF_CONFIG, which is not set"),
        ({"strategy": "one", "num_replicas": 2}, "--num-replicas 2 does not go with --strategy one"),
        ({"strategy": "one", "tpu": "mine"}, "--tpu mine does not go with --strategy one"),
    ],
)
def test_strategies_that_cannot_be(options, message, monkeypatch):
    monkeypatch.delenv(TF_CONFIG, raising=False)
    with pytest.raises(AlbertError) as refused:
        choose_replicas(**options)
    assert message in str(refused.value)


@pytest.mark.parametrize("text", ["{", '{"cluster": {}}', '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 3}}', "[]"])
def test_a_tf_config_that_is_none_is_named(text, monkeypatch):
    monkeypatch.setenv(TF_CONFIG, text)
    with pytest.raises(AlbertError, match=r"TF_CONFIG cannot be used: .*\nit must be like \{"):
        choose_replicas("multi-worker")


@pytest.mark.slow
@pytest.mark.integration
def test_a_tpu_that_is_not_there_is_named_and_nothing_is_written(folder):
    process = training_processes.start(*arguments(folder, "tpu", "--tpu=grpc://127.0.0.1:1"))
    output = training_processes.finish(process, status=2)
    assert "--tpu grpc://127.0.0.1:1 cannot be used: " in output
    assert "Traceback" not in output
    assert not (folder / "tpu").exists()
