import dataclasses

import pytest

from albert_core.ahead_of_time import StepToCompile, _without_unknown, compile_for, is_available
from albert_core.chips import CHIPS, GIB, parse_slice
from albert_core.config import AlbertConfig
from albert_core.errors import AlbertError
from albert_core.training_memory import StepShape, fixed_bytes, greatest_batch, sequence_bytes, step_bytes
from albert_core.training_plan import Workload, batch_table, make_plan

BASE = AlbertConfig.named("base")
# Bytes of temporaries that libtpu's compiler gave for the shipped step in bfloat16, a device (tests/benchmarks/RESULTS.md):
# model, tokens, predictions, sequences of a device, rematerialised
COMPILED = {
    ("tiny", 512, 51, 16, False): 1_381_315_072,  # v5e
    ("tiny", 128, 20, 64, False): 1_175_137_792,  # v5e
    ("tiny", 128, 20, 32, False): 535_932_928,  # v3
    ("tiny", 128, 20, 64, True): 526_907_904,  # v5e
    ("base", 512, 51, 16, False): 4_703_316_992,  # v3
    ("large", 512, 51, 16, False): 11_485_808_640,  # v3
}
COMPILED_FOR = {
    "v4": (8, 2_753_589_248),
    "v5e": (16, 5_489_893_376),
    "v6e": (16, 6_636_482_080),
}  # base, 512 tokens: sequences, bytes of temporaries
PUBLISHED_HOURS = {"base": 6.0, "large": 22.5}  # README of brightmart/albert_zh: batch 4096 × 512, 125,000 steps on a TPU v3-256


@pytest.mark.parametrize("case", COMPILED, ids=lambda case: "-".join(map(str, case)))
def test_the_estimate_against_the_compiler(case):
    model, tokens, predictions, batch, rematerialize = case
    shape = StepShape(tokens=tokens, predictions=predictions, rematerialize=rematerialize)
    parts = step_bytes(AlbertConfig.named(model), shape, batch)
    temporaries = parts["gradients"] + parts["activations"] + parts["word scores"]
    # Rematerialised, the compiler does better than the estimate, which then errs on the safe side.
    assert temporaries == pytest.approx(COMPILED[case], rel=0.25 if rematerialize else 0.08)


@pytest.mark.parametrize("chip", COMPILED_FOR)
def test_chips_whose_compiler_keeps_more(chip):
    batch, measured = COMPILED_FOR[chip]
    parts = step_bytes(BASE, Workload(config=BASE, chips=parse_slice(f"{chip}-8")).shape, batch)
    assert parts["gradients"] + parts["activations"] + parts["word scores"] == pytest.approx(measured, rel=0.03)


def test_memory_by_part():
    shape = StepShape(tokens=512, predictions=51)
    parts = step_bytes(BASE, shape, 16)
    assert parts["weights"] == parts["gradients"] == parts["optimizer slots"] // 2 == 45_968_936
    assert parts["word scores"] == round(4 * 2.5 * 51 * 21_128 * 16)
    assert fixed_bytes(BASE, parts=4)["gradients"] == 2 * parts["gradients"]
    cut = step_bytes(BASE, dataclasses.replace(shape, parts=4), 16)
    assert cut["activations"] == pytest.approx(parts["activations"] / 4)
    assert step_bytes(BASE, dataclasses.replace(shape, rematerialize=True), 16)["activations"] < parts["activations"] / 4


@pytest.mark.parametrize("parts", [1, 3])
def test_the_greatest_batch_fits_and_one_more_does_not(parts):
    shape = StepShape(tokens=512, predictions=51, parts=parts)
    most = greatest_batch(BASE, shape, 16 * GIB)
    assert most % parts == 0
    slack = parts * sequence_bytes(BASE, shape)["batch"] * most  # the batch itself is there as a whole
    assert sum(step_bytes(BASE, shape, most).values()) <= 16 * GIB + slack
    assert sum(step_bytes(BASE, shape, most + parts).values()) > 16 * GIB
    assert greatest_batch(AlbertConfig.named("xxlarge"), shape, GIB) == 0


def test_the_reference_s_own_runs():
    hours = {}
    for model, published in PUBLISHED_HOURS.items():
        plan = make_plan(Workload(config=AlbertConfig.named(model), chips=parse_slice("v3-256"), batch=4096))
        hours[model] = plan.hours
        assert plan.fits
        assert plan.hours == pytest.approx(published, rel=0.06)
        assert plan.dollars == pytest.approx(plan.hours * 128 * CHIPS["v3"].dollars_per_hour)
    assert hours["large"] / hours["base"] == pytest.approx(PUBLISHED_HOURS["large"] / PUBLISHED_HOURS["base"], rel=0.15)


