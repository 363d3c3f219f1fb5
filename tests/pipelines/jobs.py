"""Small Beam jobs for tests: the in-process runner, and what a job wrote."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq

from corpora.documents import RAW_SCHEMA
from corpora.sources import merge_sources, source_of
from pipelines.accounts import Account, add_accounts, by_source
from pipelines.clean import CleanCorpus
from pipelines.manifest import documents_account
from pipelines.read import list_sources
from pipelines.recipe import CleanConfig
from pipelines.runners import make_runner, parse_beam_options

TWO_WORKERS = ("--direct_num_workers=2",)


def run(build: Callable[[beam.Pipeline], Any], options: Sequence[str] = ()) -> None:
    chosen = parse_beam_options(options)
    with beam.Pipeline(runner=make_runner(chosen), options=chosen) as pipeline:
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
        manifests = {path.parent.name: json.loads(path.read_text("utf-8")) for path in sorted((output / "cleaned").glob("*/manifest.json"))}
        self.manifests: dict[str, dict[str, Any]] = manifests
        self.account: Account = add_accounts(by_source(manifest["account"], name) for name, manifest in manifests.items())
        tables = [pq.read_table(path) for path in sorted((output / "cleaned").glob("*/part-*.parquet"))]
        rows = [row for table in tables for row in table.to_pylist()]
        self.documents = sorted(rows, key=lambda row: row["document_id"])
        lines = [line for path in (output / "rejects" / "clean").rglob("*.jsonl") for line in path.read_text("utf-8").splitlines()]
        self.rejects = sorted(map(json.loads, lines), key=lambda row: row["origin"])
        self.damaged = [file for manifest in manifests.values() for file in manifest["damaged"]]

    @property
    def texts(self) -> list[str]:
        return sorted(row["text"] for row in self.documents)

    def rejected(self) -> dict[str, int]:
        """Rejects by reason, as the account has them."""
        return documents_account(self.account)["rejected"]


def clean_corpus(
    corpora: Sequence[str], output: Path, *, config: CleanConfig | None = None, options: Sequence[str] = (), **settings: Any
) -> Cleaned:
    """Runs the clean stage over `[FORMAT=]GLOB`s into a new folder."""
    files = list_sources(merge_sources([source_of(corpus) for corpus in corpora]))
    output.mkdir()
    run(lambda pipeline: pipeline | "Clean" >> CleanCorpus(files, config or CleanConfig(), str(output), **settings), options)
    return Cleaned(output)
