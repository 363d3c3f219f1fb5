from collections import Counter, defaultdict

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import BuildError
from pipelines.repeated_lines import CountLines, DropRepeatedLines, KeepFrequent, RemoveLines, RepeatedLinesConfig
from tests.pipelines.documents import cleaned, cut, cut_batches, document_id, kept_rows, rejected, tagged
from tests.pipelines.jobs import run

FOOTER = "本站由某某主办。"
SMALL = RepeatedLinesConfig(max_line_share=0.5, min_line_documents=2)


def remove(batches: list[pa.RecordBatch], config: RepeatedLinesConfig, partitions: int = 3) -> list:
    """What the three steps give, without Beam."""
    documents: Counter[str] = Counter()
    groups = defaultdict(list)
    for bundle in batches[::2], batches[1::2]:
        for value in cut_batches(CountLines(config, partitions), bundle):
            if isinstance(value, beam.pvalue.TaggedOutput):
                documents[value.value[0]] += value.value[1]
            else:
                groups[value[0]].append(value[1])
    frequent = [found for item in groups.items() for found in KeepFrequent(config).process(item, documents)]
    return [value for batch in batches for value in RemoveLines(config).process(batch, frequent)]


def texts(found: list) -> list[str]:
    return sorted(row["text"] for row in kept_rows(found))


def test_a_line_goes_from_the_share_on():
    three = cleaned(
        ("a", "f:0", f"正文一。\n{FOOTER}"), ("a", "f:1", f"正文二。\n{FOOTER}"), ("a", "f:2", "正文三。"), ("a", "f:3", "四。")
    )
    assert texts(remove([three], SMALL)) == ["四。", "正文一。", "正文三。", "正文二。"]
    above = RepeatedLinesConfig(max_line_share=0.51, min_line_documents=2)
    assert texts(remove([three], above)) == sorted(three.column("text").to_pylist())


def test_a_line_goes_from_the_number_of_documents_on():
    three = cleaned(*(("a", f"f:{i}", f"正文{i}。\n{FOOTER}") for i in range(3)))
    assert texts(remove([three], RepeatedLinesConfig(min_line_documents=3))) == ["正文0。", "正文1。", "正文2。"]
    assert len(texts(remove([three], RepeatedLinesConfig(min_line_documents=4)))[0]) > 4


def test_short_answers_long_prose_and_the_middle_of_novels_stay():
    lines = {
        "是的，是。": 1,
        "是的，好吗。": 0,
        "长" * 100: 0,
        "长" * 101: 1,
    }
    for line, stays in lines.items():
        found = remove([cleaned(*(("a", f"f:{i}", f"正文{i}。\n{line}") for i in range(8)))], RepeatedLinesConfig())
        assert {len(text.split("\n")) for text in texts(found)} == {1 + stays}
    novels = [("a", f"f:{i}", "\n".join([*(f"{i}章{j}" for j in range(50)), FOOTER, *(f"{i}节{j}" for j in range(50))])) for i in range(8)]
    assert texts(remove([cleaned(*novels)], RepeatedLinesConfig())) == sorted(text for _, _, text in novels)


def test_sources_are_counted_apart():
    rows = [("a", f"f:{i}", f"正文{i}。\n{FOOTER}") for i in range(2)] + [("b", f"g:{i}", f"别文{i}。\n{FOOTER}") for i in range(1)]
    assert texts(remove([cleaned(*rows)], SMALL)) == [f"别文0。\n{FOOTER}", "正文0。", "正文1。"]


def test_what_is_left_has_its_own_identity_and_what_is_not_is_rejected():
    found = remove([cleaned(("a", "f:0", f"正文。\n{FOOTER}"), ("a", "f:1", FOOTER), ("a", "f:2", "另文。"))], SMALL)
    assert [(row["origin"], row["document_id"]) for row in kept_rows(found)] == [
        ("f:0", document_id("正文。")),
        ("f:2", document_id("另文。")),
    ]
    message = f"nothing is left but lines that stand in many documents of the source; in 2: {FOOTER}"
    assert rejected(found) == [("f:1", "only_repeated_lines", message)]
    (account,) = tagged(found, "accounts")
    assert account == {"lines.repeated": 2, "documents.shortened": 1, "lines.repeated@a": 2, "documents.shortened@a": 1}


