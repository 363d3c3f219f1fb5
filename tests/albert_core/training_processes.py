"""Whole training runs in processes of their own: devices can only be configured before TensorFlow has used one."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from albert_core.training_log import read_metrics

PROGRAM = "from cli.train import main; main()"


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """`albert-train pretrain` with these arguments."""
    command = [sys.executable, "-c", PROGRAM, "pretrain", *arguments]
    return subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
    )


def finish(process: subprocess.Popen[str], *, status: int = 0) -> str:
    """What it printed; it must end with `status`."""
    output, _ = process.communicate(timeout=300)
    assert process.returncode == status, output
    return output


def start_workers(count: int, *arguments: str) -> list[subprocess.Popen[str]]:
    """As many workers on loopback, each told of all by TF_CONFIG."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    workers = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    configs = [{"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}} for index in range(count)]
    return [start(*arguments, TF_CONFIG=json.dumps(config)) for config in configs]


def losses(output: Path) -> list[float]:
    """The loss of each step, which must be there once each."""
    lines = read_metrics(output)
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    return [line["loss"] for line in lines]
