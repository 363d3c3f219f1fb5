"""A part of a corpus, chosen by the records themselves: the same ones in every run, however they lie in files."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Literal, NamedTuple, TypeAlias

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.typehints.decorators import no_annotations

from pipelines.accounts import Account, add_accounts, by_source

KEY_BYTES = 8
ALL = ""  # no source has this name: the bound for all of them together

Bounds = dict[str, int]
LeftOut: TypeAlias = beam.pvalue.TaggedOutput[Literal["accounts"], Account]


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
    accounts: beam.PCollection  # how many records were left out


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
            | "ListKeys" >> beam.FlatMap(list_keys, tuple(self.limits)).with_output_types(tuple[str, np.ndarray])
            | "FindBounds" >> beam.CombinePerKey(SmallestKeys(max(self.limits.values())))
            | "CutAtLimit" >> beam.MapTuple(partial(find_bound, self.limits)).with_output_types(tuple[str, int])
        )
        kept = raw | "KeepWithin" >> beam.ParDo(KeepWithin(), beam.pvalue.AsDict(bounds)).with_outputs("accounts", main="batches")
        return Sampled(kept.batches, kept.accounts)


def list_keys(batch: pa.RecordBatch, names: tuple[str, ...]) -> Iterator[tuple[str, np.ndarray]]:
    """For each source of `names` in a batch, and for all together if that is asked for: its distinct keys, ascending."""
    wanted = set(names)
    keys, sources = batch_keys(batch), np.array(batch.column("source").to_pylist(), object)
    if ALL in wanted:
        yield ALL, np.unique(keys)
    for source in sorted(set(sources) & wanted):
        yield source, np.unique(keys[sources == source])


def batch_keys(batch: pa.RecordBatch) -> np.ndarray:
    """uint64 [rows]: the key of each record."""
    titles, texts = batch.column("title").to_pylist(), batch.column("text").to_pylist()
    return np.array([record_key(title, text) for title, text in zip(titles, texts, strict=True)], np.uint64)


class SmallestKeys(beam.CombineFn):
    """Arrays of keys → the `most` smallest distinct ones, ascending. No worker holds more than that of a source."""

    def __init__(self, most: int) -> None:
        self.most = most

    def create_accumulator(self) -> np.ndarray:
        """No keys."""
        return np.empty(0, np.uint64)

    def add_input(self, accumulator: np.ndarray, element: np.ndarray) -> np.ndarray:
        """The keys of one more batch."""
        return self.merge_accumulators([accumulator, element])

    def merge_accumulators(self, accumulators: Iterable[np.ndarray]) -> np.ndarray:
        """The smallest of all."""
        return np.unique(np.concatenate([self.create_accumulator(), *accumulators]))[: self.most]

    def extract_output(self, accumulator: np.ndarray) -> np.ndarray:
        """As they are."""
        return accumulator


def find_bound(limits: Bounds, source: str, smallest: np.ndarray) -> tuple[str, int]:
    """The greatest key of a source that is within its limit."""
    return source, int(smallest[: limits[source]][-1])


class KeepWithin(beam.DoFn):
    """A raw batch → its records within the bounds."""

    def process(self, batch: pa.RecordBatch, bounds: Bounds) -> Iterator[pa.RecordBatch | LeftOut]:
        """At most one batch, and an account of the rest."""
        kept, account = cut_batch(batch, bounds)
        if kept.num_rows:
            yield kept
        if account:
            yield beam.pvalue.TaggedOutput("accounts", account)


def cut_batch(batch: pa.RecordBatch, bounds: Mapping[str, int]) -> tuple[pa.RecordBatch, Account]:
    """The records of a batch within the bounds, and an account of those that are left out."""
    keys = batch_keys(batch)
    sources: Sequence[str] = batch.column("source").to_pylist()
    highest = np.array([min(bounds.get(source, 2**64 - 1), bounds.get(ALL, 2**64 - 1)) for source in sources], np.uint64)
    keep = keys <= highest
    left_out = pc.value_counts(batch.column("source").filter(pa.array(~keep))).to_pylist()
    account = add_accounts(by_source({"documents.left_out": row["counts"]}, row["values"]) for row in left_out)
    return (batch if keep.all() else batch.filter(pa.array(keep))), account
