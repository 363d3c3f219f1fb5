"""Rejects: one row for each document that is not kept, as a batch among workers and as JSON Lines for people."""

import json
from collections.abc import Iterator, Sequence
from typing import Literal

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from corpora.records import EXCERPT_CHARACTERS
from pipelines.batches import REJECT_SCHEMA

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


def to_json_lines(rejects: pa.RecordBatch) -> Iterator[str]:
    """Each reject as one line, its text readable as it is."""
    for row in rejects.to_pylist():
        yield json.dumps(row, ensure_ascii=False)


class WriteRejects(beam.PTransform):
    """Batches of rejects → JSON Lines files that begin with `path_prefix`; none if there are no rejects."""

    def __init__(self, path_prefix: str) -> None:
        super().__init__()
        self.path_prefix = path_prefix

    def expand(self, rejects: beam.PCollection) -> beam.PCollection:
        """Formats and writes."""
        lines = rejects | "FormatRejects" >> beam.FlatMap(to_json_lines).with_output_types(str)
        return lines | "WriteLines" >> beam.io.WriteToText(self.path_prefix, file_name_suffix=".jsonl", skip_if_empty=True)
