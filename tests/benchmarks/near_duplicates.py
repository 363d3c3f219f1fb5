"""How many near duplicates are found, against the true Jaccard similarity of all pairs, and how fast.

    python -m tests.benchmarks.near_duplicates [documents of each source]

Real documents (encyclopedia, broadcast news, and short pieces of both) with planted editions of some of them: blocks removed, inserted and
moved, characters replaced here and there. True similarities come from an inverted index over all 5-grams as strings, not from the hashes.
"""

import itertools
import json
import logging
import lzma
import os
import re
import sys
import tarfile
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipelines.apply_rules import apply_rules
from pipelines.batches import ArrowBatchCoder
from pipelines.deduplicate import DropExactDuplicates
from pipelines.near_duplicates import DropNearDuplicates, NearDuplicatesConfig
from pipelines.read import BATCH_BYTES
from pipelines.recipe import CleanConfig
from tests.pipelines.documents import cleaned_texts, cut, document_id
from tests.shared_data import ROOT

CORPORA = ROOT / "data/corpora"
CLASSES = ((0.85, 1.01), (0.8, 0.85), (0.6, 0.8), (0.3, 0.6), (0.0, 0.3))
EDIT_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
Edit = Callable[[str, float, np.random.Generator], str]


def encyclopedia(count: int) -> list[str]:
    """The first cleaned articles."""
    with lzma.open(CORPORA / "bench_wiki2019zh.jsonl.xz", "rt", encoding="utf-8") as file:
        return clean([json.loads(line)["text"] for _, line in zip(range(count), file, strict=False)])


