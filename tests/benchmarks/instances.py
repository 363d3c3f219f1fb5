"""How fast text becomes shards, as a multiple of `jieba.lcut` over the same text in the same run, on one core.

    python -m tests.benchmarks.instances [megabytes of cleaned text]

The reference generator does 1/39 of `jieba.lcut` (measured on this corpus), so a ratio of 2.6 is 100 times the reference.
"""

import hashlib
import itertools
import json
import logging
import lzma
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import jieba
import pyarrow as pa

from albert_core.drawing import DrawingTables
from albert_core.shards import Dataset
from pipelines.apply_rules import apply_rules
from pipelines.compact import DocumentTokenizer, to_compact_batch
from pipelines.instances import InstancesConfig
from pipelines.manifest import make_manifest
from pipelines.recipe import CleanConfig
from pipelines.sentences import sentence_starts
from pipelines.words import Segmenter
from pipelines.write_shards import ShardPlan, make_chunks, write_shard
from tests.shared_data import ROOT

REFERENCE_SHARE = 1 / 39  # of jieba.lcut's speed
LCUT_BYTES = 3_000_000
seconds: dict[str, float] = {}


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Adds what its block takes to `seconds`."""
    started = time.perf_counter()
    yield
    seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - started


def cleaned_texts(megabytes: float) -> list[str]:
    """The first cleaned articles of the benchmark corpus."""
    rules = CleanConfig().text_rules()
    texts, size = [], 0
    with lzma.open(ROOT / "data/corpora/bench_wiki2019zh.jsonl.xz", "rt", encoding="utf-8") as file:
        for line in file:
            text = json.loads(line)["text"]
            with timed("line rules"):
                text = apply_rules(text, rules)
            seconds["raw bytes"] = seconds.get("raw bytes", 0) + len(line.encode())
            if text:
                texts.append(text)
                size += len(text.encode())
            if size > megabytes * 1e6:
                break
    return texts


def measure(texts: list[str], config: InstancesConfig, folder: str, label: str) -> float:
    """Seconds from cleaned text to a shard on disk."""
    tables = DrawingTables.of(config.tokenizer)
    documents = DocumentTokenizer(config.tokenizer, Segmenter(config.segmenter), config.drawing.max_tokens)
    ids = [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts]
    plan = ShardPlan(output=folder, num_train=1, num_eval=0, sources=("wiki2019zh",))
    batches = []
    started = time.perf_counter()
    for first in range(0, len(texts), 1000):
        part = texts[first : first + 1000]
        tokenized = documents.tokenize(part)
        batches.append(to_compact_batch(pa.array(ids[first : first + 1000]), pa.array(["wiki2019zh"] * len(part)), tokenized))
    seconds[f"{label}: tokens, words, sentences"] = time.perf_counter() - started
    with timed(f"{label}: write"):
        result = write_shard(0, batches, config, plan, tables)
    total = time.perf_counter() - started
    before = {"account": {"documents.kept": len(texts)}, "clean": {}, "sources": ["wiki2019zh"], "inputs": [], "fingerprint": ""}
    with open(f"{folder}/manifest.json", "w") as file:
        json.dump(make_manifest([result], config, before), file)
    with open(f"{folder}/vocab.txt", "wb") as file:
        file.write(config.vocabulary)
    seconds[f"{label}: instances"] = result["instances"]
    seconds[f"{label}: bytes"] = result["bytes"]
    with timed(f"{label}: chunks alone"):
        make_chunks(batches, config, ("wiki2019zh",), tables, config.dupe_factor)
    return total


def read_speed(folder: str) -> float:
    """Sequences a second out of a shard, drawn and padded."""
    split = Dataset.open(folder).split("train")
    split.read_block(0)
    blocks = list(itertools.islice(range(len(split.block_sizes)), 40))
    started = time.perf_counter()
    for block in blocks:
        split.read_block(block)
    return sum(int(split.block_sizes[block]) for block in blocks) / (time.perf_counter() - started)


def main(megabytes: float = 20.0) -> None:
    """Prints the table."""
    jieba.setLogLevel(logging.WARNING)
    texts = cleaned_texts(megabytes)
    size = sum(len(text.encode()) for text in texts)
    sample, sample_size = [], 0
    for text in texts:
        sample.append(text)
        sample_size += len(text.encode())
        if sample_size > LCUT_BYTES:
            break
    jieba.lcut("热身")
    started = time.perf_counter()
    for text in sample:
        jieba.lcut(text)
    lcut = sample_size / 1e6 / (time.perf_counter() - started)
    vocabulary = (ROOT / "data/vocab.txt").read_bytes()
    shorts = [text[at : at + 200] for text in texts[: len(texts) // 4] for at in range(0, len(text), 200)]
    short_size = sum(len(text.encode()) for text in shorts)
    rows = [("jieba.lcut", lcut)]
    with tempfile.TemporaryDirectory() as folder:
        warm = InstancesConfig(vocabulary=vocabulary)
        measure(texts[:20], warm, folder, "warm-up")
        static = measure(texts, warm, folder, "static")
        rows.append(("text → static shards, dupe 10", size / 1e6 / static))
        rows.append(("… documents of 200 characters", short_size / 1e6 / measure(shorts, warm, folder, "short")))
        measure(texts, warm, folder, "again")
        static_read = read_speed(folder)
        dynamic = measure(texts, InstancesConfig(vocabulary=vocabulary, kind="dynamic", dupe_factor=1), folder, "dynamic")
        rows.append(("text → dynamic shards", size / 1e6 / dynamic))
        dynamic_read = read_speed(folder)
    for name, run in (
        ("word starts", Segmenter().word_starts),
        ("sentence starts", sentence_starts),
        ("token ids", warm.tokenizer.encode_offsets),
    ):
        with timed(name):
            run("\n".join(texts))
    print(f"{size / 1e6:.1f} MB of cleaned text, {len(texts):,} documents, one core\n")
    print("| what | MB/s | × jieba.lcut | × reference |\n|---|---|---|---|")
    for name, speed in rows:
        print(f"| {name} | {speed:.2f} | {speed / lcut:.2f} | {speed / lcut / REFERENCE_SHARE:.0f} |")
    print("\n| stage | MB/s of text |\n|---|---|")
    print(f"| line rules of the clean stage (raw bytes) | {seconds['raw bytes'] / 1e6 / seconds['line rules']:.1f} |")
    for name in ("word starts", "sentence starts", "token ids", "static: tokens, words, sentences", "static: write", "dynamic: write"):
        print(f"| {name} | {size / 1e6 / seconds[name]:.1f} |")
    print(
        f"\nstatic: {seconds['static: instances'] / seconds['static: write']:,.0f} instances/s chunked, drawn, encoded and written;",
        end=" ",
    )
    print(f"{static_read:,.0f} read/s. dynamic: {seconds['dynamic: bytes'] / size:.3f} bytes a byte of text;", end=" ")
    print(f"{dynamic_read:,.0f} sequences/s read, drawn and padded.")


if __name__ == "__main__":
    if not (ROOT / "data/corpora").exists():
        sys.exit("needs the reference data in ../shared (or set ALBERT_SHARED_DATA)")
    main(*map(float, sys.argv[1:]))
