"""Cleaned documents → shards: one shuffle of compact documents, then each shard is written by itself.

documents ─▶ SegmentAndTokenize ─▶ (shard, compact batch) ─▶ GroupByKey ─▶ WriteShard ─▶ WriteManifest
                    └ accounts: tokens, and what became [UNK] ─────────────────────────────┘
"""

import dataclasses
import functools
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.typehints.decorators import no_annotations

from albert_core.drawing import DrawingOptions, DrawingTables
from albert_core.shards import Kind, check_length_bins
from albert_core.tokenization import Tokenizer
from pipelines import progress
from pipelines.accounts import Account
from pipelines.chunks import document_keys, is_held_out, shard_of
from pipelines.compact import COMPACT_SCHEMA, DocumentTokenizer, to_compact_batch
from pipelines.errors import BuildError
from pipelines.languages import Language
from pipelines.segmenters import SegmenterName
from pipelines.unknown_characters import MissingCharacters, count_tokens
from pipelines.user_dictionary import UserDictionary
from pipelines.words import Segmenter
from pipelines.write_shards import ShardPlan, ShardResult, write_shard

MAX_SHARDS = 10_000
# Cleaned text times copies in a shard: static files of about 80 MB (2.4 bytes a byte and copy), dynamic ones of 28 MB. The same for both
# kinds, so that a static dataset and a dynamic one of one copy have their instances in the same shards.
SHARD_TEXT_BYTES = 32 << 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class InstancesConfig:
    """What decides the bytes of the shards, beside the documents."""

    vocabulary: bytes = dataclasses.field(repr=False)
    lower_case: bool = True
    kind: Kind = "static"
    drawing: DrawingOptions = dataclasses.field(default_factory=DrawingOptions)
    dupe_factor: int = 10
    short_seq_prob: float = 0.1
    eval_fraction: float = 0.005
    num_shards: int | None = None
    length_bins: tuple[int, ...] = ()
    language: Language = "chinese"
    segmenter: SegmenterName = "rjieba"
    user_dictionary: UserDictionary | None = None
    seed: int = 12345

    def __post_init__(self) -> None:
        """Refuses what cannot be built, naming value and limit."""
        if not 1 <= self.dupe_factor <= 1000:
            raise BuildError(
                f"--dupe-factor {self.dupe_factor} is not between 1 and 1000\nthe reference uses 10: ten draws of each document"
            )
        if self.kind == "dynamic" and self.dupe_factor != 1:
            raise BuildError(
                f"--dupe-factor {self.dupe_factor} with --masking dynamic\na dynamic dataset is drawn anew each epoch: leave it out"
            )
        if not 0 <= self.short_seq_prob <= 1:
            raise BuildError(f"--short-seq-prob {self.short_seq_prob} is not in [0, 1]\nthe reference uses 0.1")
        if not 0 <= self.eval_fraction < 1:
            raise BuildError(
                f"--eval-fraction {self.eval_fraction} is not in [0, 1)\nit is the share of documents held out; the default is 0.005"
            )
        if self.num_shards is not None and not 1 <= self.num_shards <= MAX_SHARDS:
            raise BuildError(f"--num-shards {self.num_shards} is not between 1 and {MAX_SHARDS:,}\nleave it out to have it chosen by size")
        check_length_bins(self.length_bins, self.drawing.max_seq_length)
        if self.language == "other" and self.segmenter != "none":
            raise BuildError(
                f"--segmenter {self.segmenter} with --language {self.language}"
                "\nit finds Chinese words; there, words are what blanks and punctuation part: leave it out"
            )
        if self.user_dictionary is not None and self.segmenter == "none":
            raise BuildError(
                "--user-dict means nothing without a segmenter (--segmenter none, --language other)\nleave it out, or use rjieba or jieba"
            )

    def warnings(self) -> list[str]:
        """What may not be meant: the budget of masks is cut."""
        drawing = self.drawing
        wanted = max(1, round(drawing.max_seq_length * drawing.masked_lm_prob))
        if drawing.max_predictions_per_seq >= min(wanted, drawing.max_tokens):
            return []
        return [
            f"--max-predictions-per-seq {drawing.max_predictions_per_seq} holds less than the {wanted} that "
            f"--masked-lm-prob {drawing.masked_lm_prob:g} asks for in {drawing.max_seq_length} tokens"
            "\nlong instances are masked less; leave it out to have it follow"
        ]

    def parameters(self) -> dict[str, Any]:
        """Every option, flat, as the manifest keeps them; the vocabulary is named there by its digest."""
        others = ("vocabulary", "drawing", "user_dictionary")
        flat = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name not in others}
        words = self.user_dictionary
        flat["user_dictionary"] = {"sha256": words.sha256, "words": words.num_words} if words else None
        return flat | dataclasses.asdict(self.drawing)

    def shards_for(self, text_bytes: int) -> int:
        """Number of train shards for so many bytes of cleaned text. Nothing else decides it: digests do not depend on files or workers."""
        if self.num_shards is not None:
            return self.num_shards
        return min(MAX_SHARDS, max(1, round(text_bytes * self.dupe_factor / SHARD_TEXT_BYTES)))

    def plan(self, output: str, text_bytes: int, weights: Mapping[str, float]) -> ShardPlan:
        """Where the shards go; at least one is for held-out documents if any are."""
        num_train = self.shards_for(text_bytes)
        num_eval = math.ceil(num_train * self.eval_fraction)
        return ShardPlan(output=output, num_train=num_train, num_eval=num_eval, sources=tuple(weights), weights=tuple(weights.values()))

    def load_segmenter(self) -> Segmenter:
        """The segmenter with the user's words. Takes up to a second the first time in a process."""
        return Segmenter(self.segmenter, self.user_dictionary)

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the vocabulary. Not a part of the configuration, which travels to the workers and has to pickle."""
        return _load_tokenizer(self.vocabulary, self.lower_case)


@functools.lru_cache(maxsize=4)
def _load_tokenizer(vocabulary: bytes, lower_case: bool) -> Tokenizer:
    return Tokenizer.from_bytes(vocabulary, lower_case=lower_case)


class SegmentAndTokenize(beam.DoFn):
    """Batches of documents → (shard, compact batch), and their tokens as an account. Train shards come first, held-out ones follow."""

    def __init__(self, config: InstancesConfig):
        self.config = config

    def setup(self) -> None:
        """Loads vocabulary and dictionary once a worker."""
        self.documents = DocumentTokenizer(self.config.tokenizer, self.config.load_segmenter(), self.config.drawing.max_tokens)
        self.missing = MissingCharacters(self.config.tokenizer)

    def process(
        self, batch: pa.RecordBatch, plan: ShardPlan
    ) -> Iterator[tuple[int, pa.RecordBatch] | beam.pvalue.TaggedOutput[Literal["accounts"], Account]]:
        """One batch in, at most one for each shard out, and one account."""
        texts = batch.column("text").to_pylist()
        tokenized = self.documents.tokenize(texts)
        compact = to_compact_batch(batch.column("document_id"), batch.column("source"), tokenized)
        shards = assign_shards(
            batch.column("document_id").to_pylist(), self.config.seed, self.config.eval_fraction, plan.num_train, plan.num_eval
        )
        order = np.argsort(shards, kind="stable")
        firsts = np.flatnonzero(np.diff(shards[order], prepend=-1))
        for first, last in zip(firsts, [*firsts[1:], len(order)], strict=True):
            yield int(shards[order[first]]), compact.take(pa.array(order[first:last]))
        sources = batch.column("source").to_pylist()
        account = count_tokens(tokenized.token_ids, tokenized.offsets, tokenized.unknown, sources, self.missing)
        yield beam.pvalue.TaggedOutput("accounts", account)
        progress.add("segmented", sum(len(text) for text in texts))


def assign_shards(document_ids: list[bytes], seed: int, eval_fraction: float, num_train: int, num_eval: int) -> np.ndarray:
    """int64 [D]: the shard of each document by its keyed hash; held-out ones are numbered behind the train shards."""
    keys = document_keys(document_ids, seed)
    train = shard_of(keys, num_train)
    if num_eval == 0:
        return train
    return np.where(is_held_out(keys, eval_fraction), num_train + shard_of(keys, num_eval), train)


class WriteShard(beam.DoFn):
    """(shard, compact batches) → what was written, as `ShardResult`."""

    def __init__(self, config: InstancesConfig):
        self.config = config

    def setup(self) -> None:
        """Builds the vocabulary's tables once a worker."""
        self.tables = DrawingTables.of(self.config.tokenizer)

    def process(self, shard: tuple[int, Iterable[pa.RecordBatch]], plan: ShardPlan) -> Iterator[ShardResult]:
        """A retried bundle writes the same bytes under the same name."""
        number, batches = shard
        yield from write_shard(number, list(batches), self.config, plan, self.tables)
        progress.add("shards", 1)


