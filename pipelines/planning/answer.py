"""A plan as data: every figure with its interval, what would go wrong, and what a sample cannot show."""

import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpora.files import CorpusFile
from corpora.listing import file_ranges
from pipelines.planning.cloud import TABLE_WORKERS, Machine, Requests, describe, memory_needed, use_of
from pipelines.planning.corpus_sample import Reading
from pipelines.planning.engines import (
    ENGINES,
    JOB_CPU_SECONDS,
    PROCESS_CPU_SECONDS,
    Duration,
    duration,
    machine_bytes,
    peak_bytes,
)
from pipelines.planning.estimates import Estimate, add
from pipelines.planning.prices import PUBLISHED, REGION
from pipelines.planning.stage_costs import SampleOutcome
from pipelines.read import RANGE_BYTES
from pipelines.rejects import num_reject_parts
from pipelines.write_documents import ROW_GROUP_BYTES, num_parts
from pipelines.write_shards import ShardPlan

if TYPE_CHECKING:
    from pipelines.planning.plan import PlanConfig, SourceTotals

SHARD_BYTES_PER_COMPACT_BYTE = 2.5
SHARD_BYTES_PER_INSTANCE = 160.0
"""Memory of a worker that writes a shard: its documents as they came and unpacked; a row, a key and an index for each instance. Shards of
30 MB of text took 54 MB with 24,661 instances and 89 MB with 246,424."""
SECONDS_ERROR = 0.25
"""Of the seconds of a stage, beside the error of the text that costs them: pieces are small, and the machine does other things. Plans were
off by up to 24 % ("Plans against runs")."""
PART_COPIES = 3.5
"""Of the clean text of a file of documents in the worker that sorts and packs it: 128 MB took 450 (SCALE.md)."""
BATCH_COPIES = 8
"""Of a batch of text, at the most, while rules and segmenter work on it: Python strings are up to four bytes a character."""


def describe_plan(
    config: "PlanConfig",
    files: Sequence[CorpusFile],
    totals: Sequence["SourceTotals"],
    readings: dict[str, list[Reading]],
    outcome: SampleOutcome,
) -> dict[str, Any]:
    """The plan as data: every figure as value, low and high."""
    cleaning, instances = config.build.cleaning, config.build.instances
    weights = {source.name: source.weight for source in cleaning.sources}
    kept_bytes = add(total.kept_bytes for total in totals)
    used_bytes = sum(weights[total.name] * total.kept_bytes.value for total in totals)
    shards = instances.plan(cleaning.output, round(used_bytes), weights)
    compares = len(totals) > 1 or cleaning.near_duplicates.is_on or cleaning.decontamination.is_on
    num_jobs = 1 if config.one_job else 3 if compares else 2
    cpu = _cpu_seconds(totals, outcome, num_jobs=num_jobs, num_shards=shards.num_train + shards.num_eval)
    work, serial = cpu.pop("work"), _serial_seconds(files, totals)

    def took(workers: int) -> Duration:
        fixed = cpu["fixed"].value
        return duration(config.runner, workers, config.cores, work=work, fixed_seconds=fixed, serial_seconds=serial, num_jobs=num_jobs)

    parquet, shard_bytes = add(total.parquet_bytes for total in totals), add(total.shard_bytes for total in totals)
    written = {"cleaned": parquet, "documents": parquet, "shards": shard_bytes, "total": add([parquet.times(2), shard_bytes])}
    worker_bytes = _worker_bytes(totals, config, shards.num_train)
    memory = peak_bytes(config.runner, config.workers, kept_bytes, worker_bytes)
    shuffles = _shuffled_bytes(files, totals, compares, packed=config.machine is not None)
    shuffled = Estimate(sum(part.value for part in shuffles.values()), sum(part.error for part in shuffles.values()))  # of one text
    reasons = sorted({reason for total in totals for reason in total.rejected})
    rejected = {reason: add(total.rejected[reason] for total in totals if reason in total.rejected) for reason in reasons}
    return {
        "corpus": {
            "files": len(files),
            "stored_bytes": sum(file.size for file in files),
            "text_bytes": add(total.text_bytes for total in totals).as_json(),
            "sampled_share": round(_share_of_all(totals), 4),
        },
        "documents": {
            "read": add(total.records.times(total.taken_share) for total in totals).as_json(),
            "kept": add(total.kept for total in totals).as_json(),
            "rejected": {reason: estimate.as_json() for reason, estimate in rejected.items()},
        },
        "text": {"kept_bytes": kept_bytes.as_json()},
        "instances": add(total.instances for total in totals).as_json(),
        "shards": {"kind": instances.kind, "train": shards.num_train, "eval": shards.num_eval},
        "written_bytes": {name: estimate.as_json() for name, estimate in written.items()},
        "shuffled_bytes": shuffled.as_json(),
        "shuffles": {name: estimate.as_json() for name, estimate in shuffles.items()},
        "cpu_seconds": {stage: estimate.as_json(2) for stage, estimate in cpu.items()},
        "memory_bytes": memory.as_json() | {"of_a_shard": round(worker_bytes)},
        "time": _time(config, took(config.workers)),
        "cloud": _cloud(config, took, shuffled, written["total"], worker_bytes, _requests(config, files, totals, shards)),
        "sources": {total.name: _source_json(total) for total in totals},
        "warnings": _warnings(config, totals, readings, memory, written["total"], worker_bytes),
        "measured": _measured(config),
        "assumed": _assumed(config),
        "not_seen": _not_seen(totals, outcome),
    }


