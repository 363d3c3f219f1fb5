"""`verify --thorough`, `remove` and `--length-bins` as a user meets them."""

import json

import pyarrow.parquet as pq
import pytest

from tests.samples import NEWS, write_vocabulary


@pytest.fixture
def shards(albert_data, tmp_path):
    """A dataset of the news, in two length bins."""
    output = tmp_path / "shards"
    options = ["--max-seq-length", 64, "--dupe-factor", 1, "--length-bins", "32,64"]
    code, _, err = albert_data("build", "--corpus", NEWS, "--vocab", write_vocabulary(tmp_path), "--output", output, *options)
    assert code == 0, err
    return output


def ids_of(output) -> list[str]:
    table = pq.read_table(next((output / "documents").glob("*.parquet")), columns=["document_id"])
    return [document_id.hex() for document_id in table["document_id"].to_pylist()]


def test_every_instance_is_compared_when_asked(albert_data, shards):
    count = json.loads((shards / "manifest.json").read_text("utf-8"))["instances"]
    compared = f"{count:,} instances were compared with the text of their documents, words and sentences too"
    assert albert_data("verify", shards, "--thorough")[:2] == (0, f"{shards}: everything is as the manifest says\n{compared}\n")
    answer = json.loads(albert_data("verify", shards, "--thorough", "--json")[1])
    assert answer == {"path": str(shards), "ok": True, "differences": [], "compared": [compared]}


def test_documents_are_removed_by_id_and_by_list(albert_data, shards, tmp_path):
    first, second, third = ids_of(shards)[:3]
    code, out, err = albert_data("remove", shards, "--document", first)
    assert (code, err) == (0, "")
    assert "removed     1 documents: " in out
    assert "text        gone from documents, cleaned/news\n" in out
    listed = tmp_path / "ids.txt"
    listed.write_text(f"\ufeff{first}\n\n{second}\r\n", "utf-8")
    summary = json.loads(albert_data("remove", shards, "--documents", listed, "--document", third, "--json")[1])
    assert (summary["documents"], summary["before"]) == (2, 1)
    assert summary["digest"] == json.loads((shards / "manifest.json").read_text("utf-8"))["digest"]
    assert set(ids_of(shards)).isdisjoint({first, second, third})
    assert albert_data("verify", shards, "--thorough")[0] == 0
    assert albert_data("remove", shards, "--document", first)[1].startswith("passed over 1 documents that had been removed before\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no document is named, and no removal was interrupted"),
        (["--document", "12"], "'12' is not the id of a document: those have 32 hexadecimal digits"),
        (["--document", "0" * 32], f"holds no document {'0' * 32}; nothing was removed"),
        (["--documents", "none.txt"], "--documents none.txt cannot be read: "),
    ],
)
def test_a_removal_that_cannot_be_done_is_two_lines(albert_data, shards, arguments, message):
    before = {path: path.read_bytes() for path in shards.rglob("*") if path.is_file()}
    code, out, err = albert_data("remove", shards, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 2
    assert {path: path.read_bytes() for path in shards.rglob("*") if path.is_file()} == before


def test_a_list_without_ids_is_refused(albert_data, shards, tmp_path):
    (tmp_path / "empty.txt").write_text("\n")
    code, _, err = albert_data("remove", shards, "--documents", tmp_path / "empty.txt")
    assert code == 2
    assert "holds no id" in err


@pytest.mark.parametrize(
    ("bins", "message"),
    [
        ("32,48", "--length-bins 32,48 end with 48, --max-seq-length is 64"),
        ("64,32", "--length-bins 64,32 do not ascend"),
        ("4,64", "--length-bins 4,64 begin with 4, less than 8"),
        ("32,long", "'32,long' is not a list of whole numbers such as 128,256,512"),
    ],
)
def test_length_bins_that_cannot_be_are_two_lines(albert_data, tmp_path, bins, message):
    output = tmp_path / "shards"
    code, out, err = albert_data(
        "build", "--corpus", NEWS, "--vocab", write_vocabulary(tmp_path), "--output", output, "--max-seq-length", 64, "--length-bins", bins
    )
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 2
    assert not output.exists()


def test_the_bins_are_files(shards):
    assert sorted(path.name for path in shards.glob("train-*.tfrecord")) == [
        "train-32-00000-of-00001.tfrecord",
        "train-64-00000-of-00001.tfrecord",
    ]
