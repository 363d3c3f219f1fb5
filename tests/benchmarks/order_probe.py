"""Can the sentence order be guessed without reading? A logistic regression that sees only lengths and edges tries.

    python -m tests.benchmarks.order_probe [folder of a build, whose documents are used; else bench_wiki2019zh is cleaned] [512,128]

It sees the lengths of A and B, and the first two and the last two tokens of each, masked ones put back. A stronger one also sees them in
pairs: how a segment begins and ends, and what stands at the junction. Both learn on four fifths of the documents and guess on the others.
50 % is chance; DESIGN allows 55 %.
"""

import itertools
import os
import sys
import tempfile
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pyarrow.parquet as pq

from albert_core.drawing import SENTENCE_START, DrawingOptions, DrawingTables, draw
from albert_core.tokenization import Tokenizer
from pipelines import storage
from pipelines.chunks import Chunks, cut_chunks, document_keys
from pipelines.cleaning import CleaningConfig, run_clean
from pipelines.compact import DocumentTokenizer, TokenizedDocuments
from pipelines.runners import parse_beam_options
from pipelines.words import Segmenter
from tests.shared_data import ROOT

BUCKETS = 1 << 17  # of features, hashed; tokens alone need 4 × 21,128
MASK = BUCKETS - 1
SEED, MAX_COPIES, ENOUGH = 12345, 40, 100_000
ITERATIONS, RATE = 120, 0.05
SIMPLE = 6  # of the features: four tokens and two of lengths
PENALTIES = (1e-4, 1e-3)
FEW = 500  # instances of a slice that are too few to learn from


class Examples(NamedTuple):
    """What the probe may see of N instances, and what it must not."""

    first: np.ndarray  # int32 [N, F], hashed features of A before B
    second: np.ndarray  # int32 [N, F], the same of B before A: the score is their difference, as the label's own symmetry wants
    labels: np.ndarray  # bool [N], the order label
    documents: np.ndarray  # int64 [N]
    kinds: dict[str, np.ndarray]  # bool [N] each: slices of the instances

    def take(self, rows: np.ndarray) -> "Examples":
        """Some of the instances."""
        kinds = {name: kind[rows] for name, kind in self.kinds.items()}
        return Examples(self.first[rows], self.second[rows], self.labels[rows], self.documents[rows], kinds)

    def without_pairs(self) -> "Examples":
        """What the simple probe sees."""
        return self._replace(first=self.first[:, :SIMPLE], second=self.second[:, :SIMPLE])


class Accuracy(NamedTuple):
    """A share of right guesses with its standard error; instances of one document count as one observation."""

    mean: float
    error: float
    num_instances: int
    num_documents: int


def edges_of(drawn, tables: DrawingTables) -> tuple[np.ndarray, np.ndarray]:
    """Tokens int64 [N, 2, 4]: the first two and the last two of A and of B, 0 where one is shorter; and the lengths int64 [N, 2]."""
    ids = drawn.input_ids.astype(np.int64)
    rows = np.arange(len(ids))
    for column in range(drawn.labels.shape[1]):
        real = column < drawn.num_predictions
        ids[rows[real], drawn.positions[real, column]] = drawn.labels[real, column]
    first_of_b = (drawn.segment_ids == 1).argmax(axis=1)
    bounds = [(np.ones_like(first_of_b), first_of_b - 1), (first_of_b, drawn.lengths.astype(np.int64) - 1)]
    edges = np.zeros((len(ids), 2, 4), np.int64)
    for segment, (start, end) in enumerate(bounds):
        long = end - start > 1
        for slot, place in enumerate((start, start + 1, end - 2, end - 1)):
            shown = long | (slot in (0, 3))
            edges[shown, segment, slot] = ids[rows[shown], place[shown]]
    assert not np.isin(edges[:, :, [0, 3]], [tables.cls_id, tables.sep_id, tables.mask_id]).any()
    return edges, np.stack([end - start for start, end in bounds], axis=1)


