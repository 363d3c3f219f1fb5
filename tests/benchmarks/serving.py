"""The service under load on loopback: throughput, latency, memory, and whether the answers are those of the model asked directly.

python -m tests.benchmarks.serving MODEL FILE [CLIENTS] [SECONDS]     a fine-tuned model of one text, and texts for it, one a line
"""

import asyncio
import os
import re
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import httpx
import numpy as np

from albert_core.task_model import TaskModel

PROGRAM = (sys.executable, "-c", "from cli.train import main; main()")
TOLERANCE = 1e-4  # of a probability: a batch is padded otherwise than one text


def main(model: str, file: str, clients: int = 32, seconds: int = 20) -> None:
    """Prints what came out."""
    texts = [line for line in Path(file).read_text(encoding="utf-8").split("\n") if line.strip()]
    server = subprocess.Popen([*PROGRAM, "serve", "--model", model, "--port", "0"], stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None  # it was asked for
    try:
        url = next(found[1] for line in server.stderr if (found := re.search(r"running on (http://\S+)", line)))
        resident = memory(server.pid)
        times, wrong = asyncio.run(load(url, texts, TaskModel.load(model), clients, seconds))
        print(f"{clients} clients, {seconds} s: {len(times) / seconds:.0f} requests a second, {wrong} wrong or refused")
        print(
            f"p50 {1000 * np.percentile(times, 50):.0f} ms, p99 {1000 * np.percentile(times, 99):.0f} ms, most {1000 * max(times):.0f} ms"
        )
        print(f"resident {resident:.0f} MB before, {memory(server.pid):.0f} MB after")
    finally:
        server.terminate()
        print(f"left after {leave(server):.1f} s, status {server.returncode}")


async def load(url: str, texts: list[str], model: TaskModel, clients: int, seconds: int) -> tuple[list[float], int]:
    """(seconds of each request, answers that differ from the model's own)."""
    records = [model.record_of([text]) for text in texts]
    expected = [model.describe(record, answer) for record, answer in zip(records, model.answer(records), strict=True)]
    times: list[float] = []
    wrong = 0
    until = time.perf_counter() + seconds

    async def client(number: int, http: httpx.AsyncClient) -> None:
        nonlocal wrong
        at = number
        while time.perf_counter() < until:
            begun = time.perf_counter()
            answer = await http.post(f"{url}/v1/predict", json={"texts": [texts[at % len(texts)]]})
            times.append(time.perf_counter() - begun)
            wanted = expected[at % len(texts)]
            said = answer.json()["answers"][0] if answer.status_code == 200 else {"label": None, "probability": 0.0}
            wrong += said["label"] != wanted["label"] or abs(said["probability"] - wanted["probability"]) > TOLERANCE
            at += clients

    async with httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=clients)) as http:
        await asyncio.gather(*(client(number, http) for number in range(clients)))
    return times, wrong


def memory(process: int) -> float:
    """Resident MB."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())[1]) / 1024  # type: ignore[index]


def leave(server: subprocess.Popen[str]) -> float:
    """Seconds until it has ended."""
    begun = time.perf_counter()
    server.wait(timeout=60)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
