"""How fast a corpus is cleaned, on one core, and what becomes of each archive of the shared corpora.

python -m tests.benchmarks.cleaning            the table: one row for each archive
python -m tests.benchmarks.cleaning speed      the benchmark corpus: with and without near duplicates, best of three
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.shared_data import ROOT

ARCHIVES = ("bench_wiki2019zh.jsonl.xz", "cctv_news_md.tar.xz", "gb18030_books.tar.xz", "formats.tar.xz")
ROUNDS = 3


def build(archive: Path, output: Path) -> tuple[dict[str, Any], float, float]:
    """Manifest, seconds and peak memory in MB of a build with nothing but its three options."""
    command = [str(Path(sys.executable).with_name("albert-data")), "build", "--corpus", str(archive)]
    command += ["--vocab", str(ROOT / "data/vocab.txt"), "--output", str(output), "--json"]
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None, "it is a pipe"
        manifest = json.loads(process.stdout.read())
        _, _, usage = os.wait4(process.pid, 0)
    return manifest, time.monotonic() - started, usage.ru_maxrss / 1024


def row(archive: Path) -> str:
    """The line of an archive."""
    with tempfile.TemporaryDirectory() as folder:
        manifest, seconds, peak = build(archive, Path(folder, "out"))
    account, documents = manifest["account"], manifest["documents"]
    encodings = ", ".join(f"{name} {entry['files']}" for name, entry in manifest["encodings"].items())
    rejected = ", ".join(f"{reason} {count:,}" for reason, count in sorted(documents["rejected"].items(), key=lambda item: -item[1]))
    megabytes = account["bytes.read"] / 1e6
    share = account["characters.kept"] / account["characters.read"]
    cells = (
        archive.name, f"{sum(entry['files'] for entry in manifest['encodings'].values()):,}", encodings, f"{documents['read']:,}",
        f"{documents['kept']:,}", rejected, f"{account['characters.kept']:,} ({share:.1%})", f"{megabytes / seconds:.2f}", f"{peak:,.0f}",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def clean_seconds(files: str, near_duplicates: float) -> tuple[float, float, dict[str, Any]]:
    """CPU and wall seconds of the cleaning of `files` in this process, imports and first compilations left out."""
    from apache_beam.options.pipeline_options import PipelineOptions

    from corpora.sources import source_of
    from pipelines.cleaning import CleaningConfig, run_clean
    from pipelines.thresholds import rule_configs

    configs = rule_configs({"min_jaccard": near_duplicates})
    with tempfile.TemporaryDirectory() as folder:
        config = CleaningConfig(output=f"{folder}/out", sources=(source_of(files),), **configs)
        wall, cpu = time.monotonic(), time.process_time()
        manifest = run_clean(config, PipelineOptions([]))
        return time.process_time() - cpu, time.monotonic() - wall, manifest


def measure_speed() -> None:
    """The two figures of the benchmark corpus, plain as it lies on disk uncompressed."""
    import lzma

    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, "bench.jsonl")
        plain.write_bytes(lzma.decompress((ROOT / "data/corpora/bench_wiki2019zh.jsonl.xz").read_bytes()))
        small = Path(folder, "small.jsonl")
        small.write_bytes(b"".join(plain.read_bytes().splitlines(keepends=True)[:200]))
        clean_seconds(str(small), 0.8)  # compiles the kernels
        megabytes = plain.stat().st_size / 1e6
        print("| near duplicates | MB/s of CPU | MB/s of wall clock | kept |\n|---|---|---|---|")
        for near_duplicates in (0.0, 0.8):
            runs = [clean_seconds(str(plain), near_duplicates) for _ in range(ROUNDS)]
            cpu, wall = min(run[0] for run in runs), min(run[1] for run in runs)
            kept = runs[0][2]["account"]["documents.kept"]
            print(f"| {near_duplicates or 'off'} | {megabytes / cpu:.1f} | {megabytes / wall:.1f} | {kept:,} |", flush=True)


def main() -> None:
    """Prints the table asked for."""
    if "speed" in sys.argv[1:]:
        measure_speed()
        return
    print(
        "| archive | files | encodings | read | kept | rejected | characters kept | MB/s | peak MB |\n|---|---|---|---|---|---|---|---|---|"
    )
    for name in ARCHIVES:
        print(row(ROOT / "data/corpora" / name), flush=True)


if __name__ == "__main__":
    main()
