"""The text of documents out of the Parquet files that hold it, and out of their manifests' accounts."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from albert_core.shards import MANIFEST
from pipelines import storage
from pipelines.accounts import Account
from pipelines.export import FOLDER as EXPORTED
from pipelines.export import export_part
from pipelines.manifest import documents_account
from pipelines.output_folder import CLEANED, DOCUMENTS
from pipelines.staged_files import StagedFiles
from pipelines.write_documents import count_kept, encode_part

REMOVED_REASON = "removed"
"""Under which an account has documents that were kept and then removed; no file of rejects repeats them."""


class RemovedText(NamedTuple):
    """What was found in a folder of documents."""

    document_ids: set[bytes]
    account: Account
    """What was kept of them, also by source."""


def text_folders(output: str) -> Iterator[str]:
    """The folders below an output folder that hold documents: `documents`, `cleaned/SOURCE`."""
    if storage.exists(storage.join(output, DOCUMENTS, MANIFEST)):
        yield DOCUMENTS
    pattern = storage.join(storage.as_pattern(output), CLEANED, "*", MANIFEST)
    yield from (f"{CLEANED}/{path.rsplit('/', 2)[-2]}" for path in storage.list_files(pattern))


def stage_text(output: str, folder: str, document_ids: set[bytes], staged: StagedFiles) -> RemovedText:
    """Writes the files of a folder of documents aside without some documents, with the manifest that goes with them."""
    manifest = storage.read_json(storage.join(output, folder, MANIFEST))
    found: set[bytes] = set()
    removed: Counter[str] = Counter()
    parts = []
    for part in manifest["parts"]:
        path, name = storage.join(output, folder, part["name"]), f"{folder}/{part['name']}"
        gone = find_documents(path, document_ids)
        if not pc.any(gone).as_py():
            parts.append(part)
            continue
        with storage.open_file(path) as file:
            table = pq.read_table(file)
        found.update(table["document_id"].filter(gone).to_pylist())
        removed.update(count_kept(table.filter(gone)))
        rest = table.filter(pc.invert(gone)).combine_chunks()
        exported = f"{EXPORTED}/{part['name'].replace('.parquet', '.jsonl')}" if folder == DOCUMENTS else ""
        is_exported = bool(exported) and storage.exists(storage.join(output, exported))
        if rest.num_rows == 0:  # empty files are not written by a build either
            staged.delete(name)
            staged.delete(exported) if is_exported else None
            continue
        content = encode_part(rest)
        storage.write(*staged.add(name), content.to_pybytes())
        sha256 = hashlib.sha256(content).hexdigest()
        parts.append(part | {"documents": rest.num_rows, "bytes": content.size, "sha256": sha256})
        if is_exported:
            below, _ = staged.add(exported)
            export_part(part["name"], storage.join(staged.aside, folder), below)
    if found:
        account = without_removed(manifest["account"], dict(removed))
        changed = manifest | {"account": account, "parts": parts}
        if "documents" in manifest:
            changed["documents"] = documents_account(account)
        below, last = staged.add(f"{folder}/{MANIFEST}")
        storage.write_json(below, last, changed)
    return RemovedText(found, dict(removed))


def find_documents(path: str, document_ids: set[bytes]) -> pa.BooleanArray:
    """Whether each row of a Parquet file is one of some documents. Reads the ids alone."""
    with storage.open_file(path) as file:
        column = pq.read_table(file, columns=["document_id"])["document_id"].combine_chunks()
    return pc.is_in(column, pa.array(sorted(document_ids), pa.binary(16)))


def without_removed(account: Account, removed: Account) -> Account:
    """An account after a removal: what was kept of the documents is not any more, and each is counted as rejected.

    `removed` is the account of the documents themselves; those of its counts that `account` has (by source or not) are taken from it.

    >>> without_removed({"documents.kept": 5, "documents.read": 6, "documents.rejected.empty": 1}, {"documents.kept": 2})
    {'documents.kept': 3, 'documents.read': 6, 'documents.rejected.empty': 1, 'documents.rejected.removed': 2}
    """
    total = Counter(account)
    for key, count in removed.items():
        if key not in account:
            continue
        total[key] -= count
        name, at, source = key.partition("@")
        if name == "documents.kept":
            total[f"documents.rejected.{REMOVED_REASON}{at}{source}"] += count
    return dict(sorted(total.items()))