def news(count: int) -> list[str]:
    """The last cleaned items: parts under headings."""
    texts = []
    with tarfile.open(CORPORA / "cctv_news_md.tar.xz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".md") else None
            if file is not None:
                texts += re.split(r"(?m)^#{1,4} ", file.read().decode())[1:]
    return clean(texts[-count:])


def clean(texts: list[str]) -> list[str]:
    """Distinct texts after the line rules."""
    rules = CleanConfig().text_rules()
    return list(dict.fromkeys(text for raw in texts if (text := apply_rules(raw, rules))))


def pieces(texts: list[str], rng: np.random.Generator) -> list[str]:
    """Short documents, 20 to 100 characters, one of each text."""
    found = []
    for text in texts:
        length = int(rng.integers(20, 101))
        start = int(rng.integers(0, max(1, len(text) - length)))
        found.append(text[start : start + length].replace("\n", ""))
    return [text for text in dict.fromkeys(found) if len(text) >= 20]


def replace_characters(text: str, share: float, rng: np.random.Generator) -> str:
    """Characters here and there are others of the same text."""
    characters = list(text)
    for place in rng.integers(0, len(text), max(1, round(share * len(text) / 5))):  # each changes five 5-grams
        characters[place] = text[int(rng.integers(0, len(text)))]
    return "".join(characters)


def remove_block(text: str, share: float, rng: np.random.Generator) -> str:
    """A stretch is gone."""
    size = max(1, round(share * len(text)))
    start = int(rng.integers(0, len(text) - size + 1))
    return text[:start] + text[start + size :]


def insert_block(text: str, share: float, rng: np.random.Generator) -> str:
    """A stretch of something else is added."""
    start = int(rng.integers(0, len(text) + 1))
    block = "".join(chr(0x4E00 + int(value)) for value in rng.integers(0, 5000, max(1, round(share * len(text)))))
    return text[:start] + block + text[start:]


def move_blocks(text: str, share: float, rng: np.random.Generator) -> str:
    """Cut into stretches, which come in another order."""
    count = max(2, round(share * len(text) / 8))
    cuts = [0, *sorted(int(value) for value in rng.integers(0, len(text), count)), len(text)]
    parts = [text[start:end] for start, end in itertools.pairwise(cuts)]
    return "".join(parts[i] for i in rng.permutation(len(parts)))


EDITS: tuple[Edit, ...] = (replace_characters, remove_block, insert_block, move_blocks)


def with_editions(texts: list[str], count: int, rng: np.random.Generator) -> list[str]:
    """The texts, and an edition of `count` of them for each kind and size of edit in turn."""
    editions = []
    for i, text in enumerate(texts[:count]):
        edit, share = EDITS[i % len(EDITS)], EDIT_SHARES[i // len(EDITS) % len(EDIT_SHARES)]
        editions.append(edit(text, share, rng))
    return list(dict.fromkeys([*texts, *editions]))


def editions_of(texts: list[str], count: int, rng: np.random.Generator) -> list[str]:
    """So many editions of each text, of all kinds and sizes of edit."""
    kinds = [(edit, share) for share in EDIT_SHARES for edit in EDITS]
    return list(dict.fromkeys(edit(text, share, rng) for text in texts for edit, share in (kinds * count)[:count]))


def true_similarities(texts: list[str]) -> dict[tuple[int, int], float]:
    """Jaccard similarity of every pair that shares a 5-gram, from the 5-grams themselves."""
    sets = []
    for text in texts:
        bare = "".join(text.split())
        sets.append({bare[i : i + 5] for i in range(max(1, len(bare) - 4))})
    holders = defaultdict(list)
    for number, grams in enumerate(sets):
        for gram in grams:
            holders[gram].append(number)
    arrays = {gram: np.array(numbers) for gram, numbers in holders.items() if len(numbers) > 1}
    similarities = {}
    for number, grams in enumerate(sets):
        shared = [arrays[gram] for gram in grams if gram in arrays]
        others, counts = np.unique(np.concatenate(shared or [np.zeros(0, np.int64)]), return_counts=True)
        for other, count in zip(others.tolist(), counts.tolist(), strict=True):
            if other < number:
                similarities[other, number] = count / (len(grams) + len(sets[other]) - count)
    return similarities


def run(batches: list[pa.RecordBatch], transform: beam.PTransform | None) -> tuple[list[dict], float]:
    """Rejects of the transform (None: the batches are only read), and the processor's seconds."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"{folder}/{number}.arrow" for number in range(len(batches))]
        for path, batch in zip(paths, batches, strict=True):
            Path(path).write_bytes(ArrowBatchCoder().encode(batch))
        started = time.process_time()
        with beam.Pipeline(runner=FnApiRunner()) as pipeline:
            documents = pipeline | beam.Create(paths, reshuffle=False) | "Load" >> beam.Map(load).with_output_types(pa.RecordBatch)
            if transform is None:
                documents | "Count" >> beam.Map(len)
            else:
                result = documents | "Transform" >> transform
                result.kept | "Count" >> beam.Map(len)
                lines = result.rejects | "Format" >> beam.FlatMap(as_lines).with_output_types(str)
                lines | "Write" >> beam.io.WriteToText(f"{folder}/rejects")
        seconds = time.process_time() - started
        return [json.loads(line) for path in Path(folder).glob("rejects*") for line in path.read_text("utf-8").splitlines()], seconds


def load(path: str) -> pa.RecordBatch:
    """A batch that `run` wrote."""
    return ArrowBatchCoder().decode(Path(path).read_bytes())


def as_lines(batch: pa.RecordBatch) -> list[str]:
    """Each row as JSON."""
    return [json.dumps(row) for row in batch.to_pylist()]


def as_batches(texts: list[str]) -> list[pa.RecordBatch]:
    """The texts as documents of one file, text i at place i."""
    documents = cleaned_texts(texts)
    return cut(documents, max(1, documents.num_rows * BATCH_BYTES // documents.nbytes))


def measure_quality(name: str, texts: list[str]) -> None:
    """One line of the table for each class of similarity."""
    rejects, _ = run(as_batches(texts), DropNearDuplicates(NearDuplicatesConfig()))
    similarities = true_similarities(texts)
    dropped = {int(row["origin"].split(":")[1]): int(row["message"].rsplit(":", 1)[1]) for row in rejects}
    ids = [document_id(text) for text in texts]
    best = np.zeros(len(texts))
    pairs, found = Counter(), Counter()
    for (one, other), similarity in similarities.items():
        second = max(one, other, key=lambda number: (-len(texts[number]), ids[number]))
        kind = class_of(similarity)
        pairs[kind] += 1
        found[kind] += second in dropped
        best[second] = max(best[second], similarity)
    documents = Counter(class_of(similarity) for similarity in best)
    named = Counter(class_of(similarities[min(pair), max(pair)]) for pair in dropped.items())
    gone = Counter(class_of(best[number]) for number in dropped)
    for kind in CLASSES:
        share = f"{found[kind] / pairs[kind]:.4f}" if pairs[kind] and kind[0] >= 0.8 else "–"  # others go for the sake of other neighbours
        print(
            f"| {name} | {kind[0]}–{min(1, kind[1])} | {pairs[kind]:,} | {share} | {documents[kind]:,} | {gone[kind]:,} | {named[kind]:,} |"
        )


def class_of(similarity: float) -> tuple[float, float]:
    """The class of a similarity."""
    return next(kind for kind in CLASSES if kind[0] <= similarity < kind[1])


def measure_speed(name: str, texts: list[str]) -> None:
    """One line of the table of speeds."""
    batches, size = as_batches(texts), sum(len(text.encode()) for text in texts) / 1e6
    _, reading = run(batches, None)
    _, exact = run(batches, DropExactDuplicates())
    rejects, near = run(batches, DropNearDuplicates(NearDuplicatesConfig()))
    times = [seconds - reading for seconds in (exact, near)]
    print(f"| {name} | {len(texts):,} | {size:.1f} | {times[0]:.2f} | {times[1]:.2f} | {size / times[1]:.1f} | {len(rejects):,} |")


def main(count: int = 3000) -> None:
    """Prints the tables."""
    logging.disable(logging.WARNING)
    rng = np.random.default_rng(0)
    articles, items = encyclopedia(1 << 30), news(1 << 30)
    run(as_batches(articles[:50]), DropNearDuplicates(NearDuplicatesConfig()))  # compiles the kernels
    print("| documents | Jaccard | pairs | second gone | documents by best | of these gone | gone, by the neighbour named |")
    print("|---|---|---|---|---|---|---|")
    measure_quality("articles", with_editions(articles[:count], count // 2, rng))
    measure_quality("news items", with_editions(items[-count:], count // 2, rng))
    measure_quality("100 editions of each of 20 articles", editions_of([article[:1500] for article in articles[:20]], 100, rng))
    measure_quality("short pieces", with_editions(pieces([*articles[:count], *items[-count:]], rng), count * 2, rng))
    print("\n| documents | number | MB | exact, CPU s | near, CPU s | near, MB/s | near rejects |\n|---|---|---|---|---|---|---|")
    measure_speed("articles", articles)
    measure_speed("news items", items)
    measure_speed("lines of 40 characters", [text[at : at + 40] for text in articles for at in range(0, len(text), 40)])


if __name__ == "__main__":
    if not CORPORA.exists():
        sys.exit("needs the reference data in ../shared (or set ALBERT_SHARED_DATA)")
    main(*map(int, sys.argv[1:]))
