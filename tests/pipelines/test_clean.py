import json
import lzma
import tarfile
import zipfile
from hashlib import sha256
from unittest.mock import patch

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to

from corpora.files import CorpusFile
from pipelines.clean import Choice, CleanDocuments, WriteSources, check_account, text_bytes
from pipelines.recipe import CleanConfig
from tests.pipelines.jobs import TWO_WORKERS, Cleaned, clean_corpus, raw_batch, run

SENTENCE = (
    "今天的天气很好，我们一起去公园里散步，看见许多人在湖边唱歌跳舞，孩子们在草地上放风筝，大家都很高兴，直到傍晚才慢慢走回家去吃晚饭。"
)


def test_a_copy_goes_before_the_document_rules_see_it():
    def build(pipeline: beam.Pipeline) -> None:
        result = (
            pipeline
            | beam.Create([raw_batch([SENTENCE, "好。"]), raw_batch(["*好*。", f"# {SENTENCE}"], file="b")])
            | CleanDocuments(CleanConfig())
        )
        kept = result.kept | "Kept" >> beam.FlatMap(lambda batch: batch.column("origin").to_pylist())
        rejects = result.rejects | "Rejects" >> beam.FlatMap(lambda batch: [(row["origin"], row["reason"]) for row in batch.to_pylist()])
        assert_that(kept, equal_to(["a:0"]), label="kept")
        assert_that(rejects, equal_to([("a:1", "too_few_han"), ("b:0", "exact_duplicate"), ("b:1", "exact_duplicate")]), label="rejects")

    run(build)


def lines(number: int) -> list[bytes]:
    """JSON Lines of documents, some of them bad, copies or stubs."""
    records = []
    for i in range(number):
        text = SENTENCE + f"这是第{i % 40}篇文章。" if i % 5 else "太短。"
        records.append(json.dumps({"text": text}, ensure_ascii=False).encode() if i % 7 else b"{broken")
    return [record + b"\n" for record in records]


def summary(result: Cleaned) -> tuple[object, ...]:
    return result.texts, [row["document_id"] for row in result.documents], result.rejected()


@pytest.mark.integration
def test_the_same_documents_whatever_the_files_archives_batches_ranges_and_workers(tmp_path):
    records = lines(120)
    (tmp_path / "ten").mkdir()
    (tmp_path / "a.jsonl").write_bytes(b"".join(records))
    (tmp_path / "a.jsonl.xz").write_bytes(lzma.compress(b"".join(records)))
    for i in range(10):
        (tmp_path / "ten" / f"{i}.jsonl").write_bytes(b"".join(records[i * 12 : i * 12 + 12]))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in (tmp_path / "ten").iterdir():
            archive.write(file, file.name)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "ten", "ten")
    first = clean_corpus([f"{tmp_path}/a.jsonl"], tmp_path / "1")
    account = first.account
    assert account["documents.read"] == 120
    assert account["documents.read"] == account["documents.kept"] + sum(first.rejected().values())
    assert first.rejected()["invalid_json"] == account["errors"] == 18
    assert len(first.rejects) == sum(first.rejected().values())
    assert len(first.documents) == len(set(first.texts)) == account["documents.kept"] == account["documents.kept@a"]
    assert account["files.read"] == 1
    assert account["bytes.read"] == sum(map(len, records))
    others = [
        clean_corpus([f"{tmp_path}/a.jsonl"], tmp_path / "2", batch_bytes=500, range_bytes=700),
        clean_corpus([f"{tmp_path}/a.jsonl.xz"], tmp_path / "3", batch_bytes=300),
        clean_corpus([f"{tmp_path}/a.zip"], tmp_path / "4"),
        clean_corpus([f"{tmp_path}/a.tar.gz"], tmp_path / "5", batch_bytes=700),
        clean_corpus([f"{tmp_path}/ten/*"], tmp_path / "6", options=TWO_WORKERS, batch_bytes=1000, range_bytes=2000),
    ]
    for other in others:
        assert summary(other) == summary(first)
        assert other.account["bytes.read"] == account["bytes.read"]
        assert other.account["characters.read"] == account["characters.read"]
    assert others[-1].account["files.read"] == 10


def test_files_of_one_job_are_the_same_bytes_with_two_workers(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"".join(lines(120)))
    one = clean_corpus([f"{tmp_path}/a.jsonl"], tmp_path / "1")
    two = clean_corpus([f"{tmp_path}/a.jsonl"], tmp_path / "2", options=TWO_WORKERS, batch_bytes=1000, range_bytes=2000)
    assert one.manifests["a"]["parts"] == two.manifests["a"]["parts"]


def test_a_damaged_file_is_listed_and_the_others_are_cleaned(tmp_path):
    (tmp_path / "posts").mkdir()
    (tmp_path / "posts" / "a.txt").write_text(SENTENCE, "utf-8")
    (tmp_path / "posts" / "b.jsonl.xz").write_bytes(lzma.compress(b"".join(lines(50)))[:-20])
    result = clean_corpus([f"{tmp_path}/posts/*"], tmp_path / "out")
    assert SENTENCE in result.texts
    assert result.damaged == [{"file": f"{tmp_path}/posts/b.jsonl.xz", "error": "the xz stream is cut off"}]
    assert result.account["files.damaged"] == result.account["files.damaged@posts"] == 1
    assert result.account["files.read"] == 2
    assert result.account["documents.read"] == result.account["documents.kept"] + sum(result.rejected().values())


