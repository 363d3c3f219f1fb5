from pipelines.dataset_card import describe_documents, describe_instances, describe_missing, describe_warnings, share, table

ACCOUNT = {
    "documents.read": 100,
    "documents.left_out": 30,
    "documents.beyond_limit": 20,
    "documents.kept": 40,
    "documents.rejected.too_few_han": 3,
    "documents.rejected.invalid_json": 7,
    "characters.read": 1000,
    "characters.kept": 800,
    "files.read": 2,
    "encodings.utf-8": 1,
    "encodings.gb18030": 5,
    "confidence.utf-8": 1000,
    "confidence.gb18030": 5000,
}
SOURCE = {"name": "新|闻", "licence": "", "weight": 0.5}


def describe(account: dict[str, int]) -> list[str]:
    total = account | {f"{key}@{SOURCE['name']}": count for key, count in account.items()}
    return list(describe_documents({"account": total, "sources": [SOURCE]}))


def test_a_source_has_what_was_taken_of_it_and_kept():
    lines = describe(ACCOUNT)
    assert lines[4] == "| 新\\|闻 | not stated | 2 | 50 | 40 (80.0 %) | 800 (80.0 %) | 0.5 | gb18030 5, utf-8 1 |"
    assert lines[-2:] == ["| invalid_json | 7 |", "| too_few_han | 3 |"]


def test_what_is_missing_is_said():
    assert list(describe_missing({"files.read": 9, "documents.read": 9})) == []
    missing = [
        "2 files or members of archives were damaged: what they lost is not counted.",
        "30 records are not in the sample.",
        "20 records are beyond the limit, or the cap of their source.",
    ]
    account = ACCOUNT | {"files.damaged": 2}
    assert list(describe_missing(account)) == missing
    assert [line for line in describe(account) if line.startswith("- ")] == [f"- {line}" for line in missing]


def test_tables_and_shares():
    assert list(table(("a", "b"), [("1", "2|3")])) == ["| a | b |", "|---|---|", "| 1 | 2\\|3 |"]
    assert (share(2, 3), share(0, 0)) == ("66.7 %", "–")


def test_instances_have_a_row_a_source_and_the_characters_that_are_missing():
    source = {
        "instances": 1200,
        "tokens": 5000,
        "masked_share": 0.1,
        "padding_share": 0.25,
        "swapped_share": 0.5,
        "document_unknown_share": 0.007,
    }
    unknown = [{"text": text, "count": 2, "share": 0.0031} for text in ("“", "\ue000")]
    lines = list(describe_instances({"sources": {"新闻": source}, "unknown_characters": unknown}))
    assert lines[4:] == [
        "| 新闻 | 1,200 | 5,000 | 10.0 % | 25.0 % | 50.0 % | 0.70 % |",
        "",
        "Most frequent characters that the vocabulary lacks, of all tokens of the documents: “ 0.31 %, U+E000 0.31 %.",
    ]
    assert len(list(describe_instances({"sources": {"新闻": source}, "unknown_characters": []}))) == 5


def test_warnings_are_on_the_card():
    assert list(describe_warnings({"warnings": ["too many\nthe fix"]})) == ["**Warning**: too many", "the fix", ""]
    assert list(describe_warnings({})) == []
