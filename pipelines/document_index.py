"""The index beside each shard: which stretch of which document every instance is, a row for each in the order of the shard.

    document_id (16 bytes)   first_token   num_tokens
    8f3c…                    0             506          the first chunk of 8f3c…: its tokens [0, 506)
    11d0…                    2310          498

Tokens are counted as `DocumentTokenizer` makes them, [UNK] too, before split and order are drawn. Three bytes a row and sixteen a document.
"""

import hashlib
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema([("document_id", pa.binary(16)), ("first_token", pa.int32()), ("num_tokens", pa.int32())])
ID_BYTES = 16


class Stretches(NamedTuple):
    """Where N instances come from."""

    document_ids: list[bytes]  # of D documents, ascending; some may have no instance
    document: np.ndarray  # int64 [N], which of them
    first_token: np.ndarray  # int64 [N]
    num_tokens: np.ndarray  # int64 [N]

    def take(self, rows: np.ndarray) -> "Stretches":
        """Some of the instances, in that order."""
        return Stretches(self.document_ids, self.document[rows], self.first_token[rows], self.num_tokens[rows])

    def id_of(self, row: int) -> bytes:
        """The document of an instance."""
        return self.document_ids[self.document[row]]


def encode_stretches(stretches: Stretches) -> bytes:
    """The index as a Parquet file; the same rows give the same bytes."""
    ids = pa.array(stretches.document_ids, pa.binary(ID_BYTES)).take(pa.array(stretches.document, pa.int64()))
    counts = [pa.array(column.astype(np.int32)) for column in (stretches.first_token, stretches.num_tokens)]
    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.Table.from_arrays([ids, *counts], schema=SCHEMA),
        sink,
        compression="zstd",
        use_dictionary=["document_id"],
        column_encoding={"first_token": "BYTE_STREAM_SPLIT", "num_tokens": "BYTE_STREAM_SPLIT"},
        write_statistics=False,
        store_schema=False,
        row_group_size=1 << 20,
    )
    return bytes(sink.getvalue())


def decode_stretches(content: bytes) -> Stretches:
    """What `encode_stretches` wrote.

    Raises:
      ValueError: it is no such index.
    """
    try:
        table = pq.read_table(pa.BufferReader(content))
    except pa.ArrowException as error:
        raise ValueError(str(error).splitlines()[0]) from error
    if table.schema.names != SCHEMA.names:
        raise ValueError(f"has the columns {', '.join(table.schema.names)}, not {', '.join(SCHEMA.names)}")
    table = table.cast(SCHEMA).combine_chunks()
    column = table["document_id"].combine_chunks()
    distinct = sorted(column.unique().to_pylist())
    document = pa.compute.index_in(column, pa.array(distinct, pa.binary(ID_BYTES)))
    return Stretches(distinct, *(np.asarray(values, np.int64) for values in (document, table["first_token"], table["num_tokens"])))


def describe(name: str, content: bytes) -> dict[str, Any]:
    """The index as a line of the manifest's `shards` has it."""
    return {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
