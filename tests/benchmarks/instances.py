"""How fast text becomes shards, as a multiple of `jieba.lcut` over the same text in the same run, on one core.

    python -m tests.benchmarks.instances [megabytes of cleaned text]

The reference generator does 1/39 of `jieba.lcut` (measured on this corpus), so a ratio of 2.6 is 100 times the reference. Seconds are of
processor time: other work on the machine counts less. `jieba.lcut` runs before and after; the mean of both is the measure.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import jieba
import numpy as np
import pyarrow as pa

from albert_core.drawing import DrawingTables, draw
from albert_core.shards import BLOCK_INSTANCES, Dataset, encode_block
from pipelines.accounts import add_accounts
from pipelines.allocator import keep_freed_memory
from pipelines.apply_rules import apply_rules
from pipelines.compact import DocumentTokenizer, group_by_size, to_compact_batch
from pipelines.instances import InstancesConfig
from pipelines.manifest import make_manifest
from pipelines.recipe import CleanConfig
from pipelines.sentences import sentence_starts
from pipelines.write_shards import ShardPlan, make_chunks, write_shard
from tests.shared_data import ROOT

REFERENCE_SHARE = 1 / 39  # of jieba.lcut's speed
LCUT_BYTES = 3_000_000
BATCH_BYTES = 8 << 20  # as the row groups of the documents
SOURCE = "wiki2019zh"
seconds: dict[str, float] = {}


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Adds the processor time that its block takes to `seconds`."""
    started = time.process_time()
    yield
    seconds[name] = seconds.get(name, 0.0) + time.process_time() - started


