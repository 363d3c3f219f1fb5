"""What Google Cloud takes for an hour of a core, a gigabyte in a shuffle and the rest: a table that a plan names, and `--price` overrides.

List prices in US dollars of us-central1 for batch jobs, without discounts, as they were published for 2024/25 (cloud.google.com: Dataflow
pricing, Cloud Storage pricing). They change and differ by region: nobody asks for them while a plan is made.
"""

import dataclasses
from collections.abc import Iterable

from pipelines.errors import BuildError

REGION, PUBLISHED = "us-central1", "2024/25"
GB = 1 << 30  # as the cloud counts: 2³⁰ bytes


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prices:
    """US dollars for one of each."""

    vcpu_hour: float = 0.056
    memory_gb_hour: float = 0.003557
    disk_gb_hour: float = 0.000298
    """Of a persistent SSD, which `dataflow.py` asks for; a standard disk is 0.000054."""
    shuffle_gb: float = 0.011
    """Written to Dataflow Shuffle or read from it; that the first 5 TB of a job are billed for less is left out."""
    write_1000: float = 0.005
    """Requests of class A: to create, rename (a copy) or list objects."""
    read_1000: float = 0.0004
    """Requests of class B: to read objects or ask about them."""
    storage_gb_month: float = 0.02

    def __post_init__(self) -> None:
        """Refuses what is no price."""
        for name, value in dataclasses.asdict(self).items():
            if not 0 <= value < float("inf"):
                raise BuildError(f"--price {name}={value:g} is no price\ngive US dollars, 0 or more")


def parse_prices(settings: Iterable[str]) -> Prices:
    """The table with some prices changed, such as `vcpu_hour=0.07`.

    Raises:
      BuildError: there is no such price, or it is no number.
    """
    names = [field.name for field in dataclasses.fields(Prices)]
    changed = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        if name not in names:
            raise BuildError(f"--price {setting}: there is no price of that name\nknown: {', '.join(names)}")
        try:
            changed[name] = float(value)
        except ValueError:
            raise BuildError(f"--price {setting}: {value!r} is no number\ngive US dollars, such as {name}=0.05") from None
    return Prices(**changed)
