"""The same build on every engine; with workers killed; of more than fits into memory; with one worker and with two.

    python -m tests.benchmarks.engines same [ARTICLES]       digests and accounts, static and dynamic
    python -m tests.benchmarks.engines one-job [ARTICLES]    the same build as several jobs and as one
    python -m tests.benchmarks.engines killed [RUNS ARTICLES BUILDS]
    python -m tests.benchmarks.engines memory [COPIES ARTICLES SHARDS]
    python -m tests.benchmarks.engines speed [COPIES TURNS]

Each prints its table. `make test-engines` gets what Flink needs; Prism is found, or built with Go. Articles: the first so many of the
benchmark corpus.
"""

import contextlib
import hashlib
import itertools
import json
import logging
import lzma
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.build import BuildConfig, ShardsConfig, run_build, run_instances
from pipelines.cleaning import CleaningConfig, run_clean
from pipelines.instances import InstancesConfig
from pipelines.one_job import run_one_job
from pipelines.runners import parse_beam_options
from pipelines.verification import verify
from tests.benchmarks.workers import BENCHMARK
from tests.engines.flink_cluster import FlinkCluster, flink_cluster
from tests.engines.job_server import job_server
from tests.engines.prism import find_prism
from tests.engines.processes import children, resident_bytes
from tests.engines.worker_pool import WorkerPool, worker_pool
from tests.pipelines.test_build import sources
from tests.shared_data import ROOT

Options = list[str]
SHARDS = {"num_shards": 4, "eval_fraction": 0.02}


def instances_config(kind: str, **changes: Any) -> InstancesConfig:
    """The default recipe; one copy, so that both kinds have the same instances."""
    return InstancesConfig(vocabulary=(ROOT / "data/vocab.txt").read_bytes(), kind=kind, dupe_factor=1, **changes)  # type: ignore[arg-type]


def write_articles(folder: Path, articles: int) -> Path:
    """The first articles, as two plain files of JSON Lines; of every tenth an edition with a line more, which is a near duplicate."""
    folder.mkdir()
    with lzma.open(BENCHMARK, "rt", encoding="utf-8") as file:
        lines = list(itertools.islice(file, articles))
    for number, line in enumerate(lines[::10]):
        article = json.loads(line)
        lines.append(
            json.dumps(article | {"text": f"{article['text']}\n本条目由编辑部于今年春天重新校订，是第{number}条。"}, ensure_ascii=False)
            + "\n"
        )
    for number in range(2):
        (folder / f"{number}.jsonl").write_text("".join(lines[number::2]), "utf-8")
    return folder


def cleaning_config(corpus: Path, output: Path) -> CleaningConfig:
    """The default rules, near-duplicates on; batches that are small enough for there to be several."""
    return CleaningConfig(output=str(output), sources=sources(f"wiki2019zh={corpus}/*"), batch_bytes=1 << 20)


def build_both(corpus: Path, output: Path, options: Options) -> tuple[dict[str, Any], dict[str, Any], float]:
    """A static and a dynamic dataset of one cleaning; their manifests, and the seconds."""
    engine = parse_beam_options(options)
    started = time.monotonic()
    cleaning = cleaning_config(corpus, output / "static")
    static = run_build(BuildConfig(cleaning=cleaning, instances=instances_config("static", **SHARDS)), engine)
    shards = ShardsConfig(documents=str(output / "static"), output=str(output / "dynamic"), instances=instances_config("dynamic", **SHARDS))
    dynamic = run_instances(shards, engine)
    seconds = time.monotonic() - started
    for kind in ("static", "dynamic"):
        assert verify(str(output / kind), documents=str(output / "static")) == []
        assert_nothing_is_left(output / kind)
    return static, dynamic, seconds


