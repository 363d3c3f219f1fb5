"""What the processor can do at most, and which share of it a run uses."""

import time
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from albert_core import costs
from albert_core.config import AlbertConfig
from albert_core.parameters import PRETRAINING
from albert_core.shards import INPUT_IDS, MASKED_LM_IDS

SIZE = 1024  # of the square matrices: large enough to fill the cores, done in a few hundredths of a second
ROUNDS = 4
BFLOAT16_FLAGS = ("avx512_bf16", "amx_bf16")
BFLOAT16_CAPABILITY = (8, 0)  # of NVIDIA GPUs: Ampere and later


def measure_peak(compute_dtype: str) -> float:
    """FLOP/s of a plain matrix product on this machine's first device: the best of a few, measured now."""
    left = tf.cast(tf.random.stateless_normal((SIZE, SIZE), (1, 2)), compute_dtype)
    multiply = tf.function(lambda value: tf.matmul(value, value))
    multiply(left)
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        multiply(left).numpy()
        best = min(best, time.perf_counter() - started)
    return 2 * SIZE**3 / best


def best_compute_dtype() -> str:
    """bfloat16 where the hardware multiplies in it (TPU, Ampere, AVX-512 BF16, AMX), else float32."""
    if tf.config.list_logical_devices("TPU"):
        return "bfloat16"
    if gpus := tf.config.list_physical_devices("GPU"):
        capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (0, 0))
        return "bfloat16" if tuple(capability) >= BFLOAT16_CAPABILITY else "float32"
    processor = Path("/proc/cpuinfo")
    flags = processor.read_text().split() if processor.exists() else []
    return "bfloat16" if any(flag in flags for flag in BFLOAT16_FLAGS) else "float32"


class Speed:
    """How fast steps come, which share of that time the input took, and which share of the processor's peak the products are."""

    def __init__(self, config: AlbertConfig, batch_size: int, peak: float | None):
        """`batch_size` counts sequences over all devices, `peak` FLOP/s of all devices; None where nobody measured it."""
        self._config, self._batch_size, self._peak = config, batch_size, peak
        self._begun = time.perf_counter()

    def restart(self) -> None:
        """What has been done since the last step was no training."""
        self._begun = time.perf_counter()

    def add_to(self, lines: list[dict[str, float]], batches: Mapping[str, tf.Tensor], waited: float) -> None:
        """Add sequences_per_second, input_wait (share) and share_of_peak to the lines of a call. The first call compiles, and counts."""
        seconds = max(time.perf_counter() - self._begun, 1e-9)
        self._begun = time.perf_counter()
        sequences = self._batch_size * len(lines)
        numbers = {"sequences_per_second": sequences / seconds, "input_wait": min(1.0, waited / seconds)}
        if self._peak is not None:
            tokens, predictions = (batches[name].shape[-1] for name in (INPUT_IDS, MASKED_LM_IDS))
            work = costs.flops(self._config, tokens=tokens, predictions=predictions, heads=PRETRAINING, training=True)
            numbers["share_of_peak"] = sequences * work / seconds / self._peak
        for line in lines:
            line |= numbers
