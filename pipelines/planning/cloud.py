"""A build on Dataflow: what it uses of each thing that is billed, what that costs, and whether its workers hold it.

hours      as engines.py reckons them, for N workers
vCPU       N × cores of a worker × hours             all workers are billed all the time, though autoscaling gives idle ones back
memory     N × memory of a worker × hours
disk       N × disk of a worker × hours
shuffle    what is shuffled, once written and once read
requests   files opened and written; a write is three: create, rename, delete of the temporary one
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from pipelines.dataflow import MACHINE_TYPE, SYSTEM_GB, harness_threads, memory_gb
from pipelines.errors import BuildError
from pipelines.planning.engines import WORKER_BYTES
from pipelines.planning.estimates import Estimate
from pipelines.planning.prices import GB, PUBLISHED, REGION, Prices

TABLE_WORKERS = (1, 10, 50, 200)
REQUESTS_OF_A_WRITE = 3
"""On average, assumed: a small object is one, a large one begins, goes in parts and ends."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Machine:
    """A worker.

    Attributes:
      name: of its type.
      cores: vCPUs; each runs a Python process of its own.
      memory_gb: of all.
      disk_gb: of its boot disk.
    """

    name: str
    cores: int
    memory_gb: float
    disk_gb: int

    @property
    def num_tasks(self) -> int:
        """Pieces of work that it does at a time."""
        return harness_threads(self.name) or self.cores

    @classmethod
    def of_type(cls, name: str, disk_gb: int) -> "Machine":
        """`n2-standard-4` → 4 cores, 16 GB.

        Raises:
          BuildError: a type whose name does not say what it has.
        """
        known = memory_gb(name)
        if known is None:
            raise BuildError(
                f"--worker_machine_type {name}: its name does not say how many cores and how much memory it has"
                f"\ntypes such as {MACHINE_TYPE}, e2-highmem-2 or n2-custom-4-20480 do"
            )
        return cls(name=name, cores=known[0], memory_gb=known[1], disk_gb=disk_gb)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Requests:
    """To the object store: files that are written, and ranges and row groups that are read."""

    written: int
    read: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Use:
    """What is billed of a build on so many workers."""

    workers: int
    hours: float
    vcpu_hours: float
    memory_gb_hours: float
    disk_gb_hours: float
    shuffle_gb: float
    requests: Requests

    def dollars(self, prices: Prices) -> dict[str, float]:
        """By what it is for, and in all."""
        parts = {
            "vcpu": self.vcpu_hours * prices.vcpu_hour,
            "memory": self.memory_gb_hours * prices.memory_gb_hour,
            "disk": self.disk_gb_hours * prices.disk_gb_hour,
            "shuffle": self.shuffle_gb * prices.shuffle_gb,
            "requests": (
                self.requests.written * REQUESTS_OF_A_WRITE * prices.write_1000 + self.requests.read * prices.read_1000
            ) / 1000,
        }  # fmt: skip
        return parts | {"total": sum(parts.values())}


def use_of(machine: Machine, workers: int, seconds: float, shuffled_bytes: float, requests: Requests) -> Use:
    """What a build takes that runs for so long on so many workers."""
    hours = seconds / 3600
    return Use(
        workers=workers,
        hours=hours,
        vcpu_hours=workers * machine.cores * hours,
        memory_gb_hours=workers * machine.memory_gb * hours,
        disk_gb_hours=workers * machine.disk_gb * hours,
        shuffle_gb=2 * shuffled_bytes / GB,
        requests=requests,
    )


def memory_needed(machine: Machine, of_a_task: float) -> tuple[float, float]:
    """Bytes that a worker needs with a process on each core and as many tasks of so many bytes as it does at a time, and that it has."""
    return machine.cores * WORKER_BYTES + machine.num_tasks * of_a_task, (machine.memory_gb - SYSTEM_GB) * GB


def storage_per_month(written: Estimate, prices: Prices) -> Estimate:
    """Dollars for keeping so many bytes."""
    return written.times(prices.storage_gb_month / GB)


def describe(machine: Machine, prices: Prices, uses: Sequence[Use], written: Estimate, of_a_task: float) -> dict[str, Any]:
    """The bill as data, for each number of workers. `of_a_task`: bytes that a process holds beside its libraries."""
    needed, available = memory_needed(machine, of_a_task)
    return {
        "machine": dataclasses.asdict(machine),
        "memory_bytes": {"needed": round(needed), "available": round(available)},
        "uses": [_use_json(use, prices) for use in uses],
        "storage_dollars_a_month": storage_per_month(written, prices).as_json(2),
        "prices": {"region": REGION, "published": PUBLISHED, "dollars": dataclasses.asdict(prices)},
    }


def _use_json(use: Use, prices: Prices) -> dict[str, Any]:
    names = ("hours", "vcpu_hours", "memory_gb_hours", "disk_gb_hours", "shuffle_gb")
    dollars = {name: round(value, 4) for name, value in use.dollars(prices).items()}
    figures = {name: round(getattr(use, name), 3) for name in names}
    return {"workers": use.workers} | figures | {"requests": dataclasses.asdict(use.requests), "dollars": dollars}
