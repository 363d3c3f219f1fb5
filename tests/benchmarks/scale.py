"""What 1 TB of text, 10,000 shards and 200 workers would meet: what can be simulated here is, with the functions of the build themselves.

    python -m tests.benchmarks.scale [price|shuffles|skew|hot|memory|graph …]        all sections, several minutes

The corpora are the benchmark articles and the news; 1 TB is of raw text in files that can be read anywhere, scaled from what a real build
of each puts through each shuffle. pipelines/planning/SCALE.md says what the figures mean.
"""

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.shared_data import ROOT

TERABYTE, SHARDS, WORKERS = 1e12, 10_000, 200
CORPORA = {
    "bench": f"wiki2019zh={ROOT / 'data/corpora/bench_wiki2019zh.jsonl.xz'}",
    "cctv": str(ROOT / "data/corpora/cctv_news_md.tar.xz"),
}
CHUNK = 20_000_000  # documents at a time
SMALL_SHUFFLE = 100_000  # bytes; below, a shuffle does not grow with the text, or not to speak of


def documents(folder: Path) -> pa.Table:
    """The clean documents of a build."""
    return pa.concat_tables([pq.read_table(path) for path in sorted(folder.glob("documents/part-*.parquet"))])


def show_shuffles(name: str, folder: Path) -> None:
    """Builds a corpus, and scales what went through each of its shuffles."""
    from pipelines.deduplicate import num_partitions
    from pipelines.partitions import MAX_WAITING_BYTES, PART_BYTES
    from pipelines.write_documents import num_parts
    from tests.benchmarks.shuffles import build

    manifest, shuffles = build(["--corpus", CORPORA[name], "--masking", "dynamic"], str(folder))
    read, kept = manifest["account"]["bytes.read"], manifest["account"]["bytes.kept"]
    scale, num_documents = TERABYTE / read, manifest["documents"]["kept"]
    clean = kept * scale
    print(f"\n{name}: {read / 1e6:.1f} MB of text, {num_documents:,} documents kept of {kept / 1e6:.1f} MB; × {scale:,.0f} is 1 TB\n")
    print("| shuffle | bytes a byte of clean text | 1 TB: GB | keys | mean of a key, MB | elements, million |\n|---|---|---|---|---|---|")
    for transform, shuffle in shuffles.items():
        if shuffle.num_bytes < SMALL_SHUFFLE or "Reject" in transform or "SpreadBatches" in transform:
            continue
        size = round(clean if transform.startswith("Distinct") else TERABYTE)
        count = {"GroupByPart": num_parts(size), "GroupByShard": SHARDS}.get(transform.rsplit("/", 1)[-1], num_partitions(size))
        total = shuffle.num_bytes * scale
        waiting = 8 << 20 if transform.endswith("GroupByShard") else min(MAX_WAITING_BYTES, count * PART_BYTES)
        rows = num_documents * scale * waiting / clean
        parts = count * -math.expm1(-rows / count) * clean / waiting
        elements = min(parts, total / 1000) / 1e6
        print(
            f"| {transform} | {shuffle.num_bytes / kept:.3f} | {total / 1e9:,.0f} | {count:,} "
            f"| {total / count / 1e6:,.1f} | {elements:,.1f} |",
            flush=True,
        )
    largest = max(shuffle.largest_element for shuffle in shuffles.values())
    print(f"\nlargest element of any shuffle: {largest / 1e6:.2f} MB")


