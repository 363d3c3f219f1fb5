import hashlib
import pickle

import apache_beam as beam
import pyarrow as pa
import pytest

from corpora.documents import RAW_SCHEMA
from pipelines.apply_rules import ApplyDocumentRules, ApplyLineRules, apply_rules
from pipelines.batches import CLEANED_SCHEMA
from pipelines.recipe import CleanConfig

SMALL = CleanConfig(min_han=5)


def apply(do_fn: beam.DoFn, batch: pa.RecordBatch) -> list:
    do_fn = pickle.loads(pickle.dumps(do_fn))
    do_fn.setup()
    return list(do_fn.process(batch))


def main(found: list) -> list[dict]:
    return [row for value in found if isinstance(value, pa.RecordBatch) for row in value.to_pylist()]


def tagged(found: list, tag: str = "rejects") -> list:
    values = [value.value for value in found if isinstance(value, beam.pvalue.TaggedOutput) and value.tag == tag]
    return [row for batch in values for row in batch.to_pylist()] if tag == "rejects" else values


def documents(*rows: dict) -> pa.RecordBatch:
    whole = [{"source": "web", "origin": f"a:{i}", "title": "", "url": None, "quality": None} | row for i, row in enumerate(rows)]
    return pa.RecordBatch.from_pylist(whole, schema=RAW_SCHEMA)


def texts(*values: str) -> pa.RecordBatch:
    return documents(*({"text": value} for value in values))


def test_the_identity_of_a_document_is_that_of_its_cleaned_text():
    found = apply(ApplyLineRules(SMALL), texts("**今天**天气很好。\n\n菜单\n", "菜单"))
    (row,) = main(found)
    text = "今天天气很好。"
    assert row == {
        "document_id": hashlib.blake2b(text.encode(), digest_size=16).digest(),
        "source": "web",
        "origin": "a:0",
        "title": "",
        "text": text,
    }
    (reject,) = tagged(found)
    assert (reject["origin"], reject["stage"], reject["reason"], reject["excerpt"], reject["is_error"]) == (
        "a:1", "lines", "empty", "菜单", False,
    )  # fmt: skip


def test_each_rule_counts_documents_and_characters_by_source():
    rows = [("web", "**今天**天气很好。\n\n菜单"), ("web", "明天。\n菜单"), ("book", "后天。")]
    found = apply(ApplyLineRules(SMALL), documents(*({"source": source, "text": text} for source, text in rows)))
    web = {
        "characters.read": 21,
        "rules.squeeze_blanks.documents": 1,
        "rules.squeeze_blanks.characters": 1,
        "rules.strip_markdown.documents": 1,
        "rules.strip_markdown.characters": 4,
        "rules.drop_short_lines.documents": 2,
        "rules.drop_short_lines.characters": 6,
    }
    assert tagged(found, "accounts") == [
        web | {f"{key}@web": count for key, count in web.items()},
        {"characters.read": 3, "characters.read@book": 3},
    ]


def test_what_the_rules_remove_is_what_is_missing():
    found = apply(ApplyLineRules(SMALL), texts("# 标题\n\n今天[天气](http://a.cn)很好。\n版权所有\n\u200b首页", "明天，下雨。"))
    (account,) = tagged(found, "accounts")
    removed = sum(count for key, count in account.items() if key.startswith("rules.") and key.endswith(".characters"))
    assert account["characters.read"] - removed == sum(len(row["text"]) for row in main(found)) > 0


def test_a_record_is_judged_before_its_text():
    rows = [
        {"text": "今天天气很好。", "url": "http://www.bad.cn/a", "quality": 0.9},
        {"text": "菜单", "quality": 0.25},
        {"text": "明天天气很好。", "url": "http://good.cn/a"},
    ]
    found = apply(ApplyLineRules(CleanConfig(listed_domains=("bad.cn",), min_quality=0.5)), documents(*rows))
    assert [row["origin"] for row in main(found)] == ["a:2"]
    assert [(row["origin"], row["reason"], row["message"]) for row in tagged(found)] == [
        ("a:0", "listed_domain", "www.bad.cn is of bad.cn, which is listed"),
        ("a:1", "low_quality", "quality 0.25, less than 0.5"),
    ]
    (account,) = tagged(found, "accounts")
    assert account == {"characters.read": 16, "quality.missing": 1, "characters.read@web": 16, "quality.missing@web": 1}


def test_the_first_rule_that_drops_a_document_is_its_reason():
    cleaned = main(apply(ApplyLineRules(SMALL), texts("好。", "这里有五个字。", "日本語のテストですよね、はい。そうです。")))
    found = apply(ApplyDocumentRules(SMALL), pa.RecordBatch.from_pylist(cleaned, schema=CLEANED_SCHEMA))
    assert [row["origin"] for row in main(found)] == ["a:1"]
    assert [(row["origin"], row["stage"], row["reason"], row["message"]) for row in tagged(found)] == [
        ("a:0", "documents", "too_few_han", "1 Han characters, fewer than 5"),
        ("a:2", "documents", "too_few_han", "3 Han characters, fewer than 5"),
    ]


def test_what_no_rule_touches_passes_as_it_is():
    row = {"document_id": bytes(16), "source": "a", "origin": "a:0", "title": "", "text": "这里有五个字。"}
    batch = pa.RecordBatch.from_pylist([row], schema=CLEANED_SCHEMA)
    assert apply(ApplyDocumentRules(SMALL), batch) == [batch]


@pytest.mark.parametrize("text", ["", "\ud800", "\n\n", "a" * 10])
def test_what_holds_no_chinese_becomes_empty(text):
    assert apply_rules(text, CleanConfig().text_rules()) == ""
