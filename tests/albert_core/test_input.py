from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_core.errors import AlbertError
from albert_core.input import (
    INSTANCE_WEIGHTS,
    MAX_STREAMS,
    BatchOrder,
    BlockCache,
    evaluation_batches,
    permute,
    splitmix64,
    training_batches,
)
from albert_core.shards import FEATURES, INPUT_IDS
from tests.albert_core.small_dataset import write_dataset

SEED_THAT_BEGINS_WITH_A_GOOD_BLOCK = next(seed for seed in range(99) if permute(3, seed, 0)[0] != 2)
block_sizes = st.lists(st.integers(1, 9), min_size=1, max_size=12)
batch_sizes = st.sampled_from([1, 2, 3, 4, 6, 8, 12, 16, 32])


def triples(rows):
    return list(zip(rows.epoch.tolist(), rows.block.tolist(), rows.row.tolist(), strict=True))


def every_row(sizes):
    return {(block, row) for block, size in enumerate(sizes) for row in range(size)}


def test_splitmix64_is_the_published_one():
    """First outputs of the reference program (Vigna) from state 0 and 1234567."""
    assert int(splitmix64(np.uint64(0))) == 0xE220A8397B1DCDAF
    assert int(splitmix64(np.uint64(1234567))) == 6457827717110365317


def test_a_permutation_holds_each_once_and_depends_on_seed_and_epoch():
    first = permute(100, 1, 0)
    assert sorted(first.tolist()) == list(range(100))
    assert first.tolist() == permute(100, 1, 0).tolist()
    assert first.tolist() != permute(100, 1, 1).tolist()
    assert first.tolist() != permute(100, 2, 0).tolist()


def test_first_places_of_permutations_are_even():
    firsts = Counter(int(permute(4, seed, epoch)[0]) for seed in range(40) for epoch in range(50))
    assert all(400 < firsts[block] < 600 for block in range(4))


