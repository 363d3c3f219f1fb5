"""Is a dataset what its manifest says? Digests, counts, indexes, and the invariants of every instance."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from albert_core.errors import AlbertError
from albert_core.shards import (
    FEATURES,
    INPUT_IDS,
    INPUT_MASK,
    MANIFEST,
    MASKED_LM_IDS,
    MASKED_LM_POSITIONS,
    MASKED_LM_WEIGHTS,
    NEXT_SENTENCE_LABELS,
    SEGMENT_IDS,
    SHARD_SUFFIX,
    Dataset,
    Split,
)
from albert_core.tokenization import Tokenizer
from pipelines import storage
from pipelines.manifest import dataset_digest, documents_account
from pipelines.output_folder import CLEANED, DOCUMENTS, REJECTS

READ_BYTES = 8 << 20


def verify(path: str, report: Callable[[int, int], None] = lambda done, total: None) -> list[str]:
    """Everything that differs from the manifest, one line each; empty if nothing does.

    Args:
      path: a dataset's folder.
      report: called with shards done and shards in all.

    Raises:
      AlbertError: there is no manifest to compare with.
    """
    if not storage.exists(storage.join(path, MANIFEST)) and storage.exists(storage.join(path, DOCUMENTS, MANIFEST)):
        return check_documents(path)  # cleaned, and no shards yet
    dataset = Dataset.open(path)
    shards = dataset.manifest["shards"]
    differences = list(_check_totals(dataset))
    try:
        tokenizer = dataset.tokenizer
    except AlbertError as error:
        return [*differences, str(error).splitlines()[0]]
    differences += check_documents(path)
    for number, shard in enumerate(shards):
        differences += _check_file(path, shard)
        if not any(line.startswith(shard["name"]) for line in differences):
            differences += _check_instances(dataset, shard, tokenizer)
        report(number + 1, len(shards))
    return differences


def check_documents(path: str) -> list[str]:
    """What differs from the manifest of the documents; nothing if the folder has none, as a copy of the shards alone."""
    if not storage.exists(storage.join(path, DOCUMENTS, MANIFEST)):
        return []
    documents = _read_manifest(path, DOCUMENTS)
    if not documents:
        return [f"{DOCUMENTS}/{MANIFEST}: not JSON"]
    differences = list(_check_account(DOCUMENTS, documents))
    if storage.exists(storage.join(path, MANIFEST)):
        made_of = _read_manifest(path).get("documents_fingerprint")
        if made_of is not None and made_of != documents["fingerprint"]:
            differences.append(f"manifest: its shards were made of other documents than {DOCUMENTS} holds")
    differences += _check_files(path, DOCUMENTS, documents["parts"])
    for source in documents["sources"]:
        differences += _check_source(path, source["name"])
    by_folder: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for file in documents.get("rejects", ()):
        by_folder[file["folder"]].append(file)
    for name, files in sorted(by_folder.items()):
        differences += _check_files(path, f"{REJECTS}/distinct/{name}", files)
    return differences


def _check_source(path: str, name: str) -> Iterator[str]:
    """The clean documents of a source and its rejects, if its manifest is there: a copy may do without."""
    folder = f"{CLEANED}/{name}"
    if not storage.exists(storage.join(path, folder, MANIFEST)):
        return
    manifest = _read_manifest(path, folder)
    if not manifest:
        yield f"{folder}/{MANIFEST}: not JSON"
        return
    yield from _check_account(folder, manifest)
    yield from _check_files(path, folder, manifest["parts"])
    if "rejects" not in manifest:
        return
    yield from _check_files(path, f"{REJECTS}/clean/{name}", manifest["rejects"])
    counted = sum(documents_account(manifest["account"])["rejected"].values())
    if (listed := sum(file["documents"] for file in manifest["rejects"])) != counted:
        yield f"{folder}: {counted:,} documents rejected, the files of rejects have {listed:,}"


def _read_manifest(path: str, *folders: str) -> dict[str, Any]:
    """What a manifest says; nothing if it is damaged."""
    try:
        return dict(storage.read_json(storage.join(path, *folders, MANIFEST)))
    except (ValueError, TypeError):
        return {}


def _check_account(name: str, manifest: dict[str, Any]) -> Iterator[str]:
    """Whether each document is accounted for, and those that were kept are in the files."""
    account = documents_account(manifest["account"])
    if (accounted := account["kept"] + sum(account["rejected"].values())) != account["read"]:
        yield f"{name}: {account['read']:,} documents read, {accounted:,} accounted for"
    if (total := sum(part["documents"] for part in manifest["parts"])) != account["kept"]:
        yield f"{name}: {account['kept']:,} documents kept, the files have {total:,}"


def _check_files(path: str, folder: str, files: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Files of a folder that are not as they are listed, and such as are not listed at all."""
    for file in files:
        for difference in _check_file(storage.join(path, folder), file):
            yield f"{folder}/{difference}"
    listed = {file["name"] for file in files}
    for suffix in (".parquet", ".jsonl"):
        for found in storage.list_files(storage.join(storage.as_pattern(path), folder, f"*{suffix}")):
            if (name := found.rsplit("/", 1)[-1]) not in listed:
                yield f"{folder}/{name}: not in the manifest"


