import pytest

from cli.summaries import columns, source_row, summarize_dataset, summarize_documents

ACCOUNT = {
    "documents.read": 100,
    "documents.kept": 40,
    "documents.rejected.too_few_han": 3,
    "documents.rejected.invalid_json": 57,
    "characters.read": 1000,
    "characters.kept": 800,
    "bytes.read": 3_000_000,
    "files.read": 2,
    "encodings.utf-8": 2,
}


def summarize(*sources: str, **changes: int) -> list[str]:
    account = ACCOUNT | {key.replace("__", "."): value for key, value in changes.items()}
    account |= {f"{key}@{name}": count for name in sources for key, count in account.items() if "@" not in key}
    manifest = {"account": account, "sources": [{"name": name} for name in sources], "parts": [{"bytes": 1_500_000}]}
    return summarize_documents(manifest, "out", 2.0).splitlines()


def test_documents_are_read_kept_and_rejected():
    lines = summarize("a")
    assert lines[:6] == [
        "documents   100 read, 40 kept, 60 rejected",
        "                   57  invalid_json",
        "                    3  too_few_han",
        "characters  800 kept, 80.0% of 1,000",
        "written     1 Parquet files in out/documents, 1.5 MB",
        lines[5],
    ]
    assert lines[5].startswith("text        3.0 MB read in 2 s (1.50 MB/s), peak memory ")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"documents__left_out": 10}, "90 read (10 not in the sample), 40 kept"),
        ({"documents__beyond_limit": 20}, "80 read (20 beyond the limit), 40 kept"),
        ({"documents__left_out": 10, "documents__beyond_limit": 20}, "70 read (10 not in the sample, 20 beyond the limit), 40 kept"),
    ],
)
def test_what_was_not_taken_is_no_part_of_what_was_read(changes, said):
    assert said in summarize("a", **changes)[0]


def test_damaged_files_are_mentioned():
    assert not [line for line in summarize("a") if "damaged" in line]
    assert "damaged     2 files or members of archives: what they lost is not counted" in summarize("a", files__damaged=2)


def test_encodings_are_mentioned_if_not_all_are_utf_8():
    assert not [line for line in summarize("a") if line.startswith("encodings")]
    assert "encodings   gb18030 3, utf-8 2" in summarize("a", encodings__gb18030=3)


def test_several_sources_have_a_line_each():
    lines = summarize("a", "新闻", documents__beyond_limit=20)
    assert "            新闻        2    80    40  50.0%              800  80.0%" in lines
    assert len([line for line in lines if line.endswith("800  80.0%")]) == 2
    assert source_row({"name": "b"}, {}) == ("b", "0", "0", "0", "", "0", "")


def test_a_han_character_takes_two_places():
    assert list(columns([("新闻", "1"), ("news", "20")])) == ["新闻   1", "news  20"]


def rates(*unknown: tuple[str, float], **more: object) -> dict:
    characters = [{"text": text, "count": 1, "share": share} for text, share in unknown]
    found = {"tokens": 5000, "masked_share": 0.1, "padding_share": 0.25, "unknown_share": 0.006, "document_unknown_share": 0.0071}
    return found | {"ngrams_drawn": {"1": 0.6, "2": 0.4}, "unknown_characters": characters} | more


def summarize_built(*sources: str, warnings: tuple[str, ...] = (), **statistics: object) -> list[str]:
    of_sources = {name: rates(("“", 0.003), ("\ue000", 0.001), instances=1200) for name in sources}
    manifest = {
        "account": ACCOUNT, "sources": [{"name": name} for name in sources], "warnings": list(warnings), "kind": "static", "digest": "ab",
        "instances": 1200, "shards": [{"name": "train-00000-of-00001.tfrecord", "instances": 1200, "bytes": 10}],
        "statistics": rates(("“", 0.003), ("\ue000", 0.00004), sources=of_sources) | statistics,
    }  # fmt: skip
    return summarize_dataset(manifest, "out", 2.0).splitlines()


def test_a_dataset_says_what_became_unk():
    lines = summarize_built("a")
    assert lines[lines.index("tokens      5,000, [UNK] 0.60%, padding 25.0%") + 1] == "unknown     “ 0.30%  U+E000 0.00%"
    many = rates(*((character, 0.01) for character in "一二三四五六七八九"))["unknown_characters"]
    assert "unknown     一 1.00%  二 1.00%  三 1.00%  四 1.00%  五 1.00%  六 1.00%  七 1.00%  八 1.00%  …" in summarize_built(
        "a", unknown_characters=many
    )
    assert not [line for line in summarize_built("a", unknown_characters=[]) if line.startswith("unknown")]


def test_several_sources_have_a_line_for_their_instances():
    lines = summarize_built("wiki", "新闻")
    at = lines.index("            source  instances  tokens  masked  padding  [UNK]")
    assert lines[at + 1 : at + 3] == [
        "            wiki        1,200   5,000   10.0%    25.0%  0.71%  “ U+E000",
        "            新闻        1,200   5,000   10.0%    25.0%  0.71%  “ U+E000",
    ]
    assert not [line for line in summarize_built("wiki") if "1,200   5,000" in line]


def test_warnings_come_first():
    assert summarize_built("a", warnings=("too many\nthe fix",))[:2] == ["warning     too many", "            the fix"]
