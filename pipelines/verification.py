"""Is a dataset what its manifest says? Digests, counts, indexes, and the invariants of every instance.

With the documents beside the shards, instances are compared with their text too (text_check.py): a few of each file, or all of them.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from albert_core.drawing import NUM_SPECIALS
from albert_core.errors import AlbertError
from albert_core.shards import (
    DOCUMENTS_SUFFIX,
    FEATURES,
    INDEX_SUFFIX,
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
from pipelines.document_index import Stretches
from pipelines.failures import FAILURE, read_failure
from pipelines.manifest import dataset_digest, documents_account
from pipelines.output_folder import CLEANED, DOCUMENTS, LOCK, REJECTS, REMOVAL, job_of_lock
from pipelines.remove_text import REMOVED_REASON
from pipelines.text_check import TextCheck
from pipelines.tracing import read_stretches, shard_of_entry, shards_of_documents

READ_BYTES = 8 << 20
MAX_LINES = 20  # about one file: a wrong index is wrong in every row


def verify(
    path: str,
    report: Callable[[int, int], None] = lambda done, total: None,
    *,
    thorough: bool = False,
    documents: str | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> list[str]:
    """Everything that differs from the manifest, one line each; empty if nothing does.

    Args:
      path: a dataset's folder.
      report: called with shards done and shards in all.
      thorough: compare every instance with the text of its document, not a few of each file. Tokenizes all documents once more.
      documents: the output folder in which the documents lie, if it is another.
      tell: called with what was compared with the text, for people.

    Raises:
      AlbertError: there is no manifest to compare with.
    """
    if storage.exists(storage.join(path, REMOVAL)):
        return [f"{REMOVAL}: a removal of documents was interrupted; albert-data remove {path} finishes it"]
    if (failure := read_failure(path)) is not None:
        return [f"{FAILURE}: the last job wrote no dataset: {str(failure).replace(chr(10), '; ')}"]
    if not storage.exists(storage.join(path, MANIFEST)) and (job := job_of_lock(path)):
        return [f"{LOCK}: {job} has not ended"]
    if not storage.exists(storage.join(path, MANIFEST)) and storage.exists(storage.join(path, DOCUMENTS, MANIFEST)):
        return check_documents(path)  # cleaned, and no shards yet
    dataset = Dataset.open(path, storage.KeptOpen())  # its blocks are read one after the other
    shards = dataset.manifest["shards"]
    differences = list(_check_totals(dataset))
    try:
        tokenizer = dataset.tokenizer
    except AlbertError as error:
        return [*differences, str(error).splitlines()[0]]
    differences += check_documents(path)
    if any(line.startswith(DOCUMENTS) for line in differences):
        return differences  # what is no file of documents cannot be compared with: said first, and enough
    text = TextCheck(dataset, thorough=thorough, folder=documents)
    if (thorough or documents) and not text.is_on:
        missing = f"holds no {DOCUMENTS}" if "documents" in shards[0] else "has no index beside its shards"
        raise AlbertError(f"{path} {missing}: there is no text to compare with\nname the folder that was cleaned into: --documents DIR")
    for number, shard in enumerate(shards):
        differences += _check_file(path, shard)
        stretches, of_index = _check_index(dataset, shard) if "documents" in shard else (None, [])
        differences += _some(of_index)
        if not any(line.startswith(shard["name"]) for line in differences):
            differences += _some(_check_instances(dataset, shard, tokenizer, stretches, text))
        report(number + 1, len(shards))
    tell(text.describe())
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
    rejected = documents_account(manifest["account"])["rejected"]
    counted = sum(rejected.values()) - rejected.get(REMOVED_REASON, 0)  # no file repeats what was removed
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
    listed = {shard["name"].removesuffix(SHARD_SUFFIX) for shard in shards}
    for suffix in (SHARD_SUFFIX, INDEX_SUFFIX, DOCUMENTS_SUFFIX):
        for file in storage.list_files(storage.join(storage.as_pattern(dataset.path), f"*{suffix}")):
            if (name := file.rsplit("/", 1)[-1]).removesuffix(suffix) not in listed:
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


def _check_index(dataset: Dataset, shard: dict[str, Any]) -> tuple[Stretches | None, list[str]]:
    """The index beside a shard, if it can be read, and what differs: its bytes, impossible stretches, documents of other shards."""
    if differences := list(_check_file(dataset.path, shard["documents"])):
        return None, differences
    name = shard["documents"]["name"]
    try:
        stretches = read_stretches(dataset, shard)
    except AlbertError as error:
        return None, [f"{name}: {str(error).splitlines()[0]}"]
    most = dataset.length_of(shard) - NUM_SPECIALS
    impossible = (stretches.first_token < 0) | (stretches.num_tokens < 2) | (stretches.num_tokens > most)
    differences = [f"{name}: row {row}: is a stretch that no instance of at most {most} tokens has" for row in np.flatnonzero(impossible)]
    strange = shards_of_documents(dataset, stretches.document_ids) != shard_of_entry(dataset, shard)
    differences += [f"{name}: document {stretches.document_ids[i].hex()} belongs in another shard" for i in np.flatnonzero(strange)]
    return stretches, differences


def _some(lines: Iterable[str]) -> Iterator[str]:
    """The first lines, and how many more there are."""
    every = list(lines)
    yield from every[:MAX_LINES]
    if len(every) > MAX_LINES:
        yield f"{every[0].split(':')[0]}: and {len(every) - MAX_LINES:,} more of these"


def _check_instances(
    dataset: Dataset, shard: dict[str, Any], tokenizer: Tokenizer, stretches: Stretches | None, text: TextCheck
) -> Iterator[str]:
    """Offsets of the blocks (read with them), counts and every instance of a shard whose bytes are right."""
    name = shard["name"]
    split = Split(dataset, [shard], dataset.length_of(shard))
    shorter = max((length for length in dataset.lengths if length < dataset.length_of(shard)), default=0)
    records = instances = 0
    for block in range(len(split.block_sizes)):
        try:
            features = split.read_block(block)
            records += len(features[INPUT_IDS]) if dataset.kind == "static" else len(split.read_records(block))
        except AlbertError as error:
            yield f"{name}: block {block}: {str(error).splitlines()[0]}"
            return
        lengths = features[INPUT_MASK].sum(axis=1)
        broken = broken_instances(features, tokenizer)
        broken += [(row, f"fits the length bin {shorter}") for row in np.flatnonzero(lengths <= shorter).tolist()]
        if stretches is not None:
            told = stretches.num_tokens[instances : instances + len(lengths)] + NUM_SPECIALS
            broken += [(row, f"has {lengths[row]} tokens, the index says {told[row]}") for row in np.flatnonzero(lengths != told).tolist()]
        if text.is_on and stretches is not None and not broken:
            broken += text.check(shard, instances, features)
        yield from (f"{name}: instance {instances + row}: {what}" for row, what in broken)
        instances += len(lengths)
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
