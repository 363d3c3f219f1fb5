"""What a build will give and take, from a sample of its corpus: documents, instances, shards, bytes, memory, hours.

files ─▶ pieces (corpus_sample) ─▶ the build's own functions, timed (stage_costs) ─▶ totals (estimates) ─▶ hours (engines), price (cloud)

What a sample cannot show is said beside the figures: copies of a text, whose number grows with the corpus, most of all.
"""

import dataclasses
import math
import os
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, WorkerOptions

from corpora.files import CorpusFile
from corpora.sources import Source
from pipelines import dataflow
from pipelines.build import BuildConfig
from pipelines.engine_names import runner_name
from pipelines.errors import BuildError
from pipelines.output_folder import own_folder
from pipelines.planning.answer import describe_plan
from pipelines.planning.cloud import Machine
from pipelines.planning.corpus_sample import Marks, Reading, expected_bytes, num_han, sample_source
from pipelines.planning.engines import ENGINES, find_engine
from pipelines.planning.estimates import CONFIDENCE, Estimate, ratio_total, regression_total
from pipelines.planning.prices import Prices
from pipelines.planning.stage_costs import PieceOutcome, SampleOutcome, run_stages
from pipelines.read import list_sources

SAMPLE_BYTES = 20_000_000
SIZE_MARK = 1  # of `Marks.of`: bytes
MIN_SOURCE_BYTES = 1 << 20
"""Of the text of each source, as far as it has so much."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlanConfig:
    """A build, the size of the sample, and what it would run on.

    Attributes:
      sample_share: the size as a part of the corpus, in place of `sample_bytes`.
      worker_cores: None is the machine's, or else the engine's usual.
      machine: a worker, where the cloud bills it.
      one_job: whether all stages are one job.
    """

    build: BuildConfig
    sample_bytes: int = SAMPLE_BYTES
    sample_share: float | None = None
    runner: str = "DirectRunner"
    workers: int = 1
    worker_cores: int | None = None
    machine: Machine | None = None
    prices: Prices = dataclasses.field(default_factory=Prices)
    one_job: bool = False

    @property
    def cores(self) -> int:
        """Of a worker."""
        return self.worker_cores or (self.machine.cores if self.machine else ENGINES[self.runner].cores)

    def __post_init__(self) -> None:
        """Refuses what means nothing, naming value and limit."""
        if self.sample_bytes < 1 << 16:
            raise BuildError(
                f"--sample-size {self.sample_bytes:,} bytes is less than {1 << 16:,}\nso little says nothing: the default is 20 MB"
            )
        if self.sample_share is not None and not 0 < self.sample_share <= 1:
            raise BuildError(f"--sample-size {self.sample_share:.2%} is not between 0 and 100 %\ngive a part of the corpus, such as 2%")
        if self.workers < 1:
            raise BuildError(f"--workers {self.workers} is less than 1\nit is the number of worker processes or machines")
        if self.worker_cores is not None and self.worker_cores < 1:
            raise BuildError(f"--worker-cores {self.worker_cores} is less than 1\nit is the number of cores of each worker")
        find_engine(self.runner)


def workers_of(options: PipelineOptions) -> int:
    """How many workers Beam's options ask for: those of the direct runner, of Flink, of Dataflow; else 1."""
    if find_engine(runner_name(options)) == "DirectRunner":
        asked = options.view_as(DirectOptions).direct_num_workers
        return int(asked) if asked else os.cpu_count() or 1
    told = options.get_all_options()
    settings = WorkerOptions(flags=[]).get_all_options()
    names = ("max_num_workers", "num_workers", "parallelism", "sdk_worker_parallelism")
    return next((int(told[name]) for name in names if told.get(name) and told[name] != settings.get(name) and int(told[name]) > 0), 1)