class MadeShards(NamedTuple):
    """What becomes of documents."""

    results: beam.PCollection  # of ShardResult
    accounts: beam.PCollection  # of the tokens of the documents, each counted once


class MakeShards(beam.PTransform):
    """Batches of cleaned documents → a `ShardResult` for every file: one a shard of the plan, or one for each of its length bins.

    The plan is data, one element: how much text there is, a job that has cleaned it itself does not know when it is launched.
    """

    def __init__(self, config: InstancesConfig, plan: beam.PCollection):
        super().__init__()
        self.config, self.plan = config, plan

    @no_annotations
    def expand(self, documents: beam.PCollection) -> MadeShards:
        """Every shard is seeded with an empty batch, so that it is written even if no document falls into it."""
        plan = beam.pvalue.AsSingleton(self.plan)
        tokenize = beam.ParDo(SegmentAndTokenize(self.config), plan)
        tokenized = documents | "SegmentAndTokenize" >> tokenize.with_outputs("accounts", main="documents")
        seeds = self.plan | "SeedShards" >> beam.FlatMap(_empty_shards).with_output_types(tuple[int, pa.RecordBatch])
        results = (
            (tokenized.documents, seeds)
            | beam.Flatten()
            | "GroupByShard" >> beam.GroupByKey()
            | "WriteShard" >> beam.ParDo(WriteShard(self.config), plan).with_output_types(dict)
        )
        return MadeShards(results, tokenized.accounts)


def _empty_shards(plan: ShardPlan) -> Iterator[tuple[int, pa.RecordBatch]]:
    for number in range(plan.num_train + plan.num_eval):
        yield number, pa.RecordBatch.from_pylist([], schema=COMPACT_SCHEMA)
