"""Parquet files of documents, read by many workers."""

from collections.abc import Iterator, Sequence

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import storage


class ReadDocuments(beam.PTransform):
    """Parquet files of cleaned documents → batches, one for each row group."""

    def __init__(self, paths: Sequence[str], columns: Sequence[str] | None = ("document_id", "source", "text")):
        """`columns`: None for all."""
        super().__init__()
        self.paths, self.columns = list(paths), columns

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection:
        """Row groups are spread anew, so that one large file is read by many workers."""
        return (
            root
            | "Files" >> beam.Create(self.paths)
            | "ListRowGroups" >> beam.FlatMap(list_row_groups)
            | "Spread" >> beam.Reshuffle()
            | "ReadRowGroup" >> beam.FlatMap(read_row_group, self.columns).with_output_types(pa.RecordBatch)
        )


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
