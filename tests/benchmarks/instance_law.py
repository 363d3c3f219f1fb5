"""Does a finished static dataset keep the law? Every instance is read and compared with its document.

    python -m tests.benchmarks.instance_law [folder of a static build with its documents; else bench_wiki2019zh is built with the defaults]

The check is written anew: it takes no step of the pipeline but the tokens and words of a document (`DocumentTokenizer`) and the index
beside the shards. Why shares of n-grams are not quite P(n) ∝ 1/n is shown by an experiment in plain Python on words of real instances.
"""

import collections
import itertools
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pyarrow.parquet as pq

from albert_core.drawing import WORD_START, DrawingOptions
from albert_core.shards import (
    INPUT_IDS,
    INPUT_MASK,
    MASKED_LM_IDS,
    MASKED_LM_POSITIONS,
    MASKED_LM_WEIGHTS,
    NEXT_SENTENCE_LABELS,
    SEGMENT_IDS,
    Dataset,
    Split,
)
from pipelines import storage
from pipelines.build import BuildConfig, run_build
from pipelines.cleaning import CleaningConfig
from pipelines.compact import DocumentTokenizer
from pipelines.instances import InstancesConfig
from pipelines.runners import parse_beam_options
from pipelines.tracing import read_stretches
from pipelines.words import Segmenter
from tests.shared_data import ROOT

EXPERIMENT = 3000  # instances whose spans are drawn in plain Python
MAX_REST = 6  # of the budget, in the experiment's table

Tokens = tuple[np.ndarray, np.ndarray]
"""Ids uint16 [T] and word starts bool [T] of a document."""


class Row(NamedTuple):
    """An instance as it is stored."""

    ids: np.ndarray  # int32 [L]
    length: int
    first_of_b: int
    positions: np.ndarray
    labels: np.ndarray
    swapped: bool


class Words(NamedTuple):
    """Free words of an instance, as the law sees them."""

    segments: list[list[int]]  # tokens of each word, for each segment; a word with [UNK] is negative
    budget: int


def read_rows(dataset: Dataset, shard: dict[str, Any]) -> Iterator[Row]:
    """The instances of a shard in order."""
    split = Split(dataset, [shard])
    for block in range(len(split.block_sizes)):
        features = split.read_block(block)
        lengths = features[INPUT_MASK].sum(axis=1).tolist()
        counts = features[MASKED_LM_WEIGHTS].sum(axis=1).astype(int).tolist()
        first_of_b = features[SEGMENT_IDS].argmax(axis=1).tolist()
        for i, count in enumerate(counts):
            positions, labels = features[MASKED_LM_POSITIONS][i, :count], features[MASKED_LM_IDS][i, :count]
            swapped = bool(features[NEXT_SENTENCE_LABELS][i, 0])
            yield Row(features[INPUT_IDS][i], lengths[i], first_of_b[i], positions, labels, swapped)


