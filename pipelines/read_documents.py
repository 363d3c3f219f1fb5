"""Parquet files of documents, read by many workers."""

from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import storage
from pipelines.spread import Spread


class ReadDocuments(beam.PTransform):
    """A manifest that lists `parts` of documents in a folder → batches of them, one for each row group. No manifest, no batches."""

    def __init__(self, folder: str, columns: Sequence[str] | None = ("document_id", "source", "text")):
        """`columns`: None for all."""
        super().__init__()
        self.folder, self.columns = folder, columns

    def expand(self, manifest: beam.PCollection) -> beam.PCollection:
        """Files are spread, and row groups anew, so that one large file is read by many workers."""
        return (
            manifest
            | "ListParts" >> beam.FlatMap(part_paths, self.folder).with_output_types(str)
            | "SpreadParts" >> Spread()
            | "ListRowGroups" >> beam.FlatMap(list_row_groups)
            | "Spread" >> Spread()
            | "ReadRowGroup" >> beam.FlatMap(read_row_group, self.columns).with_output_types(pa.RecordBatch)
        )


def part_paths(manifest: dict[str, Any], folder: str) -> list[str]:
    """Where the files of a manifest are."""
    return [storage.join(folder, *filter(None, (part.get("folder"), part["name"]))) for part in manifest["parts"]]


def list_row_groups(path: str) -> Iterator[tuple[str, int]]:
    """The row groups of a Parquet file."""
    with storage.open_file(path) as file:
        number = pq.ParquetFile(file).num_row_groups
    yield from ((path, index) for index in range(number))


def read_row_group(place: tuple[str, int], columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    """The documents of a row group."""
    path, index = place
    with storage.open_file(path) as file:
        yield from pq.ParquetFile(file).read_row_group(index, columns=columns).to_batches()
