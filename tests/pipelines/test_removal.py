"""Documents out of a finished dataset: what is left is what a build without them writes, whatever happens on the way."""

import contextlib
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from albert_core.errors import AlbertError
from albert_core.shards import Dataset
from pipelines import storage
from pipelines.build import BuildConfig, run_build
from pipelines.cleaning import CleaningConfig, run_clean
from pipelines.errors import BuildError
from pipelines.instances import InstancesConfig
from pipelines.removal import remove_documents
from pipelines.tracing import instances_of, read_stretches
from pipelines.verification import verify
from tests.pipelines.small_builds import ONE_WORKER, small_build
from tests.samples import ENCYCLOPEDIA, NEWS

KINDS = {
    "static": {"dupe_factor": 3, "num_shards": 3},
    "static in bins": {"dupe_factor": 3, "num_shards": 2, "length_bins": (24, 48, 64)},
    "dynamic": {"kind": "dynamic", "dupe_factor": 1, "num_shards": 3},
    "dynamic in bins": {"kind": "dynamic", "dupe_factor": 1, "num_shards": 1, "length_bins": (24, 48, 64)},
}


def ids_in(folder: Path) -> dict[bytes, str]:
    """The documents of a folder of Parquet files, and their texts."""
    rows = [row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    return {row["document_id"]: row["text"] for row in rows}


def chosen(output: Path, count: int = 4) -> set[bytes]:
    """Some documents: every so many of them, and one that is held out."""
    ids = sorted(ids_in(output / "documents"))
    dataset = Dataset.open(output)
    held_out = {
        document_id
        for shard in dataset.manifest["shards"]
        if shard["name"].startswith("eval-")
        for document_id in read_stretches(dataset, shard).document_ids
    }
    return {*ids[:: len(ids) // count], min(held_out)}


def contents(output: Path) -> dict[str, bytes]:
    return {path.relative_to(output).as_posix(): path.read_bytes() for path in sorted(output.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """One dataset of each kind, of two sources."""
    folder = tmp_path_factory.mktemp("datasets")
    for name, changes in KINDS.items():
        run_build(small_build(folder / name, [ENCYCLOPEDIA, NEWS], changes), ONE_WORKER)
    return folder


@pytest.fixture
def static(built, tmp_path) -> Path:
    return Path(shutil.copytree(built / "static", tmp_path / "static"))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_left_is_what_a_build_without_the_documents_writes(built, tmp_path, kind):
    output = Path(shutil.copytree(built / kind, tmp_path / "removed"))
    wanted = chosen(output)
    count = sum(len(instances_of(Dataset.open(output), document_id)) for document_id in wanted)
    summary = remove_documents(str(output), wanted)
    assert (summary["documents"], summary["instances"]) == (len(wanted), count)
    assert verify(str(output), thorough=True) == []
    left = {document_id: instances_of(Dataset.open(output), document_id) for document_id in wanted}
    assert left == {document_id: [] for document_id in wanted}

    # The clean documents themselves as the corpora of a second build: cleaning leaves them as they are.
    corpora = write_corpora(output, wanted, tmp_path)
    run_build(small_build(tmp_path / "rest", corpora, KINDS[kind]), ONE_WORKER)
    assert ids_in(tmp_path / "rest" / "documents") == ids_in(output / "documents")
    suffixes = (".tfrecord", ".index.npy", ".documents.parquet")
    expected, found = (
        {path.name: path.read_bytes() for path in folder.iterdir() if path.name.endswith(suffixes)}
        for folder in (tmp_path / "rest", output)
    )
    assert len(found) >= 3 * 4
    assert found == expected


def write_corpora(output: Path, without: set[bytes], folder: Path) -> list[Path]:
    """The documents of a dataset but for some, as a JSON Lines file for each source, under its name."""
    rows = [row for path in sorted((output / "documents").glob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    corpora = []
    for source in ("encyclopedia", "news"):
        lines = [
            json.dumps({"text": row["text"]}, ensure_ascii=False) + "\n"
            for row in rows
            if row["source"] == source and row["document_id"] not in without
        ]
        corpora.append(folder / f"{source}.jsonl")
        corpora[-1].write_text("".join(lines), "utf-8")
    return corpora


def test_the_manifest_says_what_went_and_the_accounts_still_add_up(static):
    before = json.loads((static / "manifest.json").read_text("utf-8"))
    wanted = chosen(static)
    summary = remove_documents(str(static), wanted)
    after = json.loads((static / "manifest.json").read_text("utf-8"))
    assert after["removed"]["documents"] == len(wanted)
    assert after["removed"]["instances"] == summary["instances"] == before["instances"] - after["instances"] > 0
    assert after["documents"]["rejected"]["removed"] == len(wanted)
    assert after["documents"]["kept"] == before["documents"]["kept"] - len(wanted)
    assert after["statistics"] == before["statistics"]
    assert (after["fingerprint"], after["documents_fingerprint"]) == (before["fingerprint"], before["documents_fingerprint"])
    assert after["digest"] == summary["digest"] != before["digest"]
    documents = json.loads((static / "documents" / "manifest.json").read_text("utf-8"))
    assert documents["account"] == after["account"]
    assert sum(part["documents"] for part in documents["parts"]) == after["documents"]["kept"]
    texts = ids_in(static / "documents").values()
    assert documents["account"]["characters.kept"] == sum(map(len, texts))
    assert documents["account"]["bytes.kept"] == sum(len(text.encode()) for text in texts)
    assert f"{after['instances']:,} static instances" in (static / "README.md").read_text("utf-8")


def test_the_text_is_gone_from_every_file(static):
    wanted = chosen(static)
    gone = [text for document_id, text in ids_in(static / "documents").items() if document_id in wanted]
    run_clean(small_build(static, [ENCYCLOPEDIA, NEWS], {}).cleaning, ONE_WORKER, export=True)
    summary = remove_documents(str(static), wanted)
    assert summary["folders"] == ["documents", "cleaned/encyclopedia", "cleaned/news"]
    exported = "".join(path.read_text("utf-8") for path in (static / "jsonl").glob("*.jsonl"))
    assert exported.count("\n") == len(ids_in(static / "documents"))
    kept = [*ids_in(static / "documents").values()]
    kept += [text for folder in (static / "cleaned").iterdir() for text in ids_in(folder).values()]
    for text in gone:
        assert text not in kept
        assert json.dumps(text, ensure_ascii=False) not in exported
    assert verify(str(static)) == []


def test_the_same_build_again_leaves_them_out_and_a_new_cleaning_is_refused(static):
    again = small_build(static, [ENCYCLOPEDIA, NEWS], KINDS["static"])
    wanted = chosen(static)
    digest = remove_documents(str(static), wanted)["digest"]
    assert run_build(again, ONE_WORKER)["digest"] == digest
    other = small_build(static, [ENCYCLOPEDIA], KINDS["static"])
    for overwrite in (False, True):
        changed = BuildConfig(cleaning=CleaningConfig(**vars(other.cleaning) | {"overwrite": overwrite}), instances=other.instances)
        message = r"documents were removed from it.*\n.*removed\.txt" if overwrite else "finished dataset of another corpus"
        with pytest.raises(BuildError, match=message):
            run_build(changed, ONE_WORKER)
    assert Dataset.open(static).manifest["digest"] == digest
    reseeded = InstancesConfig(**vars(again.instances) | {"seed": 3})  # other shards of the documents that are left
    cleaning = CleaningConfig(**vars(again.cleaning) | {"overwrite": True})
    run_build(BuildConfig(cleaning=cleaning, instances=reseeded), ONE_WORKER)
    assert all(instances_of(Dataset.open(static), document_id) == [] for document_id in wanted)
    assert verify(str(static), thorough=True) == []


def test_a_second_removal_adds_to_the_first(static):
    first, second = sorted(chosen(static))[:2]
    remove_documents(str(static), [first])
    summary = remove_documents(str(static), [first, second])
    assert (summary["documents"], summary["before"]) == (1, 1)
    manifest = json.loads((static / "manifest.json").read_text("utf-8"))
    assert manifest["removed"]["documents"] == 2
    assert (static / "removed.txt").read_text() == f"{first.hex()}\n{second.hex()}\n"
    before = contents(static)
    assert remove_documents(str(static), [second, first])["before"] == 2
    assert contents(static) == before


def test_an_id_that_is_not_there_is_named_and_nothing_changes(static):
    before = contents(static)
    with pytest.raises(BuildError, match=f"holds no document {bytes(16).hex()}; nothing was removed"):
        remove_documents(str(static), [*chosen(static), bytes(16)])
    assert contents(static) == before


def test_a_damaged_shard_stops_a_removal_before_anything_changes(static):
    wanted = min(chosen(static))
    shard = static / instances_of(Dataset.open(static), wanted)[0].shard
    shard.write_bytes(shard.read_bytes()[:-1])
    before = contents(static)
    with pytest.raises(AlbertError, match=r"cannot be read: its SHA-256 is not that of the manifest"):
        remove_documents(str(static), [wanted])
    assert contents(static) == before


class DyingSteps:
    """Operations that work until the step `killed_at`; from then on nothing does, as in a dead process."""

    def __init__(self, killed_at: int):
        self.killed_at, self.done = killed_at, 0

    def counted(self, operation):
        def step(*arguments, **keywords):
            self.done += 1
            if 0 < self.killed_at <= self.done:
                raise KeyboardInterrupt
            return operation(*arguments, **keywords)

        return step


def test_a_removal_killed_anywhere_is_finished_by_the_same_command(built, tmp_path, monkeypatch):
    wanted = chosen(built / "static")
    whole = Path(shutil.copytree(built / "static", tmp_path / "whole"))
    remove_documents(str(whole), wanted)
    expected = contents(whole)
    for killed_at in range(100):
        output = Path(shutil.copytree(built / "static", tmp_path / "killed"))
        steps = DyingSteps(killed_at)
        with monkeypatch.context() as patch:
            for name in ("move", "remove", "remove_folder", "write_json"):
                patch.setattr(storage, name, steps.counted(getattr(storage, name)))
            with contextlib.suppress(KeyboardInterrupt):
                remove_documents(str(output), wanted)
        if steps.done >= killed_at > 0:
            if not (output / "manifest.json").exists():
                with pytest.raises(BuildError, match="a removal of documents was interrupted"):
                    run_build(small_build(output, [ENCYCLOPEDIA, NEWS], KINDS["static"]), ONE_WORKER)
                with pytest.raises(BuildError, match="other documents was interrupted"):
                    remove_documents(str(output), [bytes(16)])
                assert "removal.json: a removal of documents was interrupted" in verify(str(output))[0]
            elif not (output / "removal.json").exists() and not (output / "removed.txt").exists():
                assert verify(str(output)) == []  # not begun
            remove_documents(str(output), wanted)
        assert contents(output) == expected, killed_at
        shutil.rmtree(output)
        if steps.done < killed_at:
            break
    else:
        pytest.fail("a removal takes more steps than were tried")
    assert killed_at > 20


def test_a_growing_list_finishes_what_it_began(static, monkeypatch):
    first, second, third = sorted(chosen(static))[:3]
    remove_documents(str(static), [first])
    steps = DyingSteps(1)
    with monkeypatch.context() as patch:
        patch.setattr(storage, "move", steps.counted(storage.move))
        with pytest.raises(KeyboardInterrupt):
            remove_documents(str(static), [first, second])
    for other in ([third], [first], [second, third]):
        with pytest.raises(BuildError, match="a removal of 1 other documents was interrupted"):
            remove_documents(str(static), other)
    assert remove_documents(str(static), [first, second])["documents"] == 1
    assert verify(str(static)) == []
    assert (static / "removed.txt").read_text() == f"{first.hex()}\n{second.hex()}\n"


def test_an_interrupted_removal_is_finished_without_naming_it_again(static, monkeypatch):
    wanted = chosen(static)
    with monkeypatch.context() as patch:
        patch.setattr(storage, "move", DyingSteps(1).counted(storage.move))
        with pytest.raises(KeyboardInterrupt):
            remove_documents(str(static), wanted)
    assert remove_documents(str(static), [])["documents"] == len(wanted)
    assert verify(str(static), thorough=True) == []


def test_documents_without_shards_can_be_removed(built, tmp_path):
    for name in ("documents", "cleaned", "rejects"):
        shutil.copytree(built / "static" / name, tmp_path / name)
    wanted = min(chosen(built / "static"))
    summary = remove_documents(str(tmp_path), [wanted])
    assert (summary["documents"], summary["instances"], summary["digest"]) == (1, 0, None)
    assert wanted not in ids_in(tmp_path / "documents")
    assert verify(str(tmp_path)) == []


def test_shards_without_documents_keep_the_account_of_the_build(static):
    wanted = min(chosen(static))
    before = Dataset.open(static).manifest
    shutil.rmtree(static / "documents")
    shutil.rmtree(static / "cleaned")
    summary = remove_documents(str(static), [wanted])
    after = Dataset.open(static).manifest
    assert summary["instances"] == before["instances"] - after["instances"] > 0
    assert after["account"] == before["account"]
    assert verify(str(static)) == []


def test_every_copy_of_a_text_goes_though_only_one_was_kept(tmp_path):
    text = json.loads(ENCYCLOPEDIA.read_text("utf-8").splitlines()[0])["text"]
    for name in ("first", "second"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"text": text}, ensure_ascii=False), "utf-8")
    output = tmp_path / "out"
    build = small_build(output, [NEWS, tmp_path / "first.jsonl", tmp_path / "second.jsonl"], KINDS["static"])
    rejected = run_build(build, ONE_WORKER)["documents"]["rejected"]
    (wanted,) = ids_in(output / "cleaned" / "second")
    assert wanted in ids_in(output / "documents")
    assert remove_documents(str(output), [wanted])["folders"] == ["documents", "cleaned/first", "cleaned/second"]
    manifest = json.loads((output / "manifest.json").read_text("utf-8"))
    assert manifest["documents"]["rejected"] == rejected | {"removed": 1}  # the copy was rejected before, and is still that
    assert verify(str(output), thorough=True) == []


def test_nothing_to_remove_and_nowhere_to_remove_from(static, tmp_path):
    with pytest.raises(BuildError, match="no document is named, and no removal was interrupted"):
        remove_documents(str(static), [])
    with pytest.raises(BuildError, match="holds neither a finished dataset nor finished documents"):
        remove_documents(str(tmp_path / "nowhere"), [bytes(16)])
    assert not (tmp_path / "nowhere").exists()


def test_all_documents_of_a_source_leave_a_dataset_of_the_other(static):
    news = {document_id for document_id in ids_in(static / "cleaned" / "news") if document_id in ids_in(static / "documents")}
    remove_documents(str(static), news)
    assert verify(str(static), thorough=True) == []
    assert not list((static / "cleaned" / "news").glob("*.parquet"))
    assert np.sum([shard["instances"] for shard in Dataset.open(static).manifest["shards"]]) > 0