def assert_nothing_is_left(folder: Path) -> None:
    """No temporary file, and no file like a shard that the manifest does not name."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    shards = {file.name.split(".")[0] for file in folder.iterdir() if file.name.startswith(("train-", "eval-"))}
    assert shards == {shard["name"].split(".")[0] for shard in manifest["shards"]}, sorted(shards)
    assert not list(folder.rglob("temporary/*"))


@contextlib.contextmanager
def embedded(folder: Path, workers: int = 1, java: Options | None = None) -> Iterator[tuple[Options, WorkerPool]]:
    """A Flink in the job server, and workers of a pool."""
    folder.mkdir(parents=True, exist_ok=True)
    with job_server(folder, java=java or ["-Xmx1g"]) as endpoint, worker_pool(folder) as pool:
        yield ["--runner=PortableRunner", f"--job_endpoint={endpoint}", *pool.options(workers)], pool


@contextlib.contextmanager
def clustered(folder: Path) -> Iterator[tuple[Options, FlinkCluster, WorkerPool]]:
    """A cluster of two TaskManagers with a worker each."""
    with (
        flink_cluster(folder) as cluster,
        job_server(folder, master=cluster.address, java=["-Xmx512m"]) as endpoint,
        worker_pool(folder) as pool,
    ):
        options = ["--runner=PortableRunner", f"--job_endpoint={endpoint}", f"--flink_master={cluster.address}", *pool.options()]
        yield [*options, "--parallelism=2"], cluster, pool


def same(articles: int = 1000) -> None:
    """One build on each engine."""
    print(f"{articles:,} articles\n\n| engine | seconds | documents kept | near duplicates | static | dynamic | as the first |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        top = Path(scratch)
        corpus = write_articles(top / "corpus", articles)
        first: list[Any] = []

        def report(name: str, options: Options) -> None:
            static, dynamic, seconds = build_both(corpus, top / "out" / name.replace(" ", "-"), options)
            told = [static["digest"], dynamic["digest"], static["account"], dynamic["account"], static["statistics"], dynamic["statistics"]]
            first.append(told)
            documents = static["documents"]
            cells = f"{name} | {seconds:.0f} | {documents['kept']:,} | {documents['rejected'].get('near_duplicate', 0):,}"
            print(f"| {cells} | {told[0][:8]}… | {told[1][:8]}… | {'yes' if told == first[0] else 'NO'} |", flush=True)

        report("DirectRunner, 1 worker", [])
        report("DirectRunner, 2 workers", ["--direct_num_workers=2"])
        prism = find_prism()
        if prism:
            report("Prism", ["--runner=PrismRunner", f"--prism_location={prism}"])
        with embedded(top / "embedded") as (options, _):
            report("Flink, embedded", options)
        with clustered(top / "cluster") as (options, _, _):
            report("Flink, cluster of 2", options)
        assert all(told == first[0] for told in first)


def one_job(articles: int = 1000) -> None:
    """Several jobs and one, taking turns, on engines that need nothing started; the folders are compared file by file."""
    print(f"{articles:,} articles\n\n| engine | kind | several jobs, s | one job, s | load | digest | the same folder |")
    print("|---|---|---|---|---|---|---|")
    engines = {"DirectRunner, 1 worker": [], "DirectRunner, 2 workers": ["--direct_num_workers=2"]}
    if prism := find_prism():
        engines["Prism"] = ["--runner=PrismRunner", f"--prism_location={prism}"]
    with tempfile.TemporaryDirectory() as scratch:
        top = Path(scratch)
        corpus = write_articles(top / "corpus", articles)
        for name, options in engines.items():
            for kind in ("static", "dynamic"):
                seconds, folders = [], []
                for build in (run_build, run_one_job):
                    folder = top / name.replace(" ", "-") / kind / build.__name__
                    cleaning = CleaningConfig(output=str(folder), sources=sources(f"wiki2019zh={corpus}/*"), batch_bytes=1 << 20)
                    started = time.monotonic()
                    build(BuildConfig(cleaning=cleaning, instances=instances_config(kind, **SHARDS)), parse_beam_options(options))
                    seconds.append(time.monotonic() - started)
                    folders.append({str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()})
                digest = json.loads(folders[1]["manifest.json"])["digest"]
                cells = f"{seconds[0]:.0f} | {seconds[1]:.0f} | {os.getloadavg()[0]:.1f} | {digest[:8]}…"
                print(f"| {name} | {kind} | {cells} | {'yes' if folders[0] == folders[1] else 'NO'} |", flush=True)
                assert folders[0] == folders[1]


class Killer:
    """Kills a TaskManager, and a worker of the pool, at two moments. A TaskManager that stands by takes the place of the dead one."""

    def __init__(self, moments: list[float], cluster: FlinkCluster, pool: WorkerPool) -> None:
        """`moments` in seconds from now."""
        self.struck: list[str] = []
        self._cluster, self._pool, self._over = cluster, pool, threading.Event()
        victims = (self._kill_task_manager, self._kill_worker)
        self._threads = [threading.Thread(target=self._strike, args=pair) for pair in zip(moments, victims, strict=False)]
        self._started = time.monotonic()
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """The build is over: who was not killed lives."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _strike(self, moment: float, kill: Callable[[], str]) -> None:
        self._over.wait(moment)
        while not self._over.is_set():
            if killed := kill():
                self.struck.append(f"{killed} at {time.monotonic() - self._started:.0f} s")
                return
            self._over.wait(0.05)

    def _kill_task_manager(self) -> str:
        self._cluster.kill_task_manager(0)
        return "TaskManager"

    def _kill_worker(self) -> str:
        for worker in self._pool.workers:  # none in between two jobs
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
                return "worker"
        return ""


