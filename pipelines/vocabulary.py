"""A WordPiece vocabulary learned from a corpus: words counted by tft.vocabulary on Beam, pieces learned by tensorflow-text's learner.

cleaned documents ─▶ words (as BERT splits them) ─▶ tft.vocabulary: word, count ─▶ WordPiece learner ─▶ vocab.txt
"""

import dataclasses
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions
from tokenizers import normalizers, pre_tokenizers

from albert_core.tokenization import SPECIAL_TOKENS, check_vocabulary
from corpora.files import CorpusFile
from corpora.sources import Source
from pipelines import storage
from pipelines.clean import CleanDocuments
from pipelines.errors import BuildError
from pipelines.read import ReadCorpus, list_sources
from pipelines.recipe import CleanConfig
from pipelines.runners import run_job

COUNTS = "word_counts"
WORDS = "words"
WORDS_SCHEMA = pa.schema([(WORDS, pa.list_(pa.binary()))])
MAX_WORD = 50  # characters; longer "words" are addresses and encoded data
MAX_COUNTED = 5_000_000  # most frequent words that the learner sees


@dataclasses.dataclass(frozen=True, kw_only=True)
class VocabularyConfig:
    """What is learned. `size` counts every entry, specials included; the learner comes close to it, never over."""

    sources: tuple[Source, ...]
    output: str
    size: int = 21_128
    lower_case: bool = True
    min_count: int = 2
    clean: CleanConfig = dataclasses.field(default_factory=CleanConfig)

    def __post_init__(self) -> None:
        """Refuses what cannot be learned, naming value and limit."""
        if not self.sources:
            raise BuildError("no --corpus\ngive at least one, for example --corpus 'texts/*.txt'")
        if not 100 <= self.size <= 1 << 16:
            raise BuildError(f"--size {self.size:,} is not between 100 and {1 << 16:,}\nthe released Chinese models have 21,128")
        if self.min_count < 1:
            raise BuildError(f"--min-count {self.min_count} is less than 1\nwords that occur less often are not learned from")


def learn_vocabulary(config: VocabularyConfig, options: PipelineOptions) -> list[str]:
    """Counts, learns and writes the vocabulary; returns it.

    Raises:
      BuildError: an unreadable corpus, or nothing in it to learn from.
    """
    files = list_sources(config.sources)
    with tempfile.TemporaryDirectory() as scratch:
        counts = Path(scratch, COUNTS)
        run_job(lambda pipeline: _count_words(pipeline, files, config, str(counts), scratch), options)
        vocabulary = learn_pieces(read_counts(counts, config.min_count), config.size)
    check_vocabulary(vocabulary)
    folder, _, name = config.output.rpartition("/")
    storage.write(folder or ".", name, "".join(f"{token}\n" for token in vocabulary).encode())
    storage.remove(storage.join(folder or ".", storage.TEMPORARY))
    return vocabulary


def _count_words(pipeline: beam.Pipeline, files: Sequence[CorpusFile], config: VocabularyConfig, counts: str, scratch: str) -> None:
    """Words and counts as a text file, most frequent first."""
    import tensorflow_transform as tft  # here: slow to import, and the other commands do without
    import tensorflow_transform.beam as tft_beam
    from tensorflow_metadata.proto.v0 import schema_pb2
    from tfx_bsl.public.tfxio import TensorAdapterConfig

    def count(features: dict[str, Any]) -> dict[str, Any]:
        tft.vocabulary(features[WORDS], top_k=MAX_COUNTED, vocab_filename=COUNTS, store_frequency=True)
        return features

    layout = schema_pb2.TensorRepresentation()
    layout.varlen_sparse_tensor.column_name = WORDS
    raw = pipeline | "ReadCorpus" >> ReadCorpus(files)
    cleaned = raw.batches | "CleanDocuments" >> CleanDocuments(config.clean)
    words = cleaned.kept | "SplitWords" >> beam.ParDo(SplitWords(config.lower_case)).with_output_types(pa.RecordBatch)
    with tft_beam.Context(temp_dir=scratch):
        counted = (words, TensorAdapterConfig(WORDS_SCHEMA, {WORDS: layout})) | "CountWords" >> tft_beam.AnalyzeDataset(count)
    counted | "WriteCounts" >> tft_beam.WriteTransformFn(counts)


class SplitWords(beam.DoFn):
    """Batches of documents → batches of words: normalised and split as BERT does before WordPiece, a Han character a word."""

    def __init__(self, lower_case: bool):
        self.lower_case = lower_case

    def setup(self) -> None:
        """Makes the library's objects, which do not travel."""
        self.normalizer = normalizers.BertNormalizer(lowercase=self.lower_case)
        self.splitter = pre_tokenizers.BertPreTokenizer()

    def process(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """One row of words for each document."""
        rows = [self.words(text) for text in batch.column("text").to_pylist()]
        yield pa.RecordBatch.from_arrays([pa.array(rows, WORDS_SCHEMA.field(WORDS).type)], schema=WORDS_SCHEMA)

    def words(self, text: str) -> list[bytes]:
        """The words of a text, in order."""
        split = self.splitter.pre_tokenize_str(self.normalizer.normalize_str(text))
        return [word.encode() for word, _ in split if len(word) <= MAX_WORD]


def read_counts(folder: Path, min_count: int) -> list[tuple[str, int]]:
    """Words with their counts, most frequent first, ties in code-point order."""
    counts = []
    for file in folder.rglob(COUNTS):
        for line in file.read_text("utf-8").splitlines():
            number, _, word = line.partition(" ")
            if int(number) >= min_count:
                counts.append((word, int(number)))
    return sorted(counts, key=lambda item: (-item[1], item[0]))


def learn_pieces(counts: Iterable[tuple[str, int]], size: int) -> list[str]:
    """The vocabulary: specials, then characters that always stand alone, then the pieces of the other words.

    Characters that BERT makes words of their own, Han above all, need no pieces: the learner would give each a `##` twin that no text ever
    uses, as 7,322 of the 21,128 entries of the released vocabulary are. So it learns from the other words only.

    Raises:
      BuildError: there is nothing to learn from.
    """
    words = list(counts)
    if not words:
        raise BuildError("no word occurs often enough to learn from\ngive more text, or --min-count 1")
    reserved = [*SPECIAL_TOKENS, *(word for word, _ in words if len(word) == 1 and not word.isascii())]
    if len(reserved) >= size:
        return reserved[:size]
    pieced = [(word, count) for word, count in words if len(word) > 1 or word.isascii()]
    room = size - len(reserved)
    return reserved + [piece for piece in _learn(pieced, room) if piece not in set(reserved)][:room]


def _learn(words: list[tuple[str, int]], size: int) -> list[str]:
    """At most `size` pieces of the words, found by tensorflow-text's learner."""
    from tensorflow_text.tools.wordpiece_vocab import wordpiece_tokenizer_learner_lib as learner

    if not words or size < 2:
        return []
    lowest = min(count for _, count in words)
    pieces = learner.learn(
        words, vocab_size=size, reserved_tokens=[], lower_thresh=lowest, max_unique_chars=max(1, size // 3), include_joiner_token=False
    )
    return sorted(pieces, key=lambda piece: (piece.startswith("##"), piece))
