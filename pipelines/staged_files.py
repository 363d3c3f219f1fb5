"""Several files of a folder changed as one: written aside, listed in a journal, then put in place.

    FOLDER/removal/…            the new files, under the names they will have; the folder is still what it was
    FOLDER/removal.json         the journal: from here on the change is finished, by whoever comes next
    FOLDER/…                    what is listed is moved into its place; then the journal goes

A process that is killed before the journal is written leaves the old files, one that is killed after it is finished by `apply_journal`.
"""

import dataclasses
from typing import Any

from pipelines import storage
from pipelines.output_folder import REMOVAL

STAGED = "removal"


@dataclasses.dataclass
class StagedFiles:
    """What will change in a folder."""

    folder: str
    replaced: list[str] = dataclasses.field(default_factory=list)
    deleted: list[str] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        """Drops what an earlier process left that was killed before its journal was written."""
        storage.remove_folder(self.aside)

    @property
    def aside(self) -> str:
        """The folder where files wait, below it as in the folder itself."""
        return storage.join(self.folder, STAGED)

    def add(self, name: str) -> tuple[str, str]:
        """Folder and name to write the new file of `name`, a path below the folder such as documents/part-00000-of-00001.parquet."""
        self.replaced.append(name)
        below, _, last = name.rpartition("/")
        return storage.join(self.aside, *filter(None, (below,))), last

    def delete(self, name: str) -> None:
        """Has a file go, if it is there."""
        self.deleted.append(name)

    def commit(self, what: dict[str, Any]) -> dict[str, Any]:
        """Writes the journal, with `what` the change is for."""
        journal = {**what, "deleted": self.deleted, "replaced": self.replaced}
        storage.write_json(self.folder, REMOVAL, journal)
        return journal


def read_journal(folder: str) -> dict[str, Any] | None:
    """The journal of a change that has not been finished."""
    path = storage.join(folder, REMOVAL)
    return dict(storage.read_json(path)) if storage.exists(path) else None


def apply_journal(folder: str, journal: dict[str, Any]) -> None:
    """Deletes and moves what the journal says, in its order; what was done before is passed over."""
    aside = storage.join(folder, STAGED)
    there = {path.removeprefix(aside).lstrip("/") for path in storage.list_files(storage.join(storage.as_pattern(aside), "**"))}
    waiting = [name for name in journal["replaced"] if name in there]
    arrived = set(journal["replaced"]) - set(waiting)  # a file that goes first and comes again last must not go twice
    storage.remove(*(storage.join(folder, name) for name in journal["deleted"] if name not in arrived))
    pairs = [(storage.join(aside, name), storage.join(folder, name)) for name in waiting]
    storage.move_all(pairs[:-1])
    storage.move_all(pairs[-1:])  # the manifest: when it is there, so is all else
    storage.remove(storage.join(folder, REMOVAL))
    storage.remove_folder(storage.join(folder, STAGED))