def killed(runs: int = 10, articles: int = 1000, builds: int = 2) -> None:
    """Jobs during each of which a TaskManager and a Python worker are killed, at random moments: the last stage, then whole builds."""
    print(f"{articles:,} articles\n\n| run | killed at | seconds | digest, accounts, statistics as undisturbed | left over |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        top = Path(scratch)
        corpus = write_articles(top / "corpus", articles)
        config = instances_config("static", num_shards=8)
        here = parse_beam_options([])

        def build(output: Path, engine: PipelineOptions) -> dict[str, Any]:
            return run_build(BuildConfig(cleaning=cleaning_config(corpus, output), instances=config), engine)

        def last_stage(output: Path, engine: PipelineOptions) -> dict[str, Any]:
            return run_instances(ShardsConfig(documents=str(top / "here"), output=str(output), instances=config), engine)

        expected = build(top / "here", here)
        chance = random.Random(9)
        with clustered(top / "cluster") as (options, cluster, pool):
            engine = parse_beam_options(options)
            for name, make, count in (("last stage", last_stage, runs), ("whole build", build, builds)):
                undisturbed = 0.0
                for run in range(count + 1 if count else 0):
                    while len(cluster.task_managers) < 3:
                        cluster.add_task_manager()
                    output = top / f"{name}-{run}"
                    kill = Killer([chance.uniform(0.05, 0.95) * undisturbed for _ in range(2 if run else 0)], cluster, pool)
                    try:
                        started = time.monotonic()
                        manifest = make(output, engine)
                        seconds = time.monotonic() - started
                    finally:
                        kill.end()
                    undisturbed = undisturbed or seconds
                    assert_nothing_is_left(output)
                    equal = all(manifest[key] == expected[key] for key in ("digest", "account", "statistics", "documents", "shards"))
                    at = ", ".join(kill.struck) or "–"
                    print(f"| {name}, {run or 'undisturbed'} | {at} | {seconds:.0f} | {'yes' if equal else 'NO'} | nothing |", flush=True)
                    assert equal


def repeat_documents(source: Path, output: Path, copies: int) -> int:
    """A folder of finished documents made of another's: each so often, with other identities. Returns its bytes of text."""
    folder = output / "documents"
    folder.mkdir(parents=True)
    manifest = json.loads((source / "documents/manifest.json").read_text("utf-8"))
    parts = []
    for part in manifest["parts"]:
        table = pq.read_table(source / "documents" / part["name"])
        for copy in range(copies):
            ids = [
                hashlib.blake2b(identity, digest_size=16, salt=copy.to_bytes(8, "little")).digest()
                for identity in table["document_id"].to_pylist()
            ]
            name = f"part-{len(parts):05}-of-{copies * len(manifest['parts']):05}.parquet"
            changed = table.set_column(0, table.schema.field(0), pa.array(ids, pa.binary(16)))
            pq.write_table(changed, folder / name, compression="zstd", row_group_size=2000)
            parts.append(part | {"name": name})
    manifest["parts"] = parts
    manifest["account"] = {key: count * copies for key, count in manifest["account"].items()}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return int(manifest["account"]["bytes.kept"])


class Watcher:
    """The most memory that some processes held, in MB: what is their own and their share of what they have with others."""

    def __init__(self, groups: Callable[[], dict[str, list[int]]]) -> None:
        """`groups`: process ids by what they are."""
        self.peaks: dict[str, float] = {}
        self._groups, self._over = groups, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> dict[str, float]:
        """The peaks, and that of all together."""
        self._over.set()
        self._thread.join()
        return self.peaks

    def _watch(self) -> None:
        while not self._over.wait(1.0):
            now = {name: sum(map(resident_bytes, pids)) / 1e6 for name, pids in self._groups().items()}
            for name, size in (now | {"all": sum(now.values())}).items():
                self.peaks[name] = max(self.peaks.get(name, 0), size)


def cleaned_articles(folder: Path, articles: int) -> Path:
    """The output folder of a cleaning of the first articles."""
    run_clean(cleaning_config(write_articles(folder / "corpus", articles), folder / "clean"), parse_beam_options([]))
    return folder / "clean"


SMALL_JAVA = ["-Xmx400m", "-XX:MaxDirectMemorySize=512m", "-Djdk.nio.maxCachedBufferSize=1000000"]
"""350 MB of direct memory were too little: Java keeps a buffer of the size of the largest write for each thread, unless told not to. And
the runner has up to 100 shards on their way to a worker: hence small ones."""


def memory(copies: int = 200, articles: int = 4000, num_shards: int = 2000) -> None:
    """Dynamic shards of more than fits: an embedded Flink with little memory, and one Python worker."""
    print("| MB of text | MB of shards | seconds | peak MB: JVM | Python | all |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        top = Path(scratch)
        size = repeat_documents(cleaned_articles(top, articles), top / "many", copies)
        with embedded(top / "embedded", 1, SMALL_JAVA) as (options, pool):
            watcher = Watcher(lambda: {"JVM": java_processes(), "Python": [pool.process.pid, *children(pool.process.pid), *pool.workers]})
            started = time.monotonic()
            instances = instances_config("dynamic", num_shards=num_shards)
            shards = ShardsConfig(documents=str(top / "many"), output=str(top / "out"), instances=instances)
            manifest = run_instances(shards, parse_beam_options(options))
            seconds = time.monotonic() - started
            peaks = watcher.end()
        written = sum(shard["bytes"] for shard in manifest["shards"]) / 1e6
        print(
            f"| {size / 1e6:,.0f} | {written:,.0f} | {seconds:,.0f} | {peaks['JVM']:,.0f} | {peaks['Python']:,.0f} | {peaks['all']:,.0f} |"
        )


def java_processes() -> list[int]:
    """Those that this process has started."""
    return [pid for pid in children(os.getpid()) if b"java" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]]


def speed(copies: int = 4, turns: int = 3) -> None:
    """The last stage with one Python worker and with two, taking turns."""
    print("| turn | workers | seconds | load | digest |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        top = Path(scratch)
        repeat_documents(cleaned_articles(top, 4000), top / "many", copies)
        for turn in range(turns):
            for workers in (1, 2):
                with embedded(top / f"{turn}-{workers}", workers) as (options, _):
                    started = time.monotonic()
                    config = ShardsConfig(
                        documents=str(top / "many"), output=str(top / f"out-{turn}-{workers}"), instances=instances_config("static")
                    )
                    digest = run_instances(config, parse_beam_options(options))["digest"]
                    seconds = time.monotonic() - started
                    print(f"| {turn} | {workers} | {seconds:.0f} | {os.getloadavg()[0]:.1f} | {digest[:8]}… |", flush=True)


if __name__ == "__main__":
    logging.disable()  # of workers
    {"same": same, "one-job": one_job, "killed": killed, "memory": memory, "speed": speed}[sys.argv[1]](*map(int, sys.argv[2:]))
