"""The step that trains, compiled for a TPU on a machine that has none: its memory, its work, and the compiler's own idea of its time.

    TensorFlow's step ── HLO ── StableHLO ── libtpu's compiler for a topology ── memory, FLOPs, all-reduces

The batch is marked as split over all devices and XLA's SPMD partitioner does the rest, as data-parallel training on the pod would.
Needs the `plan` extra, whose versions are exact: the bridge from TensorFlow's HLO to libtpu has no public interface.
One process compiles for one topology, because libtpu reads its environment once: `compile_for` starts one.

python -m albert_core.ahead_of_time '{"topology": "v5e:2x2", "accelerator": "v5litepod-4", "model": "tiny", …}'
"""

import dataclasses
import json
import math
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from albert_core.config import AlbertConfig
from albert_core.errors import AlbertError

EXTRA = "albert-zh-toolkit[plan]"
CHIPS_OF_A_HOST = 4  # libtpu must be told of smaller ones
SECONDS = 1800  # for one compilation; xxlarge on a pod takes minutes
OUT_OF_MEMORY = re.compile(r"(Ran out of memory|RESOURCE_EXHAUSTED|Exceeded \w+ capacity)")
# libtpu does not take this operation of TensorFlow's; a reshape to the same shape is the same.
COPY = re.compile(r"(%\S+) = mhlo\.copy (%\S+)( \{[^}]*\})? : (tensor<[^>]*>)")


@dataclass(frozen=True, kw_only=True)
class StepToCompile:
    """A training step and the devices it is for. Sizes are those of one step over all devices."""

    model: dict[str, Any]  # a config.json
    variant: str
    tokens: int
    predictions: int
    batch: int
    topology: str  # as libtpu names it: "v5e:2x2"
    accelerator: str  # as Google Cloud names it: "v5litepod-4"
    optimizer: str = "lamb"
    parts: int = 1  # gradient accumulation
    rematerialize: bool = False
    compute_dtype: str = "bfloat16"


@dataclass(frozen=True, kw_only=True)
class CompiledStep:
    """What came out, of each device. Bytes, FLOP and seconds of one step."""

    fits: bool
    num_devices: int = 0
    all_reduces: int = 0
    argument_bytes: int = 0  # weights, slots and the batch; the new weights take their place
    temporary_bytes: int = 0
    flops: float = 0.0
    bytes_accessed: float = 0.0
    optimal_seconds: float = 0.0
    reason: str = ""  # of the compiler, where the step does not fit


def is_available() -> bool:
    """Whether the compiler is installed."""
    from importlib.util import find_spec

    return find_spec("libtpu") is not None and find_spec("jax") is not None


