"""What a training run will need and cost, before it is started: memory, the greatest batch, time and price."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from albert_core import costs
from albert_core.ahead_of_time import CompiledStep, StepToCompile, compile_for
from albert_core.chips import GIB, Chip, Slice, accelerator_type
from albert_core.config import AlbertConfig
from albert_core.errors import AlbertError
from albert_core.parameters import PRETRAINING, Heads
from albert_core.training_memory import StepShape, greatest_batch, step_bytes

FINE_TUNING = Heads(masked_words=False, sentence_order=False, num_labels=2)
# Of the memory, what a step can have: the rest is the runtime's, and what an allocator cannot use.
USABLE = {"tpu": 0.95, "gpu": 0.90, "cpu": 0.80}
# Of the published peak, what such steps reach. TPU: the published 6 h (base) and 22.5 h (large) of the reference's runs are 44 % and 40 %.
# CPU: of its own measured products. GPU: a usual figure of well-kept programs; ours was measured on none.
UTILIZATION = {"tpu": 0.42, "gpu": 0.35, "cpu": 0.70}
REMATERIALIZED = 4 / 3  # the forward pass is done twice
SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, kw_only=True)
class Workload:
    """The run that is planned. Sizes are those of a step over all devices."""

    config: AlbertConfig
    chips: Slice
    tokens: int = 512
    predictions: int = 51
    batch: int | None = None  # None: the greatest that fits
    num_steps: int = 125_000
    optimizer: str = "lamb"
    parts: int = 1
    rematerialize: bool = False
    fine_tuning: bool = False
    utilization: float | None = None
    dollars_per_hour: float | None = None  # of the whole slice

    def __post_init__(self) -> None:
        if not 1 <= self.tokens <= self.config.max_position_embeddings:
            raise AlbertError(
                f"--max-seq-length {self.tokens} does not fit the {self.config.max_position_embeddings} positions of the model\n"
                "give a length from 1 to that"
            )
        if self.batch is not None and (self.batch < 1 or self.batch % (self.chips.num_devices * self.parts)):
            multiple = self.chips.num_devices * self.parts
            raise AlbertError(
                f"--train-batch-size {self.batch} cannot be divided among {self.chips.num_devices} devices in {self.parts} parts\n"
                f"give a multiple of {multiple}"
            )
        if self.utilization is not None and not 0 < self.utilization <= 1:
            raise AlbertError(f"--utilization {self.utilization} is not a share\ngive a number above 0, at most 1")

    @property
    def heads(self) -> Heads:
        """What stands on the encoder."""
        return FINE_TUNING if self.fine_tuning else PRETRAINING

    @property
    def shape(self) -> StepShape:
        """The step of a device."""
        return StepShape(
            tokens=self.tokens,
            predictions=0 if self.fine_tuning else self.predictions,
            heads=self.heads,
            parts=self.parts,
            rematerialize=self.rematerialize,
            way="xla" if self.chips.chip.kind == "tpu" else "ops",
            activations=self.chips.chip.activations,
        )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What came out. Bytes and FLOP of one device, time and price of the whole."""

    memory: dict[str, int]
    usable_memory: int
    greatest_batch_per_device: int
    batch_per_device: int
    batch: int
    fits: bool
    step_flops: float  # of the whole step, all devices; forward and backward products, without what rematerialisation repeats
    utilization: float
    seconds_per_step: float
    hours: float
    dollars: float
    compiled: CompiledStep | None = None

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return dataclasses.asdict(self)


def make_plan(work: Workload, *, compile_step: bool = False) -> Plan:
    """The plan of a run. With `compile_step` its step is also compiled for the real topology.

    Raises:
      AlbertError: not even one sequence fits and no batch was given, or the compiler is missing.
    """
    chip, devices = work.chips.chip, work.chips.num_devices
    usable = int(chip.memory * USABLE[chip.kind])
    greatest = greatest_batch(work.config, work.shape, usable)
    if work.batch is None and not greatest:
        raise AlbertError(
            f"not even one sequence of {work.tokens} tokens fits {chip.memory / GIB:.0f} GiB of a {chip.name}\n"
            "give --rematerialize, a shorter --max-seq-length, or another chip"
        )
    per_device = work.batch // devices if work.batch is not None else greatest
    batch = per_device * devices
    memory = step_bytes(work.config, work.shape, per_device)
    flops = float(batch * _flops(work))
    utilization = work.utilization or UTILIZATION[chip.kind]
    repeated = REMATERIALIZED if work.rematerialize else 1.0
    seconds = flops * repeated / (devices * chip.peak_flops * utilization)
    hours = seconds * work.num_steps / SECONDS_PER_HOUR
    price = work.chips.dollars_per_hour if work.dollars_per_hour is None else work.dollars_per_hour
    return Plan(
        memory=memory,
        usable_memory=usable,
        greatest_batch_per_device=greatest,
        batch_per_device=per_device,
        batch=batch,
        fits=sum(memory.values()) <= usable,
        step_flops=flops,
        utilization=utilization,
        seconds_per_step=seconds,
        hours=hours,
        dollars=hours * price,
        compiled=_compile(work, batch) if compile_step else None,
    )


def batch_table(chip: Chip, configs: dict[str, AlbertConfig], lengths: list[int], work: Workload) -> dict[str, dict[int, int]]:
    """The greatest batch on one device, by model and length; predictions go with the length. 0: not even one sequence fits."""
    share = work.predictions / work.tokens
    table: dict[str, dict[int, int]] = {}
    for name, config in configs.items():
        table[name] = {}
        for length in lengths:
            predictions = 0 if work.fine_tuning else max(1, round(share * length))
            shape = dataclasses.replace(work.shape, tokens=length, predictions=predictions)
            table[name][length] = greatest_batch(config, shape, chip.memory * USABLE[chip.kind])
    return table


def _flops(work: Workload) -> int:
    """Of one sequence, forward and backward."""
    predictions = 0 if work.fine_tuning else work.predictions
    return costs.flops(work.config, tokens=work.tokens, predictions=predictions, heads=work.heads, training=True)


def _compile(work: Workload, batch: int) -> CompiledStep:
    if work.chips.chip.kind != "tpu" or work.fine_tuning:
        raise AlbertError("--compile is for pretraining on TPUs\nleave it out: the estimate is used for all else")
    return compile_for(
        StepToCompile(
            model=work.config.to_json(),
            variant=work.config.variant,
            tokens=work.tokens,
            predictions=work.predictions,
            batch=batch,
            topology=work.chips.topology,
            accelerator=accelerator_type(work.chips),
            optimizer=work.optimizer,
            parts=work.parts,
            rematerialize=work.rematerialize,
        )
    )