def read_documents(dataset: Dataset) -> dict[bytes, Tokens]:
    """The tokens of every document of a dataset."""
    tokenizer = DocumentTokenizer(dataset.tokenizer, Segmenter(dataset.parameters["segmenter"]), dataset.max_seq_length - 3)
    documents: dict[bytes, Tokens] = {}
    for path in storage.list_files(storage.join(dataset.path, "documents", "*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(500, columns=["document_id", "text"]):
            tokens = tokenizer.tokenize(batch["text"].to_pylist())
            starts = tokens.flags & WORD_START != 0
            for i, document_id in enumerate(batch["document_id"].to_pylist()):
                part = slice(tokens.offsets[i], tokens.offsets[i + 1])
                documents[document_id] = tokens.token_ids[part], starts[part]
    return documents


def check_row(row: Row, ids: np.ndarray, starts: np.ndarray, dataset: Dataset, counts: collections.Counter) -> None:
    """Compares an instance with its stretch of the document and counts what the law speaks of."""
    tokenizer, length = dataset.tokenizer, row.length
    ends = (0, row.first_of_b - 1, length - 1)  # of [CLS] and both [SEP]
    counts["masks on [CLS], [SEP] or padding"] += int(np.isin(row.positions, ends).sum() + (row.positions >= length).sum())
    counts["instances without [CLS] A [SEP] B [SEP]"] += [*row.ids[list(ends)]] != [tokenizer.cls_id, tokenizer.sep_id, tokenizer.sep_id]
    shown = row.ids[row.positions]
    kept = shown == row.labels
    counts["masked"] += len(shown)
    counts["shown as [MASK]"] += int((shown == tokenizer.mask_id).sum())
    counts["shown as itself"] += int(kept.sum())
    counts["shown as a random token"] += int(((shown != tokenizer.mask_id) & ~kept).sum())
    counts["budget"] += budget_of(length, dataset.options)
    counts["tokens"] += length
    counts["swapped"] += row.swapped
    counts["instances"] += 1
    text = row.ids.astype(np.int64)
    text[row.positions] = row.labels
    is_masked = np.zeros(len(text), np.bool_)
    is_masked[row.positions] = True
    parts = [slice(1, row.first_of_b - 1), slice(row.first_of_b, length - 1)]
    at = 0
    for part in reversed(parts) if row.swapped else parts:  # in the order of the document
        num_tokens = part.stop - part.start
        inside = ~starts[at + 1 : at + num_tokens]
        masked = is_masked[part]
        counts["words split by a mask"] += int((inside & (masked[1:] != masked[:-1])).sum())
        counts["tokens that are not the document's"] += int((text[part] != ids[at : at + num_tokens]).sum())
        at += num_tokens
    counts["instances with other text between or beside A and B"] += at != len(ids)


def budget_of(length: int, options: DrawingOptions) -> int:
    """DESIGN section 5: min(max_predictions, max(1, round_half_even(length × masked_lm_prob))), in plain Python."""
    return min(options.max_predictions_per_seq, max(1, round(length * options.masked_lm_prob)))


def words_of(row: Row, ids: np.ndarray, starts: np.ndarray, dataset: Dataset) -> Words:
    """The words of an instance, segment by segment, in the order of the document."""
    num_first = row.length - row.first_of_b - 1 if row.swapped else row.first_of_b - 2
    segments = []
    for first, end in ((0, num_first), (num_first, len(ids))):
        bounds = [first, *(t for t in range(first + 1, end) if starts[t]), end]
        words = itertools.pairwise(bounds)
        segments.append([-1 if (ids[a:b] == dataset.tokenizer.unk_id).any() else b - a for a, b in words])
    return Words(segments, budget_of(row.length, dataset.options))


class Experiment(NamedTuple):
    """What became of the n that was drawn."""

    wanted: collections.Counter  # n
    got: collections.Counter  # n; 0 where nothing fitted any more
    lowered: collections.Counter  # (wanted, got, why)
    by_rest: collections.Counter  # (rest of the budget in tokens, lowered or not)


def draw_spans(instances: list[Words], max_ngram: int, *, budget_ends: bool = True, segment_ends: bool = True) -> Experiment:
    """The law of masks on real words, obviously: n by 1/n, a place among all that take n words, n lowered where none does.

    `budget_ends=False`: a span may overrun the budget, after which nothing more is drawn. `segment_ends=False`: it may reach from A into B.
    """
    chance = random.Random(12345)
    result = Experiment(*(collections.Counter() for _ in range(4)))
    for words in instances:
        sizes = [size for segment in words.segments for size in segment]
        junction = len(words.segments[0]) if segment_ends else 0
        free, rest = [size > 0 for size in sizes], words.budget
        while rest > 0:
            wanted = chance.choices(range(1, max_ngram + 1), [1 / n for n in range(1, max_ngram + 1)])[0]
            result.wanted[wanted] += 1
            limit = rest if budget_ends else 10**9
            n, places = wanted, _places(sizes, free, junction, wanted, limit)
            while not places and n > 1:
                n -= 1
                places = _places(sizes, free, junction, n, limit)
            got = n if places else 0
            result.got[got] += 1
            result.by_rest[min(rest, MAX_REST), got < wanted] += 1
            if got < wanted:
                why = "rest of the budget" if _places(sizes, free, junction, wanted, 10**9) else "no place"
                result.lowered[wanted, got, why] += 1
            if not places:
                break
            first = chance.choice(places)
            rest -= sum(sizes[first : first + n])
            free[first : first + n] = [False] * n
    return result


def _places(sizes: list[int], free: list[bool], junction: int, n: int, limit: int) -> list[int]:
    return [
        first
        for first in range(len(sizes) - n + 1)
        if all(free[first : first + n]) and not first < junction < first + n and sum(sizes[first : first + n]) <= limit
    ]


def shares(counts: collections.Counter, max_ngram: int) -> list[float]:
    """Per cent of spans of 1, 2, … words."""
    total = sum(counts[n] for n in range(1, max_ngram + 1))
    return [100 * counts[n] / total for n in range(1, max_ngram + 1)]


def in_words(numbers: list[float]) -> str:
    return " / ".join(f"{number:.2f}" for number in numbers) + " %"


def print_experiment(instances: list[Words], max_ngram: int, written: list[float]) -> None:
    """The table of n-gram shares, and what lowers n."""
    law = draw_spans(instances, max_ngram)
    print(f"\nSpans of 1, 2, … words, drawn in plain Python for {len(instances):,} of these instances\n\n| spans | shares |\n|---|---|")
    print(f"| P(n) ∝ 1/n | {in_words([100 / n / sum(1 / m for m in range(1, max_ngram + 1)) for n in range(1, max_ngram + 1)])} |")
    print(f"| drawn by the law, before any is lowered | {in_words(shares(law.wanted, max_ngram))} |")
    print(f"| used | {in_words(shares(law.got, max_ngram))} |")
    print(f"| written (manifest) | {in_words(written)} |")
    print(f"| the budget may be overrun | {in_words(shares(draw_spans(instances, max_ngram, budget_ends=False).got, max_ngram))} |")
    print(f"| spans may reach from A into B | {in_words(shares(draw_spans(instances, max_ngram, segment_ends=False).got, max_ngram))} |")
    total = sum(law.wanted.values())
    print(f"\n| of {total:,} draws, n was lowered | share | because of |\n|---|---|---|")
    for (wanted, got, why), count in sorted(law.lowered.items()):
        print(f"| {wanted} → {got or 'none'} | {100 * count / total:.2f} % | {why} |")
    print("\n| tokens left of the budget | draws | lowered |\n|---|---|---|")
    for rest in range(1, MAX_REST + 1):
        lowered, kept = law.by_rest[rest, True], law.by_rest[rest, False]
        name = f"{rest} or more" if rest == MAX_REST else str(rest)
        print(f"| {name} | {100 * (lowered + kept) / total:.1f} % | {100 * lowered / max(1, lowered + kept):.1f} % |")


def check_dataset(dataset: Dataset) -> bool:
    """Prints the tables; whether every figure is within its bound."""
    documents = read_documents(dataset)
    counts: collections.Counter = collections.Counter()
    covered = {document_id: np.zeros(len(ids), np.bool_) for document_id, (ids, _) in documents.items()}
    sample: list[Words] = []
    every = max(1, dataset.manifest["instances"] // EXPERIMENT)
    for shard in dataset.manifest["shards"]:
        stretches = read_stretches(dataset, shard)
        for number, row in enumerate(read_rows(dataset, shard)):
            document_id = stretches.id_of(number)
            part = slice(int(stretches.first_token[number]), int(stretches.first_token[number] + stretches.num_tokens[number]))
            ids, starts = (column[part] for column in documents[document_id])
            check_row(row, ids, starts, dataset, counts)
            covered[document_id][part] = True
            if number % every == 0:
                sample.append(words_of(row, ids, starts, dataset))
    kinds = [counts[f"shown as {kind}"] / counts["masked"] for kind in ("[MASK]", "itself", "a random token")]
    statistics, max_ngram = dataset.manifest["statistics"], dataset.options.max_ngram
    written = [100 * statistics["ngrams_drawn"][str(n)] for n in range(1, max_ngram + 1)]
    asked = [100 * statistics["ngrams_asked"][str(n)] for n in range(1, max_ngram + 1)]
    farthest = max(abs(a - b) for a, b in zip(written, asked, strict=True))
    rate = counts["masked"] / counts["budget"]
    balance = counts["swapped"] / counts["instances"]
    lost = sum(int((~tokens).sum()) for tokens in covered.values())
    rows: list[tuple[str, str, str, bool]] = [
        ("masked tokens, of the budget", f"{100 * rate:.3f} %", "100 ± 1 %", abs(rate - 1) <= 0.01),
        ("masked tokens, of all tokens", f"{100 * counts['masked'] / counts['tokens']:.3f} %", "", True),
        ("shares of n-grams, farthest from the law", f"{farthest:.2f} points", "≤ 2 points", farthest <= 2),
        *(
            (f"shown as {kind}", f"{100 * share:.2f} %", f"{100 * wish:.0f} ± 0.5 %", abs(share - wish) <= 0.005)
            for kind, share, wish in zip(("[MASK]", "themselves", "random tokens"), kinds, (0.8, 0.1, 0.1), strict=True)
        ),
        ("swapped", f"{100 * balance:.2f} %", "50 ± 0.5 %", abs(balance - 0.5) <= 0.005),
        *(
            (name, f"{counts[name]:,}", "0", counts[name] == 0)
            for name in (
                "masks on [CLS], [SEP] or padding",
                "instances without [CLS] A [SEP] B [SEP]",
                "words split by a mask",
                "tokens that are not the document's",
                "instances with other text between or beside A and B",
            )
            if name != "words split by a mask" or dataset.options.mask_unit == "word"
        ),
        ("tokens of documents that are in no instance", f"{lost:,} of {sum(map(len, covered.values())):,}", "", True),
    ]
    print(f"{counts['instances']:,} instances, {counts['tokens']:,} tokens, {len(documents):,} documents\n")
    print("| what | got | bound | |\n|---|---|---|---|")
    for what, got, bound, holds in rows:
        print(f"| {what} | {got} | {bound} | {'' if not bound else 'holds' if holds else 'BROKEN'} |")
    print_experiment(sample, max_ngram, written)
    return all(holds for *_, holds in rows)


def main(folder: str | None = None) -> None:
    """Prints the tables; exit code 1 if a bound is broken."""
    with tempfile.TemporaryDirectory() as own:
        if folder is None:
            from corpora.sources import source_of

            corpus = source_of(str(ROOT / "data/corpora/bench_wiki2019zh.jsonl.xz"))
            instances = InstancesConfig(vocabulary=(ROOT / "data/vocab.txt").read_bytes())
            run_build(BuildConfig(cleaning=CleaningConfig(output=own, sources=(corpus,)), instances=instances), parse_beam_options([]))
        dataset = Dataset.open(folder or own)
        if dataset.kind != "static":
            sys.exit(f"{folder} is {dataset.kind}; static datasets are read here, which are epoch 0 of dynamic ones")
        sys.exit(0 if check_dataset(dataset) else 1)


if __name__ == "__main__":
    if not (ROOT / "data/vocab.txt").exists():
        sys.exit("needs the reference data in ../shared (or set ALBERT_SHARED_DATA)")
    main(*sys.argv[1:])
