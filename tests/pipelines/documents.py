"""Cleaned documents for tests, and what a DoFn gave for them."""

import hashlib
import pickle
from collections.abc import Iterable, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa

from pipelines.batches import CLEANED_SCHEMA
from pipelines.partitions import CutBatches


def document_id(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def cleaned(*rows: tuple[str, str, str]) -> pa.RecordBatch:
    """Documents from (source, origin, text)."""
    return pa.RecordBatch.from_pylist(
        [
            {"document_id": document_id(text), "source": source, "origin": origin, "title": "", "text": text}
            for source, origin, text in rows
        ],
        schema=CLEANED_SCHEMA,
    )


def cleaned_texts(texts: Sequence[str], source: str = "text") -> pa.RecordBatch:
    """Documents of one file `a`, at places 0, 1, 2 and so on."""
    return cleaned(*((source, f"a:{i}", text) for i, text in enumerate(texts)))


def cut(batch: pa.RecordBatch, rows: int) -> list[pa.RecordBatch]:
    """The batch in pieces of so many rows, which share its buffers."""
    return [batch.slice(start, rows) for start in range(0, batch.num_rows, rows)]


def cut_batches(do_fn: CutBatches, batches: Iterable[pa.RecordBatch]) -> list[Any]:
    """What it gives for a bundle."""
    do_fn = pickle.loads(pickle.dumps(do_fn))
    do_fn.start_bundle()
    return [value for batch in batches for value in do_fn.process(batch)] + [value.value for value in do_fn.finish_bundle()]


def kept_rows(found: Iterable[Any]) -> list[dict]:
    """The rows of the main output."""
    return [row for value in found if isinstance(value, pa.RecordBatch) for row in value.to_pylist()]


def tagged(found: Iterable[Any], tag: str) -> list[Any]:
    """The values of a tagged output."""
    return [value.value for value in found if isinstance(value, beam.pvalue.TaggedOutput) and value.tag == tag]


def rejected(found: Iterable[Any]) -> list[tuple[str, str, str]]:
    """Origin, reason and message of the rejects, by origin."""
    return sorted((row["origin"], row["reason"], row["message"]) for batch in tagged(found, "rejects") for row in batch.to_pylist())
