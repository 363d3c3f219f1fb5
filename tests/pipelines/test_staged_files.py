"""Several files changed as one."""

from pathlib import Path

from pipelines import storage
from pipelines.staged_files import StagedFiles, apply_journal, read_journal


def stage(folder: Path) -> StagedFiles:
    """One file that goes, one that comes, and one that goes first and comes again last."""
    (folder / "old.txt").write_text("old")
    (folder / "manifest.json").write_text("old")
    (folder / "below").mkdir()
    staged = StagedFiles(str(folder))
    for name in ("old.txt", "manifest.json", "never.txt"):
        staged.delete(name)
    storage.write(*staged.add("below/new.txt"), b"new")
    storage.write(*staged.add("manifest.json"), b"new")
    return staged


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_nothing_changes_before_the_journal_is_applied(tmp_path):
    staged = stage(tmp_path)
    assert read_journal(str(tmp_path)) is None
    staged.commit({"what": "a test"})
    assert read_journal(str(tmp_path)) == {
        "what": "a test",
        "deleted": ["old.txt", "manifest.json", "never.txt"],
        "replaced": ["below/new.txt", "manifest.json"],
    }
    assert (tmp_path / "old.txt").read_text() == (tmp_path / "manifest.json").read_text() == "old"


def test_a_journal_that_is_applied_twice_gives_the_same(tmp_path):
    journal = stage(tmp_path).commit({})
    for _ in range(2):
        apply_journal(str(tmp_path), journal)
        assert files(tmp_path) == {"below/new.txt": b"new", "manifest.json": b"new"}


def test_what_an_earlier_process_left_unfinished_is_dropped(tmp_path):
    stage(tmp_path)
    assert "removal/below/new.txt" in files(tmp_path)
    StagedFiles(str(tmp_path))
    assert files(tmp_path) == {"old.txt": b"old", "manifest.json": b"old"}
