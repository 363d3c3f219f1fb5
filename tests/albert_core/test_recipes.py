import pytest

from albert_core.errors import AlbertError
from albert_core.recipes import FREE, PRESETS, PretrainingConfig
from cli.pretraining import OPTIMIZERS, PRESET_HELP, STRATEGIES
from cli.pretraining import PRESETS as OFFERED


def test_presets_are_the_recipes():
    common = {"data": "d", "model": "tiny", "output": "o"}
    reference = PretrainingConfig.preset("reference", **common)
    assert (reference.optimizer, reference.learning_rate, reference.train_batch_size) == ("lamb", 0.00176, 4096)
    assert (reference.num_train_steps, reference.num_warmup_steps) == (125_000, 12_500)
    assert PretrainingConfig.preset("reference", **common, train_batch_size=256).learning_rate == pytest.approx(0.00176 / 4)
    assert PretrainingConfig.preset("reference", **common, train_batch_size=256, learning_rate=1e-3).learning_rate == 1e-3
    small = PretrainingConfig.preset("small-machine", **common, num_train_steps=300, optimizer=None)
    assert (small.optimizer, small.train_batch_size, small.num_warmup_steps) == ("adamw", 32, 30)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_batch_size": 0}, "--train-batch-size 0 is less than 1"),
        ({"keep_checkpoints": 0}, "--keep-checkpoints 0 is less than 1"),
        ({"eval_steps": -1}, "--eval-steps -1 is less than 0"),
        ({"num_train_steps": 0}, "num_train_steps 0 is less than 1"),
        ({"num_warmup_steps": 10_001}, "num_warmup_steps 10001 is outside"),
        ({"steps_per_call": 0}, "--steps-per-call 0 is less than 1"),
        ({"stop_at_loss_ratio": 0.5}, "--stop-at-loss-ratio 0.5 is not above 1"),
        ({"strategy": "horovod"}, "--strategy horovod is unknown"),
        ({"with_slots": True}, "--with-slots takes the slots of --init-checkpoint, which is not given"),
        ({"curriculum": "128"}, "--curriculum 128 is not LENGTH:SHARE"),
    ],
)
def test_values_that_cannot_work_are_refused(change, message):
    with pytest.raises(AlbertError) as refused:
        PretrainingConfig.preset("small-machine", **{"data": "d", "model": "tiny", "output": "o"} | change)
    assert message in str(refused.value)
    with pytest.raises(AlbertError, match='preset "laptop" is unknown'):
        PretrainingConfig.preset("laptop")


def test_the_reference_is_longer_for_xxlarge():
    common = {"data": "d", "output": "o"}
    assert PretrainingConfig.preset("reference", model="xxlarge", **common).num_train_steps == 1_000_000
    assert PretrainingConfig.preset("reference", model="xxlarge_google", **common, num_train_steps=5).num_train_steps == 5


@pytest.mark.parametrize("name", ["domain-adaptation", "extension"])
def test_presets_that_start_from_a_model_need_one(name):
    common = {"data": "d", "model": "tiny", "output": "o"}
    with pytest.raises(AlbertError, match=f"--preset {name} starts from a model that is not named\ngive --init-checkpoint"):
        PretrainingConfig.preset(name, **common)
    config = PretrainingConfig.preset(name, **common, init_checkpoint="m")
    assert config.with_slots == (name == "extension")
    assert not PretrainingConfig.preset("extension", **common, init_checkpoint="m", with_slots=False).with_slots


def test_the_command_offers_what_the_core_knows():
    from albert_core.optimization import RULES
    from albert_core.replicas import STRATEGIES as KNOWN

    assert set(OFFERED) == set(PRESETS)
    assert all(f"  {name} " in PRESET_HELP for name in PRESETS)
    assert set(KNOWN) == set(STRATEGIES)
    assert set(RULES) == set(OPTIMIZERS)


def test_what_is_free_does_not_decide_the_weights():
    config = PretrainingConfig.preset("small-machine", data=["a=1", "b=2"], model="tiny", output="o")
    assert config.datasets == ("a=1", "b=2")
    assert not FREE & set(config.deciding())
    assert set(vars(config)) >= FREE
