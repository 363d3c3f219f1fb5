"""Why 30 GB gave albert_zh 350 million instances of 512 tokens: its rule and ours over the same documents, scaled to its corpus.

    python -m tests.benchmarks.reference_instances

Its README says: 30 GB of Chinese text, more than 10 billion characters, sequences of 512 tokens, 350 million instances; its script takes
10 copies, its default. Its rule (create_pretraining_data.py): sentences are gathered until they reach the target, which is 509 tokens, or
for one document copy in ten uniform in [2, 509]; what is over is cut off; what is left at the end of a document is an instance too.
"""

import json
import lzma
import sys
from collections.abc import Iterator

import numpy as np

from albert_core.drawing import SENTENCE_START, DrawingTables
from corpora.files import FileRange
from corpora.reading import read_range
from corpora.records import Document
from corpora.sources import source_of
from pipelines.apply_rules import apply_rules
from pipelines.chunks import cut_chunks, document_keys
from pipelines.compact import DocumentTokenizer, TokenizedDocuments, group_by_size
from pipelines.instances import InstancesConfig
from pipelines.read import list_sources, open_file
from pipelines.recipe import CleanConfig
from tests.shared_data import ROOT

MAX_TOKENS, SHORT, COPIES = 509, 0.1, 10
CHARACTERS = 10e9  # 30 GB at three bytes each
WANTED = 350e6
EVERY = 4  # one document in so many
PARTS = (100, 200, 300, 500, 800, 1200, 2000, 4000)
"""Documents of so many characters are cut out of the articles: what would come of a corpus of such."""


def cleaned(name: str) -> list[str]:
    """Clean documents of a corpus, one in so many."""
    rules = CleanConfig().text_rules()
    texts = (apply_rules(text, rules) for number, text in enumerate(raw_texts(name)) if number % EVERY == 0)
    return [text for text in texts if len(text) >= 50]


def raw_texts(name: str) -> Iterator[str]:
    """Texts as they were published."""
    if name == "bench":
        with lzma.open(ROOT / "data/corpora/bench_wiki2019zh.jsonl.xz", "rt", encoding="utf-8") as file:
            yield from (json.loads(line)["text"] for line in file)
        return
    for file in list_sources([source_of(str(ROOT / "data/corpora/cctv_news_md.tar.xz"))]):
        yield from (event.text for event in read_range(FileRange(file), open_file) if isinstance(event, Document))


def sentence_lengths(documents: TokenizedDocuments) -> list[np.ndarray]:
    """Tokens of each sentence, of each document."""
    starts = documents.flags & SENTENCE_START != 0
    lengths = []
    for first, last in zip(documents.offsets[:-1], documents.offsets[1:], strict=True):
        places = np.flatnonzero(starts[first:last])
        lengths.append(np.diff(np.append(places, last - first)))
    return lengths


def reference_chunks(lengths: np.ndarray, target: int) -> int:
    """Chunks of one copy of a document: sentences until the target is reached."""
    count = size = 0
    for length in lengths:
        size += int(length)
        if size >= target:
            count, size = count + 1, 0
    return count + (size > 0)


def reference_instances(documents: list[np.ndarray], short: float, copies: int, generator: np.random.Generator) -> int:
    """Instances of all copies of the documents by the reference's rule."""
    total = 0
    for lengths in documents:
        for _ in range(copies):
            target = int(generator.integers(2, MAX_TOKENS + 1)) if generator.random() < short else MAX_TOKENS
            total += reference_chunks(lengths, target)
    return total


def our_instances(tokenizer: DocumentTokenizer, documents: TokenizedDocuments) -> int:
    """Instances of ten copies by ours."""
    count = len(documents.offsets) - 1
    keys = document_keys([number.to_bytes(16, "little") for number in range(1, count + 1)], 12345)
    chunks = cut_chunks(
        documents,
        keys,
        np.zeros(count, np.uint16),
        copies=np.full(count, COPIES),
        max_tokens=MAX_TOKENS,
        short_seq_prob=SHORT,
        clause_marks=DrawingTables.of(tokenizer.tokenizer).clause_marks,
    )
    return len(chunks.instances)


def row(name: str, texts: list[str], tokenizer: DocumentTokenizer) -> str:
    """A line of the table: millions of instances of CHARACTERS characters of such documents."""
    parts = [tokenizer.tokenize(group) for group in group_by_size(texts, 1 << 20)]
    lengths = [own for part in parts for own in sentence_lengths(part)]
    characters, tokens = sum(map(len, texts)), sum(int(own.sum()) for own in lengths)
    scale = CHARACTERS / characters / 1e6
    generator = np.random.default_rng(1)
    full = COPIES * tokens / MAX_TOKENS
    whole = reference_instances(lengths, 0.0, 1, generator) * COPIES
    reference = reference_instances(lengths, SHORT, COPIES, generator)
    ours = sum(our_instances(tokenizer, part) for part in parts)
    cells = f"{name} | {characters / len(texts):,.0f} | {tokens / characters:.3f} | {full * scale:,.0f} | {whole * scale:,.0f}"
    return f"| {cells} | {reference * scale:,.0f} | {ours * scale:,.0f} | {characters * COPIES / reference:,.0f} |"


def main() -> None:
    """Prints the table."""
    config = InstancesConfig(vocabulary=(ROOT / "data/vocab.txt").read_bytes())
    tokenizer = DocumentTokenizer(config.tokenizer, config.load_segmenter(), config.drawing.max_tokens)
    print(f"{CHARACTERS:,.0f} characters, {COPIES} copies; millions of instances; {WANTED / 1e6:,.0f} are wanted\n")
    print(
        "| documents | characters each | tokens a character | all full | + ends of documents | + short ones by copy (reference) "
        "| ours | characters an instance of the reference |\n|---|---|---|---|---|---|---|---|"
    )
    corpora = {name: cleaned(name) for name in ("bench", "cctv")}
    for name, texts in corpora.items():
        print(row(name, texts, tokenizer), flush=True)
    joined = "\n".join(corpora["bench"])
    for size in PARTS:
        texts = [joined[at : at + size] for at in range(0, min(len(joined), 2_000_000), size)]
        print(row(f"articles cut to {size}", texts, tokenizer), flush=True)


if __name__ == "__main__":
    if not (ROOT / "data/corpora").exists():
        sys.exit("needs the reference data in ../shared (or set ALBERT_SHARED_DATA)")
    main()
