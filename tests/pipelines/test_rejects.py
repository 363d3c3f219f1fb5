import hashlib
import json
from pathlib import Path
from unittest.mock import patch

import apache_beam as beam
import pyarrow as pa

from pipelines.rejects import WriteRejects, cut_by_reason, reject_rows, to_json_lines, write_reason
from tests.pipelines.jobs import raw_batch, run


def test_rejects_repeat_the_beginning_of_the_text():
    batch = reject_rows(raw_batch(["好" * 201, "😀"]), "documents", ["a", "b"], ["why", "also"])
    assert batch.column("excerpt").to_pylist() == ["好" * 200, "😀"]


def test_a_reject_is_one_readable_line():
    rejects = reject_rows(raw_batch(["第一行\n第二行"]), "lines", ["empty"], ["nothing"])
    (line,) = to_json_lines(pa.Table.from_batches([rejects])).decode().splitlines()
    assert "第一行\\n第二行" in line
    assert json.loads(line) == {
        "source": "text", "origin": "a:0", "stage": "lines", "reason": "empty", "message": "nothing",
        "excerpt": "第一行\n第二行", "is_error": False,
    }  # fmt: skip


def rejects(reasons: list[str], source: str = "甲") -> pa.RecordBatch:
    return reject_rows(raw_batch([f"第{i}篇" for i in range(len(reasons))], source=source), "lines", reasons, ["why"] * len(reasons))


def test_each_source_and_reason_has_a_file_of_its_own(tmp_path):
    batches = [rejects(["a", "b", "a"]), rejects(["a"], source="乙")]
    run(lambda pipeline: pipeline | beam.Create(batches) | WriteRejects(str(tmp_path)))
    written = {str(path.relative_to(tmp_path)): path.read_text("utf-8").splitlines() for path in tmp_path.rglob("*.jsonl")}
    assert {name: len(lines) for name, lines in written.items()} == {"甲/a.jsonl": 2, "甲/b.jsonl": 1, "乙/a.jsonl": 1}
    assert [json.loads(line)["origin"] for line in written["甲/a.jsonl"]] == ["a:0", "a:2"]


def test_what_is_written_is_counted_in_all_and_by_source(tmp_path):
    errors = rejects(["bad", "bad"])
    errors = errors.set_column(errors.schema.get_field_index("is_error"), "is_error", pa.array([True, False]))
    content = to_json_lines(pa.Table.from_batches([errors]))
    assert write_reason(str(tmp_path), 1, ("甲", "bad", 0), [errors]) == {
        "folder": "甲", "name": "bad.jsonl", "documents": 2, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(),
        "account": {"documents.rejected.bad": 2, "documents.rejected.bad@甲": 2, "errors": 1, "errors@甲": 1},
    }  # fmt: skip
    assert (tmp_path / "甲" / "bad.jsonl").read_bytes() == content


def test_a_file_is_the_same_whatever_is_in_memory_of_it(tmp_path):
    batch = rejects(["bad"] * 25)
    (tmp_path / "whole").mkdir()
    whole = write_reason(str(tmp_path / "whole"), 1, ("甲", "bad", 0), [batch])
    for rows in (1, 7, 25):
        with patch("pipelines.rejects.WRITTEN_ROWS", rows):
            batches = [batch.slice(start, 4) for start in range(0, 25, 4)][::-1]
            assert write_reason(str(tmp_path / str(rows)), 1, ("甲", "bad", 0), batches) == whole


def test_many_rejects_are_spread_over_numbered_files(tmp_path):
    batch = rejects(["a"] * 200)
    parts = list(cut_by_reason(batch, 4))
    assert sorted(number for (_, _, number), _ in parts) == [0, 1, 2, 3]
    assert sum(part.num_rows for _, part in parts) == 200
    of_each = list(cut_by_reason(batch, {"甲": 4, "乙": 9}))
    assert [(part, rows.num_rows) for part, rows in of_each] == [(part, rows.num_rows) for part, rows in parts]
    for part, rows in parts:
        write_reason(str(tmp_path), {"甲": 4, "乙": 9}, part, [rows])
    assert sorted(path.name for path in Path(tmp_path, "甲").iterdir() if path.is_file()) == [f"a-0000{i}-of-00004.jsonl" for i in range(4)]
