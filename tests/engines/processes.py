"""Programs that a test starts, and that are gone when it ends: however it ends."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

START_SECONDS = 300.0
STOP_SECONDS = 10.0
HOST = "localhost"


def free_port() -> int:
    """A port of the loopback device that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def program(
    command: Sequence[object], log: Path, *, port: int | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A running program with all that it starts itself; what they print goes to the end of `log`.

    Args:
      command: the program and its arguments.
      log: a file.
      port: waits until the program listens there.
      environment: variables to add.

    Raises:
      RuntimeError: the program ended, or did not listen, with its last lines.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*_dies_with_us(), *(str(part) for part in command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(os.environ) | dict(environment or {}),
            start_new_session=True,  # a Ctrl-C at the terminal is for the test, which then ends its programs itself
        )
    try:
        if port is not None:
            _wait_for(process, port, log)
        yield process
    finally:
        stop(process)


def _dies_with_us() -> list[str]:
    """What to write before a command so that it ends even if this process is killed; where the system has no such tool, nothing.

    To the system "this process" is the thread that starts the program: start none from a thread that ends before it.
    """
    return ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a program and all that it started: they share its process group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
            return
        time.sleep(0.1)
    last = log.read_text("utf-8", "replace").splitlines()[-5:]
    raise RuntimeError("\n".join([f"{process.args} does not listen on port {port} (exit code {process.poll()})", *last]))


def children(pid: int) -> list[int]:
    """Processes that a process has started and that still run."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def resident_bytes(pid: int) -> int:
    """Memory of a process: its own, and its share of what it has in common with others."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    return 0
