"""A Flink cluster on this machine: a JobManager, and TaskManagers that can be killed and replaced."""

import contextlib
import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

from tests.engines.flink_libraries import flink_jars
from tests.engines.processes import HOST, START_SECONDS, free_port, program

JOB_MANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
TASK_MANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
OPENED = (
    "lang",
    "net",
    "io",
    "nio",
    "lang.reflect",
    "text",
    "time",
    "util",
    "util.concurrent",
    "util.concurrent.atomic",
    "util.concurrent.locks",
)
"""Packages of java.base that Flink looks into, which Java 17 allows only if told."""
CONFIGURATION = """\
jobmanager.rpc.address: {host}
jobmanager.rpc.port: {rpc}
jobmanager.bind-host: {host}
rest.address: {host}
rest.bind-address: {host}
rest.port: {rest}
taskmanager.host: {host}
taskmanager.bind-host: {host}
taskmanager.numberOfTaskSlots: {slots}
heartbeat.interval: 1000
heartbeat.timeout: 8000
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 20
restart-strategy.fixed-delay.delay: 2 s
io.tmp.dirs: {folder}/spilled
"""
HEAP_MEGABYTES, MANAGED_MEGABYTES, NETWORK_MEGABYTES = 512, 512, 256
"""A sorting shuffle takes 16 MB of network buffers, and a job has many. 128 MB of managed memory do not carry the benchmark corpus."""
MEMORY = {
    "cpu.cores": "1.0",
    "memory.task.heap.size": f"{HEAP_MEGABYTES}m",
    "memory.task.off-heap.size": "64m",
    "memory.managed.size": f"{MANAGED_MEGABYTES}m",
    "memory.network.min": f"{NETWORK_MEGABYTES}m",
    "memory.network.max": f"{NETWORK_MEGABYTES}m",
    "memory.framework.heap.size": "128m",
    "memory.framework.off-heap.size": "64m",
    "memory.jvm-metaspace.size": "256m",
    "memory.jvm-overhead.min": "128m",
    "memory.jvm-overhead.max": "128m",
}
"""Every part: Flink's shell scripts would work them out, and without those a TaskManager that is not told one does not start."""


class FlinkCluster:
    """A running JobManager, and its TaskManagers."""

    def __init__(self, address: str, folder: Path, stack: contextlib.ExitStack) -> None:
        """`stack` ends the TaskManagers."""
        self.address, self.folder = address, folder
        self.task_managers: list[Popen[bytes]] = []
        self._stack = stack

    def add_task_manager(self) -> None:
        """Starts another one, which will register by itself."""
        told = [part for key, value in MEMORY.items() for part in ("-D", f"taskmanager.{key}={value}")]
        command = [*_java(f"-Xmx{HEAP_MEGABYTES + 128}m"), TASK_MANAGER, "--configDir", self.folder, *told]
        self.task_managers.append(self._stack.enter_context(program(command, self.folder / "task-manager.log")))

    def kill_task_manager(self, number: int) -> None:
        """Ends one with SIGKILL."""
        process = self.task_managers.pop(number)
        process.kill()
        process.wait()

    def overview(self) -> dict[str, int]:
        """Numbers of TaskManagers, slots and jobs."""
        with urllib.request.urlopen(f"http://{self.address}/overview", timeout=5) as answer:
            return dict(json.load(answer))

    def wait_for(self, task_managers: int) -> None:
        """Waits until so many are registered."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if self.overview()["taskmanagers"] >= task_managers:
                    return
            time.sleep(0.2)
        last = (self.folder / "task-manager.log").read_text("utf-8", "replace").splitlines()[-5:]
        raise RuntimeError("\n".join(["the TaskManagers did not register", *last]))


@contextlib.contextmanager
def flink_cluster(folder: Path, *, task_managers: int = 2, slots: int = 1) -> Iterator[FlinkCluster]:
    """A JobManager and some TaskManagers; `folder` is for configuration, logs and what is spilled."""
    folder.mkdir(parents=True, exist_ok=True)
    rest = free_port()
    (folder / "config.yaml").write_text(CONFIGURATION.format(host=HOST, rpc=free_port(), rest=rest, slots=slots, folder=folder))
    with contextlib.ExitStack() as stack:
        command = [*_java("-Xmx384m"), JOB_MANAGER, "--configDir", folder]
        stack.enter_context(program(command, folder / "job-manager.log", port=rest))
        cluster = FlinkCluster(f"{HOST}:{rest}", folder, stack)
        for _ in range(task_managers):
            cluster.add_task_manager()
        cluster.wait_for(task_managers)
        yield cluster


def _java(*options: str) -> list[str]:
    opened = [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in OPENED]
    return ["java", *options, *opened, "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED", "-cp", f"{flink_jars()}/*"]
