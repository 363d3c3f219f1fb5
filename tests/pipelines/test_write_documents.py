import hashlib
import json
from pathlib import Path

import apache_beam as beam
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.batches import CLEANED_SCHEMA
from pipelines.export import export_part
from pipelines.read_documents import part_paths
from pipelines.write_documents import ROW_GROUP_BYTES, WriteDocuments, count_kept, row_groups
from tests.pipelines.jobs import run


def cleaned(texts: list[str], source: str = "a", file: str = "f") -> pa.RecordBatch:
    rows = [
        {
            "document_id": hashlib.blake2b(text.encode(), digest_size=16).digest(),
            "source": source,
            "origin": f"{file}:{i}",
            "title": "题",
            "text": text,
        }
        for i, text in enumerate(texts)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=CLEANED_SCHEMA)


TEXTS = [f"这是第{i}篇文章。" for i in range(60)]


def write(output: Path, batches: list[pa.RecordBatch], parts: int | dict[str, int] = 3) -> dict[str, bytes]:
    run(lambda pipeline: pipeline | beam.Create(batches) | WriteDocuments(str(output), parts))
    return {str(path.relative_to(output)): path.read_bytes() for path in sorted(output.rglob("*.parquet"))}


def test_the_same_files_however_documents_come_in_batches(tmp_path):
    texts = [*TEXTS, TEXTS[5]]  # one text from two places: stage two is yet to come
    one = write(tmp_path / "one", [cleaned(texts)])
    whole = cleaned(texts)
    ten = write(tmp_path / "ten", [whole.slice(i, 7) for i in range(0, 61, 7)][::-1])
    assert list(one) == [f"part-0000{i}-of-00003.parquet" for i in range(3)]
    assert one == ten
    rows = [row for name in one for row in pq.read_table(tmp_path / "one" / name).to_pylist()]
    assert sorted(row["text"] for row in rows) == sorted(texts)
    assert [row["origin"] for row in rows if row["text"] == TEXTS[5]] == ["f:5", "f:60"]
    for name in one:
        ids = pq.read_table(tmp_path / "one" / name)["document_id"].to_pylist()
        assert ids == sorted(ids)


def test_sources_may_have_folders_of_their_own_with_as_many_files_as_they_need(tmp_path):
    files = write(tmp_path, [cleaned(TEXTS[:30]), cleaned(TEXTS[30:], source="乙")], {"a": 2, "乙": 1})
    assert list(files) == ["a/part-00000-of-00002.parquet", "a/part-00001-of-00002.parquet", "乙/part-00000-of-00001.parquet"]
    for name in files:
        assert set(pq.read_table(tmp_path / name)["source"].to_pylist()) == {name.split("/")[0]}


def test_what_is_written_is_described_and_counted(tmp_path):
    def build(pipeline: beam.Pipeline) -> None:
        parts = pipeline | beam.Create([cleaned(["今天天气很好。"]), cleaned(["好。"], source="b")]) | WriteDocuments(str(tmp_path), 1)
        parts | beam.combiners.ToList() | beam.Map(lambda found: Path(tmp_path, "found.json").write_text(json.dumps(found), "utf-8"))

    run(build)
    (part,) = json.loads(Path(tmp_path, "found.json").read_text("utf-8"))
    (path,) = part_paths({"parts": [part]}, str(tmp_path))
    content = Path(path).read_bytes()
    assert (part["documents"], part["bytes"], part["sha256"]) == (2, len(content), hashlib.sha256(content).hexdigest())
    assert part["account"] == {
        "documents.kept": 2, "characters.kept": 9, "bytes.kept": 27,
        "documents.kept@a": 1, "characters.kept@a": 7, "bytes.kept@a": 21,
        "documents.kept@b": 1, "characters.kept@b": 2, "bytes.kept@b": 6,
    }  # fmt: skip
    assert count_kept(pa.Table.from_batches([], CLEANED_SCHEMA)) == {}


def test_row_groups_are_cut_by_bytes_and_lose_nothing():
    large = "长" * (ROW_GROUP_BYTES // 3 - 10)
    table = pa.Table.from_batches([cleaned([large + str(i) for i in range(5)] + ["短。"])])
    groups = list(row_groups(table))
    assert [group.num_rows for group in groups] == [1, 1, 1, 1, 2]
    assert pa.concat_tables(groups).equals(table)


@pytest.mark.integration
def test_other_tools_read_both_forms(tmp_path):
    write(tmp_path, [cleaned(TEXTS)])
    parquet = pd.concat([pd.read_parquet(path) for path in sorted(tmp_path.glob("*.parquet"))])
    for path in sorted(tmp_path.glob("*.parquet")):
        export_part(path.name, str(tmp_path), str(tmp_path / "jsonl"))
    lines = pd.concat([pd.read_json(path, lines=True) for path in sorted((tmp_path / "jsonl").glob("*.jsonl"))])
    assert list(lines.columns) == ["document_id", "source", "origin", "title", "text"]
    assert lines["text"].tolist() == parquet["text"].tolist()
    assert lines["document_id"].tolist() == [identity.hex() for identity in parquet["document_id"]]