def test_without_a_batch_the_greatest_is_planned_and_rematerialising_costs_a_third():
    work = Workload(config=BASE, chips=parse_slice("v5e-4"))
    plan, again = make_plan(work), make_plan(dataclasses.replace(work, rematerialize=True, batch=make_plan(work).batch))
    assert plan.batch == 4 * plan.greatest_batch_per_device
    assert again.seconds_per_step == pytest.approx(plan.seconds_per_step * 4 / 3)
    assert again.greatest_batch_per_device > 4 * plan.greatest_batch_per_device


def test_the_table_falls_with_length_and_size():
    configs = {name: AlbertConfig.named(name) for name in ("tiny", "base", "large")}
    work = Workload(config=BASE, chips=parse_slice("titan-x"), fine_tuning=True)
    table = batch_table(work.chips.chip, configs, [128, 512], work)
    assert table["tiny"][128] > table["base"][128] > table["large"][128] > table["large"][512] > 0
    assert all(row[128] > 4 * row[512] for row in table.values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": 600}, "--max-seq-length 600 does not fit the 512 positions"),
        ({"batch": 100}, "--train-batch-size 100 cannot be divided among 8 devices in 1 parts\ngive a multiple of 8"),
        ({"utilization": 1.5}, "--utilization 1.5 is not a share"),
    ],
)
def test_plans_that_cannot_be(change, message):
    with pytest.raises(AlbertError) as refused:
        Workload(**{"config": BASE, "chips": parse_slice("v3-8")} | change)
    assert message in str(refused.value)


def test_a_model_that_no_chip_holds_is_said():
    with pytest.raises(AlbertError, match=r"not even one sequence of 512 tokens fits 8 GiB of a v2\ngive --rematerialize"):
        make_plan(Workload(config=dataclasses.replace(AlbertConfig.named("xxlarge"), num_hidden_layers=48), chips=parse_slice("v2-8")))
    with pytest.raises(AlbertError, match="--compile is for pretraining on TPUs"):
        make_plan(Workload(config=BASE, chips=parse_slice("a100")), compile_step=True)


def test_seconds_without_what_the_compiler_does_not_know():
    assert _without_unknown(-2.75) == 0.25
    assert _without_unknown(0.5) == 0.5


SMALL = AlbertConfig(vocab_size=128, hidden_size=128, num_hidden_layers=2, num_attention_heads=2, intermediate_size=256, embedding_size=64)


def small_step(**changes):
    values = {"model": SMALL.to_json(), "variant": SMALL.variant, "tokens": 32, "predictions": 4, "batch": 32}
    return StepToCompile(**values | {"topology": "v5e:2x2", "accelerator": "v5litepod-4"} | changes)


@pytest.mark.skipif(is_available(), reason="jax and libtpu are installed")
def test_without_the_extra_compiling_is_refused():
    with pytest.raises(AlbertError, match=r"needs jax and libtpu\npip install 'albert-zh-toolkit\[plan\]'"):
        compile_for(small_step())


@pytest.mark.skipif(not is_available(), reason="needs the plan extra: jax[tpu] and libtpu")
@pytest.mark.parametrize(
    ("changes", "devices"),
    [
        ({"topology": "v3:2x2", "accelerator": "v3-8"}, 8),
        ({"topology": "v4:2x2x1", "accelerator": "v4-8"}, 8),  # the compiler counts two cores a chip where a run sees one
        ({}, 4),
        ({"topology": "v6e:2x2", "accelerator": "v6e-4"}, 4),
        ({"topology": "v5e:1x1", "accelerator": "v5litepod-1"}, 1),
        ({"topology": "v5e:16x16", "accelerator": "v5litepod-256", "batch": 256}, 256),
        ({"parts": 2, "rematerialize": True}, 4),
    ],
)
def test_the_shipped_step_compiles_for_a_tpu(changes, devices):
    compiled = compile_for(small_step(**changes))
    assert compiled.fits
    assert compiled.num_devices == devices
    assert (compiled.all_reduces > 0) == (devices > 1)
    assert compiled.temporary_bytes > 0
    assert 0 < compiled.optimal_seconds < 1


@pytest.mark.skipif(not is_available(), reason="needs the plan extra: jax[tpu] and libtpu")
def test_a_step_that_does_not_fit_is_said():
    compiled = compile_for(small_step(batch=2**22))
    assert not compiled.fits
    assert "memory" in compiled.reason
