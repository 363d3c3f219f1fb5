import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_core.errors import AlbertError
from albert_core.input import BatchOrder
from albert_core.mixture import PATTERN, Mixture, Turns, WeightedDataset, open_datasets, parse_curriculum
from albert_core.shards import FEATURES, INPUT_IDS, SOURCES, Dataset
from tests.albert_core.small_dataset import OPTIONS, VOCABULARY, write_dataset


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=6), st.integers(0, 99))
def test_everyone_has_their_share_of_the_turns_and_knows_how_many_came_before(weights, seed):
    turns, line = Turns(weights, seed), np.arange(3 * PATTERN)
    whose = turns.of(line)
    for who, weight in enumerate(weights):
        count = (whose == who).sum()
        assert abs(count / 3 - weight / sum(weights) * PATTERN) < 1
        np.testing.assert_array_equal(turns.before(line[whose == who], who), np.arange(count))


def datasets(folder, *weights, kind="dynamic", **options):
    return [
        WeightedDataset(write_dataset(folder / f"{number}", kind=kind, seed=number, num_train=200 + 100 * number, **options), weight)
        for number, weight in enumerate(weights)
    ]


def test_one_dataset_alone_is_read_in_its_own_order(tmp_path):
    (only,) = datasets(tmp_path, None)
    mixture, split = Mixture([only], batch_size=16, num_steps=9, seed=3), only.dataset.split("train")
    order = BatchOrder(split.block_sizes, batch_size=16, seed=3)
    for step in (0, 5, 40):
        rows = order.rows_of_step(step)
        batch = mixture.batch_of_step(step)
        assert set(batch) == set(FEATURES)
        for place, (epoch, block, row) in enumerate(zip(*rows, strict=True)):
            np.testing.assert_array_equal(batch[INPUT_IDS][place], split.read_block(int(block), int(epoch))[INPUT_IDS][row])


def test_weights_are_shares_of_every_batch_and_no_instance_is_missed(tmp_path):
    mixture = Mixture(datasets(tmp_path, 3.0, 1.0), batch_size=64, num_steps=100, seed=1)
    assert mixture.sources == ["0/all", "1/all"]
    batches = [mixture.batch_of_step(step) for step in range(32)]  # 2,048 turns: two patterns
    whose = np.concatenate([batch[SOURCES] for batch in batches])
    assert Counter(whose.tolist()) == {0: 1536, 1: 512}
    assert all(36 <= (batch[SOURCES] == 0).sum() <= 60 for batch in batches)
    seen = [sequence.tobytes() for batch in batches for sequence in batch[INPUT_IDS][batch[SOURCES] == 1]]
    assert len(seen) == 512 > 300  # more than an epoch of the second, whose draws differ from epoch to epoch


def test_without_weights_the_number_of_instances_is_the_weight(tmp_path):
    mixture = Mixture(datasets(tmp_path, None, None), batch_size=64, num_steps=100, seed=1)
    whose = np.concatenate([mixture.batch_of_step(step)[SOURCES] for step in range(16)])
    assert Counter(whose.tolist()) == {0: round(PATTERN * 0.4), 1: round(PATTERN * 0.6)}


@pytest.mark.parametrize("weights", [(None,), (2.0, 1.0)])
def test_hosts_together_read_the_global_batch(tmp_path, weights):
    mixed = datasets(tmp_path, *weights)
    whole = Mixture(mixed, batch_size=32, num_steps=9, seed=1).batch_of_step(7)[INPUT_IDS]
    hosts = [Mixture(mixed, batch_size=32, num_steps=9, seed=1, host=host, num_hosts=4).batch_of_step(7)[INPUT_IDS] for host in range(4)]
    assert [len(part) for part in hosts] == [8] * 4
    assert sorted(row.tobytes() for part in hosts for row in part) == sorted(row.tobytes() for row in whole)