def show_skew(name: str, table: pa.Table) -> None:
    """Documents of the corpus's sizes, 1 TB of them, into shards by the keyed hash itself."""
    from pipelines.chunks import _mix_all, shard_of

    sizes = pc.binary_length(table["text"]).to_numpy()
    count = round(TERABYTE / sizes.mean())
    generator = np.random.default_rng(1)
    shards, partitions = np.zeros(SHARDS), np.zeros(4096)
    for first in range(0, count, CHUNK):
        number = min(CHUNK, count - first)
        ids = generator.integers(0, 2**64, number, dtype=np.uint64)  # as BLAKE2b gives them
        drawn = sizes[generator.integers(0, len(sizes), number)]
        shards += np.bincount(shard_of(_mix_all(ids, np.uint64(12345)), SHARDS), drawn, SHARDS)
        partitions += np.bincount((ids % np.uint64(4096)).astype(np.int64), drawn, 4096)
    for what, loads in (("shards", shards), ("partitions", partitions)):
        mean = loads.mean()
        cells = f"{name} | {count / 1e6:,.0f} | {len(loads):,} {what} | {mean / 1e6:,.1f} | {loads.max() / 1e6:,.1f}"
        print(f"| {cells} | {loads.max() / mean:.3f} | {loads.min() / mean:.3f} |", flush=True)


def show_hot_keys(name: str, table: pa.Table) -> None:
    """How many documents share a bucket, a line."""
    from pipelines.line_frequencies import count_documents
    from pipelines.minhash import BANDS, band_hashes
    from pipelines.repeated_lines import RepeatedLinesConfig

    batch = table.combine_chunks().to_batches()[0]
    buckets, is_there = band_hashes(batch.column("text"))
    _, counts = np.unique(buckets[is_there].ravel(), return_counts=True)
    top = np.sort(counts)[::-1][:3].tolist()
    print(
        f"| {name} | buckets of {BANDS} bands | {len(counts):,} | {(counts > 1).mean():.3%} | {top[0]:,}, {top[1]:,}, {top[2]:,} "
        f"| {top[0] / batch.num_rows:.4%} |"
    )
    lines = RepeatedLinesConfig().find_lines(batch)
    _, counts = count_documents(lines.rows, lines.hashes)
    top = np.sort(counts)[::-1][:3].tolist()
    print(
        f"| {name} | lines that vote | {len(counts):,} | {(counts > 1).mean():.3%} | {top[0]:,}, {top[1]:,}, {top[2]:,} "
        f"| {top[0] / batch.num_rows:.4%} |",
        flush=True,
    )


def identities(generator: np.random.Generator, count: int) -> pa.Array:
    """New `document_id`s."""
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), count, [None, pa.py_buffer(generator.bytes(16 * count))])


def copies(table: pa.Table, num_bytes: int) -> Iterator[pa.RecordBatch]:
    """The documents again and again under other identities, in batches of 8 MB, until there are so many bytes of text."""
    size, generator = 0, np.random.default_rng(2)
    while size < num_bytes:
        for batch in table.combine_chunks().to_batches(max_chunksize=1500):
            ids = identities(generator, len(batch))
            yield batch.set_column(batch.schema.get_field_index("document_id"), batch.schema.field("document_id"), ids)
            size += pc.sum(pc.binary_length(batch["text"])).as_py()
            if size >= num_bytes:
                return


def write_a_part(table: pa.Table, megabytes: int, folder: str) -> Callable[[], object]:
    """The greatest file of documents."""
    from pipelines.write_documents import write_part

    batches = list(copies(table, megabytes << 20))
    return lambda: write_part(folder, 1, ("", 0), batches)


def keep_first(table: pa.Table, megabytes: int, folder: str) -> Callable[[], object]:
    """A partition of exact copies."""
    from pipelines.deduplicate import KeepFirst

    batches = list(copies(table, megabytes << 20))
    return lambda: sum(1 for _ in KeepFirst((), 8 << 20, within_source=True).process((0, batches)))