def num_bytes(texts: list[str]) -> int:
    """Bytes of the texts in UTF-8."""
    return sum(len(text.encode()) for text in texts)


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
    """Processor seconds from cleaned text to a shard on disk, which becomes a dataset."""
    tables = DrawingTables.of(config.tokenizer)
    documents = DocumentTokenizer(config.tokenizer, config.load_segmenter(), config.drawing.max_tokens)
    plan = ShardPlan(output=folder, num_train=1, num_eval=0, sources=(SOURCE,), weights=(1.0,))
    ids = iter([hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts])
    batches = []
    with timed(f"{label}: tokens, words, sentences"):
        for part in group_by_size(texts, BATCH_BYTES // 3):
            tokenized = documents.tokenize(part)
            batches.append(to_compact_batch(pa.array(itertools.islice(ids, len(part))), pa.array([SOURCE] * len(part)), tokenized))
    with timed(f"{label}: write"):
        results = write_shard(0, batches, config, plan, tables)
    documents_manifest = {"account": {"documents.kept": len(texts)}, "sources": [{"name": SOURCE}], "parameters": {}, "normalization": {}}
    documents_manifest |= {"inputs": [], "fingerprint": ""}
    counts = add_accounts(result["counts"] for result in results)
    with open(f"{folder}/manifest.json", "w") as file:
        json.dump(make_manifest([dict(result) for result in results], counts, config, documents_manifest, ""), file)
    with open(f"{folder}/vocab.txt", "wb") as file:
        file.write(config.vocabulary)
    seconds[f"{label}: instances"] = sum(result["instances"] for result in results)
    seconds[f"{label}: bytes"] = sum(result["bytes"] + result["documents"]["bytes"] for result in results)
    return seconds[f"{label}: tokens, words, sentences"] + seconds[f"{label}: write"]


def profile_writing(texts: list[str], config: InstancesConfig) -> Iterator[tuple[str, float]]:
    """What the writing of a static shard is made of, in µs an instance."""
    tables, tokenizer = DrawingTables.of(config.tokenizer), config.tokenizer
    documents = DocumentTokenizer(tokenizer, config.load_segmenter(), config.drawing.max_tokens).tokenize(texts)
    ids = [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts]
    batch = to_compact_batch(pa.array(ids), pa.array([SOURCE] * len(texts)), documents)
    for name in ("cold", "chunks"):
        with timed(name):
            chunks, _ = make_chunks([batch], config, (SOURCE,), tables, np.array([float(config.dupe_factor)]))
    instances = chunks.instances
    blocks = [instances.take(slice(first, first + BLOCK_INSTANCES)) for first in range(0, len(instances), BLOCK_INSTANCES)]
    with timed("draw"):
        for block in blocks:
            draw(block, config.drawing, tables, seed=config.seed)
    for block in blocks:
        with timed("draw and encode"):
            encoded = encode_block("static", block, config.drawing, tables, config.seed)
        with timed("SHA-256"):
            hashlib.sha256(encoded.content).digest()
    seconds["encode"] = seconds["draw and encode"] - seconds["draw"]
    for name in ("chunks", "draw", "encode", "SHA-256"):
        yield name, seconds[name] * 1e6 / len(instances)


def read_speed(folder: str) -> float:
    """Sequences a second out of a shard, drawn and padded."""
    split = Dataset.open(folder).split("train")
    split.read_block(0)
    blocks = list(itertools.islice(range(len(split.block_sizes)), 40))
    started = time.process_time()
    for block in blocks:
        split.read_block(block)
    return sum(int(split.block_sizes[block]) for block in blocks) / (time.process_time() - started)


def lcut_speed(texts: list[str]) -> float:
    """MB/s of `jieba.lcut` over the first texts."""
    sample = next(iter(group_by_size(texts, LCUT_BYTES // 3)))
    started = time.process_time()
    for text in sample:
        jieba.lcut(text)
    return num_bytes(list(sample)) / 1e6 / (time.process_time() - started)


def time_stages(texts: list[str], config: InstancesConfig) -> Iterator[tuple[str, float]]:
    """MB/s of the parts of tokenizing, each called as the pipeline does."""
    groups = ["\n".join(group) for group in group_by_size(texts, 1 << 17)]
    stages: list[tuple[str, Callable[[str], object]]] = [
        ("word starts (rjieba, Latin text split as jieba does)", config.load_segmenter().word_starts),
        ("sentence starts", sentence_starts),
        ("token ids", config.tokenizer.encode_offsets),
    ]
    for name, run in stages:
        with timed(name):
            for group in groups:
                run(group)
        yield name, num_bytes(groups) / 1e6 / seconds[name]


def main(megabytes: float = 20.0) -> None:
    """Prints the tables."""
    jieba.setLogLevel(logging.WARNING)
    keep_freed_memory()
    texts = cleaned_texts(megabytes)
    size = num_bytes(texts)
    jieba.lcut("热身")
    lcut = [lcut_speed(texts)]
    static_config = InstancesConfig(vocabulary=(ROOT / "data/vocab.txt").read_bytes())
    shorts = [text[at : at + 200] for text in texts[: len(texts) // 4] for at in range(0, len(text), 200)]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        measure(texts[:20], static_config, folder, "warm-up")
        rows.append(("text → static shards, dupe 10", size / 1e6 / measure(texts, static_config, folder, "static")))
        static_read = read_speed(folder)
        rows.append(("… documents of 200 characters", num_bytes(shorts) / 1e6 / measure(shorts, static_config, folder, "short")))
        dynamic_config = InstancesConfig(vocabulary=static_config.vocabulary, kind="dynamic", dupe_factor=1)
        measure(texts[:20], dynamic_config, folder, "warm-up")
        rows.append(("text → dynamic shards", size / 1e6 / measure(texts, dynamic_config, folder, "dynamic")))
        dynamic_read = read_speed(folder)
    lcut.append(lcut_speed(texts))
    measured = sum(lcut) / 2
    print(f"{size / 1e6:.1f} MB of cleaned text, {len(texts):,} documents, one core\n")
    print("| what | MB/s | × jieba.lcut | × reference |\n|---|---|---|---|")
    for name, speed in [("jieba.lcut", measured), *rows]:
        print(f"| {name} | {speed:.2f} | {speed / measured:.2f} | {speed / measured / REFERENCE_SHARE:.0f} |")
    print(f"\njieba.lcut before and after: {lcut[0]:.2f}, {lcut[1]:.2f} MB/s\n\n| stage | MB/s of text |\n|---|---|")
    print(f"| line rules of the clean stage (raw bytes) | {seconds['raw bytes'] / 1e6 / seconds['line rules']:.1f} |")
    for name, speed in time_stages(texts, static_config):
        print(f"| {name} | {speed:.1f} |")
    for name in ("static: tokens, words, sentences", "static: write", "dynamic: write"):
        print(f"| {name} | {size / 1e6 / seconds[name]:.1f} |")
    print("\n| writing static shards | µs an instance |\n|---|---|")
    for name, microseconds in profile_writing(texts[: len(texts) // 4], static_config):
        print(f"| {name} | {microseconds:.2f} |")
    print(f"| all | {seconds['static: write'] * 1e6 / seconds['static: instances']:.2f} |")
    print(
        f"\nstatic: {seconds['static: instances'] / seconds['static: write']:,.0f} instances/s written, {static_read:,.0f} read/s.", end=" "
    )
    print(f"dynamic: {seconds['dynamic: bytes'] / size:.3f} bytes a byte of text, indexes of documents included;", end=" ")
    print(f"{dynamic_read:,.0f} sequences/s read, drawn and padded.")


if __name__ == "__main__":
    if not (ROOT / "data/corpora").exists():
        sys.exit("needs the reference data in ../shared (or set ALBERT_SHARED_DATA)")
    main(*map(float, sys.argv[1:]))
