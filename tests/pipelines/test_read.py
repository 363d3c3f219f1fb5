import dataclasses
import gzip
import json

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to

from corpora.errors import CorpusError
from corpora.files import CorpusFile, FileRange
from corpora.sources import source_of
from pipelines.accounts import of_source
from pipelines.read import ReadCorpus, ReadRecords, list_sources, match_files, pack_ranges
from tests.pipelines.jobs import run


def write_lines(path, number: int, start: int = 0) -> None:
    path.write_text("".join(json.dumps({"text": f"第{i}篇。"}, ensure_ascii=False) + "\n" for i in range(start, start + number)), "utf-8")


def test_a_file_that_two_corpora_name_belongs_to_the_first(tmp_path):
    write_lines(tmp_path / "a.jsonl", 1)
    write_lines(tmp_path / "b.jsonl", 1)
    files = list_sources([source_of(f"line={tmp_path}/b.*"), source_of(f"{tmp_path}/*.jsonl")])
    assert [(file.path[-7:], file.format) for file in files] == [("b.jsonl", "line"), ("a.jsonl", "jsonl")]


def sizes(pattern: str) -> list[tuple[str, int]]:
    return sorted((entry.path, entry.size_in_bytes) for entry in match_files(pattern))


def test_globs_of_beam_and_names_with_brackets(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("a [1].txt", "sub/b.txt"):
        (tmp_path / name).write_text("文", "utf-8")
    assert sizes(f"{tmp_path}/a [1].txt") == [(f"{tmp_path}/a [1].txt", 3)]
    assert sizes(f"{tmp_path}/**") == [(f"{tmp_path}/a [1].txt", 3), (f"{tmp_path}/sub/b.txt", 3)]
    assert sizes(f"{tmp_path}/*.json") == []


def test_a_glob_without_a_folder_means_the_current_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.txt", "b [2].txt", "c.json"):
        (tmp_path / name).write_text("文", "utf-8")
    assert sizes("*.txt") == [("a.txt", 3), ("b [2].txt", 3)]
    assert sizes("b [2].txt") == [("b [2].txt", 3)]
    assert sizes("a.txt") == [("a.txt", 3)]


def test_what_is_written_is_not_read(tmp_path):
    write_lines(tmp_path / "a.jsonl", 1)
    (tmp_path / "out").mkdir()
    write_lines(tmp_path / "out" / "b.jsonl", 1)
    files = list_sources([source_of(f"{tmp_path}/**")], f"{tmp_path}/out/")
    assert [file.path for file in files] == [f"{tmp_path}/a.jsonl"]
    assert files[0].changed == pytest.approx((tmp_path / "a.jsonl").stat().st_mtime, abs=1)


def test_a_source_without_a_file_of_its_own_is_refused(tmp_path):
    write_lines(tmp_path / "a.jsonl", 1)
    with pytest.raises(CorpusError, match="all files of the source b belong to sources before it"):
        list_sources([source_of(f"{tmp_path}/*.jsonl"), dataclasses.replace(source_of(f"{tmp_path}/a.jsonl"), name="b")])


@pytest.mark.parametrize("pattern", ["missing.txt", "*.nothing"])
def test_nothing_to_read_is_said_before_any_pipeline(tmp_path, pattern):
    with pytest.raises(CorpusError, match=r"no file"):
        list_sources([source_of(f"{tmp_path}/{pattern}")])


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="is a folder"):
        list_sources([source_of(str(tmp_path))])


def test_small_files_travel_together():
    small = [FileRange(CorpusFile(f"{i}", 40, "text")) for i in range(5)]
    large = FileRange(CorpusFile("x", 1000, "jsonl"), 0, 100)
    assert [len(pack) for pack in pack_ranges([*small, large], 100)] == [3, 3]
    assert [len(pack) for pack in pack_ranges([large, large], 100)] == [1, 1]
    assert [len(pack) for pack in pack_ranges(small * 60, 1 << 30)] == [256, 44]
    assert pack_ranges([], 100) == []


def outputs(found, tag=None):
    if tag is None:
        return [value for value in found if isinstance(value, pa.RecordBatch)]
    return [value.value for value in found if isinstance(value, beam.pvalue.TaggedOutput) and value.tag == tag]


