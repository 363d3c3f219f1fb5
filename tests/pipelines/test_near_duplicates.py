import json
import pickle
from collections import defaultdict

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.deduplicate import PartitionById
from pipelines.errors import BuildError
from pipelines.near_duplicates import ChoosePairs, Compare, Distribute, DropNearDuplicates, NearDuplicatesConfig, PairUp, SortIntoBuckets
from tests.pipelines.documents import cleaned, cleaned_texts, cut, cut_batches, document_id, kept_rows, rejected
from tests.pipelines.jobs import run
from tests.pipelines.ngrams import true_jaccard
from tests.samples import ENCYCLOPEDIA

TEXT = "北京是中国的首都，也是全国的政治中心和文化中心。城市位于华北平原的北部，历史悠久，名胜古迹众多，每年都有许多游客前来参观。"


def group(parts) -> dict[int, list[pa.RecordBatch]]:
    grouped = defaultdict(list)
    for partition, batch in parts:
        grouped[partition].append(batch)
    return grouped


def tag(found, name: str) -> list:
    return [value.value for value in found if isinstance(value, beam.pvalue.TaggedOutput) and value.tag == name]


def main(found) -> list:
    return [value for value in found if not isinstance(value, beam.pvalue.TaggedOutput)]


def each(do_fn: beam.DoFn, grouped: dict[int, list[pa.RecordBatch]]) -> list:
    do_fn = pickle.loads(pickle.dumps(do_fn))
    return [value for item in grouped.items() for value in do_fn.process(item)]


def drop(batches: list[pa.RecordBatch], sources=(), *, partitions: int = 3, min_jaccard: float = 0.8) -> list:
    """What the five steps give, without Beam."""
    rows = cut_batches(SortIntoBuckets({source: i for i, source in enumerate(sources)}, partitions), batches)
    chosen = each(ChoosePairs(partitions), group(each(PairUp(partitions), group(rows))))
    documents = cut_batches(PartitionById(partitions), batches)
    sent = each(Distribute(1 << 20), group([*tag(chosen, "wanted"), *documents, *main(chosen)]))
    compared = each(Compare(min_jaccard), group([*tag(sent, "firsts"), *main(chosen), *tag(sent, "seconds")]))
    return [*main(sent), *compared]


def origins(found: list) -> list[str]:
    return sorted(row["origin"] for row in kept_rows(found))


def test_the_longer_text_stays_and_is_named():
    batch = cleaned(("a", "f:0", TEXT), ("a", "f:1", TEXT + "欢迎你。"), ("a", "f:2", "完全不同的另一篇文章，讲的是别的事情。"))
    found = drop([batch])
    assert origins(found) == ["f:1", "f:2"]
    similarity = true_jaccard(TEXT, TEXT + "欢迎你。")
    assert rejected(found) == [("f:0", "near_duplicate", f"{similarity:.2f} of its 5-grams as in f:1")]
    assert similarity == 57 / 61


def test_a_preferred_source_comes_before_length():
    batch = cleaned(("b", "f:1", TEXT + "欢迎你。"), ("a", "f:0", TEXT))
    assert origins(drop([batch], ["a", "b"])) == ["f:0"]
    assert origins(drop([batch], ["b", "a"])) == ["f:1"]


def test_among_texts_of_one_length_the_smaller_identity_stays():
    texts = [TEXT[:-1] + end for end in "。！？"]
    batch = cleaned_texts(texts)
    assert origins(drop([batch])) == [f"a:{min(range(3), key=lambda i: document_id(texts[i]))}"]


@pytest.mark.parametrize(("threshold", "kept"), [(57 / 61, ["a:1"]), (57.5 / 61, ["a:0", "a:1"])])
def test_both_sides_of_the_threshold(threshold, kept):
    assert origins(drop([cleaned_texts([TEXT, TEXT + "欢迎你。"])], min_jaccard=threshold)) == kept


def test_white_space_makes_no_other_text():
    found = drop([cleaned_texts([TEXT, TEXT.replace("。", "。\n").strip()])])
    assert rejected(found)[0][2].startswith("1.00 of its 5-grams as in")


def test_texts_of_one_shingle_and_of_none():
    assert origins(drop([cleaned_texts(["一二三", "一 二三", "一二", "", " ", "一二三四五"])])) == ["a:1", "a:2", "a:3", "a:4", "a:5"]


