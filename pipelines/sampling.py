"""A part of a corpus, chosen by the records themselves: the same ones in every run, however they lie in files."""

import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.typehints.decorators import no_annotations

from pipelines.accounts import BEYOND_LIMIT, Account, add_accounts, by_source

KEY_BYTES = 8
ALL = ""  # no source has this name: the bound for all of them together

GREATEST = np.uint64(2**64 - 1)
MAX_PENDING = 10_000
"""Batches whose keys wait to be sorted in, so that a great limit does not keep a list of tiny arrays."""

Limits = dict[str, int]
"""How many distinct keys of each source, and of all together, are taken."""
Bounds = Mapping[str, np.uint64]
"""The greatest key of each that is taken."""
BeyondLimit: TypeAlias = beam.pvalue.TaggedOutput[Literal["accounts"], Account]


def record_key(title: str, text: str) -> int:
    """64 bits of a raw record. Copies of a record have the same key: they are chosen together, or not at all."""
    return int.from_bytes(hashlib.blake2b(f"{title}\0{text}".encode(), digest_size=KEY_BYTES).digest(), "little")


def is_sampled(key: int, fraction: float) -> bool:
    """Whether a record belongs to a sample. A larger fraction takes the same records and more.

    >>> is_sampled(0, 0.01), is_sampled(2**63, 0.5), is_sampled(2**64 - 1, 1.0)
    (True, False, True)
    """
    return key < int(fraction * 2**64)


class Sampled(NamedTuple):
    """What `KeepSmallest` gives."""

    batches: beam.PCollection
    accounts: beam.PCollection  # how many records are beyond the limits


class KeepSmallest(beam.PTransform):
    """Raw batches → those of their records that have the smallest keys: at most `limit` in all, and `caps[source]` of a source.

    Distinct keys are counted: copies of one record are all kept, or none.
    """

    def __init__(self, limit: int | None, caps: Mapping[str, int]) -> None:
        super().__init__()
        self.limits = dict(caps) | ({} if limit is None else {ALL: limit})

    @no_annotations
    def expand(self, raw: beam.PCollection) -> Sampled:
        """The keys are read once to find the greatest that still belongs, then the batches are cut."""
        bounds = (
            raw
            | "ListKeys" >> beam.FlatMap(list_keys, self.limits).with_output_types(tuple[str, Smallest])
            | "FindBounds" >> beam.CombinePerKey(GreatestWithin()).with_output_types(tuple[str, np.uint64])  # int is coded as signed
        )
        kept = raw | "KeepWithin" >> beam.ParDo(KeepWithin(), beam.pvalue.AsDict(bounds)).with_outputs("accounts", main="batches")
        return Sampled(kept.batches, kept.accounts)


class Smallest:
    """The `most` smallest of the distinct keys that are added, and for a while as many more: what is added costs what is added."""

    def __init__(self, most: int = 0, keys: np.ndarray | None = None) -> None:
        """`keys`: uint64, in any order."""
        self.most = most
        self._kept = np.unique(np.empty(0, np.uint64) if keys is None else keys)[:most]
        self._pending: list[np.ndarray] = []
        self._num_pending = 0

    def keys(self) -> np.ndarray:
        """uint64 [at most `most`], ascending."""
        if self._pending:
            self._kept = np.unique(np.concatenate([self._kept, *self._pending]))[: self.most]
            self._pending, self._num_pending = [], 0
        return self._kept

    def add(self, other: "Smallest") -> "Smallest":
        """Adds the keys of `other`; those that cannot belong any more are dropped at once."""
        self.most = max(self.most, other.most)
        keys = other.keys()
        if 0 < self.most == len(self._kept):
            keys = keys[: np.searchsorted(keys, self._kept[-1])].copy()  # a view would keep all of them
        if len(keys):
            self._pending.append(keys)
            self._num_pending += len(keys)
        if self._num_pending > self.most or len(self._pending) > MAX_PENDING:
            self.keys()
        return self


def list_keys(batch: pa.RecordBatch, limits: Limits) -> Iterator[tuple[str, Smallest]]:
    """For each source of `limits` in a batch, and for all together if they have a limit: its smallest keys."""
    keys, sources = batch_keys(batch), np.array(batch.column("source").to_pylist(), object)
    if ALL in limits and len(keys):
        yield ALL, Smallest(limits[ALL], keys)
    for source in sorted(set(sources) & set(limits)):
        yield source, Smallest(limits[source], keys[sources == source])


def batch_keys(batch: pa.RecordBatch) -> np.ndarray:
    """uint64 [rows]: the key of each record."""
    titles, texts = batch.column("title").to_pylist(), batch.column("text").to_pylist()
    return np.array([record_key(title, text) for title, text in zip(titles, texts, strict=True)], np.uint64)


class GreatestWithin(beam.CombineFn):
    """Keys of batches → the greatest key that is within their limit. No worker holds more than twice the limit of a source."""

    def create_accumulator(self) -> Smallest:
        """No keys."""
        return Smallest()

    def add_input(self, accumulator: Smallest, element: Smallest) -> Smallest:
        """The keys of one more batch."""
        return accumulator.add(element)

    def merge_accumulators(self, accumulators: Iterable[Smallest]) -> Smallest:
        """The smallest of all."""
        return functools.reduce(Smallest.add, accumulators, Smallest())

    def extract_output(self, accumulator: Smallest) -> np.uint64:
        """The last; a source that has a bound has a record."""
        return np.uint64(accumulator.keys()[-1])


class KeepWithin(beam.DoFn):
    """A raw batch → its records within the bounds."""

    def process(self, batch: pa.RecordBatch, bounds: Bounds) -> Iterator[pa.RecordBatch | BeyondLimit]:
        """At most one batch, and an account of the rest."""
        kept, account = cut_batch(batch, bounds)
        if kept.num_rows:
            yield kept
        if account:
            yield beam.pvalue.TaggedOutput("accounts", account)


def cut_batch(batch: pa.RecordBatch, bounds: Bounds) -> tuple[pa.RecordBatch, Account]:
    """The records of a batch within the bounds, and an account of those that are beyond."""
    keys = batch_keys(batch)
    sources: Sequence[str] = batch.column("source").to_pylist()
    highest = np.array([min(bounds.get(source, GREATEST), bounds.get(ALL, GREATEST)) for source in sources], np.uint64)
    keep = keys <= highest
    beyond = pc.value_counts(batch.column("source").filter(pa.array(~keep))).to_pylist()
    account = add_accounts(by_source({BEYOND_LIMIT: row["counts"]}, row["values"]) for row in beyond)
    return (batch if keep.all() else batch.filter(pa.array(keep))), account