def machine_of(options: PipelineOptions) -> Machine | None:
    """The worker that Beam's options ask for, where the cloud bills it: what they leave out is what `dataflow.py` says."""
    if find_engine(runner_name(options)) != dataflow.RUNNER:
        return None
    asked = options.view_as(WorkerOptions)
    return Machine.of_type(asked.machine_type or dataflow.MACHINE_TYPE, asked.disk_size_gb or dataflow.DISK_GB)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceTotals:
    """What a source holds and gives, extrapolated. Documents that `--sample`, `--limit` or a cap leave out are in `records` alone."""

    name: str
    stored_bytes: int
    text_bytes: Estimate
    records: Estimate
    taken_share: float
    kept: Estimate
    kept_bytes: Estimate
    rejected: dict[str, Estimate]
    instances: Estimate
    shard_bytes: Estimate
    parquet_bytes: Estimate
    arrow_bytes: Estimate
    raw_arrow_bytes: Estimate
    lined_bytes: Estimate
    line_bytes: Estimate
    bucket_bytes: Estimate
    compact_bytes: Estimate
    packed_share: float
    packed_compact_share: float
    read_seconds: Estimate
    seconds: dict[str, Estimate]
    sampled_share: float
    is_cut: bool


def make_plan(config: PlanConfig) -> dict[str, Any]:
    """Samples the corpus and foretells the build.

    Raises:
      BuildError: a corpus, vocabulary or option that the build would refuse too; a sample without a document.
    """
    started = time.monotonic()
    cleaning, instances = config.build.cleaning, config.build.instances
    instances.tokenizer  # noqa: B018 - a bad vocabulary is said before the corpus is read
    files = list_sources(cleaning.sources, own_folder(cleaning.output))
    by_source = {source.name: [file for file in files if file.source == source.name] for source in cleaning.sources}
    marks = Marks(max_tokens=instances.drawing.max_tokens, count=num_han if instances.language == "chinese" else len)
    readings = {name: sample_source(own, _quota(config, own, files), marks) for name, own in by_source.items()}
    shares = {name: _sampled_share(by_source[name], readings[name]) for name in by_source}
    pieces = [piece for own in readings.values() for reading in own for piece in reading.pieces]
    outcome = run_stages(pieces, cleaning, instances, shares)
    if not any(piece.kept.num_rows for piece in outcome.pieces):
        rejected = sum((piece.rejected for piece in outcome.pieces), Counter())
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in rejected.most_common()) or "no record was found"
        raise BuildError(f"no document of the sample is left: {reasons}\nsee what the rules do: albert-data clean --explain --corpus …")
    taken = _taken_shares(config, {name: _records(by_source[name], readings[name]) for name in by_source})
    totals = [
        _source_totals(source, by_source[source.name], readings[source.name], outcome, config, taken[source.name], shares[source.name])
        for source in cleaning.sources
    ]
    sample = {
        "bytes": sum(piece.num_bytes for piece in pieces),
        "pieces": len(pieces),
        "documents": sum(piece.num_records for piece in pieces),
        "seconds": round(time.monotonic() - started, 1),
        "confidence": CONFIDENCE,
    }
    return describe_plan(config, files, totals, readings, outcome) | {"sample": sample}


def _quota(config: PlanConfig, own: Sequence[CorpusFile], files: Sequence[CorpusFile]) -> int:
    """Bytes of text of a source that go into the sample."""
    if config.sample_share is not None:
        return math.ceil(config.sample_share * sum(map(expected_bytes, own)))
    size = sum(file.size for file in files) or 1
    return max(
        MIN_SOURCE_BYTES if config.sample_bytes > MIN_SOURCE_BYTES else 0, config.sample_bytes * sum(file.size for file in own) // size
    )


def _sampled_share(files: Sequence[CorpusFile], readings: Sequence[Reading]) -> float:
    """About how much of a source's text is in the sample."""
    text = _text_bytes(files, readings).value
    return min(1.0, sum(piece.num_bytes for reading in readings for piece in reading.pieces) / text) if text else 1.0


def _stored(files: Sequence[CorpusFile]) -> Estimate:
    return Estimate(float(sum(file.size for file in files)))


def _text_bytes(files: Sequence[CorpusFile], readings: Sequence[Reading]) -> Estimate:
    """Of records, uncompressed."""
    return ratio_total([r.num_bytes for r in readings], [r.stored_bytes for r in readings], _stored(files))


def _records(files: Sequence[CorpusFile], readings: Sequence[Reading]) -> Estimate:
    return ratio_total([r.num_records for r in readings], [r.stored_bytes for r in readings], _stored(files))