def _cloud(
    config: "PlanConfig", took: Callable[[int], Duration], shuffled: Estimate, written: Estimate, worker_bytes: float, requests: Requests
) -> dict[str, Any] | None:
    """What is billed, for the workers asked for and for some other numbers; None where nobody bills."""
    if config.machine is None:
        return None
    uses = [
        use_of(config.machine, workers, took(workers).seconds.value, shuffled.value, requests)
        for workers in sorted({*TABLE_WORKERS, config.workers})
    ]
    return describe(config.machine, config.prices, uses, written, worker_bytes)


def _requests(config: "PlanConfig", files: Sequence[CorpusFile], totals: Sequence["SourceTotals"], shards: ShardPlan) -> Requests:
    """Files of documents (twice), of shards with their two indexes, and of rejects; ranges and row groups that are read."""
    kept = sum(total.kept_bytes.value for total in totals)
    parts = sum(num_parts(round(total.text_bytes.value)) for total in totals)
    rejects = sum(len(total.rejected) * num_reject_parts(round(total.text_bytes.value)) for total in totals)
    bins = len(config.build.instances.length_bins) or 1
    ranges = sum(len(file_ranges(file, RANGE_BYTES)) for file in files)
    return Requests(
        written=2 * parts + rejects + 3 * bins * (shards.num_train + shards.num_eval),
        read=ranges + 2 * (parts + math.ceil(kept / ROW_GROUP_BYTES)),
    )


def _measured(config: "PlanConfig") -> list[str]:
    """What the figures have from this corpus."""
    return [
        "on the sample: documents, instances, bytes written and shuffled",
        "on the sample and this machine: seconds of CPU of each stage on one core, while whatever else ran here was running",
    ]


def _assumed(config: "PlanConfig") -> list[str]:
    """What they have from elsewhere."""
    engine = ENGINES[config.runner]
    said = [f"{config.runner}: {engine.source}"]
    if config.machine is not None:
        said += [
            "kernels are compiled before: a container whose cache is empty spends about a minute on it, on each of its cores",
            f"a vCPU of {config.machine.name} is as fast as a core of this machine, {engine.utilisation:.0%} of it work, "
            f"and a job takes {engine.job_seconds:g} s to start and end",
            "all workers are billed from the beginning to the end; what is shuffled is billed twice, written and read",
            f"prices of {REGION} as published for {PUBLISHED}, not asked for now: --price takes today's",
        ]
    return said


def _share_of_all(totals: Sequence["SourceTotals"]) -> float:
    text = sum(total.text_bytes.value for total in totals)
    return sum(total.sampled_share * total.text_bytes.value for total in totals) / text if text else 1.0


def _time(config: "PlanConfig", took: Duration) -> dict[str, Any]:
    return {
        "runner": config.runner,
        "workers": config.workers,
        "worker_cores": config.cores,
        "seconds": took.seconds.as_json(1),
        "formula": took.formula,
        "rests_on": ENGINES[config.runner].source,
    }


def _source_json(total: "SourceTotals") -> dict[str, Any]:
    names = ("text_bytes", "records", "kept", "kept_bytes", "instances", "shard_bytes")
    return {name: getattr(total, name).as_json() for name in names} | {"sampled_share": round(total.sampled_share, 4)}


def _cpu_seconds(totals: Sequence["SourceTotals"], outcome: SampleOutcome, *, num_jobs: int, num_shards: int) -> dict[str, Estimate]:
    """By stage, what workers can share of it (`work`), what is the same for any corpus (`fixed`), and all of it."""
    stages: dict[str, Estimate] = {"read": add(total.read_seconds for total in totals)}
    for stage in sorted(outcome.seconds):
        times = 2 if stage == "write documents" else 5 if stage == "shuffle" else 1  # twice written; see _shuffled_bytes
        stages[stage] = add(total.seconds[stage] for total in totals).times(times)
    functions = add(stages.values()).value
    spread = math.hypot(add(total.kept_bytes for total in totals).relative_error, SECONDS_ERROR)
    work = Estimate(functions, math.inf if math.isinf(spread) else functions * spread)
    fixed = PROCESS_CPU_SECONDS + num_jobs * JOB_CPU_SECONDS + outcome.startup_seconds + num_shards * outcome.fixed_seconds
    return stages | {"fixed": Estimate(fixed), "work": work, "total": Estimate(work.value + fixed, work.error)}


def _serial_seconds(files: Sequence[CorpusFile], totals: Sequence["SourceTotals"]) -> float:
    """Of the file that one worker reads longest."""
    rates = {total.name: total.read_seconds.value / max(1, total.stored_bytes) for total in totals}
    return max((file.size * rates[file.source] for file in files if _is_stream(file)), default=0.0)