def two_lengths(folder):
    """One dataset of 16 tokens at most, one of 32."""
    short = write_dataset(
        folder / "short", kind="dynamic", options=OPTIONS.__class__(max_seq_length=32, max_predictions_per_seq=4, masked_lm_prob=0.15)
    )
    manifest = json.loads((folder / "short" / "manifest.json").read_text())
    manifest["parameters"]["max_seq_length"] = 40
    (folder / "short" / "manifest.json").write_text(json.dumps(manifest))
    return [WeightedDataset(short, None), WeightedDataset(Dataset.open(folder / "short"), None)]


def test_a_curriculum_of_two_datasets_changes_the_length_once(tmp_path):
    mixture = Mixture(two_lengths(tmp_path), batch_size=8, num_steps=20, seed=1, curriculum=[(32, 0.8), (40, 0.2)])
    lengths = [mixture.batch_of_step(step)[INPUT_IDS].shape[1] for step in range(20)]
    assert lengths == [32] * 16 + [40] * 4 == [mixture.length_of_step(step) for step in range(20)]
    assert [(phase.start, phase.end) for phase in mixture.phases] == [(0, 16), (16, 20)]


def test_a_schedule_that_begins_later_divides_its_own_steps(tmp_path):
    mixture = Mixture(two_lengths(tmp_path), batch_size=8, first_step=100, num_steps=20, seed=1, curriculum=[(32, 0.5), (40, 0.5)])
    assert [mixture.length_of_step(step) for step in (100, 109, 110, 119)] == [32, 32, 40, 40]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("128", "is not LENGTH:SHARE"),
        ("512:0.5,128:0.5", "lengths do not ascend"),
        ("128:0.5,512:0.4", "add up to 1"),
        ("128:-1,512:2", "add up to 1"),
    ],
)
def test_a_curriculum_that_cannot_be(text, message):
    with pytest.raises(AlbertError, match=message):
        parse_curriculum(text)
    assert parse_curriculum("128:0.9,512:0.1") == [(128, 0.9), (512, 0.1)]


def test_phases_and_datasets_must_match(tmp_path):
    both = two_lengths(tmp_path)
    with pytest.raises(AlbertError, match=r"different lengths: .*short 32, .*short 40\nsay which come when"):
        Mixture(both, batch_size=8, num_steps=20, seed=1)
    with pytest.raises(AlbertError, match="no dataset has sequences of 64 tokens, they have 32, 40"):
        Mixture(both, batch_size=8, num_steps=20, seed=1, curriculum=[(32, 0.5), (64, 0.5)])
    with pytest.raises(AlbertError, match=r"has no phase for .*, whose sequences have 40 tokens\nadd 40:SHARE"):
        Mixture(both, batch_size=8, num_steps=20, seed=1, curriculum=[(32, 1.0)])


def test_datasets_with_weights(tmp_path):
    for number in range(3):
        write_dataset(tmp_path / f"{number}", vocabulary=VOCABULARY if number < 2 else VOCABULARY[:5] + VOCABULARY[5:][::-1])
    first, second, other = (str(tmp_path / f"{number}") for number in range(3))
    assert [weight for _, weight in open_datasets([f"{first}=3", f"{second}=0.5"])] == [3.0, 0.5]
    assert [weight for _, weight in open_datasets([first, second])] == [None, None]
    for given_data, message in [
        ([f"{first}=0", f"{second}=1"], "has weight 0\ngive a positive number"),
        ([f"{first}=2", second], "some --data have a weight, some have none"),
        ([first, other], "was built with another vocabulary than"),
        ([], "there is no --data"),
        ([f"{first}=1", f"{second}=9999"], None),
    ]:
        if message is None:
            with pytest.raises(AlbertError, match="less than a 1024th of the weight"):
                Mixture(open_datasets(given_data), batch_size=8, num_steps=2, seed=0)
        else:
            with pytest.raises(AlbertError, match=message):
                open_datasets(given_data)
