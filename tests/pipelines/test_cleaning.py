"""Whole cleanings: what is done again, what is not, and what becomes of documents that several sources share."""

import dataclasses
import json
import random
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from corpora.sources import Source, source_of
from pipelines.build import BuildConfig, run_build
from pipelines.cleaning import CleaningConfig, run_clean
from pipelines.decontaminate import DecontaminationConfig
from pipelines.errors import BuildError
from pipelines.instances import InstancesConfig
from pipelines.manifest import documents_account, encodings_account, source_accounts
from pipelines.thresholds import rule_configs
from pipelines.verification import verify
from tests.samples import DIRTY, ENCYCLOPEDIA, NEWS, vocabulary

ONE_WORKER = PipelineOptions([])
OFF = rule_configs({"min_jaccard": 0, "max_line_share": 0})


def source(path: object, **changes: Any) -> Source:
    return dataclasses.replace(source_of(str(path)), **changes)


def clean(output: Path, *sources: Source, **changes: Any) -> dict[str, Any]:
    return run_clean(CleaningConfig(output=str(output), sources=sources, **changes), ONE_WORKER)


def documents(output: Path) -> list[dict[str, Any]]:
    return [row for path in sorted((output / "documents").glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def rejects(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in (output / "rejects").rglob("*.jsonl") for line in path.read_text("utf-8").splitlines()]


def story(number: int, size: int = 12) -> str:
    """Sentences of its own."""
    chance = random.Random(number)
    return "".join(
        "".join(chance.choices("春天来了花开满园小鸟唱歌孩子们在草地上奔跑追逐蝴蝶远处山峦起伏云雾缭绕溪水流过石桥", k=14)) + "。"
        for _ in range(size)
    )


def write(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts), "utf-8")
    return path


def test_every_document_is_kept_or_rejected_and_the_files_say_so(tmp_path):
    manifest = clean(tmp_path, source(ENCYCLOPEDIA), source(NEWS), source(DIRTY))
    account = documents_account(manifest["account"])
    assert account["read"] == 62 + 32 + 15 == account["kept"] + sum(account["rejected"].values())
    assert len(documents(tmp_path)) == account["kept"]
    assert len(rejects(tmp_path)) == account["read"] - account["kept"]
    assert {reject["reason"] for reject in rejects(tmp_path)} == set(account["rejected"])
    by_source = source_accounts(manifest["account"])
    assert sorted(by_source) == ["dirty", "encyclopedia", "news"]
    assert sum(documents_account(own)["read"] for own in by_source.values()) == account["read"]
    assert 0 < manifest["account"]["characters.kept"] < manifest["account"]["characters.read"]
    assert encodings_account(manifest["account"])["utf-8"]["files"] == 3
    assert verify(str(tmp_path)) == []


def test_adding_a_source_cleans_only_what_is_new(tmp_path):
    one = write(tmp_path / "one.jsonl", [story(i) for i in range(20)])
    two = write(tmp_path / "two.jsonl", [story(i) for i in range(15, 30)])
    output = tmp_path / "out"
    first = clean(output, source(one), **OFF)
    assert first["account"]["documents.kept"] == 20
    before = {path: path.stat().st_mtime_ns for path in (output / "cleaned" / "one").iterdir()}
    second = clean(output, source(one), source(two), **OFF, overwrite=True)
    assert {path: path.stat().st_mtime_ns for path in (output / "cleaned" / "one").iterdir()} == before
    assert documents_account(second["account"]) == {"read": 35, "kept": 30, "rejected": {"exact_duplicate": 5}}
    assert second["account"]["documents.rejected.exact_duplicate@two"] == 5
    alone = clean(tmp_path / "alone", source(one), source(two), **OFF)
    assert alone["account"] == second["account"]
    assert [part["sha256"] for part in alone["parts"]] == [part["sha256"] for part in second["parts"]]
    third = clean(output, source(two), **OFF, overwrite=True)
    assert third["account"]["documents.kept"] == 15
    assert not (output / "cleaned" / "one").exists()
    assert len(rejects(output)) == 0


def test_the_source_of_higher_priority_keeps_the_text_that_two_share(tmp_path):
    one = write(tmp_path / "one.jsonl", [story(1), story(2)])
    two = write(tmp_path / "two.jsonl", [story(2), story(3)])
    manifest = clean(tmp_path / "a", source(one, priority=1), source(two, priority=0), **OFF)
    assert manifest["account"]["documents.rejected.exact_duplicate@one"] == 1
    (reject,) = rejects(tmp_path / "a")
    assert (reject["source"], reject["message"]) == ("one", f"the same text as {two}:0")


def test_documents_that_nothing_can_double_are_the_clean_ones(tmp_path):
    one = write(tmp_path / "one.jsonl", [story(i) for i in range(5)])
    manifest = clean(tmp_path / "out", source(one), **OFF)
    (part,) = manifest["parts"]
    assert (tmp_path / "out" / "documents" / part["name"]).read_bytes() == (
        tmp_path / "out" / "cleaned" / "one" / part["name"]
    ).read_bytes()


def test_lines_that_a_source_repeats_go_and_then_copies_are_seen(tmp_path):
    footer = "欢迎访问本站的主页。"
    texts = [f"{story(i)}\n{footer}" for i in range(12)] + [story(0)]
    manifest = clean(tmp_path / "out", source(write(tmp_path / "one.jsonl", texts)), **rule_configs({"min_jaccard": 0}))
    assert documents_account(manifest["account"]) == {"read": 13, "kept": 12, "rejected": {"exact_duplicate": 1}}
    assert not any(footer in row["text"] for row in documents(tmp_path / "out"))
    assert manifest["sources"][0]["repeated_lines"] == [{"line": footer, "documents": 12}]


def test_near_duplicates_go_unless_they_may_stay(tmp_path):
    almost = story(1, 40).replace("春", "冬", 1)
    path = write(tmp_path / "one.jsonl", [story(1, 40), almost, story(2, 40)])
    manifest = clean(tmp_path / "out", source(path))
    assert documents_account(manifest["account"]) == {"read": 3, "kept": 2, "rejected": {"near_duplicate": 1}}
    manifest = clean(tmp_path / "all", source(path), **rule_configs({"min_jaccard": 0}))
    assert documents_account(manifest["account"])["kept"] == 3


def test_a_sample_is_the_same_in_every_run_and_the_rest_is_counted(tmp_path):
    texts = [story(i) for i in range(200)]
    one = write(tmp_path / "one.jsonl", texts)
    two = write(tmp_path / "two.jsonl", texts[::-1])
    first = clean(tmp_path / "a", source(one), sample=0.2, **OFF)
    second = clean(tmp_path / "b", source(two), sample=0.2, batch_bytes=5000, **OFF)
    kept = {row["text"] for row in documents(tmp_path / "a")}
    assert kept == {row["text"] for row in documents(tmp_path / "b")}
    assert 20 <= len(kept) <= 60
    assert first["account"]["documents.left_out"] == 200 - len(kept) == second["account"]["documents.left_out"]
    larger = clean(tmp_path / "c", source(one), sample=0.4, **OFF)
    assert kept < {row["text"] for row in documents(tmp_path / "c")}
    assert documents_account(larger["account"])["read"] == larger["account"]["documents.kept"]


def test_a_limit_and_a_cap_take_the_smallest_keys(tmp_path):
    one = write(tmp_path / "one.jsonl", [story(i) for i in range(60)])
    two = write(tmp_path / "two.jsonl", [story(i) for i in range(100, 160)])
    limited = clean(tmp_path / "a", source(one), source(two), limit=10, **OFF)
    assert limited["account"]["documents.kept"] == 10
    assert limited["account"]["documents.beyond_limit"] == 110
    capped = clean(tmp_path / "b", source(one, cap=7), source(two), **OFF)
    assert (capped["account"]["documents.kept@one"], capped["account"]["documents.kept@two"]) == (7, 60)


def test_what_does_not_change_documents_does_not_clean_again(tmp_path):
    one = write(tmp_path / "one.jsonl", [story(i) for i in range(5)])
    clean(tmp_path / "out", source(one), **OFF)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "cleaned").rglob("*.parquet")}
    again = clean(tmp_path / "out", source(one, weight=2.0, licence="CC BY-SA 4.0"), **OFF)
    assert (again["sources"][0]["weight"], again["sources"][0]["licence"]) == (2.0, "CC BY-SA 4.0")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "cleaned").rglob("*.parquet")} == before
    with pytest.raises(BuildError, match="holds a finished"):
        clean(tmp_path / "out", source(one), **rule_configs({"min_han": 50}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sample": 0.0}, "--sample 0.0 is not in"),
        ({"sample": 1.1}, "--sample 1.1 is not in"),
        ({"limit": 0}, "--limit 0 is less than 1"),
        ({"max_error_rate": 2}, "--max-error-rate 2 is not in"),
        ({"batch_bytes": 1}, "--batch-bytes 1 is not between"),
        ({"output": "a*"}, "--output a"),
        ({"sources": ()}, "no --corpus"),
    ],
)
def test_options_that_mean_nothing_are_refused(changes, message):
    with pytest.raises(BuildError, match=message):
        CleaningConfig(**({"output": "out", "sources": (source(NEWS),)} | changes))


