"""One shard: compact documents → chunks → instances in the order of their keys → blocks → file, indexes, digest and counts.

With length bins each shard number writes a file for every bin, with the shard's instances that the bin before is too short for.
"""

import dataclasses
import hashlib
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NotRequired, TypedDict

import numpy as np
import pyarrow as pa

from albert_core.drawing import NUM_SPECIALS, DrawingOptions, DrawingTables, Instances
from albert_core.shards import (
    BLOCK_INSTANCES,
    DOCUMENTS_SUFFIX,
    INDEX_SUFFIX,
    SHARD_SUFFIX,
    EncodedBlock,
    bins_of,
    encode_block,
    options_of_bin,
    shard_name,
)
from pipelines import storage
from pipelines.accounts import Account
from pipelines.chunks import Chunks, copies_of, cut_chunks, document_keys
from pipelines.compact import from_compact_batches
from pipelines.document_index import Stretches, describe, encode_stretches
from pipelines.statistics import InstanceCounts

if TYPE_CHECKING:
    from pipelines.instances import InstancesConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardPlan:
    """Where shards go and how many there are.

    Attributes:
      sources: names, in the order of their numbers.
      weights: how often each source is used, relative to the others.
    """

    output: str
    num_train: int
    num_eval: int
    sources: tuple[str, ...]
    weights: tuple[float, ...]

    def name(self, shard: int, length: int | None = None) -> str:
        """The name of a shard, or of its file in a length bin, without suffix; held-out shards are numbered behind the train shards."""
        if shard < self.num_train:
            return shard_name("train", shard, self.num_train, length)
        return shard_name("eval", shard - self.num_train, self.num_eval, length)


class ShardResult(TypedDict):
    """A line of the manifest's `shards`, and the counts that go into its totals."""

    name: str
    records: int
    instances: int
    bytes: int
    sha256: str
    documents: dict[str, Any]
    max_seq_length: NotRequired[int]
    max_predictions_per_seq: NotRequired[int]
    counts: Account


class ShardFile(NamedTuple):
    """What goes into one file."""

    name: str  # without suffix
    instances: Instances
    stretches: Stretches
    options: DrawingOptions
    """With the length that the file is padded to."""


def write_shard(
    shard: int, batches: Sequence[pa.RecordBatch], config: "InstancesConfig", plan: ShardPlan, tables: DrawingTables
) -> list[ShardResult]:
    """Writes a shard and its indexes, a file for each length bin; the first result has the counts of the shard's documents.

    Held-out shards are drawn once, whatever the dupe factor: copies would only repeat the measurement.
    """
    weights = np.array(plan.weights) * config.dupe_factor if shard < plan.num_train else np.ones(len(plan.sources))
    chunks, stretches = make_chunks(batches, config, plan.sources, tables, weights)
    num_documents = len(stretches.document_ids)
    counts: Account = {
        "documents": num_documents,
        "documents_held_out": num_documents if shard >= plan.num_train else 0,
        "documents_without_instances": num_documents - len(np.unique(chunks.document)),
        "single_sentence": chunks.num_single_sentence,
        "cut_tokens": chunks.num_cut_tokens,
    }
    if config.length_bins:
        files = cut_into_bins(shard, chunks.instances, stretches, config, plan)
    else:
        files = [ShardFile(plan.name(shard), chunks.instances, stretches, config.drawing)]
    results = [write_file(file, config, plan, tables) for file in files]
    results[0]["counts"] |= counts
    return results


def cut_into_bins(shard: int, instances: Instances, stretches: Stretches, config: "InstancesConfig", plan: ShardPlan) -> list[ShardFile]:
    """The instances of a shard by length bin, in their order; a bin without instances is a file without records."""
    files = []
    numbers = bins_of(stretches.num_tokens + NUM_SPECIALS, config.length_bins)
    for number, length in enumerate(config.length_bins):
        rows = np.flatnonzero(numbers == number)
        options = options_of_bin(config.drawing, length)
        files.append(ShardFile(plan.name(shard, length), instances.take(rows), stretches.take(rows), options))
    return files


def write_file(file: ShardFile, config: "InstancesConfig", plan: ShardPlan, tables: DrawingTables) -> ShardResult:
    """Writes a file of instances, the index of its blocks and that of its documents."""
    instances, name = file.instances, file.name
    counted = InstanceCounts(config.drawing, plan.sources, tables.unk_id)
    digest, offsets, num_records = hashlib.sha256(), [0], 0
    with storage.create(plan.output, name + SHARD_SUFFIX) as target:
        blocks = encode_blocks(instances, file.options, config, tables)
        for first, block in zip(range(0, len(instances), BLOCK_INSTANCES), blocks, strict=True):
            target.write(block.content)
            digest.update(block.content)
            offsets.append(offsets[-1] + len(block.content))
            num_records += block.num_records
            counted.add(block.drawn, instances.sources[first : first + BLOCK_INSTANCES])
    storage.write(plan.output, name + INDEX_SUFFIX, encode_offsets(offsets))
    documents = encode_stretches(file.stretches)
    storage.write(plan.output, name + DOCUMENTS_SUFFIX, documents)
    result = ShardResult(
        name=name + SHARD_SUFFIX,
        records=num_records,
        instances=len(instances),
        bytes=offsets[-1],
        sha256=digest.hexdigest(),
        documents=describe(name + DOCUMENTS_SUFFIX, documents),
        counts=counted.account(),
    )
    if config.length_bins:
        result |= {
            "max_seq_length": file.options.max_seq_length,
            "max_predictions_per_seq": file.options.max_predictions_per_seq,
        }
    return result


def encode_offsets(offsets: Sequence[int]) -> bytes:
    """The index of the blocks of a shard: where each begins, in bytes, and the end."""
    index = io.BytesIO()
    np.save(index, np.array(offsets, np.int64))
    return index.getvalue()


def make_chunks(
    batches: Sequence[pa.RecordBatch], config: "InstancesConfig", sources: Sequence[str], tables: DrawingTables, copies: np.ndarray
) -> tuple[Chunks, Stretches]:
    """The instances of a shard's documents in the order of their keys, and where they come from.

    `copies` float [sources]: how often a document of each is used, on average.
    """
    document_ids, names, documents = from_compact_batches(batches)
    numbers = {name: number for number, name in enumerate(sources)}
    keys = document_keys(document_ids, config.seed)
    of_document = np.array([numbers[name] for name in names], np.uint16)
    chunks = cut_chunks(
        documents,
        keys,
        of_document,
        copies=copies_of(keys, copies[of_document]),
        max_tokens=config.drawing.max_tokens,
        short_seq_prob=config.short_seq_prob,
        clause_marks=tables.clause_marks,
    )
    order = np.argsort(chunks.instances.keys, kind="stable")
    instances, document = chunks.instances.take(order), chunks.document[order]
    stretches = Stretches(document_ids, document, instances.starts - documents.offsets[document], instances.ends - instances.starts)
    return dataclasses.replace(chunks, instances=instances, document=document), stretches


def encode_blocks(
    instances: Instances, options: DrawingOptions, config: "InstancesConfig", tables: DrawingTables
) -> Iterator[EncodedBlock]:
    """The blocks of a file, in order."""
    for first in range(0, len(instances), BLOCK_INSTANCES):
        yield encode_block(config.kind, instances.take(slice(first, first + BLOCK_INSTANCES)), options, tables, config.seed)
