"""From an instance to its document, and from a document to its instances, by the indexes beside the shards.

All copies of a document lie in one shard number, which its id and the seed decide: the way back reads that shard's indexes alone.
"""

import re
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

from albert_core.errors import AlbertError
from albert_core.shards import SHARD_SUFFIX, Dataset
from pipelines import storage
from pipelines.document_index import ID_BYTES, Stretches, decode_stretches
from pipelines.instances import assign_shards

_NAME = re.compile(rf"(train|eval)-(?:\d+-)?(\d+)-of-(\d+){re.escape(SHARD_SUFFIX)}")


class Stretch(NamedTuple):
    """Where an instance's text comes from: tokens [first_token, first_token + num_tokens) of a document."""

    document_id: bytes
    first_token: int
    num_tokens: int


class Place(NamedTuple):
    """Where an instance lies, and what it is made of."""

    shard: str  # file name
    instance: int  # number in it, from 0
    stretch: Stretch


def trace(dataset: Dataset, shard: str, instance: int) -> Stretch:
    """The document of an instance.

    Args:
      dataset: the dataset.
      shard: the file name of a shard, as its manifest lists it.
      instance: its number in the shard, from 0.

    Raises:
      AlbertError: there is no such shard or instance, or the index cannot be read.
    """
    entry = next((entry for entry in dataset.manifest["shards"] if entry["name"] == shard), None)
    if entry is None:
        names = [entry["name"] for entry in dataset.manifest["shards"]]
        raise AlbertError(f"{dataset.path} has no shard {shard}\nit has {names[0]} to {names[-1]}")
    if not 0 <= instance < entry["instances"]:
        raise AlbertError(f"{shard} has no instance {instance}\nit has {entry['instances']:,}, counted from 0")
    stretches = read_stretches(dataset, entry)
    return Stretch(stretches.id_of(instance), int(stretches.first_token[instance]), int(stretches.num_tokens[instance]))


def instances_of(dataset: Dataset, document_id: bytes) -> list[Place]:
    """The instances of a document, in the order of the shards; empty if it has none.

    Raises:
      AlbertError: an index cannot be read.
    """
    places = []
    for entry in shards_of(dataset, [document_id]):
        stretches = read_stretches(dataset, entry)
        for row in rows_of(stretches, {document_id}).tolist():
            stretch = Stretch(document_id, int(stretches.first_token[row]), int(stretches.num_tokens[row]))
            places.append(Place(entry["name"], row, stretch))
    return places


def rows_of(stretches: Stretches, document_ids: set[bytes]) -> np.ndarray:
    """int64: the instances of some documents, ascending."""
    wanted = [number for number, document_id in enumerate(stretches.document_ids) if document_id in document_ids]
    return np.flatnonzero(np.isin(stretches.document, wanted))


def shards_of(dataset: Dataset, document_ids: Collection[bytes]) -> list[dict[str, Any]]:
    """The shards of the manifest that may hold instances of some documents: one number for each document, in every length bin."""
    wanted = set(shards_of_documents(dataset, document_ids).tolist())
    return [entry for entry in dataset.manifest["shards"] if shard_of_entry(dataset, entry) in wanted]


def shards_of_documents(dataset: Dataset, document_ids: Collection[bytes]) -> np.ndarray:
    """int64: the number of the shard that each document belongs in, as `shard_of_entry` counts them."""
    if not document_ids:
        return np.zeros(0, np.int64)
    shards, parameters = dataset.manifest["shards"], dataset.parameters
    _, _, num_train = shard_number(shards[0]["name"])
    split, _, num_eval = shard_number(shards[-1]["name"])
    return assign_shards(list(document_ids), parameters["seed"], parameters["eval_fraction"], num_train, num_eval if split == "eval" else 0)


def shard_of_entry(dataset: Dataset, entry: dict[str, Any]) -> int:
    """The number of a shard of the manifest; held-out ones are counted behind the train shards."""
    split, number, _ = shard_number(entry["name"])
    return number + (shard_number(dataset.manifest["shards"][0]["name"])[2] if split == "eval" else 0)


def shard_number(name: str) -> tuple[str, int, int]:
    """Split, number and total of a shard's file name.

    >>> shard_number("train-128-00003-of-00012.tfrecord")
    ('train', 3, 12)
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise AlbertError(f"{name} is not the name of a shard\nit should be as train-00000-of-00012{SHARD_SUFFIX}")
    return found[1], int(found[2]), int(found[3])


def read_stretches(dataset: Dataset, entry: dict[str, Any]) -> Stretches:
    """The index of a shard of the manifest.

    Raises:
      AlbertError: the dataset has none, or it cannot be read, or is not as long as the shard.
    """
    if "documents" not in entry:
        raise AlbertError(f"{dataset.path} has no index of documents: an earlier version made it\nbuild it again with --overwrite")
    path = storage.join(dataset.path, entry["documents"]["name"])
    try:
        stretches = decode_stretches(storage.read(path))
        if len(stretches.document) != entry["instances"]:
            raise ValueError(f"it has {len(stretches.document):,} instances, the shard {entry['instances']:,}")
    except (OSError, ValueError) as error:
        raise AlbertError(f"{path} cannot be read: {error}\nbuild the dataset again, or copy the file anew") from error
    return stretches


def parse_document_id(text: str) -> bytes:
    """The id of a document from 32 hexadecimal digits, as `inspect` and JSON Lines name it.

    Raises:
      AlbertError: it is none.
    """
    try:
        document_id = bytes.fromhex(text.strip())
    except ValueError:
        document_id = b""
    if len(document_id) != ID_BYTES:
        what = f"{text!r} is not the id of a document: those have {2 * ID_BYTES} hexadecimal digits"
        raise AlbertError(f"{what}\nalbert-data inspect DIR names the documents of instances")
    return document_id