def features_of(edges: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """int32 [N, F] hashed features of an ordered pair of segments."""
    a, b = edges[:, 0], edges[:, 1]
    share = 32 * lengths[:, 0] // lengths.sum(axis=1)
    columns = [
        *(a[:, slot] for slot in range(4)),
        np.log2(lengths[:, 0] * 8).astype(np.int64),
        share << 16 | np.log2(lengths.sum(axis=1)).astype(np.int64),
        a[:, 0] << 16 | a[:, 1],  # how A begins
        a[:, 2] << 16 | a[:, 3],  # how A ends
        a[:, 3] << 16 | b[:, 0],  # the junction
        a[:, 3] << 16 | b[:, 3],  # both ends
        a[:, 0] << 16 | b[:, 0],  # both beginnings
    ]
    salts = [(0x9E3779B97F4A7C15 * (number + 1)) & (2**63 - 1) for number in range(len(columns))]
    mixed = [((column + salt) * 0x5851F42D4C957F2D) for column, salt in zip(columns, salts, strict=True)]
    return np.stack([(column >> 40 & MASK) for column in mixed], axis=1).astype(np.int32)


def examples_of(documents: TokenizedDocuments, ids: list[bytes], options: DrawingOptions, tables: DrawingTables, copies: int) -> Examples:
    """Instances as a build makes them, with what the probe may see."""
    keys = document_keys(ids, SEED)
    chunks: Chunks = cut_chunks(
        documents,
        keys,
        np.zeros(len(ids), np.uint16),
        copies=np.full(len(ids), copies, np.int64),
        max_tokens=options.max_tokens,
        short_seq_prob=0.1,
        clause_marks=tables.clause_marks,
    )
    instances = chunks.instances
    parts = []
    for first in range(0, len(instances), 20_000):
        drawn = draw(instances.take(slice(first, first + 20_000)), options, tables, seed=SEED)
        edges, lengths = edges_of(drawn, tables)
        parts.append((features_of(edges, lengths), features_of(edges[:, ::-1], lengths[:, ::-1]), drawn.swapped == 1))
    sentence_starts = np.concatenate([[0], np.cumsum(documents.flags & SENTENCE_START != 0)])
    inner = sentence_starts[instances.ends] - sentence_starts[instances.starts + 1]
    bounds = documents.flags[np.minimum(instances.ends, len(documents.flags) - 1)] & SENTENCE_START != 0
    at_end = np.isin(instances.ends, documents.offsets)
    whole = (documents.flags[instances.starts] & SENTENCE_START != 0) & (bounds | at_end)
    is_first, is_last, several = np.isin(instances.starts, documents.offsets), at_end, inner > 0
    kinds = {
        "all": np.ones(len(instances), np.bool_),
        "sentences from the middle of a document": several & ~is_first & ~is_last,
        "with a document's first sentence": several & is_first,
        "with a document's last sentence alone": several & is_last & ~is_first,
        "one sentence, split at a clause": ~several & whole,
        "a window of a long sentence": ~several & ~whole,
    }
    first, second, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Examples(first, second, labels, chunks.document, kinds)


def train(examples: Examples, penalty: float) -> np.ndarray:
    """Weights float64 [BUCKETS] of a logistic regression without intercept, by Adam over all examples."""
    weights, mean, square = np.zeros(BUCKETS), np.zeros(BUCKETS), np.zeros(BUCKETS)
    for step in range(1, ITERATIONS + 1):
        wrong = 1 / (1 + np.exp(-score(examples, weights))) - examples.labels
        gradient = np.zeros(BUCKETS)
        for column in range(examples.first.shape[1]):
            gradient += np.bincount(examples.first[:, column], wrong, BUCKETS) - np.bincount(examples.second[:, column], wrong, BUCKETS)
        gradient = gradient / len(wrong) + penalty * weights
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        weights -= RATE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return weights


def score(examples: Examples, weights: np.ndarray) -> np.ndarray:
    """float64 [N], above 0 where the probe says "swapped"."""
    return weights[examples.first].sum(axis=1) - weights[examples.second].sum(axis=1)


def accuracy(examples: Examples, weights: np.ndarray) -> Accuracy:
    """How often the probe is right; half right where it has nothing to say."""
    said = score(examples, weights)
    right = np.where(said == 0, 0.5, (said > 0) == examples.labels)
    number = np.bincount(examples.documents)
    total = np.bincount(examples.documents, right)[number > 0]
    number = number[number > 0]
    mean = total.sum() / number.sum()
    error = np.sqrt(((total - mean * number) ** 2).sum()) / number.sum()
    return Accuracy(float(mean), float(error), len(right), len(number))


def probe(examples: Examples) -> tuple[np.ndarray, Examples]:
    """The best weights by a fifth of the documents, and the instances of another fifth to test them on."""
    fifth = (examples.documents * 2654435761 >> 8) % 5
    learn, choose, test = (examples.take(np.flatnonzero(rows)) for rows in (fifth < 3, fifth == 3, fifth == 4))
    best = max(PENALTIES, key=lambda penalty: accuracy(choose, train(learn, penalty)).mean)
    return train(examples.take(np.flatnonzero(fifth < 4)), best), test


def read_documents(folder: str) -> tuple[list[bytes], list[str]]:
    """Ids and texts of a build's documents."""
    tables = [pq.read_table(path, columns=["document_id", "text"]) for path in storage.list_files(f"{folder}/documents/*.parquet")]
    ids, texts = ([value for table in tables for value in table.column(name).to_pylist()] for name in ("document_id", "text"))
    return ids, texts


def report(name: str, examples: Examples) -> None:
    """Rows of the table: probes that learn from a slice and are tested on it."""
    for kind, rows in examples.kinds.items():
        share = f"{100 * rows.mean():.2f} % of {len(rows):,}"
        if rows.sum() < FEW:
            print(f"| {name} | {kind} | {share} | too few | |")
            continue
        part = examples.take(np.flatnonzero(rows))
        cells = []
        for seen in (part.without_pairs(), part):
            weights, test = probe(seen)
            guessed = accuracy(test, weights)
            cells.append(f"{100 * guessed.mean:.1f} ± {100 * guessed.error:.1f} %")
        print(f"| {name} | {kind} | {share} | {' | '.join(cells)} |", flush=True)


def main(folder: str | None = None, lengths: str = "512,128") -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as own:
        if folder is None:
            from corpora.sources import source_of

            corpus = source_of(str(ROOT / "data/corpora/bench_wiki2019zh.jsonl.xz"))
            run_clean(CleaningConfig(output=own, sources=(corpus,)), parse_beam_options([]))
        ids, texts = read_documents(folder or own)
    tokenizer = Tokenizer.from_bytes((ROOT / "data/vocab.txt").read_bytes())
    tables = DrawingTables.of(tokenizer)
    print(f"{len(ids):,} documents; the test documents are a fifth of them, not seen in training\n")
    print("| sequences | instances | share | guessed | guessed with pairs |\n|---|---|---|---|---|")
    for length in map(int, lengths.split(",")):
        options = DrawingOptions(max_seq_length=length, max_predictions_per_seq=max(1, length // 10))
        document_tokenizer = DocumentTokenizer(tokenizer, Segmenter(), options.max_tokens)
        documents = join([document_tokenizer.tokenize(texts[first : first + 500]) for first in range(0, len(texts), 500)])
        copies = next(c for c in itertools.count(1) if c * len(documents.token_ids) / options.max_tokens > 1.3 * ENOUGH or c == MAX_COPIES)
        report(f"{length} tokens", examples_of(documents, ids, options, tables, copies))


def join(parts: list[TokenizedDocuments]) -> TokenizedDocuments:
    """Batches of documents as one."""
    sizes = np.concatenate([np.diff(part.offsets) for part in parts])
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    return TokenizedDocuments(np.concatenate([part.token_ids for part in parts]), np.concatenate([part.flags for part in parts]), offsets)


if __name__ == "__main__":
    if not (ROOT / "data/vocab.txt").exists():
        sys.exit("needs the reference data in ../shared (or set ALBERT_SHARED_DATA)")
    main(*sys.argv[1:])
