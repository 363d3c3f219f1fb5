"""The shipped step compiled for real TPU topologies, beside the estimate of `albert-train plan`. Needs the plan extra, and an hour.

python -m tests.benchmarks.compiled_steps [MODEL TOKENS BATCH SLICE]
"""

import sys

from albert_core.chips import parse_slice
from albert_core.config import AlbertConfig
from albert_core.training_plan import Workload, make_plan

CASES = (
    ("base", 512, 4096, "v3-256"),
    ("large", 512, 4096, "v3-256"),
    ("tiny", 128, 64, "v5e-1"),
    ("base", 512, 64, "v5e-4"),
    ("base", 512, 64, "v4-8"),
    ("base", 512, 64, "v6e-4"),
    ("xlarge", 512, 8, "v5e-4"),
    ("base", 512, 4096, "v5e-256"),
)
PREDICTIONS = {128: 20, 512: 51}


def main(*chosen: str) -> None:
    """Prints a line for each case."""
    cases = [(chosen[0], int(chosen[1]), int(chosen[2]), chosen[3])] if chosen else CASES
    print("model    tokens   batch   slice    devices   compiled GB   estimated   all-reduces   GFLOP a device   s, compiler   s, 42 %")
    for model, tokens, batch, chips in cases:
        work = Workload(
            config=AlbertConfig.named(model), chips=parse_slice(chips), tokens=tokens, predictions=PREDICTIONS[tokens], batch=batch
        )
        plan = make_plan(work, compile_step=True)
        compiled = plan.compiled
        assert compiled is not None
        memory = (compiled.argument_bytes + compiled.temporary_bytes) / 1e9
        estimate = sum(plan.memory.values()) / 1e9
        print(
            f"{model:<9}{tokens:>6}{batch:>8}   {chips:<8}{compiled.num_devices:>8}{memory:>14.3f}{estimate:>12.3f}"
            f"{compiled.all_reduces:>14}"
            f"{compiled.flops / 1e9:>17,.1f}{compiled.optimal_seconds:>20.4f}{plan.seconds_per_step:>10.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
