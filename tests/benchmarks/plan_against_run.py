"""What `albert-data plan` foretells from a small part of a corpus, against what `albert-data build` with the same options then does.

    python -m tests.benchmarks.plan_against_run [2%] [case …]      all cases; --samples: also other samples of the corpora, without builds

Plan and build take turns (plan, build, plan), so that both feel the same machine; seconds of CPU are of the whole process tree, user and
system. Nothing of the plan was fitted to these runs but the constants of engines.py, which are older (RESULTS.md, "Plans against builds").
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

PROGRAM = Path(sys.executable).with_name("albert-data")
BENCH = f"wiki2019zh={ROOT / 'data/corpora/bench_wiki2019zh.jsonl.xz'}"
CCTV, BOOKS = str(ROOT / "data/corpora/cctv_news_md.tar.xz"), str(ROOT / "data/corpora/gb18030_books.tar.xz")
CASES = {
    "bench": ["--corpus", BENCH],
    "bench, dynamic": ["--corpus", BENCH, "--masking", "dynamic"],
    "bench, 128 tokens": ["--corpus", BENCH, "--max-seq-length", "128"],
    "bench, bins": ["--corpus", BENCH, "--length-bins", "128,256,512", "--dupe-factor", "3"],
    "cctv": ["--corpus", CCTV],
    "cctv, 128 tokens, dynamic": ["--corpus", CCTV, "--max-seq-length", "128", "--masking", "dynamic"],
    "books": ["--corpus", BOOKS],
    "bench and cctv": ["--corpus", BENCH, "--corpus", CCTV, "--dupe-factor", "2"],
}
OTHER_SAMPLES = ("1.8%", "2.2%", "2.5%", "3%", "3.5%")


def run(*arguments: str) -> tuple[Any, float, float]:
    """What the command prints as JSON, its seconds and those of CPU of all its processes."""
    started = time.monotonic()
    with subprocess.Popen([PROGRAM, *arguments, "--json"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None, "it is a pipe"
        told = json.loads(process.stdout.read())
        _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, f"it ended with {status}"
    return told, time.monotonic() - started, usage.ru_utime + usage.ru_stime


def compare(name: str, share: str) -> str:
    """The line of a case."""
    options = [*CASES[name], "--vocab", str(ROOT / "data/vocab.txt")]
    plans = [run("plan", *options, "--sample-size", share)[0]]
    with tempfile.TemporaryDirectory() as folder:
        built, wall, cpu = run("build", *options, "--output", f"{folder}/out")
        parquet = sum(path.stat().st_size for path in Path(folder, "out").rglob("part-*.parquet"))
    plans.append(run("plan", *options, "--sample-size", share)[0])
    foretold = plans[0]
    shards = sum(shard["bytes"] + shard["documents"]["bytes"] for shard in built["shards"])
    seconds = sum(plan["cpu_seconds"]["total"]["value"] for plan in plans) / 2
    duration = sum(plan["time"]["seconds"]["value"] for plan in plans) / 2
    cells = [
        f"{name}, {foretold['corpus']['sampled_share']:.1%}",
        against(foretold["documents"]["kept"]["value"], built["documents"]["kept"]),
        against(foretold["instances"]["value"], built["instances"]),
        against(foretold["written_bytes"]["shards"]["value"] / 1e6, shards / 1e6, ".1f"),
        against(foretold["written_bytes"]["total"]["value"] / 1e6, (shards + parquet) / 1e6, ".1f"),
        against(seconds, cpu, ".1f"),
        against(duration, wall),
        " ".join(f"{load:.0f}" for load in os.getloadavg()),
    ]
    return f"| {' | '.join(cells)} |"


def against(foretold: float, real: float, how: str = ".0f") -> str:
    """Real → foretold, and how far off."""
    return f"{real:,{how}} → {foretold:,{how}} ({foretold / real - 1:+.1%})"


def other_samples(name: str) -> str:
    """How far the instances of other samples are from each other: their mean needs no build."""
    found = []
    for share in OTHER_SAMPLES:
        plan, _, _ = run("plan", *CASES[name], "--vocab", str(ROOT / "data/vocab.txt"), "--sample-size", share)
        found.append(f"{share} {plan['instances']['value']:,} [{plan['instances']['low']:,}, {plan['instances']['high']:,}]")
    return f"{name}: {'; '.join(found)}"


def main(*arguments: str) -> None:
    """Prints the table."""
    share = next((argument for argument in arguments if argument.endswith("%")), "2%")
    names = [argument for argument in arguments if argument in CASES] or list(CASES)
    print("| case, sample | documents kept | instances | MB of shards | MB written | CPU s | wall s | load |")
    print("|---|---|---|---|---|---|---|---|")
    for name in names:
        print(compare(name, share), flush=True)
    if "--samples" in arguments:
        print()
        for name in names:
            print(other_samples(name), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