def test_records_become_batches_rejects_and_an_account(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes('{"text": "甲", "title": "题"}\nnot JSON\n{"text": "乙"}\n'.encode())
    found = list(ReadRecords(1 << 20).process((FileRange(CorpusFile(str(path), 60, "jsonl", None, "utf-8", source="诗")),)))
    (batch,) = outputs(found)
    assert batch.select(["source", "origin", "title", "text"]).to_pylist() == [
        {"source": "诗", "origin": f"{path}:0", "title": "题", "text": "甲"},
        {"source": "诗", "origin": f"{path}:41", "title": "", "text": "乙"},
    ]
    (rejects,) = outputs(found, "rejects")
    (reject,) = rejects.to_pylist()
    assert (reject["origin"], reject["stage"], reject["reason"], reject["is_error"]) == (f"{path}:32", "read", "invalid_json", True)
    assert reject["excerpt"] == "not JSON"
    (account,) = outputs(found, "accounts")
    assert of_source(account, "诗") == {
        "documents.read": 3, "files.read": 1, "bytes.read": path.stat().st_size,
        "formats.jsonl": 1, "encodings.utf-8": 1, "confidence.utf-8": account["confidence.utf-8"],
    }  # fmt: skip
    assert set(account) == {name for key in of_source(account, "诗") for name in (key, f"{key}@诗")}


def test_a_damaged_file_is_named_and_what_was_whole_is_kept(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress('{"text": "甲"}\n{"text": "乙"}\n'.encode())[:-12])
    found = list(ReadRecords(1 << 20).process((FileRange(CorpusFile(str(path), 60, "jsonl", "gz", "utf-8")),)))
    assert outputs(found, "damaged") == [{"source": "", "file": str(path), "error": "the gz stream is cut off"}]
    assert outputs(found, "accounts")[0]["files.damaged"] == 1


def test_batches_are_cut_by_bytes(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("文" * 100 + "\n" + "字" * 100 + "\n" + "短\n", "utf-8")
    pack = (FileRange(CorpusFile(str(path), 700, "line", None, "utf-8")),)
    assert [batch.num_rows for batch in outputs(ReadRecords(500).process(pack))] == [1, 1, 1]
    assert [batch.num_rows for batch in outputs(ReadRecords(800).process(pack))] == [2, 1]
    assert [batch.num_rows for batch in outputs(ReadRecords(10_000).process(pack))] == [3]


def count_rows(batch: pa.RecordBatch) -> int:
    return batch.num_rows


def test_every_file_is_read_once_in_ranges_and_as_streams(tmp_path):
    write_lines(tmp_path / "a.jsonl", 50)
    write_lines(tmp_path / "b.jsonl", 30, 50)
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress((tmp_path / "b.jsonl").read_bytes()))
    files = list_sources([source_of(f"{tmp_path}/*")])

    def build(pipeline: beam.Pipeline) -> None:
        raw = pipeline | ReadCorpus(files, batch_bytes=64, range_bytes=100)
        texts = raw.batches | beam.FlatMap(lambda batch: batch.column("text").to_pylist())
        assert_that(texts, equal_to([f"第{i}篇。" for i in range(80)] + [f"第{i}篇。" for i in range(50, 80)]))
        files_read = raw.accounts | beam.Map(lambda account: account["files.read"]) | beam.CombineGlobally(sum)
        assert_that(files_read, equal_to([3]), label="files")
        assert raw.batches.element_type == raw.rejects.element_type == pa.RecordBatch

    run(build)


def test_a_sample_leaves_records_out_and_counts_them_bad_ones_too(tmp_path):
    write_lines(tmp_path / "a.jsonl", 400)
    with (tmp_path / "a.jsonl").open("a") as file:
        file.writelines(f"not JSON {i}\n" for i in range(200))
    pack = (FileRange(CorpusFile(str(tmp_path / "a.jsonl"), 60, "jsonl", None, "utf-8", source="a")),)
    found = list(ReadRecords(1 << 20, 0.25).process(pack))
    documents, rejects = sum(batch.num_rows for batch in outputs(found)), sum(batch.num_rows for batch in outputs(found, "rejects"))
    (account,) = outputs(found, "accounts")
    assert account["documents.read"] == 600 == documents + rejects + account["documents.left_out@a"]
    assert 60 < documents < 140
    assert 25 < rejects < 75