@given(block_sizes, batch_sizes, st.integers(0, 2**64 - 1))
def test_an_epoch_shows_each_instance_once_but_for_the_tail(sizes, batch, seed):
    order = BatchOrder(sizes, batch_size=batch, seed=seed)
    steps = 3 * -(-sum(sizes) // batch)
    seen: dict[int, list] = {}
    for step in range(steps):
        for epoch, block, row in triples(order.rows_of_step(step)):
            seen.setdefault(epoch, []).append((block, row))
    for epoch in range(2):
        assert len(seen[epoch]) == len(set(seen[epoch])) == order.instances_per_epoch
        assert set(seen[epoch]) <= every_row(sizes)
    assert 0 <= sum(sizes) - order.instances_per_epoch < order.num_streams <= MAX_STREAMS


def test_without_a_tail_an_epoch_is_everything():
    order = BatchOrder([5, 4, 7], batch_size=8, seed=3)
    seen = [triples(order.rows_of_step(step)) for step in range(4)]
    assert {epoch for epoch, _, _ in seen[0] + seen[1]} == {0}
    assert {epoch for epoch, _, _ in seen[2] + seen[3]} == {1}
    assert {(block, row) for _, block, row in seen[0] + seen[1]} == every_row([5, 4, 7])
    assert [(block, row) for _, block, row in seen[0] + seen[1]] != [(block, row) for _, block, row in seen[2] + seen[3]]


@given(block_sizes.filter(lambda sizes: sum(sizes) >= 8), st.sampled_from([8, 16, 24]), st.sampled_from([1, 2, 4, 8]), st.integers(0, 50))
def test_the_global_batch_does_not_depend_on_the_number_of_hosts(sizes, batch, num_hosts, step):
    whole = triples(BatchOrder(sizes, batch_size=batch, seed=7).rows_of_step(step))
    hosts = [triples(BatchOrder(sizes, batch_size=batch, seed=7, host=h, num_hosts=num_hosts).rows_of_step(step)) for h in range(num_hosts)]
    assert [len(rows) for rows in hosts] == [batch // num_hosts] * num_hosts
    assert sorted(row for rows in hosts for row in rows) == sorted(whole)


def test_a_host_reads_its_streams_only():
    """Two streams of two blocks each: host 1 of 2 never reads what is in the first half of the epoch."""
    order = BatchOrder([4, 4, 4, 4], batch_size=2, seed=0, host=1, num_hosts=2)
    second_half = set(permute(4, 0, 0)[2:].tolist())
    assert {block for step in range(8) for _, block, _ in triples(order.rows_of_step(step))} == second_half


def test_a_batch_larger_than_the_dataset_wraps_over_epochs():
    rows = triples(BatchOrder([3], batch_size=8, seed=0).rows_of_step(0))
    assert Counter(epoch for epoch, _, _ in rows) == {0: 2, 1: 2, 2: 2, 3: 2}  # 2 streams of 1: the tail of one sits out
    assert triples(BatchOrder([1], batch_size=4, seed=0).rows_of_step(1)) == [(4, 0, 0), (5, 0, 0), (6, 0, 0), (7, 0, 0)]


def test_too_many_hosts_are_refused():
    with pytest.raises(AlbertError, match="2 data streams cannot be divided among 4 hosts"):
        BatchOrder([100], batch_size=6, seed=0, num_hosts=4)
    with pytest.raises(AlbertError, match="batch size 0 is less than 1"):
        BatchOrder([100], batch_size=0, seed=0)


def test_the_cache_reads_a_block_once_while_it_is_used():
    reads = Counter()

    def read(block, epoch):
        reads[epoch, block] += 1
        return {"x": 100 * epoch + 10 * block + np.arange(4)}

    order, cache = BatchOrder([4] * 6, batch_size=4, seed=1), BlockCache(read, size=5)
    values = [cache.gather(order.rows_of_step(step))["x"].tolist() for step in range(12)]
    expected = [[100 * e + 10 * b + r for e, b, r in triples(order.rows_of_step(step))] for step in range(12)]
    assert values == expected
    assert set(reads) == {(epoch, block) for epoch in range(2) for block in range(6)}
    assert max(reads.values()) <= 2  # a block on the border of two streams may come twice


@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_batches_are_the_rows_of_the_blocks_in_the_draw_of_their_epoch(tmp_path, kind):
    split = write_dataset(tmp_path, kind=kind, num_train=300, num_shards=2).split("train")
    order = BatchOrder(split.block_sizes, batch_size=16, seed=9)
    for step, batch in enumerate(training_batches(split, order, first_step=17, num_steps=21), 17):
        assert set(batch) == set(FEATURES)
        for place, (epoch, block, row) in enumerate(triples(order.rows_of_step(step))):
            expected = split.read_block(block, epoch)
            for name in FEATURES:
                np.testing.assert_array_equal(batch[name][place], expected[name][row])


def test_a_run_that_resumes_sees_the_same_batches(tmp_path):
    split = write_dataset(tmp_path, kind="dynamic").split("train")
    order = BatchOrder(split.block_sizes, batch_size=32, seed=9)
    whole = [batch[INPUT_IDS].numpy() for batch in training_batches(split, order, first_step=0, num_steps=12)]
    rest = [batch[INPUT_IDS].numpy() for batch in training_batches(split, order, first_step=9, num_steps=12)]
    np.testing.assert_array_equal(whole[9:], rest)
    assert any((whole[0] != batch).any() for batch in whole[1:])


def test_shapes_are_static(tmp_path):
    split = write_dataset(tmp_path).split("train")
    order = BatchOrder(split.block_sizes, batch_size=32, seed=9, host=1, num_hosts=4)
    (batch,) = training_batches(split, order, first_step=0, num_steps=1)
    assert {name: tuple(batch[name].shape) for name in FEATURES} == {
        "input_ids": (8, 32), "input_mask": (8, 32), "segment_ids": (8, 32), "next_sentence_labels": (8, 1),
        "masked_lm_positions": (8, 4), "masked_lm_ids": (8, 4), "masked_lm_weights": (8, 4),
    }  # fmt: skip


def test_evaluation_sees_each_instance_once_and_fills_the_last_batch(tmp_path):
    split = write_dataset(tmp_path, num_eval=21, num_shards=2).split("eval")
    batches = list(evaluation_batches(split, 8))
    assert [batch[INSTANCE_WEIGHTS].numpy().sum() for batch in batches] == [8, 8, 5]
    everything = np.concatenate([split.read_block(block)[INPUT_IDS] for block in range(2)])
    np.testing.assert_array_equal(np.concatenate([batch[INPUT_IDS] for batch in batches])[:21], everything)
    np.testing.assert_array_equal(batches[2][INPUT_IDS][5:], np.repeat(everything[16:17], 3, axis=0))
    assert len(list(evaluation_batches(split, 8, max_batches=2))) == 2


def test_a_damaged_shard_is_an_error_of_the_reader(tmp_path):
    dataset = write_dataset(tmp_path, num_train=600)
    shard = tmp_path / "train-00000-of-00001.tfrecord"
    content = bytearray(shard.read_bytes())
    content[-9] ^= 1  # in the last of three blocks
    shard.write_bytes(content)
    split = dataset.split("train")
    order = BatchOrder(split.block_sizes, batch_size=1, seed=SEED_THAT_BEGINS_WITH_A_GOOD_BLOCK)  # one stream: block after block
    batches = iter(training_batches(split, order, first_step=0, num_steps=600))
    next(batches)
    with pytest.raises(AlbertError, match=r"train-00000-of-00001\.tfrecord is damaged"):
        list(batches)
