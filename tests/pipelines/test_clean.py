import dataclasses
import hashlib
import json
import lzma
import pickle

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to

from pipelines.apply_rules import ApplyDocumentRules, ApplyLineRules
from pipelines.batches import CLEANED_SCHEMA
from pipelines.clean import CleanDocuments, count_kept, count_rejects
from pipelines.errors import BuildError
from pipelines.recipe import CleanConfig
from tests.pipelines.jobs import TWO_WORKERS, Cleaned, clean_corpus, raw_batch, run

SENTENCE = (
    "今天的天气很好，我们一起去公园里散步，看见许多人在湖边唱歌跳舞，孩子们在草地上放风筝，大家都很高兴，直到傍晚才慢慢走回家去吃晚饭。"
)
SMALL = CleanConfig(min_han=5)


def tagged(found) -> list[dict]:
    return [row for value in found if isinstance(value, beam.pvalue.TaggedOutput) for row in value.value.to_pylist()]


def main(found) -> list[dict]:
    return [row for value in found if isinstance(value, pa.RecordBatch) for row in value.to_pylist()]


def apply(do_fn: beam.DoFn, batch: pa.RecordBatch) -> list:
    do_fn = pickle.loads(pickle.dumps(do_fn))
    do_fn.setup()
    return list(do_fn.process(batch))


def test_the_identity_of_a_document_is_that_of_its_cleaned_text():
    found = apply(ApplyLineRules(SMALL), raw_batch(["**今天**天气很好。\n\n菜单\n", "菜单"]))
    (row,) = main(found)
    text = "今天天气很好。"
    assert row == {
        "document_id": hashlib.blake2b(text.encode(), digest_size=16).digest(),
        "source": "text",
        "origin": "a:0",
        "title": "",
        "text": text,
    }
    (reject,) = tagged(found)
    assert (reject["origin"], reject["stage"], reject["reason"], reject["excerpt"], reject["is_error"]) == (
        "a:1",
        "lines",
        "empty",
        "菜单",
        False,
    )


def test_the_first_rule_that_drops_a_document_is_its_reason():
    cleaned = main(apply(ApplyLineRules(SMALL), raw_batch(["好。", "这里有五个字。", "日本語のテストですよね、はい。そうです。"])))
    found = apply(ApplyDocumentRules(SMALL), pa.RecordBatch.from_pylist(cleaned, schema=CLEANED_SCHEMA))
    assert [row["origin"] for row in main(found)] == ["a:1"]
    assert [(row["origin"], row["stage"], row["reason"], row["message"]) for row in tagged(found)] == [
        ("a:0", "documents", "too_few_han", "1 Han characters, fewer than 5"),
        ("a:2", "documents", "too_few_han", "3 Han characters, fewer than 5"),
    ]


def test_every_threshold_reaches_its_rule():
    off = CleanConfig(
        min_line_characters=0, min_line_han_share=0, boilerplate_words=(), boilerplate_labels=(), min_han=0, min_han_share=0,
        max_kana_share=1, max_hangul_share=1, max_repeated_share=1, max_garbled_share=1,
    )  # fmt: skip
    texts = ["版权所有", "菜单", "日のの", "한국 중", "甲。\n甲。\n甲。", "\ufffd中"]
    rows = main(apply(ApplyLineRules(off), raw_batch(texts)))
    assert [row["text"] for row in rows] == texts
    assert main(apply(ApplyDocumentRules(off), pa.RecordBatch.from_pylist(rows, schema=CLEANED_SCHEMA))) == rows
    assert len(dataclasses.fields(CleanConfig)) == 11  # a new threshold belongs in this test


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"min_han_share": 1.5}, "min_han_share 1.5 is not a share\ngive a number from 0 to 1; the default is 0.3"),
        ({"max_kana_share": -0.1}, "max_kana_share -0.1 is not a share\ngive a number from 0 to 1; the default is 0.2"),
        ({"min_han": -1}, "min_han -1 is negative\ngive 0 to turn the rule off; the default is 20"),
    ],
)
def test_a_threshold_that_means_nothing_is_refused(setting, message):
    with pytest.raises(BuildError) as refused:
        CleanConfig(**setting)
    assert str(refused.value) == message


