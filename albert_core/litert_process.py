"""What a LiteRT file takes, measured in a process that has nothing but numpy and the interpreter: memory and latency, as on a phone.

Run as a program it is that process, and imports nothing of ours (albert_core would bring TensorFlow, ten times the memory of the model):
python albert_core/litert_process.py MODEL THREADS CALLS
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

MB = 1e6
NEEDS = "memory is measured with the extra litert: pip install '.[litert]'"


def measure_process(model: str | Path, *, threads: int, calls: int = 20) -> dict[str, float] | None:
    """Run `model` alone. → {"peak_mb": memory that loading it and `calls` calls added, "process_mb": with Python and the interpreter,
    "p50_ms"}; None where LiteRT's own interpreter is not installed: the one inside TensorFlow cannot be had alone.
    """
    command = [sys.executable, "-I", __file__, str(model), str(threads), str(calls)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return dict(json.loads(done.stdout.splitlines()[-1])) if done.returncode == 0 else None


def run_alone(model: str, threads: int, calls: int) -> dict[str, float]:
    """The measurement, in this process."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    before = _peak_mb()
    interpreter = Interpreter(model_path=model, num_threads=threads)
    interpreter.allocate_tensors()
    for tensor in interpreter.get_input_details():
        interpreter.set_tensor(tensor["index"], np.ones(tensor["shape"], tensor["dtype"]))
    times = []
    for _ in range(calls):
        started = time.perf_counter()
        interpreter.invoke()
        times.append(time.perf_counter() - started)
    peak = _peak_mb()
    return {"peak_mb": peak - before, "process_mb": peak, "p50_ms": 1000 * float(np.median(times))}


def _peak_mb() -> float:
    """The most memory that this process has had resident, pages of mapped files included.

    Linux counts in ru_maxrss what the parent had before it became this process; VmHWM is this program's own.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM:")) * 1024 / MB
    peak: Any = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / MB


if __name__ == "__main__":
    print(json.dumps(run_alone(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
