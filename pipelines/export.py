"""The cleaned documents in another dress, for other tools: JSON Lines beside the Parquet files."""

import json
from collections.abc import Sequence
from typing import Any

import apache_beam as beam
import pyarrow.parquet as pq
from apache_beam.options.pipeline_options import PipelineOptions

from albert_core.shards import MANIFEST
from pipelines import storage
from pipelines.output_folder import DOCUMENTS
from pipelines.runners import run_job
from pipelines.spread import Spread

FOLDER = "jsonl"


def export_json_lines(output: str, manifest: dict[str, Any], options: PipelineOptions) -> None:
    """Writes `OUTPUT/jsonl/part-*.jsonl`, one file for each Parquet file: document_id in hexadecimal, source, origin, title, text."""
    folder = storage.join(output, FOLDER)
    storage.remove_folder(folder)
    names: Sequence[str] = [part["name"] for part in manifest["parts"]]

    def wire(pipeline: beam.Pipeline) -> None:
        parts = pipeline | "Files" >> beam.Create(names) | "Spread" >> Spread()
        parts | "Export" >> beam.Map(export_part, storage.join(output, DOCUMENTS), folder)

    run_job(wire, options)
    storage.remove_temporary(folder)
    storage.write_json(folder, MANIFEST, {"fingerprint": manifest["fingerprint"], "files": len(names)})  # last: all are there


def export_part(name: str, documents: str, folder: str) -> None:
    """One file, a row group at a time."""
    with storage.open_file(storage.join(documents, name)) as source, storage.create(folder, name.replace(".parquet", ".jsonl")) as target:
        parquet = pq.ParquetFile(source)
        for group in range(parquet.num_row_groups):
            for row in parquet.read_row_group(group).to_pylist():
                row["document_id"] = row["document_id"].hex()
                target.write((json.dumps(row, ensure_ascii=False) + "\n").encode())
