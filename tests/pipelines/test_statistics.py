import numpy as np
import pytest

from albert_core.drawing import DrawingOptions, Drawn
from pipelines.accounts import add_accounts
from pipelines.statistics import InstanceCounts, summarize

OPTIONS = DrawingOptions(max_seq_length=32, max_predictions_per_seq=3)
SOURCES = ("wiki", "新闻", "empty")


def drawn(lengths: list[int], num_predictions: list[int], swapped: list[int], *, width: int = 32) -> Drawn:
    """Instances with one [UNK] each; every prediction is a span of one word that shows as [MASK], but the second of each is of two."""
    n = len(lengths)
    ids = np.zeros((n, width), np.int32)
    for row, length in enumerate(lengths):
        ids[row, :length] = 9
        ids[row, 1] = 1  # [UNK]
    spans = [[int(p > 0), int(p > 1), 0] for p in num_predictions]
    return Drawn(
        input_ids=ids, segment_ids=ids * 0, lengths=np.array(lengths, np.int32),
        positions=np.zeros((n, 3), np.int32), labels=np.zeros((n, 3), np.int32),
        num_predictions=np.array(num_predictions, np.int32), swapped=np.array(swapped, np.int32),
        num_spans=np.array(spans, np.uint16).reshape(n, 3), num_replaced=np.array([[p, 0, 0] for p in num_predictions], np.uint16),
    )  # fmt: skip


def counts_of(*blocks: tuple[Drawn, list[int]]) -> dict[str, int]:
    counts = InstanceCounts(OPTIONS, SOURCES, unk_id=1)
    for block, sources in blocks:
        counts.add(block, np.array(sources, np.uint16))
    return counts.account()


FIRST = drawn([32, 16], [3, 2], [1, 0]), [0, 1]
SECOND = drawn([2, 2], [1, 0], [1, 1]), [1, 1]
SUMMARY = summarize(counts_of(FIRST, SECOND), OPTIONS, SOURCES)


def test_the_whole_has_what_was_asked_for_and_got():
    assert SUMMARY["tokens"] == 52
    assert SUMMARY["padding_share"] == round(76 / 128, 5)
    assert SUMMARY["unknown_share"] == round(4 / 52, 5)
    assert SUMMARY["masked_share"] == round(6 / 52, 5)
    assert SUMMARY["masked_of_budget"] == round(6 / 7, 5)  # budgets 3, 2, 1, 1
    assert SUMMARY["ngrams_drawn"] == {"1": 0.6, "2": 0.4, "3": 0.0}
    assert SUMMARY["ngrams_asked"] == {"1": 0.54545, "2": 0.27273, "3": 0.18182}
    assert SUMMARY["masked_tokens_shown_as"] == {"mask": 1.0, "same": 0.0, "random": 0.0}
    assert SUMMARY["swapped_share"] == 0.75
    assert SUMMARY["without_predictions"] == 1
    assert {bound: count for bound, count in SUMMARY["lengths"].items() if count} == {"2": 2, "16": 1, "32": 1}
    assert list(SUMMARY["lengths"])[:3] == ["2", "4", "6"]


def test_each_source_has_its_own():
    wiki, news, empty = (SUMMARY["sources"][name] for name in SOURCES)
    assert (wiki["instances"], wiki["tokens"], wiki["padding_share"], wiki["masked_of_budget"]) == (1, 32, 0.0, 1.0)
    assert (news["instances"], news["tokens"], news["padding_share"], news["masked_of_budget"]) == (3, 20, round(76 / 96, 5), 0.75)
    assert (wiki["swapped_share"], news["swapped_share"]) == (1.0, 0.66667)
    assert (wiki["unknown_share"], news["unknown_share"]) == (round(1 / 32, 5), round(3 / 20, 5))
    assert wiki["ngrams_drawn"] == {"1": 0.5, "2": 0.5, "3": 0.0}
    assert {bound: count for bound, count in news["lengths"].items() if count} == {"2": 2, "16": 1}
    assert (empty["instances"], empty["masked_share"], set(empty["lengths"].values()), empty["unknown_characters"]) == (0, 0.0, {0}, [])


def test_sources_have_every_key_of_the_whole_but_those_that_are_not_counted_by_source():
    missing = {"ngrams_asked", "single_sentence_chunks", "cut_tokens", "sources"}
    for source in SUMMARY["sources"].values():
        assert set(source) == set(SUMMARY) - missing | {"instances"}


def test_blocks_and_shards_add_up_in_any_order():
    assert add_accounts([counts_of(FIRST), counts_of(SECOND)]) == add_accounts([counts_of(SECOND, FIRST)])


def test_padding_is_that_of_the_block_and_the_histogram_that_of_the_dataset():
    narrow = summarize(counts_of((drawn([8, 4], [1, 1], [0, 0], width=8), [0, 0])), OPTIONS, SOURCES)
    assert narrow["padding_share"] == 0.25
    assert narrow["lengths"] == {bound: int(bound in ("4", "8")) for bound in SUMMARY["lengths"]}


@pytest.mark.parametrize("counts", [{}, {"single_sentence": 3, "cut_tokens": 7}])
def test_no_instances_give_no_division_by_zero(counts):
    summary = summarize(counts, OPTIONS, SOURCES)
    assert (summary["masked_share"], summary["unknown_share"], summary["document_unknown_share"]) == (0.0, 0.0, 0.0)
    assert (summary["single_sentence_chunks"], summary["cut_tokens"]) == (counts.get("single_sentence", 0), counts.get("cut_tokens", 0))


def test_what_the_vocabulary_lacks_is_of_the_documents_not_of_their_copies():
    documents = {"document_tokens@wiki": 100, "document_unknown@wiki": 3, "unknown.201C@wiki": 2, "unknown.long_word@wiki": 1}
    other = {"document_tokens@新闻": 300, "document_unknown@新闻": 4, "unknown.201C@新闻": 2, "unknown.2014@新闻": 2}
    summary = summarize(add_accounts([documents, other, counts_of(FIRST)]), OPTIONS, SOURCES)
    assert (summary["document_tokens"], summary["document_unknown_share"]) == (400, 0.0175)
    assert summary["unknown_characters"] == [
        {"text": "“", "count": 4, "share": 0.01},
        {"text": "—", "count": 2, "share": 0.005},
        {"text": "(word of more than 200 characters)", "count": 1, "share": 0.0025},
    ]
    assert summary["sources"]["wiki"]["unknown_characters"] == [
        {"text": "“", "count": 2, "share": 0.02},
        {"text": "(word of more than 200 characters)", "count": 1, "share": 0.01},
    ]
    assert summary["sources"]["新闻"]["document_unknown_share"] == 0.01333


def test_the_characters_that_are_named_are_bounded():
    many = {f"unknown.{point:04X}@wiki": 1 for point in range(0x4E00, 0x4E00 + 60)} | {"document_tokens@wiki": 60}
    summary = summarize(many, OPTIONS, SOURCES)
    assert [entry["text"] for entry in summary["unknown_characters"]] == [chr(0x4E00 + i) for i in range(50)]  # ties by code point
    assert len(summary["sources"]["wiki"]["unknown_characters"]) == 20