def test_a_batch_of_which_nothing_is_left():
    found = remove([cleaned(("a", "f:0", FOOTER)), cleaned(("a", "f:1", f"正文。\n{FOOTER}"))], SMALL)
    assert texts(found) == ["正文。"]
    assert [origin for origin, _, _ in rejected(found)] == ["f:0"]


LINES = st.sampled_from(["本站由某某主办。", "扫码看更多内容。", "这是一行正文啊。", "短。"])


def test_lines_of_several_batches_are_counted_together_before_they_are_sent():
    batches = [cleaned(("a", f"f:{i}", f"正文{i}。\n{FOOTER}"), ("b", f"g:{i}", FOOTER)) for i in range(5)]
    sent = [value for value in cut_batches(CountLines(SMALL, 1), batches) if not isinstance(value, beam.pvalue.TaggedOutput)]
    assert sorted((place, part.column("documents").to_pylist()) for place, part in sent) == [(("a", 0), [5]), (("b", 0), [5])]


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.lists(LINES, min_size=1, max_size=4)), max_size=12), st.integers(1, 5), st.integers(1, 4)
)
def test_the_same_whatever_the_batches_and_as_counted_by_hand(documents, rows, partitions):
    distinct = {(source, "\n".join(lines)): None for source, lines in documents}
    batch = cleaned(*((source, f"f:{i}", text) for i, (source, text) in enumerate(distinct)))
    found = remove(cut(batch, rows)[::-1], SMALL, partitions)
    expected = []
    for source, text in distinct:
        others = [set(other.split("\n")) for name, other in distinct if name == source]
        bad = {line for line in text.split("\n") if len(line) >= 6 and sum(line in other for other in others) >= max(2, len(others) / 2)}
        expected.append("\n".join(line for line in text.split("\n") if line not in bad))
    assert texts(found) == sorted(text for text in expected if text)
    assert len(rejected(found)) == expected.count("")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"max_line_share": 1.5}, "max_line_share 1.5 is not a share\ngive a number from 0 to 1; 0 turns the rule off"),
        ({"edge_lines": 0}, "edge_lines 0 is less than 1\ngive a whole number; max_line_share 0 turns the rule off"),
        (
            {"min_line_documents": 1},
            "min_line_documents 1 would remove every short line of a small source\ngive 2 or more; the default is 8",
        ),
    ],
)
def test_a_setting_that_means_nothing_is_refused(setting, message):
    with pytest.raises(BuildError) as refused:
        RepeatedLinesConfig(**setting)
    assert str(refused.value) == message


@pytest.mark.parametrize("share", [0.5, 0])
def test_wiring(share):
    documents = [cleaned(("a", f"f:{i}", f"正文{i}。\n{FOOTER}")) for i in range(3)] + [cleaned(("a", "f:3", FOOTER))]

    def build(pipeline: beam.Pipeline) -> None:
        config = RepeatedLinesConfig(max_line_share=share, min_line_documents=4)
        result = pipeline | beam.Create(documents) | DropRepeatedLines(config)
        assert result.kept.element_type == result.rejects.element_type == pa.RecordBatch
        kept = result.kept | "Kept" >> beam.FlatMap(lambda batch: batch.column("text").to_pylist())
        origins = result.rejects | "Origins" >> beam.FlatMap(lambda batch: batch.column("origin").to_pylist())
        removed = result.accounts | "Removed" >> beam.Map(lambda account: account["lines.repeated@a"]) | beam.CombineGlobally(sum)
        assert_that(
            kept,
            equal_to(["正文0。", "正文1。", "正文2。"] if share else [f"正文{i}。\n{FOOTER}" for i in range(3)] + [FOOTER]),
            label="kept",
        )
        assert_that(origins, equal_to(["f:3"] if share else []), label="rejects")
        assert_that(removed, equal_to([4 if share else 0]), label="accounts")
        assert_that(result.repeated, equal_to([{"source": "a", "line": FOOTER, "documents": 4}] if share else []), label="repeated")

    run(build)
