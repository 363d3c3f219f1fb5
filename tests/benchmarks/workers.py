"""Whole builds with one worker and with two, and what their processes hold in memory, on corpora of different size.

    python -m tests.benchmarks.workers [sizes in multiples of the benchmark corpus, such as 1 4]

A larger corpus is made of the benchmark's articles with their clauses in another order, so that no copy is a near duplicate of another:
eight plain files of JSON Lines.
"""

import contextlib
import hashlib
import json
import lzma
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.shared_data import ROOT

BENCHMARK = ROOT / "data/corpora/bench_wiki2019zh.jsonl.xz"
FILES = 8
PROGRAM = Path(sys.executable).with_name("albert-data")


def write_corpus(folder: Path, copies: int) -> int:
    """The corpus; returns its bytes. The first copy is the articles as they are."""
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(open(folder / f"{number}.jsonl", "w", encoding="utf-8")) for number in range(FILES)]
        for number, line in enumerate(stack.enter_context(lzma.open(BENCHMARK, "rt", encoding="utf-8"))):
            article = json.loads(line)
            for copy in range(copies):
                files[number % FILES].write(json.dumps(article | {"text": reordered(article["text"], copy)}, ensure_ascii=False) + "\n")
    return sum(file.stat().st_size for file in folder.iterdir())


def reordered(text: str, copy: int) -> str:
    """The text with its sentences in another order, cut anew: few runs of characters stay."""
    if copy == 0:
        return text
    generator = random.Random(hashlib.sha256(f"{copy} {text[:100]}".encode()).digest())
    clauses = [clause for clause in re.split(r"(?<=[，。！？；\n])", text) if clause]
    generator.shuffle(clauses)
    return "".join(clauses)


def descendants(pid: int) -> Iterator[int]:
    """A process and all that came of it."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from descendants(int(child))


def resident(pid: int) -> int:
    """MB of memory that a process holds by itself: what it shares with the process it was forked from is not counted."""
    try:
        fields = dict(line.split(":")[:2] for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
        return sum(int(fields[name].split()[0]) for name in ("Private_Clean", "Private_Dirty")) // 1024
    except (OSError, KeyError):
        return 0


def build(corpus: Path, output: Path, workers: int) -> dict[str, float | str]:
    """Runs a build; its seconds, its digest, and the most that its first process and any other held, in MB."""
    command = [PROGRAM, "build", "--corpus", f"wiki2019zh={corpus}/*", "--vocab", ROOT / "data/vocab.txt", "--output", output]
    started = time.monotonic()
    process = subprocess.Popen([*map(str, command), f"--direct_num_workers={workers}"], stdout=subprocess.DEVNULL)
    first = other = 0
    while process.poll() is None:
        pids = list(descendants(process.pid))
        first, other = max(first, resident(pids[0])), max([other, *map(resident, pids[1:])])
        time.sleep(0.5)
    seconds = time.monotonic() - started
    manifest = json.loads((output / "manifest.json").read_text("utf-8"))
    return {"seconds": seconds, "digest": manifest["digest"][:8], "first": first, "other": other, "instances": manifest["instances"]}


def main(*sizes: int) -> None:
    """Prints the table."""
    print("| MB | workers | seconds | MB/s | against one worker | MB, first process | MB, largest worker | instances | digest |")
    print("|---|---|---|---|---|---|---|---|---|")
    for copies in sizes or (1, 4):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            size = write_corpus(folder / "corpus", copies) / 1e6
            one = 0.0
            for workers in (1, 2):
                result = build(folder / "corpus", folder / f"shards-{workers}", workers)
                seconds = float(result["seconds"])
                one = one or seconds
                cells = f"{size:.0f} | {workers} | {seconds:.0f} | {size / seconds:.2f} | {one / seconds:.2f} × | {result['first']:,}"
                print(f"| {cells} | {result['other']:,} | {result['instances']:,} | {result['digest']}… |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