def test_a_limit_over_all_sources_holds_when_one_of_them_is_cleaned_anew(tmp_path):
    one = write(tmp_path / "one.jsonl", [story(i) for i in range(60)])
    two = write(tmp_path / "two.jsonl", [story(i) for i in range(100, 160)])
    output = tmp_path / "out"
    first = clean(output, source(one), source(two), limit=20, **OFF)
    for gone in (output / "cleaned" / "two" / "manifest.json", output / "documents" / "manifest.json"):
        gone.unlink()  # as after a kill
    assert clean(output, source(one), source(two), limit=20, **OFF)["account"] == first["account"]
    capped = clean(output, source(one), source(two, cap=50), limit=20, **OFF, overwrite=True)
    assert capped["account"]["documents.kept"] == 20


def test_what_is_left_of_a_killed_run_is_done_again(tmp_path):
    one = write(tmp_path / "one.jsonl", [story(i) for i in range(20)])
    output = tmp_path / "out"
    first = clean(output, source(one))
    manifest, name = output / "documents" / "manifest.json", first["parts"][0]["name"]
    for damaged in (["documents"], ["cleaned/one", "documents"]):
        for folder in damaged:
            (output / folder / name).unlink()
        assert clean(output, source(one)) == first
        assert verify(str(output)) == []
    manifest.write_text('{"finger')
    assert clean(output, source(one)) == first
    assert not list(output.rglob("temporary"))


