"""Small Beam jobs for tests: the in-process runner, and what a job wrote."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from corpora.documents import RAW_SCHEMA
from corpora.formats import parse_corpus
from pipelines.accounts import Account
from pipelines.clean import CleanCorpus
from pipelines.read import list_corpora
from pipelines.recipe import CleanConfig

TWO_WORKERS = ("--direct_num_workers=2", "--direct_running_mode=multi_processing")


def run(build: Callable[[beam.Pipeline], Any], options: Sequence[str] = ()) -> None:
    with beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions(list(options))) as pipeline:
        build(pipeline)


def write_json(value: Any, path: str) -> None:
    Path(path).write_text(json.dumps(value), "utf-8")


def raw_batch(texts: Sequence[str], source: str = "text", file: str = "a") -> pa.RecordBatch:
    """Raw documents of one file, at offsets 0, 1, 2 and so on."""
    rows = [{"source": source, "origin": f"{file}:{i}", "title": "", "text": text} for i, text in enumerate(texts)]
    return pa.RecordBatch.from_pylist(rows, schema=RAW_SCHEMA)


class Cleaned:
    """What CleanCorpus left in a folder."""

    def __init__(self, output: Path) -> None:
        self.account: Account = json.loads((output / "account.json").read_text("utf-8"))
        tables = [pq.read_table(path) for path in sorted((output / "documents").glob("part-*.parquet"))]
        rows = [row for table in tables for row in table.to_pylist()]
        self.documents = sorted(rows, key=lambda row: row["document_id"])
        lines = [line for path in (output / "rejects").glob("clean-*.jsonl") for line in path.read_text("utf-8").splitlines()]
        self.rejects = sorted(map(json.loads, lines), key=lambda row: row["origin"])
        damaged = output / "documents" / "damaged.jsonl"
        self.damaged = [json.loads(line) for line in damaged.read_text("utf-8").splitlines()] if damaged.exists() else []

    @property
    def texts(self) -> list[str]:
        return sorted(row["text"] for row in self.documents)

    def rejected(self) -> dict[str, int]:
        """Rejects by reason, as the account has them."""
        prefix = "documents.rejected."
        return {key.removeprefix(prefix): count for key, count in self.account.items() if key.startswith(prefix) and "@" not in key}


def clean_corpus(
    corpora: Sequence[str], output: Path, *, config: CleanConfig | None = None, options: Sequence[str] = (), **sizes: int
) -> Cleaned:
    """Runs the clean stage over `[FORMAT=]GLOB`s into a new folder."""
    files = list_corpora(map(parse_corpus, corpora))
    output.mkdir()

    def build(pipeline: beam.Pipeline) -> None:
        account = pipeline | "Clean" >> CleanCorpus(files, config or CleanConfig(), str(output), **sizes)
        account | "WriteAccount" >> beam.Map(write_json, str(output / "account.json"))

    run(build, options)
    return Cleaned(output)
