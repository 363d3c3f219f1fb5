"""What the processor can do at most, so that a run can say which share of it is used."""

import time
from pathlib import Path

import tensorflow as tf

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
