import numpy as np

from albert_core.drawing import DrawingOptions, Drawn
from pipelines.accounts import add_accounts
from pipelines.statistics import count_block, summarize

OPTIONS = DrawingOptions(max_seq_length=32, max_predictions_per_seq=3)


def drawn(lengths: list[int], num_predictions: list[int], swapped: list[int]) -> Drawn:
    n = len(lengths)
    ids = np.zeros((n, 32), np.int32)
    for row, length in enumerate(lengths):
        ids[row, :length] = 9
        ids[row, 1] = 1  # [UNK]
    return Drawn(
        input_ids=ids, segment_ids=ids * 0, lengths=np.array(lengths, np.int32),
        positions=np.zeros((n, 3), np.int32), labels=np.zeros((n, 3), np.int32),
        num_predictions=np.array(num_predictions, np.int32), swapped=np.array(swapped, np.int32), num_spans=np.array([6, 3, 1]),
        num_replaced=np.array([8, 1, 1]),
    )  # fmt: skip


def test_counts_add_up_over_blocks_and_give_the_shares():
    first = count_block(drawn([32, 16], [3, 2], [1, 0]), OPTIONS, unk_id=1)
    second = count_block(drawn([2, 2], [1, 1], [1, 1]), OPTIONS, unk_id=1)
    summary = summarize(add_accounts([first, second]), OPTIONS)
    assert summary["tokens"] == 52
    assert summary["padding_share"] == round(76 / 128, 5)
    assert summary["unknown_share"] == round(4 / 52, 5)
    assert summary["masked_share"] == round(7 / 52, 5)
    assert summary["masked_of_budget"] == 1.0  # budgets 3, 2, 1, 1
    assert summary["ngrams_drawn"] == {"1": 0.6, "2": 0.3, "3": 0.1}
    assert summary["ngrams_asked"] == {"1": 0.54545, "2": 0.27273, "3": 0.18182}
    assert summary["masked_tokens_shown_as"] == {"mask": 0.8, "same": 0.1, "random": 0.1}
    assert summary["swapped_share"] == 0.75
    assert {bound: count for bound, count in summary["lengths"].items() if count} == {"2": 2, "16": 1, "32": 1}
    assert list(summary["lengths"])[:3] == ["2", "4", "6"]


def test_no_instances_give_no_division_by_zero():
    assert summarize({}, OPTIONS)["masked_share"] == 0.0
