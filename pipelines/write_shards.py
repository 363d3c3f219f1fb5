"""One shard: compact documents → chunks → instances in the order of their keys → blocks → file, index, digest and counts."""

import dataclasses
import hashlib
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypedDict

import numpy as np
import pyarrow as pa

from albert_core.drawing import DrawingTables, Instances
from albert_core.shards import BLOCK_INSTANCES, INDEX_SUFFIX, SHARD_SUFFIX, EncodedBlock, encode_block, shard_name
from pipelines import storage
from pipelines.accounts import Account
from pipelines.chunks import Chunks, copies_of, cut_chunks, document_keys
from pipelines.compact import from_compact_batches
from pipelines.statistics import count_block

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

    def name(self, shard: int) -> str:
        """The file name of a shard without its suffix; held-out shards are numbered behind the train shards."""
        if shard < self.num_train:
            return shard_name("train", shard, self.num_train)
        return shard_name("eval", shard - self.num_train, self.num_eval)


class ShardResult(TypedDict):
    """A line of the manifest's `shards`, and the counts that go into its totals."""

    name: str
    records: int
    instances: int
    bytes: int
    sha256: str
    counts: Account


def write_shard(
    shard: int, batches: Sequence[pa.RecordBatch], config: "InstancesConfig", plan: ShardPlan, tables: DrawingTables
) -> ShardResult:
    """Writes a shard and its index. Held-out shards are drawn once, whatever the dupe factor: copies would only repeat the measurement."""
    weights = np.array(plan.weights) * config.dupe_factor if shard < plan.num_train else np.ones(len(plan.sources))
    chunks, num_documents = make_chunks(batches, config, plan.sources, tables, weights)
    counts: Counter[str] = Counter(
        documents=num_documents,
        documents_without_instances=num_documents - len(np.unique(chunks.document)),
        single_sentence=chunks.num_single_sentence,
        cut_tokens=chunks.num_cut_tokens,
    )
    name = plan.name(shard)
    digest, offsets, num_records = hashlib.sha256(), [0], 0
    with storage.create(plan.output, name + SHARD_SUFFIX) as file:
        for block in encode_blocks(chunks.instances, config, tables):
            file.write(block.content)
            digest.update(block.content)
            offsets.append(offsets[-1] + len(block.content))
            num_records += block.num_records
            counts.update(count_block(block.drawn, config.drawing, tables.unk_id))
    index = io.BytesIO()
    np.save(index, np.array(offsets, np.int64))
    storage.write(plan.output, name + INDEX_SUFFIX, index.getvalue())
    return ShardResult(
        name=name + SHARD_SUFFIX,
        records=num_records,
        instances=len(chunks.instances),
        bytes=offsets[-1],
        sha256=digest.hexdigest(),
        counts=dict(counts),
    )


def make_chunks(
    batches: Sequence[pa.RecordBatch], config: "InstancesConfig", sources: Sequence[str], tables: DrawingTables, copies: np.ndarray
) -> tuple[Chunks, int]:
    """The instances of a shard's documents in the order of their keys, and how many documents there were.

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
    return dataclasses.replace(chunks, instances=chunks.instances.take(order), document=chunks.document[order]), len(document_ids)


def encode_blocks(instances: Instances, config: "InstancesConfig", tables: DrawingTables) -> Iterator[EncodedBlock]:
    """The blocks of a shard, in order."""
    for first in range(0, len(instances), BLOCK_INSTANCES):
        yield encode_block(config.kind, instances.take(slice(first, first + BLOCK_INSTANCES)), config.drawing, tables, config.seed)