def _taken_shares(config: PlanConfig, records: dict[str, Estimate]) -> dict[str, float]:
    """Of each source, the share of its records that --sample, its cap and --limit take."""
    cleaning = config.build.cleaning
    taken = {source.name: records[source.name].value * cleaning.sample for source in cleaning.sources}
    taken = {source.name: min(taken[source.name], source.cap or math.inf) for source in cleaning.sources}
    in_all = sum(taken.values())
    scale = min(1.0, cleaning.limit / in_all) if cleaning.limit is not None and in_all else 1.0
    return {name: scale * count / records[name].value if records[name].value else 1.0 for name, count in taken.items()}


def _source_totals(
    source: Source,
    files: Sequence[CorpusFile],
    readings: Sequence[Reading],
    outcome: SampleOutcome,
    config: PlanConfig,
    taken: float,
    share: float,
) -> SourceTotals:
    """What the sampled pieces gave, for all that the source holds: of documents by records, of what their text gives by its marks."""
    mine = [piece for piece in outcome.pieces if piece.piece.source == source.name]
    text, records, stored = _text_bytes(files, readings), _records(files, readings), _stored(files)
    sampled, read = np.array([piece.piece.marks for piece in mine]), np.array([reading.marks for reading in readings])

    def by_marks(amounts: Sequence[float]) -> Estimate:
        found = regression_total(amounts, sampled, read, [reading.stored_bytes for reading in readings], stored, size=SIZE_MARK)
        return found.times(taken)

    def by_records(amounts: Sequence[float]) -> Estimate:
        return ratio_total(amounts, [piece.piece.num_records for piece in mine], records).times(taken)

    held_out = config.build.instances.eval_fraction
    drawn_once = 1 - held_out + held_out / (config.build.instances.dupe_factor * source.weight)
    kept_bytes = by_marks([piece.kept_bytes for piece in mine])
    instances = by_marks([piece.instances for piece in mine])
    kept_sampled = sum(piece.kept_bytes for piece in mine) or 1
    return SourceTotals(
        name=source.name,
        stored_bytes=sum(file.size for file in files),
        text_bytes=text,
        records=records,
        taken_share=taken,
        kept=by_records([piece.kept.num_rows for piece in mine]),
        kept_bytes=kept_bytes,
        rejected={reason: by_records([piece.rejected[reason] for piece in mine]) for reason in _reasons(mine)},
        instances=instances.times(drawn_once),
        shard_bytes=by_marks([piece.shard_bytes for piece in mine]).times(drawn_once),
        parquet_bytes=kept_bytes.times(outcome.parquet_bytes.get(source.name, 0) / kept_sampled),
        arrow_bytes=by_marks([piece.kept.nbytes for piece in mine]),
        raw_arrow_bytes=by_marks([piece.piece.documents.nbytes for piece in mine]),
        lined_bytes=by_marks([piece.lined_bytes for piece in mine]),
        line_bytes=kept_bytes.times(outcome.line_bytes.get(source.name, 0) / kept_sampled),
        bucket_bytes=by_marks([piece.bucket_bytes for piece in mine]),
        compact_bytes=by_marks([piece.compact_bytes for piece in mine]),
        packed_share=_share([piece.packed_bytes for piece in mine], [piece.kept.nbytes for piece in mine]),
        packed_compact_share=_share([piece.packed_compact_bytes for piece in mine], [piece.compact_bytes for piece in mine]),
        read_seconds=ratio_total([r.seconds for r in readings], [r.stored_bytes for r in readings], stored),
        seconds=_stage_seconds(outcome, {"clean": text.times(taken), "instances": instances}, kept_bytes),
        sampled_share=share,
        is_cut=any(reading.is_cut for reading in readings),
    )


def _share(parts: Sequence[float], whole: Sequence[float]) -> float:
    return sum(parts) / (sum(whole) or 1)


def _stage_seconds(outcome: SampleOutcome, sizes: dict[str, Estimate], others: Estimate) -> dict[str, Estimate]:
    """Seconds of each stage for a source: as many for each byte of text, instance, or else byte of clean text, as in the whole sample."""
    sampled = {
        "clean": sum(piece.piece.num_bytes for piece in outcome.pieces),
        "instances": sum(piece.instances for piece in outcome.pieces),
    }
    kept = sum(piece.kept_bytes for piece in outcome.pieces)
    return {stage: sizes.get(stage, others).times(seconds / (sampled.get(stage, kept) or 1)) for stage, seconds in outcome.seconds.items()}


def _reasons(pieces: Sequence[PieceOutcome]) -> list[str]:
    return sorted({reason for piece in pieces for reason in piece.rejected})