def _is_stream(file: CorpusFile) -> bool:
    return file.size > 0 and len(file_ranges(file, RANGE_BYTES)) == 1


def _shuffled_bytes(files: Sequence[CorpusFile], totals: Sequence["SourceTotals"], compares: bool, *, packed: bool) -> dict[str, Estimate]:
    """By what is brought together: raw text only of streams that one worker reads, clean text each time, then tokens.

    `packed`: as `PackedBatchCoder` carries them; hashes do not become fewer.
    """
    streams = {total.name: sum(file.size for file in files if file.source == total.name and _is_stream(file)) for total in totals}

    def text(name: str) -> Estimate:
        return add(getattr(total, name).times(total.packed_share if packed else 1) for total in totals)

    clean = text("arrow_bytes")
    raw = (total.raw_arrow_bytes.times(streams[total.name] / max(1, total.stored_bytes)) for total in totals)
    first = {
        "raw text of streams": add(part.times(total.packed_share if packed else 1) for part, total in zip(raw, totals, strict=True)),
        "copies": text("lined_bytes"),
        "lines": add(total.line_bytes for total in totals),
        "clean documents": clean,
    }
    second = {
        "copies in other sources": clean,
        "buckets": add(total.bucket_bytes for total in totals),
        "near copies": clean if any(total.bucket_bytes.value for total in totals) else Estimate(0.0),
        "distinct documents": clean,
    }
    tokens = add(total.compact_bytes.times(total.packed_compact_share if packed else 1) for total in totals)
    return first | (second if compares else {}) | {"tokens": tokens}


def _worker_bytes(totals: Sequence["SourceTotals"], config: "PlanConfig", num_shards: int) -> float:
    """Memory of a worker beside its libraries: a batch of text, a file of documents, or a shard with its instances."""
    part = max(total.kept_bytes.value / num_parts(round(total.text_bytes.value)) for total in totals) * PART_COPIES
    shard = sum(total.compact_bytes.value for total in totals) / num_shards * SHARD_BYTES_PER_COMPACT_BYTE
    rows = sum(total.instances.value for total in totals) / num_shards * SHARD_BYTES_PER_INSTANCE
    return max(shard + rows, part, config.build.cleaning.batch_bytes * BATCH_COPIES)


def _warnings(
    config: "PlanConfig",
    totals: Sequence["SourceTotals"],
    readings: dict[str, list[Reading]],
    memory: Estimate,
    written: Estimate,
    worker_bytes: float,
) -> list[str]:
    """What would go wrong."""
    found = []
    has = machine_bytes()
    if config.runner in ("DirectRunner", "PrismRunner") and memory.value > has:
        found.append(
            f"{config.runner} would hold {memory.value / 1e9:,.1f} GB, and this machine has {has / 1e9:,.1f} GB: "
            "take a runner that spills to disk (FlinkRunner), or --sample a part"
        )
    if config.machine is not None:
        found += _too_small(config.machine, worker_bytes)
    free = _free_bytes(config.build.cleaning.output)
    if written.value > free:
        found.append(f"{written.value / 1e9:,.1f} GB would be written, and {free / 1e9:,.1f} GB are free in --output: make room")
    damaged = sum(reading.damaged for own in readings.values() for reading in own)
    if damaged:
        found.append(f"{damaged:,} of the files that were looked at are damaged: the build stops there, unless --allow-damaged-files")
    for total in totals:
        if math.isinf(total.kept_bytes.error):
            found.append(
                f"{total.name}: a single piece was looked at, so nobody knows how far the figures are off: give --sample-size more"
            )
    return found


def _too_small(machine: Machine, worker_bytes: float) -> list[str]:
    """A worker whose processes do not fit its memory."""
    needed, available = memory_needed(machine, worker_bytes)
    if needed <= available:
        return []
    return [
        f"a worker {machine.name} would need {needed / 1e9:,.1f} GB, and has {available / 1e9:,.1f} GB for {machine.cores} processes: "
        "take one with more memory for each core (--worker_machine_type n2-highmem-4), or more shards (--num-shards)"
    ]


def _free_bytes(output: str) -> float:
    """Room where the output would lie; infinite in object stores, and where there is no output."""
    if not output or "://" in output:
        return math.inf
    folder = Path(output).absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return float(shutil.disk_usage(folder).free)


def _not_seen(totals: Sequence["SourceTotals"], outcome: SampleOutcome) -> list[str]:
    """What the figures do not hold."""
    copies = sum(piece.rejected["exact_duplicate"] for piece in outcome.pieces)
    said = ["near duplicates are not looked for in a sample: what they take away is not in the figures"]
    if any(total.sampled_share < 1 for total in totals):
        said.append(
            f"copies of a text grow with the corpus ({copies:,} in the sample): what is kept, and all that comes of it, "
            "is rather less than foretold"
        )
    if cut := [total.name for total in totals if total.is_cut]:
        said.append(
            f"of {', '.join(cut)} only the first stretch could be looked at: compressed files and archives are read from front to back"
        )
    return said