def test_a_neighbour_that_goes_itself_still_counts():
    """A – B – C, each like the next: B and C go though only A stays. The rule needs one join, not the whole cluster."""
    chain = [TEXT + "甲乙丙丁", TEXT[6:] + "甲乙丙", TEXT[12:] + "甲乙"]
    assert [true_jaccard(chain[i], chain[j]) >= 0.8 for i, j in ((0, 1), (1, 2), (0, 2))] == [True, True, False]
    found = drop([cleaned_texts(chain)])
    assert origins(found) == ["a:0"]
    assert [message.rsplit(" ", 1)[1] for _, _, message in rejected(found)] == ["a:0", "a:1"]


def test_a_thousand_editions_of_one_text():
    texts = [TEXT * 2 + f"第{i}版。" for i in range(300)]
    others = [f"{chr(0x5000 + i)}文章" * 30 for i in range(50)]
    found = drop(cut(cleaned_texts([*texts, *others]), 40), partitions=5)
    assert len([origin for origin in origins(found) if int(origin[2:]) < 300]) == 1
    assert len(origins(found)) == 1 + 50


def articles() -> list[str]:
    return [json.loads(line)["text"] for line in ENCYCLOPEDIA.read_text("utf-8").splitlines()]


EDITION = st.tuples(st.integers(0, 5), st.integers(0, 40), st.integers(0, 25), st.booleans())


@settings(max_examples=30)
@given(st.lists(EDITION, min_size=1, max_size=12), st.integers(1, 5), st.integers(1, 4))
def test_what_goes_is_what_brute_force_says_whatever_the_batches(editions, rows, partitions):
    """Nothing goes that has no similar text before it; all goes that has one of 0.95 (missed once in ten million)."""
    sources = articles()
    documents = dict.fromkeys(
        (source, (sources[number] * 3)[:400][start : 400 - less])
        for number, start, less, other in editions
        for source in ("b" if other else "a",)
    )
    distinct = {text: source for source, text in documents}
    batch = cleaned(*((source, f"f:{i}", text) for i, (text, source) in enumerate(distinct.items())))
    found = drop(cut(batch, rows)[::-1], ["b", "a"], partitions=partitions)
    assert sorted(map(str, kept_rows(drop([batch], ["b", "a"], partitions=1)))) == sorted(map(str, kept_rows(found)))
    ranked = sorted(batch.to_pylist(), key=lambda row: (row["source"] == "a", -len(row["text"]), row["document_id"]))
    best = {
        row["origin"]: max((true_jaccard(row["text"], other["text"]) for other in ranked[:place]), default=0.0)
        for place, row in enumerate(ranked)
    }
    gone = {origin for origin, _, _ in rejected(found)}
    assert {origin for origin, value in best.items() if value >= 0.95} <= gone <= {origin for origin, value in best.items() if value >= 0.8}
    assert gone | set(origins(found)) == set(best)
    texts = {row["origin"]: row["text"] for row in ranked}
    for origin, _, message in rejected(found):
        similarity, neighbour = message.split(" of its 5-grams as in ")
        assert similarity == f"{true_jaccard(texts[origin], texts[neighbour]):.2f}"


def test_a_threshold_that_is_not_found_reliably_is_refused():
    with pytest.raises(BuildError) as refused:
        NearDuplicatesConfig(min_jaccard=0.6)
    assert str(refused.value) == (
        "min_jaccard 0.6 is not between 0.7 and 1\ntexts that are less alike are not found reliably; the default is 0.8, 0 keeps all"
    )
    assert [NearDuplicatesConfig(min_jaccard=value).is_on for value in (0, 0.7, 1)] == [False, True, True]


@pytest.mark.parametrize("min_jaccard", [0.8, 0])
def test_wiring(min_jaccard):
    documents = cut(cleaned_texts([TEXT, TEXT + "欢迎你。", "完全不同的另一篇文章，讲的是别的事情。", "短"]), 2)

    def build(pipeline: beam.Pipeline) -> None:
        config = NearDuplicatesConfig(min_jaccard=min_jaccard)
        result = pipeline | beam.Create(documents) | DropNearDuplicates(config, ["text"], partitions=3)
        assert result.kept.element_type == result.rejects.element_type == pa.RecordBatch
        kept = result.kept | "Kept" >> beam.FlatMap(lambda batch: batch.column("origin").to_pylist())
        reasons = result.rejects | "Reasons" >> beam.FlatMap(lambda batch: [(row["origin"], row["reason"]) for row in batch.to_pylist()])
        assert_that(kept, equal_to(["a:1", "a:2", "a:3"] if min_jaccard else ["a:0", "a:1", "a:2", "a:3"]), label="kept")
        assert_that(reasons, equal_to([("a:0", "near_duplicate")] if min_jaccard else []), label="rejects")

    run(build)