def compile_for(step: StepToCompile) -> CompiledStep:
    """Compile `step` in a process of its own.

    Raises:
      AlbertError: the extra is missing, or the compiler failed for another reason than memory.
    """
    if not is_available():
        raise AlbertError(f"compiling for a TPU needs jax and libtpu\npip install '{EXTRA}'; without it the estimate is used")
    # Its own folder first on the path is not wanted: a file here may be called as a library is.
    command = [sys.executable, "-m", "albert_core.ahead_of_time", json.dumps(dataclasses.asdict(step))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or [f"it ended with {done.returncode}"]
        raise AlbertError(f"{step.topology}: the step was not compiled: {lines[-1]}\nleave --compile out to see the estimate")
    return CompiledStep(**json.loads(done.stdout.splitlines()[-1]))


def compile_here(step: StepToCompile) -> CompiledStep:
    """Compile `step` in this process, which must not have used libtpu for another topology."""
    os.environ |= {
        "TF_CPP_MIN_LOG_LEVEL": "3", "TPU_SKIP_MDS_QUERY": "1", "TPU_ACCELERATOR_TYPE": step.accelerator,
        "TPU_WORKER_HOSTNAMES": "localhost", "JAX_PLATFORMS": "cpu", "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
    }  # fmt: skip
    import numpy as np
    from jax._src import compiler
    from jax._src.interpreters import mlir
    from jax.experimental import topologies
    from jaxlib import _jax
    from jaxlib.mlir import ir

    sides = [int(side) for side in step.topology.partition(":")[2].split("x")]
    small = {"chips_per_host_bounds": [*sides, *[1] * (3 - len(sides))]} if math.prod(sides) < CHIPS_OF_A_HOST else {}
    devices = topologies.get_topology_desc(platform="tpu", topology_name=step.topology, **small).devices
    hlo = lower(step, len(devices))
    context = mlir.make_ir_context()
    text = str(ir.Module.parse(_jax.mlir.hlo_to_stablehlo(hlo), context))
    text = COPY.sub(r"\1 = stablehlo.reshape \2 : (\4) -> \4", text)
    assignment = np.array([[device.id for device in devices]])
    options = compiler.get_compile_options(num_replicas=1, num_partitions=len(devices), device_assignment=assignment)
    options.executable_build_options.use_spmd_partitioning = True
    options.executable_build_options.use_shardy_partitioner = False
    try:
        executable = devices[0].client.compile(ir.Module.parse(text, context), _jax.DeviceList(tuple(devices)), options)
    except Exception as error:  # the class is jaxlib's own and private
        if OUT_OF_MEMORY.search(str(error)):
            return CompiledStep(fits=False, num_devices=len(devices), reason=str(error).splitlines()[0])
        raise
    memory, cost = executable.get_compiled_memory_stats(), executable.cost_analysis()
    compiled = executable.hlo_modules()[0].to_string()
    return CompiledStep(
        fits=True,
        num_devices=len(devices),
        all_reduces=len(re.findall(r" all-reduce(?:-start)?\(", compiled)),
        argument_bytes=memory.argument_size_in_bytes,
        temporary_bytes=memory.temp_size_in_bytes,
        flops=cost["flops"],
        bytes_accessed=cost["bytes accessed"],
        optimal_seconds=_without_unknown(cost["optimal_seconds"]),
    )


def _without_unknown(seconds: float) -> float:
    """The compiler's time without the -1 second that it counts for each operation it has no model of, such as its own kernels.

    Exact for steps under a second, which all are that fill a chip; a longer one would lose its whole seconds.
    """
    return seconds - math.floor(seconds) if seconds < 0 else seconds


def lower(step: StepToCompile, num_devices: int) -> bytes:
    """The HLO of the shipped training step, its batch split over the devices, weights and slots on each."""
    import tensorflow as tf
    from tensorflow.python.compiler.xla.experimental import xla_sharding  # no public name

    from albert_core.modeling import Albert
    from albert_core.optimization import Optimizer, OptimizerConfig
    from albert_core.parameters import list_parameters
    from albert_core.shards import (
        INPUT_IDS,
        INPUT_MASK,
        MASKED_LM_IDS,
        MASKED_LM_POSITIONS,
        MASKED_LM_WEIGHTS,
        NEXT_SENTENCE_LABELS,
        SEGMENT_IDS,
    )
    from albert_core.training_step import make_train_step

    config = AlbertConfig.from_json(step.model, variant=step.variant)
    weights = {parameter.name: tf.Variable(tf.zeros(parameter.shape), name=parameter.name) for parameter in list_parameters(config)}
    model = Albert(config, compute_dtype=step.compute_dtype, rematerialize=step.rematerialize, weights=weights)
    settings = OptimizerConfig(name=step.optimizer, learning_rate=1e-3, num_train_steps=1000, num_warmup_steps=100)
    train_step = make_train_step(model, Optimizer(settings, model.weights), 0, parts=step.parts)

    sequences = dict.fromkeys((INPUT_IDS, INPUT_MASK, SEGMENT_IDS), step.tokens)
    predictions = dict.fromkeys((MASKED_LM_POSITIONS, MASKED_LM_IDS), step.predictions)
    batch = {
        name: tf.TensorSpec([step.batch, size], tf.int32) for name, size in {**sequences, **predictions, NEXT_SENTENCE_LABELS: 1}.items()
    }
    batch[MASKED_LM_WEIGHTS] = tf.TensorSpec([step.batch, step.predictions], tf.float32)

    @tf.function(jit_compile=True, autograph=False)
    def split_step(*features: tf.Tensor) -> dict[str, tf.Tensor]:
        split = [xla_sharding.split(value, 0, num_devices, use_sharding_op=True) for value in features]
        return train_step(dict(zip(batch, split, strict=True)))

    return split_step.experimental_get_compiler_ir(*batch.values())(stage="hlo_serialized")


if __name__ == "__main__":
    print(json.dumps(dataclasses.asdict(compile_here(StepToCompile(**json.loads(sys.argv[1]))))))
