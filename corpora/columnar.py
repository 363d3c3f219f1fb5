"""Parquet: a record a row, its text in a column; read by row group, only the columns that are asked for, in small batches."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from corpora.compression import DamagedStreamError
from corpora.dialects import choose_text
from corpora.fields import Fields, Picked, column_roots, has_text, missing_column, pick
from corpora.records import EXCERPT_CHARACTERS, BadRecord, DamagedFile, Document, Event
from corpora.sections import Section

BATCH_BYTES = 8 << 20
"""Of rows that are held at once, as far as the sizes of row groups tell."""
MAX_BATCH_ROWS = 1024
BUFFER_BYTES = 1 << 20
"""Read ahead in a column, which is not held whole."""


def read_parquet(section: Section) -> Iterator[Event]:
    """Each row; its offset is its number, from 0. If a row holds several documents, the documents are numbered instead."""
    try:
        with section.seekable() as stored, pq.ParquetFile(stored, buffer_size=BUFFER_BYTES, pre_buffer=False) as file:
            yield from _read_rows(section, file)
    except DamagedStreamError:
        raise
    except (pa.ArrowException, ValueError, MemoryError) as error:  # damaged names are not UTF-8, damaged sizes ask for any amount of memory
        yield DamagedFile(section.path, f"not a Parquet file that can be read: {_first_line(error)}")
    except OSError as error:
        if type(error) is not OSError or error.errno is not None:
            raise  # of the file system, for the runner to try again; Arrow's own have no number
        yield DamagedFile(section.path, f"not a Parquet file that can be read: {_first_line(error)}")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _read_rows(section: Section, file: pq.ParquetFile) -> Iterator[Event]:
    schema = file.schema_arrow
    fields = section.fields or _choose_fields(schema)
    if not has_text(schema.names, fields):
        yield DamagedFile(section.path, missing_column(schema.names, fields))
        return
    columns = [name for name in schema.names if name in column_roots(fields)]
    row = offset = 0
    for group in range(file.metadata.num_row_groups):
        size = _batch_rows(file.metadata.row_group(group))
        for batch in file.iter_batches(size, row_groups=[group], columns=columns):
            for record in _records(batch):
                events = list(_documents(section, offset, record, fields))
                yield from events
                row += 1
                offset = offset + len(events) if fields.each else row


def _choose_fields(schema: pa.Schema) -> Fields:
    """The text is in a column of a known name, else in the first that holds strings."""
    strings = [field.name for field in schema if _is_string(field.type)]
    fields = Fields()
    if has_text(schema.names, fields) or not strings:
        return fields
    return Fields(text=choose_text(strings, []))


def _is_string(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _batch_rows(group: pq.RowGroupMetaData) -> int:
    """Rows of the group that hold about `BATCH_BYTES`."""
    size = max(1, group.total_byte_size)  # not that of the columns that are read: of a damaged file, asking for it ends the process
    return max(1, min(MAX_BATCH_ROWS, BATCH_BYTES * group.num_rows // size))


def _records(batch: pa.RecordBatch) -> Iterator[dict[str, Any] | UnicodeDecodeError]:
    """The rows; those that hold a string that is not UTF-8, which Parquet does not check, as the error."""
    batch = pa.RecordBatch.from_arrays([_as_text(column) for column in batch.columns], names=batch.schema.names)
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:
        for i in range(batch.num_rows):
            try:
                yield from batch.slice(i, 1).to_pylist()
            except UnicodeDecodeError as error:
                yield error


def _as_text(column: pa.Array) -> pa.Array:
    """Bytes without a type, as some writers store strings, taken for strings."""
    if pa.types.is_binary(column.type):
        return column.view(pa.string())
    return column.view(pa.large_string()) if pa.types.is_large_binary(column.type) else column


def _documents(section: Section, offset: int, record: dict[str, Any] | UnicodeDecodeError, fields: Fields) -> Iterator[Event]:
    if isinstance(record, UnicodeDecodeError):
        excerpt = record.object[: 4 * EXCERPT_CHARACTERS].decode("utf-8", "replace")[:EXCERPT_CHARACTERS]
        message = f"byte {record.start} of a string is not utf-8: {record.reason}"
        yield BadRecord(offset, len(record.object), "invalid_encoding", message, excerpt)
        return
    for i, picked in enumerate(pick(record, fields)):
        if not isinstance(picked, Picked):
            yield BadRecord(offset + i, 0, "no_text", picked, str(record)[:EXCERPT_CHARACTERS])
            continue
        size = len(picked.text.encode())
        if size > section.max_record_bytes:
            yield section.too_long(offset + i, size)
        else:
            yield Document(offset + i, size, *picked)
