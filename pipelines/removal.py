"""Documents out of a finished dataset: instances, index, text and accounts; what is left is as if they had never been read.

    albert-data remove DIR --document ID
        shards with instances of it     the bytes that a build of the other documents writes, blocks cut anew
        documents/, cleaned/SOURCE/     the text goes; the accounts have it as rejected, reason "removed"
        manifest.json                   new counts and digests, "removed"; the statistics stay those of the build
        removed.txt                     the ids: a later cleaning would bring the text back, and is refused

The new files are written aside first, so the dataset stays whole until all are there; then its manifest goes, they take their places, and
the new manifest comes last. A process killed in between is finished by the same command. Rejects are not touched: of a document's exact
copies they repeat the first characters.
"""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import numpy as np

from albert_core.shards import MANIFEST, Dataset
from pipelines import storage
from pipelines.dataset_card import dataset_card
from pipelines.errors import BuildError
from pipelines.manifest import dataset_digest, documents_account
from pipelines.output_folder import CARD, DOCUMENTS, REMOVAL, REMOVED, REPORT, lock
from pipelines.remove_instances import stage_shard
from pipelines.remove_text import RemovedText, stage_text, text_folders, without_removed
from pipelines.staged_files import StagedFiles, apply_journal, read_journal
from pipelines.tracing import parse_document_id, read_stretches, rows_of, shards_of

MAX_NAMED = 3  # ids in a message


def remove_documents(path: str, document_ids: Collection[bytes]) -> dict[str, Any]:
    """Removes documents from a finished dataset, or from cleaned documents that have no shards yet.

    Args:
      path: the folder.
      document_ids: of 16 bytes each; those that were removed before are passed over. None at all finishes a removal that was interrupted.

    Returns:
      documents, instances, shards that were rewritten, digest (None without shards), folders whose text went; before: ids passed over.

    Raises:
      BuildError: the folder holds no dataset; a document is not in it; another removal was interrupted. Nothing has changed.
      AlbertError: a shard or its index cannot be read. Nothing has changed.
    """
    known = [storage.join(path, *names) for names in ((MANIFEST,), (DOCUMENTS, MANIFEST), (REMOVAL,))]
    if not any(map(storage.exists, known)):
        raise BuildError(f"{path} holds neither a finished dataset nor finished documents\nname the --output folder of a build")
    with lock(path):
        wanted = set(document_ids)
        if (journal := read_journal(path)) is not None:
            begun = set(map(parse_document_id, journal["documents"]))
            if wanted and (begun - wanted or wanted - begun - read_removed(path)):
                what = f"a removal of {len(begun):,} other documents was interrupted"
                raise BuildError(f"{path}: {what}\nfinish it first: albert-data remove {path}")
        else:
            before = read_removed(path)
            journal = _stage(path, wanted - before, before, num_before=len(wanted & before))
        if journal["documents"]:
            apply_journal(path, journal)
        return dict(journal["summary"])


def read_ids(texts: Iterable[str], paths: Iterable[str]) -> set[bytes]:
    """The ids that a person names, and those in files, one a line; blank lines do not count.

    Raises:
      BuildError: a file cannot be read, or holds none.
      AlbertError: one is no id.
    """
    ids = set(map(parse_document_id, texts))
    for path in paths:
        try:
            lines = storage.read(path).decode("utf-8-sig").split()
        except (OSError, UnicodeDecodeError) as error:
            raise BuildError(
                f"--documents {path} cannot be read: {error}\ngive a text file with the id of a document on each line"
            ) from error
        if not lines:
            raise BuildError(f"--documents {path} holds no id\ngive a text file with the id of a document on each line")
        ids.update(map(parse_document_id, lines))
    return ids


def read_removed(path: str) -> set[bytes]:
    """The documents that were removed from a folder before."""
    listed = storage.join(path, REMOVED)
    return set(map(parse_document_id, storage.read(listed).decode().split())) if storage.exists(listed) else set()


class RemovedInstances(NamedTuple):
    """What changes in a dataset's shards."""

    manifest: dict[str, Any]
    """The new one."""
    num_instances: int
    num_shards: int
    document_ids: set[bytes]
    """Those that had instances."""