def test_a_corpus_may_hold_the_output(tmp_path):
    write(tmp_path / "one.jsonl", [story(i) for i in range(20)])
    first = clean(tmp_path / "out", source(f"{tmp_path}/**", name="all"))
    assert clean(tmp_path / "out", source(f"{tmp_path}/**", name="all")) == first
    (tmp_path / "out" / "documents" / "manifest.json").unlink()
    (tmp_path / "out" / "cleaned" / "all" / "manifest.json").unlink()
    assert clean(tmp_path / "out", source(f"{tmp_path}/**", name="all"))["account"] == first["account"]


def test_documents_that_all_go_are_an_error_each_time(tmp_path):
    one = write(tmp_path / "one.jsonl", [story(i) for i in range(3)])
    evaluation = DecontaminationConfig.of([str(one)])
    for _ in range(2):
        with pytest.raises(BuildError, match="no document is left of 3: evaluation_text 3"):
            clean(tmp_path / "out", source(one), decontamination=evaluation)


def test_shards_go_when_their_documents_do_and_a_clean_corpus_is_not_taken_over(tmp_path):
    one = write(tmp_path / "one.jsonl", [story(i) for i in range(20)])
    two = write(tmp_path / "two.jsonl", [story(i) for i in range(100, 120)])
    output = tmp_path / "out"
    clean(output, source(one))
    instances = InstancesConfig(vocabulary=vocabulary(), dupe_factor=1)
    build = BuildConfig(cleaning=CleaningConfig(output=str(output), sources=(source(two),)), instances=instances)
    with pytest.raises(BuildError, match="holds a finished"):
        run_build(build, ONE_WORKER)
    run_build(dataclasses.replace(build, cleaning=dataclasses.replace(build.cleaning, overwrite=True)), ONE_WORKER)
    assert (output / "manifest.json").exists()
    clean(output, source(one), overwrite=True)
    assert not list(output.glob("*.tfrecord"))
    assert not (output / "manifest.json").exists()


def test_an_export_goes_with_its_documents(tmp_path):
    one = write(tmp_path / "one.jsonl", [story(i) for i in range(20)])
    config = CleaningConfig(output=str(tmp_path / "out"), sources=(source(one),))
    run_clean(config, ONE_WORKER, export=True)
    lines = [line for path in (tmp_path / "out" / "jsonl").glob("*.jsonl") for line in path.read_text("utf-8").splitlines()]
    assert len(lines) == 20
    run_clean(dataclasses.replace(config, sample=0.5, overwrite=True), ONE_WORKER)
    assert not (tmp_path / "out" / "jsonl").exists()


def test_a_limit_does_not_make_bad_records_weigh_more(tmp_path):
    path = write(tmp_path / "one.jsonl", [story(i, 4) for i in range(3000)])
    with path.open("a") as file:
        file.writelines(f"{{not JSON {i}\n" for i in range(110))
    manifest = clean(tmp_path / "out", source(path), limit=50, max_error_rate=0.04, **OFF)
    assert documents_account(manifest["account"]) == {"read": 160, "kept": 50, "rejected": {"invalid_json": 110}}
    with pytest.raises(BuildError, match="110 of 3,110 documents could not be read"):
        clean(tmp_path / "strict", source(path), limit=50, max_error_rate=0.03, **OFF)