def test_the_configuration_goes_into_a_manifest():
    assert json.loads(json.dumps(dataclasses.asdict(CleanConfig())))["min_han"] == 20


def test_what_is_written_is_counted_in_all_and_by_source():
    (row,) = main(apply(ApplyLineRules(SMALL), raw_batch(["今天天气很好。"])))
    assert count_kept(pa.RecordBatch.from_pylist([row, row | {"source": "jsonl"}], schema=CLEANED_SCHEMA)) == {
        "documents.kept": 2, "characters.kept": 14, "bytes.kept": 42,
        "documents.kept@text": 1, "characters.kept@text": 7, "bytes.kept@text": 21,
        "documents.kept@jsonl": 1, "characters.kept@jsonl": 7, "bytes.kept@jsonl": 21,
    }  # fmt: skip
    rejects = apply(ApplyLineRules(SMALL), raw_batch(["", "菜单"]))[0].value
    assert count_rejects(rejects) == {"documents.rejected.empty": 2, "documents.rejected.empty@text": 2}


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


def summary(result: Cleaned) -> tuple:
    return result.texts, [row["document_id"] for row in result.documents], result.rejected()


@pytest.mark.integration
def test_the_same_documents_whatever_the_files_batches_ranges_and_workers(tmp_path):
    records = lines(120)
    (tmp_path / "one").mkdir()
    (tmp_path / "ten").mkdir()
    (tmp_path / "one" / "a.jsonl").write_bytes(b"".join(records))
    (tmp_path / "one" / "a.jsonl.xz").write_bytes(lzma.compress(b"".join(records)))
    for i in range(10):
        (tmp_path / "ten" / f"{i}.jsonl").write_bytes(b"".join(records[i * 12 : i * 12 + 12]))
    first = clean_corpus([f"{tmp_path}/one/a.jsonl"], tmp_path / "1")
    account = first.account
    assert account["documents.read"] == 120
    assert account["documents.read"] == account["documents.kept"] + sum(first.rejected().values())
    assert first.rejected()["invalid_json"] == account["errors"] == 18
    assert len(first.rejects) == sum(first.rejected().values())
    assert len(first.documents) == len(set(first.texts)) == account["documents.kept"] == account["documents.kept@jsonl"]
    assert account["files.read"] == 1
    assert account["bytes.read"] == sum(map(len, records))
    others = [
        clean_corpus([f"{tmp_path}/one/a.jsonl"], tmp_path / "2", batch_bytes=500, range_bytes=700),
        clean_corpus([f"{tmp_path}/one/a.jsonl.xz"], tmp_path / "3", batch_bytes=300),
        clean_corpus([f"{tmp_path}/ten/*"], tmp_path / "4", options=TWO_WORKERS, batch_bytes=1000, range_bytes=2000),
    ]
    for other in others:
        assert summary(other) == summary(first)
        assert other.account["bytes.read"] == account["bytes.read"]
    assert others[-1].account["files.read"] == 10


def test_a_damaged_file_is_listed_and_the_others_are_cleaned(tmp_path):
    (tmp_path / "a.txt").write_text(SENTENCE, "utf-8")
    (tmp_path / "b.jsonl.xz").write_bytes(lzma.compress(b"".join(lines(50)))[:-20])
    result = clean_corpus([f"{tmp_path}/*"], tmp_path / "out")
    assert SENTENCE in result.texts
    assert result.damaged == [{"file": f"{tmp_path}/b.jsonl.xz", "error": "the xz stream is cut off"}]
    assert result.account["files.damaged"] == result.account["files.damaged@jsonl"] == 1
    assert result.account["files.read"] == 2
    assert result.account["documents.read"] == result.account["documents.kept"] + sum(result.rejected().values())


def test_a_corpus_without_documents_writes_an_account(tmp_path):
    (tmp_path / "a.txt").write_text("", "utf-8")
    result = clean_corpus([f"{tmp_path}/a.txt"], tmp_path / "out")
    assert result.account == {
        "bytes.read": 0,
        "bytes.read@text": 0,
        "documents.read": 0,
        "documents.read@text": 0,
        "files.read": 1,
        "files.read@text": 1,
    }
    assert result.documents == result.rejects == result.damaged == []