def test_a_corpus_without_documents_writes_an_account(tmp_path):
    (tmp_path / "a.txt").write_text("", "utf-8")
    result = clean_corpus([f"{tmp_path}/a.txt"], tmp_path / "out")
    own = {key: count for key, count in result.account.items() if "@" not in key}
    assert own == {"bytes.read": 0, "files.read": 1, "formats.text": 1, "encodings.utf-8": 1, "confidence.utf-8": own["confidence.utf-8"]}
    assert {f"{key}@a": count for key, count in own.items()}.items() <= result.account.items()
    assert result.documents == result.rejects == result.damaged == []


def test_an_account_that_does_not_add_up_is_never_published():
    check_account({"documents.read": 4, "documents.left_out": 1, "documents.kept": 1, "documents.rejected.empty": 2})
    check_account({"documents.read": 5, "documents.beyond_limit": 4, "documents.kept": 1})
    check_account({"documents.read": 3, "documents.kept": 1, "documents.rejected.empty": 2, "documents.rejected.empty@a": 2})
    with pytest.raises(AssertionError, match="3 documents read, 2 accounted for"):
        check_account({"documents.read": 3, "documents.kept": 1, "documents.rejected.empty": 1})


def test_bad_records_are_not_subject_to_a_limit(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"".join(lines(120)))
    result = clean_corpus([f"{tmp_path}/a.jsonl"], tmp_path / "out", choice=Choice(limit=10))
    account = result.account
    assert result.rejected()["invalid_json"] == 18
    assert account["documents.read"] - account["documents.beyond_limit"] == len(result.documents) + len(result.rejects) < 120
    assert account["documents.beyond_limit"] == account["documents.beyond_limit@a"] > 0
    assert "documents.left_out" not in account


def test_files_that_were_written_are_described(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"".join(lines(120)))
    result = clean_corpus([f"{tmp_path}/a.jsonl"], tmp_path / "out")
    rejects = result.manifests["a"]["rejects"]
    assert [file["name"] for file in rejects] == sorted(f"{reason}.jsonl" for reason in result.rejected())
    assert {file["name"].removesuffix(".jsonl"): file["documents"] for file in rejects} == result.rejected()
    for file in rejects:
        content = (tmp_path / "out" / "rejects" / "clean" / "a" / file["name"]).read_bytes()
        assert file == {
            "name": file["name"],
            "documents": content.count(b"\n"),
            "bytes": len(content),
            "sha256": sha256(content).hexdigest(),
        }


def test_the_files_of_a_source_are_the_same_beside_a_larger_one(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"".join(lines(60)))
    (tmp_path / "b.jsonl").write_bytes(b"".join(lines(600)))
    with patch("pipelines.write_documents.PART_BYTES", 8000), patch("pipelines.rejects.PART_BYTES", 8000):
        alone = clean_corpus([f"{tmp_path}/a.jsonl"], tmp_path / "1").manifests["a"]
        both = clean_corpus([f"{tmp_path}/a.jsonl", f"{tmp_path}/b.jsonl"], tmp_path / "2").manifests
    assert (both["a"]["parts"], both["a"]["rejects"]) == (alone["parts"], alone["rejects"])
    assert len(both["b"]["parts"]) > len(alone["parts"]) >= 1


@pytest.mark.parametrize(
    ("file", "ratio"),
    [
        (CorpusFile("a.txt", 10, "text"), 1),
        (CorpusFile("a.jsonl.XZ", 10, None), 4),
        (CorpusFile("a.tgz", 10, None), 4),
        (CorpusFile("a.zip", 10, None), 4),
        (CorpusFile("a", 10, "text", compression="gz"), 4),
        (CorpusFile("a", 10, None, archive="zip"), 4),
        (CorpusFile("a.tar", 10, None, archive="tar"), 1),
    ],
)
def test_compressed_files_hold_more_text_than_bytes(file, ratio):
    assert text_bytes([file, CorpusFile("b.txt", 3, "text")]) == 10 * ratio + 3


def test_what_a_manifest_lists_is_sorted_before_it_is_cut():
    damaged = [{"source": "a", "file": name, "error": "cut off"} for name in "cab"] + [{"source": "b", "file": "d", "error": "cut off"}]
    repeated = [{"source": "a", "line": line, "documents": count} for line, count in (("丙", 8), ("乙", 9), ("甲", 9))]
    found = {}
    write = WriteSources("out", {"a": {}})
    with patch("pipelines.clean.MAX_LISTED", 2), patch("pipelines.storage.write_json", lambda folder, name, value: found.update(value)):
        assert list(write.process({}, [], [], damaged, repeated)) == [("a", found)]
    assert [file["file"] for file in found["damaged"]] == ["a", "b"]
    assert [line["line"] for line in found["repeated_lines"]] == ["乙", "甲"]
