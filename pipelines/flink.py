"""Apache Flink behind its job server: what jobs for it need, and what they have counted while they run."""

import base64
import contextlib
import json
import urllib.request
import warnings
from collections import Counter
from typing import Any

from apache_beam.coders.coder_impl import VarIntCoderImpl
from apache_beam.options.pipeline_options import DebugOptions, FlinkRunnerOptions, PipelineOptions, PortableOptions

from pipelines.engine_names import runner_name
from pipelines.errors import BuildWarning
from pipelines.progress import NAMESPACE

RUNNERS = ("FlinkRunner", "PortableRunner")
"""The second goes to any job server; there are few others."""
IDLE_WORKER_MILLIS = 30_000
"""How long a job keeps a Python worker that no stage needs just now. By default none at all: most stages waited for a worker's imports, 94
seconds of a job that now takes 12."""
ANSWER_SECONDS = 5.0
TASK_BYTES, MOST_TASK_BYTES = 128 << 20, 1 << 30
"""Of what a task makes: a good size, and what still ends. 0.6 GB took 26 seconds, of 1.6 GB nothing had come after four minutes: the runner
takes 100 messages of 10 MB before the end of a bundle (`BeamFnDataInboundObserver`), the worker keeps 200 MB, and then each waits."""


class FlinkBatchOptions(PipelineOptions):
    """An option of the job server's that its Python side does not have."""

    @classmethod
    def _add_argparse_args(cls, parser: Any) -> None:
        parser.add_argument(
            "--execution_mode_for_batch",
            choices=["PIPELINED", "PIPELINED_FORCED", "BATCH", "BATCH_FORCED"],
            help="How tasks of a Flink job hand on data. BATCH_FORCED: through files, so that there may be more tasks than slots.",
        )


def is_asked_for(options: PipelineOptions) -> bool:
    """Whether a job is for Flink."""
    return runner_name(options) in RUNNERS


def warn_of_large_tasks(options: PipelineOptions, num_bytes: int) -> None:
    """Warns of a job whose tasks make more than Beam's runner can hold: it does not fail, it stands still.

    Args:
      options: of the job.
      num_bytes: of text that goes through its shuffles.
    """
    tasks = max(1, options.view_as(FlinkRunnerOptions).parallelism)
    if is_asked_for(options) and num_bytes > tasks * MOST_TASK_BYTES:
        warnings.warn(
            f"{num_bytes / 1e9:,.1f} GB over {tasks:,} tasks of Flink: what a task makes waits in memory until the task ends,"
            f" and above about {MOST_TASK_BYTES / 1e9:.1f} GB it never does\n"
            f"on a cluster: --parallelism {num_bytes // TASK_BYTES + 1} --execution_mode_for_batch BATCH_FORCED"
            " (there may be more tasks than slots; they run one after another)",
            BuildWarning,
            stacklevel=3,
        )


def suit_flink(options: PipelineOptions) -> None:
    """What a Flink job server needs and nobody would think of; what the user says stays.

    Stages are fused here, not by the server: its own fusion fails where a collection goes both through a `Flatten` and elsewhere
    ("consumed but never produced", apache/beam issue 34647, in all versions before its repair in 2025).
    """
    debug, portable = options.view_as(DebugOptions), options.view_as(PortableOptions)
    if debug.lookup_experiment("pre_optimize") is None:
        debug.add_experiment("pre_optimize=all")
    if not int(portable.environment_cache_millis):
        portable.environment_cache_millis = IDLE_WORKER_MILLIS


def counts_of_flink(address: str, name: str) -> Counter[str]:
    """Our counters of the last job of that name on a cluster, whose REST interface has them all the time."""
    counts: Counter[str] = Counter()
    with contextlib.suppress(OSError, ValueError, LookupError):
        jobs = [job for job in _get(f"{address}/jobs/overview")["jobs"] if job["name"] == name]
        last = max(jobs, key=lambda job: int(job["start-time"]))
        for accumulator in _get(f"{address}/jobs/{last['jid']}/accumulators")["user-task-accumulators"]:
            counts.update(read_metrics(accumulator["value"]))
    return counts


def read_metrics(value: str) -> Counter[str]:
    """Our counters in what Beam keeps in an accumulator of Flink's: its metrics as JSON."""
    counts: Counter[str] = Counter()
    for info in json.loads(value)["metrics"]["attempted"]:
        if info["labels"].get("NAMESPACE") == NAMESPACE:
            counts[info["labels"]["NAME"]] += VarIntCoderImpl().decode(base64.b64decode(info["payload"]))
    return counts


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:
        return json.load(answer)
