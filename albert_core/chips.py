"""Processors that a run may be planned for: published peak, memory and list price of each.

Peaks are dense products in bfloat16 (TPU, Ampere GPUs) or float32, as the makers' data sheets give them. Prices are on-demand list
prices of Google Cloud in a cheap region as they were published for 2024/25, in US dollars: they change, so `plan --price` takes today's.
"""

from typing import NamedTuple

from albert_core.errors import AlbertError

GIB = 2**30


class Chip(NamedTuple):
    """One chip. A v2 or v3 chip is two devices with half of its memory and peak each; all others are one."""

    name: str
    peak_flops: float  # FLOP/s of a device
    memory: int  # bytes of a device
    devices: int  # of a chip
    dollars_per_hour: float  # of a chip; 0: nobody rents it
    kind: str  # tpu, gpu
    compute_dtype: str = "bfloat16"
    activations: float = 1.0  # bytes that its compiler keeps for each of a v3's (base, 512 tokens: tests/benchmarks/RESULTS.md)
    topology_rank: int = 2  # axes of a pod's topology
    accelerator: str = ""  # Google Cloud's name without its number: v5litepod-256
    counts_cores: bool = False  # whether that number counts cores: two a chip


CHIPS = {
    chip.name: chip
    for chip in (
        Chip("v2", 22.5e12, 8 * GIB, 2, 1.125, "tpu", accelerator="v2", counts_cores=True),
        Chip("v3", 61.5e12, 16 * GIB, 2, 2.00, "tpu", accelerator="v3", counts_cores=True),
        Chip("v4", 275e12, 32 * GIB, 1, 3.22, "tpu", activations=1.19, topology_rank=3, accelerator="v4", counts_cores=True),
        Chip("v5e", 197e12, 16 * GIB, 1, 1.20, "tpu", activations=1.19, accelerator="v5litepod"),
        Chip("v5p", 459e12, 95 * GIB, 1, 4.20, "tpu", topology_rank=3, accelerator="v5p", counts_cores=True),
        Chip("v6e", 918e12, 32 * GIB, 1, 2.70, "tpu", activations=1.46, accelerator="v6e"),
        Chip("titan-x", 11e12, 12 * GIB, 1, 0.0, "gpu", compute_dtype="float32"),
        Chip("t4", 8.1e12, 16 * GIB, 1, 0.35, "gpu", compute_dtype="float32"),
        Chip("rtx-3060", 25e12, 12 * GIB, 1, 0.0, "gpu"),
        Chip("l4", 121e12, 24 * GIB, 1, 0.71, "gpu"),
        Chip("a100", 312e12, 40 * GIB, 1, 3.67, "gpu"),
    )
}


class Slice(NamedTuple):
    """Some chips that train together: `v3-256` is 256 cores on 128 chips, as Google Cloud counts."""

    name: str
    chip: Chip
    num_chips: int

    @property
    def num_devices(self) -> int:
        """Devices that a batch is divided among."""
        return self.num_chips * self.chip.devices

    @property
    def topology(self) -> str:
        """What libtpu calls it: `v3:8x16`."""
        return f"{self.chip.name}:{'x'.join(map(str, _sides(self.num_chips, self.chip.topology_rank)))}"

    @property
    def dollars_per_hour(self) -> float:
        """List price of all chips."""
        return self.num_chips * self.chip.dollars_per_hour


def parse_slice(text: str) -> Slice:
    """`v3-256`, `v5e-16` (also `v5litepod-16`), `v4-8`, `titan-x`, `a100-8`: chips and their number, as the cloud counts it.

    Raises:
      AlbertError: no chip has this name, or there is no slice of that size.
    """
    name, dash, number = text.rpartition("-")
    if not (dash and number.isdigit() and text not in CHIPS):
        name, number = text, ""
    name = {"v5litepod": "v5e", "v5lite": "v5e"}.get(name, name)
    if name not in CHIPS:
        raise AlbertError(f'no chip is called "{name}"\nknown: {", ".join(CHIPS)}; with a number as the cloud counts: v3-256, v5e-16')
    chip = CHIPS[name]
    count = int(number) if number else (2 if chip.counts_cores else 1)
    num_chips = count // 2 if chip.counts_cores else count
    if num_chips < 1 or (chip.counts_cores and count % 2) or (chip.kind == "tpu" and num_chips & (num_chips - 1)):
        fix = "cores, two a chip: v3-8 has 4 chips" if chip.counts_cores else "chips"
        raise AlbertError(f"{text}: there is no such slice\ngive a power of two; the number counts {fix}")
    return Slice(f"{name}-{count}" if number or chip.kind == "tpu" else name, chip, num_chips)


def accelerator_type(chips: Slice) -> str:
    """Google Cloud's name: `v5litepod-16`, `v4-8`."""
    return f"{chips.chip.accelerator}-{chips.num_chips * (2 if chips.chip.counts_cores else 1)}"


def _sides(count: int, rank: int) -> list[int]:
    """A power of two as `rank` sides that are as equal as can be, the smaller ones first: 128 → 8, 16; 4 → 2, 2, 1 for three."""
    sides = [1] * rank
    place = 0
    while count > 1:
        sides[place % rank] *= 2
        count //= 2
        place += 1
    return sorted(sides) if rank == 2 else sorted(sides, reverse=sides.count(1) > 0)