def write_a_shard(table: pa.Table, megabytes: int, folder: str, kind: str = "static", copies_of_each: int = 10) -> Callable[[], object]:
    """A shard of so much text, compact."""
    from albert_core.drawing import DrawingTables
    from pipelines.compact import DocumentTokenizer, to_compact_batch
    from pipelines.instances import InstancesConfig
    from pipelines.write_shards import ShardPlan, write_shard

    vocabulary = (ROOT / "data/vocab.txt").read_bytes()
    config = InstancesConfig(vocabulary=vocabulary, kind=kind, dupe_factor=copies_of_each)  # type: ignore[arg-type]
    tokenizer = DocumentTokenizer(config.tokenizer, config.load_segmenter(), config.drawing.max_tokens)
    sources = tuple(table["source"].unique().to_pylist())
    plan = ShardPlan(output=folder, num_train=1, num_eval=0, sources=sources, weights=(1.0,) * len(sources))
    first = next(copies(table, 1 << 40))
    tokenized = tokenizer.tokenize(first["text"].to_pylist())
    share = pc.sum(pc.binary_length(first["text"])).as_py()
    generator = np.random.default_rng(3)

    def with_new_ids() -> pa.RecordBatch:
        return to_compact_batch(identities(generator, len(first)), first["source"], tokenized)

    batches = [with_new_ids() for _ in range(max(1, round((megabytes << 20) / share)))]
    tables = DrawingTables.of(config.tokenizer)
    write_shard(0, batches[:1], config, plan, tables)  # compiles
    return lambda: write_shard(0, batches, config, plan, tables)


MEMORY: dict[str, tuple[Callable[..., Callable[[], object]], dict[str, object]]] = {
    "a file of documents, 128 MB of text": (write_a_part, {"megabytes": 128}),
    "a partition of copies, 256 MB of text": (keep_first, {"megabytes": 256}),
    "a static shard of 3.2 MB of text, 10 copies": (write_a_shard, {"megabytes": 3}),
    "a static shard of 100 MB of text, 10 copies": (write_a_shard, {"megabytes": 100}),
    "a dynamic shard of 100 MB of text": (write_a_shard, {"megabytes": 100, "kind": "dynamic", "copies_of_each": 1}),
}


