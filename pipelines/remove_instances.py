"""A shard without the instances of some documents: the bytes that a build of the other documents would have written."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from albert_core.drawing import Instances
from albert_core.errors import AlbertError
from albert_core.shards import (
    BLOCK_INSTANCES,
    INDEX_SUFFIX,
    SHARD_SUFFIX,
    DamagedRecordError,
    Dataset,
    frame,
    pack_block,
    split_frames,
    unpack_block,
)
from pipelines import storage
from pipelines.document_index import Stretches, describe, encode_stretches
from pipelines.staged_files import StagedFiles
from pipelines.write_shards import encode_offsets


def stage_shard(dataset: Dataset, shard: dict[str, Any], stretches: Stretches, gone: np.ndarray, staged: StagedFiles) -> dict[str, Any]:
    """Writes a shard of the manifest and its indexes aside without the instances `gone`; its new line of the manifest.

    Raises:
      AlbertError: the shard is damaged.
    """
    kept = np.delete(np.arange(len(stretches.document)), gone)
    name = shard["name"].removesuffix(SHARD_SUFFIX)
    digest, offsets, num_records = hashlib.sha256(), [0], 0
    with storage.create(*staged.add(name + SHARD_SUFFIX)) as file:
        for content, records in kept_blocks(dataset.kind, read_records(dataset, shard), kept):
            file.write(content)
            digest.update(content)
            offsets.append(offsets[-1] + len(content))
            num_records += records
    storage.write(*staged.add(name + INDEX_SUFFIX), encode_offsets(offsets))
    documents = encode_stretches(stretches.take(kept))
    storage.write(*staged.add(shard["documents"]["name"]), documents)
    return shard | {
        "records": num_records,
        "instances": len(kept),
        "bytes": offsets[-1],
        "sha256": digest.hexdigest(),
        "documents": describe(shard["documents"]["name"], documents),
    }


def read_records(dataset: Dataset, shard: dict[str, Any]) -> list[bytes]:
    """The records of a shard.

    Raises:
      AlbertError: it is not what the manifest says.
    """
    path = storage.join(dataset.path, shard["name"])
    try:
        content = storage.read(path)
        if hashlib.sha256(content).hexdigest() != shard["sha256"]:
            raise ValueError("its SHA-256 is not that of the manifest")
        return split_frames(content)
    except (OSError, ValueError, DamagedRecordError) as error:
        raise AlbertError(f"{path} cannot be read: {error}\ncopy the shard anew, or build again; nothing was removed") from error


def kept_blocks(kind: str, records: Sequence[bytes], kept: np.ndarray) -> Iterator[tuple[bytes, int]]:
    """The instances `kept` of a shard's records, cut into blocks anew: bytes and records of each."""
    blocks = [kept[first : first + BLOCK_INSTANCES] for first in range(0, len(kept), BLOCK_INSTANCES)]
    if kind == "static":
        yield from ((b"".join(frame(records[row]) for row in rows.tolist()), len(rows)) for rows in blocks)
        return
    instances = join_instances([unpack_block(record) for record in records]) if records else None
    if instances is not None:
        yield from ((frame(pack_block(instances.take(rows))), 1) for rows in blocks)


def join_instances(parts: Sequence[Instances]) -> Instances:
    """The instances of several blocks, one behind the other."""
    firsts = np.cumsum([0, *(len(part.token_ids) for part in parts[:-1])])
    return Instances(
        token_ids=np.concatenate([part.token_ids for part in parts]),
        flags=np.concatenate([part.flags for part in parts]),
        starts=np.concatenate([part.starts + first for part, first in zip(parts, firsts, strict=True)]),
        ends=np.concatenate([part.ends + first for part, first in zip(parts, firsts, strict=True)]),
        keys=np.concatenate([part.keys for part in parts]),
        sources=np.concatenate([part.sources for part in parts]),
    )