def _stage(path: str, wanted: set[bytes], before: set[bytes], *, num_before: int) -> dict[str, Any]:
    """Writes all that changes aside, then the journal, which is returned; until then the folder is as it was."""
    if not wanted and not num_before:
        raise BuildError(f"{path}: no document is named, and no removal was interrupted\ngive --document ID, or --documents FILE")
    summary: dict[str, Any] = {"documents": len(wanted), "instances": 0, "shards": 0, "digest": None, "folders": [], "before": num_before}
    if not wanted:
        return {"documents": [], "summary": summary}
    staged = StagedFiles(path)
    try:
        staged.delete(MANIFEST)  # first: while shards are exchanged there is no dataset
        staged.delete(REPORT)  # it shows text
        texts = {folder: stage_text(path, folder, wanted, staged) for folder in text_folders(path)}
        shards = _stage_shards(path, wanted, texts.get(DOCUMENTS), staged) if storage.exists(storage.join(path, MANIFEST)) else None
        found = [text.document_ids for text in texts.values()] + ([shards.document_ids] if shards else [])
        _require_found(path, wanted - set().union(*found))
        ids = sorted(document_id.hex() for document_id in wanted)
        listed = sorted({*ids, *(document_id.hex() for document_id in before)})
        storage.write(*staged.add(REMOVED), "".join(f"{text}\n" for text in listed).encode())
        summary["folders"] = [folder for folder, text in texts.items() if text.document_ids]
        if shards is not None:
            summary |= {"instances": shards.num_instances, "shards": shards.num_shards, "digest": shards.manifest["digest"]}
            storage.write(*staged.add(CARD), dataset_card(shards.manifest).encode())
            storage.write_json(*staged.add(MANIFEST), shards.manifest)  # last
        return staged.commit({"documents": ids, "summary": summary})
    except BaseException:
        storage.remove_folder(staged.aside)
        raise


def _stage_shards(path: str, wanted: set[bytes], text: RemovedText | None, staged: StagedFiles) -> RemovedInstances:
    """The shards that hold instances of some documents, and what the manifest then says."""
    dataset = Dataset.open(path, storage.open_file)
    old = dataset.manifest
    candidates = [shard["name"] for shard in shards_of(dataset, wanted)]
    shards, with_instances, num_instances, num_shards = [], set(), 0, 0
    for shard in old["shards"]:
        stretches = read_stretches(dataset, shard) if shard["name"] in candidates else None
        rows = np.zeros(0, np.int64) if stretches is None else rows_of(stretches, wanted)
        if stretches is None or not len(rows):
            shards.append(shard)
            continue
        shards.append(stage_shard(dataset, shard, stretches, rows, staged))
        with_instances |= {stretches.id_of(row) for row in rows.tolist()}
        num_instances += len(rows)
        num_shards += 1
    earlier = old.get("removed", {"documents": 0, "instances": 0})
    of_dataset = with_instances | (text.document_ids if text else set())
    manifest = old | {
        "digest": dataset_digest(shards),
        "instances": old["instances"] - num_instances,
        "shards": shards,
        "removed": {
            "documents": earlier["documents"] + len(of_dataset),
            "instances": earlier["instances"] + num_instances,
            "note": "the statistics are those of the build, with what was removed since",
        },
    }
    if text is not None:  # without the text nobody knows its length: a copy of the shards alone keeps the account of the build
        account = without_removed(old["account"], text.account)
        without_instances = old["documents"]["without_instances"] - len(text.document_ids - with_instances)
        manifest |= {"account": account, "documents": documents_account(account) | {"without_instances": without_instances}}
    return RemovedInstances(manifest, num_instances, num_shards, with_instances)


def _require_found(path: str, missing: set[bytes]) -> None:
    if missing:
        names = sorted(document_id.hex() for document_id in missing)
        more = f" and {len(names) - MAX_NAMED:,} more" if len(names) > MAX_NAMED else ""
        raise BuildError(
            f"{path} holds no document {', '.join(names[:MAX_NAMED])}{more}; nothing was removed"
            "\nalbert-data inspect names the documents of instances; leave out those that are not here"
        )
