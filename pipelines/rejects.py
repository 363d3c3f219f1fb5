"""Rejects: one row for each document that is not kept, as a batch among workers and as JSON Lines for people."""

import hashlib
import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from corpora.records import EXCERPT_CHARACTERS
from pipelines import storage
from pipelines.accounts import Account, by_source
from pipelines.batches import REJECT_SCHEMA

PART_BYTES = 256 << 20
"""Of corpus for a file of rejects: a worker sorts one file at a time."""
WRITTEN_ROWS = 10_000
"""Rows that are strings at the same time while a file is written: as such each takes 1.6 KB, as Arrow a third."""

Part = tuple[str, str, int]  # source, reason, number
Parts = int | Mapping[str, int]
"""Files for each reason: of every source, or of each."""
LARGE_SCHEMA = pa.schema([field.with_type(pa.large_string()) if field.type == pa.string() else field for field in REJECT_SCHEMA])
"""For the rows of a file together: more than the 2 GiB that the offsets of `string` reach."""
RejectOutput = beam.pvalue.TaggedOutput[Literal["rejects"], pa.RecordBatch]
"""Type of what a DoFn yields for its rejects: Beam then knows the coder of that output."""


def reject_rows(documents: pa.RecordBatch, stage: str, reasons: Sequence[str], messages: Sequence[str]) -> pa.RecordBatch:
    """The rejects of documents that were read well but are not wanted; they repeat the beginnings of their texts."""
    excerpts = pc.utf8_slice_codeunits(documents.column("text"), 0, EXCERPT_CHARACTERS)
    columns = [
        documents.column("source"),
        documents.column("origin"),
        pa.array([stage] * len(reasons), pa.string()),
        pa.array(reasons, pa.string()),
        pa.array(messages, pa.string()),
        excerpts,
        pa.array([False] * len(reasons), pa.bool_()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=REJECT_SCHEMA)


def to_json_lines(rejects: pa.Table) -> bytes:
    """Each reject as one line, its text readable as it is."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rejects.to_pylist()).encode()


class WriteRejects(beam.PTransform):
    """Batches of rejects → `OUTPUT/SOURCE/REASON.jsonl`, several numbered files of a large corpus; one description of each file.

    A description has the keys of those of `WriteDocuments`: folder (the source), name, documents, bytes, sha256, account.
    """

    def __init__(self, output: str, parts: Parts = 1) -> None:
        super().__init__()
        self.output, self.parts = output, parts

    def expand(self, rejects: beam.PCollection) -> beam.PCollection:
        """One shuffle of rows that are short, then each file by itself."""
        return (
            rejects
            | "CutByReason" >> beam.FlatMap(cut_by_reason, self.parts).with_output_types(tuple[Part, pa.RecordBatch])
            | "GroupByReason" >> beam.GroupByKey()
            | "WriteReason" >> beam.MapTuple(partial(write_reason, self.output, self.parts)).with_output_types(dict[str, Any])
        )


def num_reject_parts(num_bytes: int) -> int:
    """Files for each source and reason of a corpus of so many bytes: excerpts are short, but a crawl has many."""
    return max(1, num_bytes // PART_BYTES)


def cut_by_reason(rejects: pa.RecordBatch, parts: Parts) -> Iterator[tuple[Part, pa.RecordBatch]]:
    """The rows of a batch by the file they go to; which of several is decided by their origins."""
    rows_of: dict[Part, list[int]] = defaultdict(list)
    columns = (rejects.column(name).to_pylist() for name in ("source", "reason", "origin"))
    for row, (source, reason, origin) in enumerate(zip(*columns, strict=True)):
        rows_of[source, reason, zlib.crc32(origin.encode()) % num_files(parts, source)].append(row)
    for part, rows in rows_of.items():
        yield part, rejects.take(pa.array(rows))


def num_files(parts: Parts, source: str) -> int:
    """Files for each reason of a source."""
    return parts if isinstance(parts, int) else parts[source]


def write_reason(output: str, parts: Parts, part: Part, batches: Iterable[pa.RecordBatch]) -> dict[str, Any]:
    """Writes a file of rejects in the order of their origins; how many there are, and how many are errors, is its account."""
    source, reason, number = part
    table = pa.Table.from_batches(batches, REJECT_SCHEMA).cast(LARGE_SCHEMA).combine_chunks()
    order = pc.sort_indices(table, [("origin", "ascending"), ("message", "ascending")])
    of_all = num_files(parts, source)
    name = f"{reason}.jsonl" if of_all == 1 else f"{reason}-{number:05}-of-{of_all:05}.jsonl"
    size, digest = 0, hashlib.sha256()
    with storage.create(storage.join(output, source), name) as file:
        for start in range(0, table.num_rows, WRITTEN_ROWS):
            lines = to_json_lines(table.take(order.slice(start, WRITTEN_ROWS)))
            file.write(lines)
            digest.update(lines)
            size += len(lines)
    return {
        "folder": source,
        "name": name,
        "documents": table.num_rows,
        "bytes": size,
        "sha256": digest.hexdigest(),
        "account": count_rejects(table, source, reason),
    }


def count_rejects(rejects: pa.Table, source: str, reason: str) -> Account:
    """How many documents are rejected, and how many of these are errors."""
    counts = {f"documents.rejected.{reason}": rejects.num_rows}
    if num_errors := pc.sum(rejects["is_error"]).as_py():
        counts["errors"] = num_errors
    return by_source(counts, source)
