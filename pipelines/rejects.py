"""Rejects: one row for each document that is not kept, as a batch among workers and as JSON Lines for people."""

import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Literal

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from corpora.records import EXCERPT_CHARACTERS
from pipelines import storage
from pipelines.accounts import Account, by_source
from pipelines.batches import REJECT_SCHEMA

PART_BYTES = 4 << 30
"""Of corpus for a file of rejects."""

Part = tuple[str, str, int]  # source, reason, number
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
    """Batches of rejects → `OUTPUT/SOURCE/REASON.jsonl`, several numbered files of a large corpus; one account for each file."""

    def __init__(self, output: str, parts: int = 1) -> None:
        super().__init__()
        self.output, self.parts = output, parts

    def expand(self, rejects: beam.PCollection) -> beam.PCollection:
        """One shuffle of rows that are short, then each file by itself."""
        return (
            rejects
            | "CutByReason" >> beam.FlatMap(cut_by_reason, self.parts).with_output_types(tuple[Part, pa.RecordBatch])
            | "GroupByReason" >> beam.GroupByKey()
            | "WriteReason" >> beam.MapTuple(partial(write_reason, self.output, self.parts)).with_output_types(Account)
        )


def num_reject_parts(num_bytes: int) -> int:
    """Files for each source and reason of a corpus of so many bytes: excerpts are short, but a crawl has many."""
    return max(1, num_bytes // PART_BYTES)


def cut_by_reason(rejects: pa.RecordBatch, parts: int) -> Iterator[tuple[Part, pa.RecordBatch]]:
    """The rows of a batch by the file they go to; which of several is decided by their origins."""
    rows_of: dict[Part, list[int]] = defaultdict(list)
    columns = (rejects.column(name).to_pylist() for name in ("source", "reason", "origin"))
    for row, (source, reason, origin) in enumerate(zip(*columns, strict=True)):
        rows_of[source, reason, zlib.crc32(origin.encode()) % parts].append(row)
    for part, rows in rows_of.items():
        yield part, rejects.take(pa.array(rows))


def write_reason(output: str, parts: int, part: Part, batches: Iterable[pa.RecordBatch]) -> Account:
    """Writes a file of rejects in the order of their origins; returns how many there are, and how many are errors."""
    source, reason, number = part
    table = pa.Table.from_batches(batches, REJECT_SCHEMA).sort_by([("origin", "ascending"), ("message", "ascending")])
    name = f"{reason}.jsonl" if parts == 1 else f"{reason}-{number:05}-of-{parts:05}.jsonl"
    storage.write(storage.join(output, source), name, to_json_lines(table))
    counts = {f"documents.rejected.{reason}": table.num_rows}
    if num_errors := pc.sum(table["is_error"]).as_py():
        counts["errors"] = num_errors
    return by_source(counts, source)