def measure_memory(name: str, folder: str) -> None:
    """One line: what this process held with its input, and its peak."""
    make, settings = MEMORY[name]
    table = documents(Path(folder))
    with tempfile.TemporaryDirectory() as scratch:
        run = make(table, folder=scratch, **settings)
        del table
        before = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        started = time.process_time()
        run()
        peak = int(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")).split()[1]) / 1e3
    print(f"| {name} | {before:,.0f} | {peak:,.0f} | {peak - before:,.0f} | {time.process_time() - started:.1f} |", flush=True)


def show_graph() -> None:
    """Bytes of the job that is submitted, by files and ranges."""
    import apache_beam as beam

    from corpora.files import CorpusFile
    from pipelines.clean import CleanCorpus
    from pipelines.cleaning import describe_inputs
    from pipelines.recipe import CleanConfig

    for count, size in ((1, 1 << 20), (1, 1 << 40), (20_000, 50 << 20), (100_000, 10 << 20)):
        name = "gs://bucket-of-a-corpus/crawl/2026/segment-{0:05}/{1:016x}.jsonl"
        files = [
            CorpusFile(name.format(i, i * 0x9E3779B97F4A7C15 % 2**64), size, "jsonl", encoding="utf-8", source="web", changed=1.7e9 + i)
            for i in range(count)
        ]
        pipeline = beam.Pipeline()
        described = {"web": {"fingerprint": "", "inputs": describe_inputs(files)}}
        _ = pipeline | "Clean" >> CleanCorpus(files, CleanConfig(), "gs://bucket/out", descriptions=described)
        print(f"| {count:,} files of {size >> 20:,} MiB | {pipeline.to_runner_api().ByteSize() / 1e6:.2f} |", flush=True)


def show_price(name: str) -> None:
    """30 GB and 1 TB of such text on Dataflow, static, ten copies: a plan from 5 % of the corpus, multiplied."""
    from corpora.sources import source_of
    from pipelines.build import BuildConfig
    from pipelines.cleaning import CleaningConfig
    from pipelines.instances import InstancesConfig
    from pipelines.planning.cloud import TABLE_WORKERS, Machine, Requests, use_of
    from pipelines.planning.engines import duration
    from pipelines.planning.estimates import Estimate
    from pipelines.planning.plan import PlanConfig, machine_of, make_plan
    from pipelines.planning.prices import GB, Prices
    from pipelines.runners import parse_beam_options

    machine = machine_of(parse_beam_options(["--runner=DataflowRunner"]))
    assert isinstance(machine, Machine), "Dataflow has machines"
    instances = InstancesConfig(vocabulary=(ROOT / "data/vocab.txt").read_bytes())
    cleaning = CleaningConfig(output="", sources=(source_of(CORPORA[name]),))
    config = PlanConfig(
        build=BuildConfig(cleaning=cleaning, instances=instances), sample_share=0.05, runner="DataflowRunner", machine=machine
    )
    foretold = make_plan(config)
    cpu = foretold["cpu_seconds"]["total"]["value"] - foretold["cpu_seconds"]["fixed"]["value"]
    shuffled = sum(part["value"] for what, part in foretold["shuffles"].items() if what != "raw text of streams")
    for size in (30e9, TERABYTE):
        times = size / foretold["corpus"]["text_bytes"]["value"]
        written = foretold["written_bytes"]["total"]["value"] * times
        for workers in TABLE_WORKERS:
            took = duration(
                "DataflowRunner", workers, machine.cores, work=Estimate(cpu * times), fixed_seconds=20, serial_seconds=0, num_jobs=3
            )
            requests = Requests(written=round(times), read=round(times * 10))
            use = use_of(machine, workers, took.seconds.value, shuffled * times, requests)
            dollars = use.dollars(Prices())
            made = foretold["instances"]["value"] * times / 1e6
            cells = f"{name}, {size / 1e9:,.0f} GB | {made:,.0f} | {written / 1e9:,.0f} | {workers}"
            print(
                f"| {cells} | {use.hours:,.1f} | {use.vcpu_hours:,.0f} | {use.shuffle_gb:,.0f} "
                f"| {dollars['vcpu'] + dollars['memory']:,.2f} | {dollars['shuffle']:,.2f} | {dollars['total']:,.2f} "
                f"| {written / GB * Prices().storage_gb_month:,.2f} |",
                flush=True,
            )


def main(*sections: str) -> None:
    """Prints the sections."""
    wanted = sections or ("price", "shuffles", "skew", "hot", "memory", "graph")
    if "price" in wanted:
        print("\n| text | M instances | GB written | workers | hours | vCPU h | shuffle GB | cores, memory $ | shuffle $ | $ | $ a month |")
        print("|---|---|---|---|---|---|---|---|---|---|---|")
        for name in CORPORA:
            show_price(name)
    with tempfile.TemporaryDirectory() as scratch:
        folders = {name: Path(scratch, name) for name in CORPORA}
        for name, folder in folders.items() if set(wanted) - {"graph", "price"} else ():
            show_shuffles(name, folder)
        if "skew" in wanted:
            print("\n| documents like | million | keys | mean, MB | largest, MB | largest ÷ mean | smallest ÷ mean |")
            print("|---|---|---|---|---|---|---|")
            for name, folder in folders.items():
                show_skew(name, documents(folder))
        if "hot" in wanted:
            print("\n| corpus | what | distinct | in more than one document | most documents | share of all |\n|---|---|---|---|---|---|")
            for name, folder in folders.items():
                show_hot_keys(name, documents(folder))
        if "memory" in wanted:
            print("\n| what | MB before, with its input | peak | more | CPU s |\n|---|---|---|---|---|")
            for what in MEMORY:
                subprocess.run([sys.executable, "-m", "tests.benchmarks.scale", "--memory", what, str(folders["bench"])], check=True)
    if "graph" in wanted:
        print("\n| corpus | job graph, MB |\n|---|---|")
        show_graph()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--memory"]:
        measure_memory(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