def _check_totals(dataset: Dataset) -> Iterator[str]:
    manifest, shards = dataset.manifest, dataset.manifest["shards"]
    if (digest := dataset_digest(shards)) != manifest["digest"]:
        yield f"manifest: digest {manifest['digest'][:12]}…, its shards give {digest[:12]}…"
    if (total := sum(shard["instances"] for shard in shards)) != manifest["instances"]:
        yield f"manifest: {manifest['instances']:,} instances, its shards have {total:,}"
    documents = manifest["documents"]
    if (accounted := documents["kept"] + sum(documents["rejected"].values())) != documents["read"]:
        yield f"manifest: {documents['read']:,} documents read, {accounted:,} accounted for"
    listed = {shard["name"] for shard in shards}
    for file in storage.list_files(storage.join(storage.as_pattern(dataset.path), f"*{SHARD_SUFFIX}")):
        if (name := file.rsplit("/", 1)[-1]) not in listed:
            yield f"{name}: not in the manifest"


def _check_file(folder: str, shard: dict[str, Any]) -> Iterator[str]:
    """Size and digest of a shard, or another file that a manifest lists."""
    digest, size = hashlib.sha256(), 0
    try:
        with storage.open_file(storage.join(folder, shard["name"])) as file:
            while content := file.read(READ_BYTES):
                digest.update(content)
                size += len(content)
    except OSError as error:
        yield f"{shard['name']}: cannot be read: {error}"
        return
    if size != shard["bytes"]:
        yield f"{shard['name']}: {size:,} bytes, the manifest says {shard['bytes']:,}"
    elif digest.hexdigest() != shard["sha256"]:
        yield f"{shard['name']}: SHA-256 {digest.hexdigest()[:12]}…, the manifest says {shard['sha256'][:12]}…"


def _check_instances(dataset: Dataset, shard: dict[str, Any], tokenizer: Tokenizer) -> Iterator[str]:
    """Index (read with the blocks), counts and every instance of a shard whose bytes are right."""
    name = shard["name"]
    split = Split(dataset, [shard])
    records = instances = 0
    for block in range(len(split.block_sizes)):
        try:
            records += len(split.read_records(block))
            features = split.read_block(block)
        except AlbertError as error:
            yield f"{name}: block {block}: {str(error).splitlines()[0]}"
            return
        for row, what in broken_instances(features, tokenizer):
            yield f"{name}: instance {instances + row}: {what}"
        instances += len(features[INPUT_IDS])
    if (records, instances) != (shard["records"], shard["instances"]):
        yield f"{name}: {records:,} records of {instances:,} instances, the manifest says {shard['records']:,} of {shard['instances']:,}"


def broken_instances(features: dict[str, np.ndarray], tokenizer: Tokenizer) -> list[tuple[int, str]]:
    """Rows of a block that break the form [CLS] A [SEP] B [SEP] or the law of masks, with what is broken."""
    ids, mask, segments = features[INPUT_IDS], features[INPUT_MASK], features[SEGMENT_IDS]
    positions, labels, weights = features[MASKED_LM_POSITIONS], features[MASKED_LM_IDS], features[MASKED_LM_WEIGHTS]
    rows = np.arange(len(ids))
    lengths = mask.sum(axis=1)
    column, prediction = np.arange(ids.shape[1]), np.arange(labels.shape[1])
    count = weights.sum(axis=1).astype(np.int64)
    real = prediction < count[:, None]
    first_of_b = ids.shape[1] - segments[:, ::-1].argmax(axis=1) - segments.sum(axis=1)
    covered = np.take_along_axis(ids, positions, axis=1)
    specials = [tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id]
    checks = {
        "does not begin with [CLS]": ids[:, 0] != tokenizer.cls_id,
        "does not end with [SEP]": ids[rows, np.maximum(lengths - 1, 0)] != tokenizer.sep_id,
        "has no [SEP] before segment B": ids[rows, np.clip(first_of_b - 1, 0, ids.shape[1] - 1)] != tokenizer.sep_id,
        "has not two [SEP]": (ids == tokenizer.sep_id).sum(axis=1) != 2,
        "has a gap in its mask": (mask != (column < lengths[:, None])).any(axis=1),
        "has tokens in its padding": ((ids != tokenizer.pad_id) & (mask == 0)).any(axis=1),
        "has a segment that is not one run": (segments != ((column >= first_of_b[:, None]) & (column < lengths[:, None]))).any(axis=1),
        "has an order label other than 0 and 1": ~np.isin(features[NEXT_SENTENCE_LABELS][:, 0], (0, 1)),
        "has a gap in its weights": (weights != real).any(axis=1),
        "has positions that do not ascend": ((np.diff(positions, axis=1) <= 0) & real[:, 1:]).any(axis=1),
        "has a position beyond its text": ((positions >= lengths[:, None]) & real).any(axis=1),
        "masks a special token": (np.isin(covered, [tokenizer.cls_id, tokenizer.sep_id]) & real).any(axis=1),
        "has a special token as a label": (np.isin(labels, specials) & real).any(axis=1),
        "has values behind its predictions": (((positions != 0) | (labels != 0)) & ~real).any(axis=1),
        "has ids beyond the vocabulary": (ids >= tokenizer.size).any(axis=1) | (labels >= tokenizer.size).any(axis=1),
    }
    assert set(FEATURES) == set(features)
    return [(int(row), what) for what, broken in checks.items() for row in np.flatnonzero(broken)]
