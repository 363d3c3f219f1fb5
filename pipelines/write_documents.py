"""Cleaned documents → Parquet files that are the same on any runner: sorted by identity, named by part, written once under their name."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines import storage
from pipelines.accounts import Account, by_source
from pipelines.batches import CLEANED_SCHEMA
from pipelines.deduplicate import document_ids
from pipelines.partitions import CutBatches, split_partitions, split_sources

PART_BYTES = 128 << 20
"""Of text in a file: a worker sorts one part at a time."""
ROW_GROUP_BYTES = 8 << 20
MAX_PARTS = 10_000
CODEC = "zstd"
Part = tuple[str, int]  # folder, number
Parts = int | Mapping[str, int]
"""Files in a folder; or for each source, those in a folder of its own."""


def num_parts(num_bytes: int) -> int:
    """Files for so many bytes of text.

    >>> num_parts(0), num_parts(1 << 30)
    (1, 8)
    """
    return min(MAX_PARTS, max(1, num_bytes // PART_BYTES))


class WriteDocuments(beam.PTransform):
    """Batches of cleaned documents → one description of each file: folder, name, documents, bytes, digest, and its account.

    Args:
      output: the folder.
      parts: files in it, or for each source those in a folder of its own in `output`; empty ones are not written.
    """

    def __init__(self, output: str, parts: Parts) -> None:
        super().__init__()
        self.output, self.parts = output, parts

    def expand(self, documents: beam.PCollection) -> beam.PCollection:
        """One shuffle, then each file by itself."""
        return (
            documents
            | "CutIntoParts" >> beam.ParDo(CutIntoParts(self.parts)).with_output_types(tuple[Part, pa.RecordBatch])
            | "GroupByPart" >> beam.GroupByKey()
            | "WritePart" >> beam.MapTuple(partial(write_part, self.output, self.parts)).with_output_types(dict[str, Any])
        )


class CutIntoParts(CutBatches):
    """Batches → their rows by the file they go to."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts if isinstance(parts, int) else max(parts.values(), default=1))
        self.parts = parts

    def process(self, batch: pa.RecordBatch) -> Iterator[tuple[Part, pa.RecordBatch]]:
        """What is ready, if anything."""
        yield from self.wait(batch)

    def cut(self, rows: pa.RecordBatch) -> Iterator[tuple[Part, pa.RecordBatch]]:
        """At most one part for each file."""
        for source, own in [("", rows)] if isinstance(self.parts, int) else split_sources(rows):
            num_files = self.parts if isinstance(self.parts, int) else self.parts[source]
            numbers = document_ids(own).view("<u8")[:, 0] % np.uint64(num_files)
            yield from (((source, number), part) for number, part in split_partitions(own, numbers))


def part_name(number: int, parts: int) -> str:
    """The name of a file.

    >>> part_name(3, 16)
    'part-00003-of-00016.parquet'
    """
    return f"part-{number:05}-of-{parts:05}.parquet"


def write_part(output: str, parts: Parts, part: Part, batches: Iterable[pa.RecordBatch]) -> dict[str, Any]:
    """Writes a file of documents in the order of their ids. A retried bundle writes the same bytes under the same name.

    Texts that became the same only when repeated lines went have one id yet: their origins decide, not the order in which they came.
    """
    folder, number = part
    table = pa.Table.from_batches(batches, CLEANED_SCHEMA)
    table = table.take(pc.sort_indices(table, [(name, "ascending") for name in ("document_id", "source", "origin")])).combine_chunks()
    content = encode_part(table)
    name = part_name(number, parts if isinstance(parts, int) else parts[folder])
    storage.write(storage.join(output, folder) if folder else output, name, content.to_pybytes())
    return {
        "folder": folder,
        "name": name,
        "documents": table.num_rows,
        "bytes": content.size,
        "sha256": hashlib.sha256(content).hexdigest(),
        "account": count_kept(table),
    }


def encode_part(table: pa.Table) -> pa.Buffer:
    """Documents as a Parquet file, in their order; the same rows give the same bytes."""
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, CLEANED_SCHEMA, compression=CODEC) as writer:
        for group in row_groups(table):
            writer.write_table(group)
    return sink.getvalue()


def row_groups(table: pa.Table) -> Iterator[pa.Table]:
    """Runs of rows with about `ROW_GROUP_BYTES` of text each: what a reader holds at a time."""
    ends = np.cumsum(pc.binary_length(table["text"]).to_numpy())
    first = 0
    while first < table.num_rows:
        before = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + ROW_GROUP_BYTES, side="right")))
        yield table.slice(first, last - first)
        first = last


def count_kept(table: pa.Table) -> Account:
    """Documents, characters and bytes that are written, by source."""
    text = table["text"]
    sums = pa.table({"source": table["source"], "characters": pc.utf8_length(text), "bytes": pc.binary_length(text)})
    total: Counter[str] = Counter()
    for row in sums.group_by("source").aggregate([("source", "count"), ("characters", "sum"), ("bytes", "sum")]).to_pylist():
        counts = {"documents.kept": row["source_count"], "characters.kept": row["characters_sum"], "bytes.kept": row["bytes_sum"]}
        total.update(by_source(counts, row["source"]))
    return dict(total)
