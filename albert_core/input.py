"""Batches for training whose order is a pure function of (seed, step), and for evaluation in the order of the shards.

An epoch lays the blocks of a split end to end in an order hashed from (seed, epoch, block), the instances of each block in one hashed
from (seed, epoch, block, row). That line of instances is cut into V equal *virtual streams*; a batch takes as many from each:

    epoch 0   ███ block 7 ███│█ 2 █████│███ 0 █│███ 5 ██       V = 2, batch 4
              stream 0 ──▶              stream 1 ──▶
    step 0    ▲ ▲                       ▲ ▲                     the first two of each stream
    step 1        ▲ ▲                       ▲ ▲                 the next two

So a batch mixes V blocks, any step is found without replaying the ones before, and V depends on the batch and the dataset only: host h of H
reads the streams ≡ h mod H, and the union over hosts is the same global batch for every H. Instances that do not fill a stream
(num_instances mod V, at most 63) sit an epoch out, others each time; all the rest are seen exactly once in it. A batch may span epochs.
"""

import functools
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from math import gcd
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from albert_core.errors import AlbertError
from albert_core.shards import Split

MAX_STREAMS = 64
READ_AHEAD = 2  # batches made while a step runs
INSTANCE_WEIGHTS = "instance_weights"

Batch = dict[str, np.ndarray]


class Rows(NamedTuple):
    """Where the instances of a batch lie: int64 [B] each."""

    epoch: np.ndarray
    block: np.ndarray
    row: np.ndarray


class BatchOrder:
    """Which instances a step sees."""

    def __init__(self, block_sizes: np.ndarray, *, batch_size: int, seed: int, host: int = 0, num_hosts: int = 1):
        """`block_sizes` int [blocks]: instances in each block. Raises AlbertError when the streams cannot be divided among the hosts."""
        if batch_size < 1:
            raise AlbertError(f"batch size {batch_size} is less than 1\ngive the number of sequences of a step")
        self.block_sizes = np.asarray(block_sizes, np.int64)
        self.batch_size, self.seed, self.host, self.num_hosts = batch_size, seed, host, num_hosts
        self.num_instances = int(self.block_sizes.sum())
        self.num_streams = gcd(batch_size, MAX_STREAMS)
        while self.num_streams > self.num_instances:
            self.num_streams //= 2
        self.stream_length = self.num_instances // self.num_streams  # instances of a stream in an epoch
        if self.num_streams % num_hosts:
            raise AlbertError(
                f"{self.num_streams} data streams cannot be divided among {num_hosts} hosts\n"
                f"there is one for each power of two in the batch {batch_size}, at most {MAX_STREAMS}: take another batch or fewer hosts"
            )
        self._lay_out = functools.lru_cache(maxsize=4)(self._lay_out_epoch)
        self._shuffle = functools.lru_cache(maxsize=2 * MAX_STREAMS)(self._shuffle_block)

    @property
    def instances_per_epoch(self) -> int:
        """Instances that an epoch shows: all but at most V - 1."""
        return self.stream_length * self.num_streams

    def rows_of_step(self, step: int) -> Rows:
        """The instances of the batch of `step` (from 0) that this host reads, in order."""
        place = np.arange(self.batch_size, dtype=np.int64)
        place = place[place % self.num_streams % self.num_hosts == self.host]
        return self.rows_of(step * self.batch_size + place)

    def rows_of(self, number: np.ndarray) -> Rows:
        """The instances with these numbers, int64 [N] from 0, in the endless line that the batches are cut from."""
        stream = number % self.num_streams
        epoch, offset = np.divmod(number // self.num_streams, self.stream_length)
        block, row = np.empty_like(number), np.empty_like(number)
        for each in np.unique(epoch):
            here = epoch == each
            blocks, ends = self._lay_out(int(each))
            at = stream[here] * self.stream_length + offset[here]
            index = np.searchsorted(ends, at, side="right")
            block[here] = blocks[index]
            row[here] = at - ends[index] + self.block_sizes[blocks[index]]
            for one in np.unique(block[here]):
                inside = here & (block == one)
                row[inside] = self._shuffle(int(each), int(one))[row[inside]]
        return Rows(epoch, block, row)

    def _lay_out_epoch(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """(blocks in the order of an epoch, where each ends in that line of instances), int64 [blocks]."""
        blocks = permute(len(self.block_sizes), self.seed, epoch)
        return blocks, np.cumsum(self.block_sizes[blocks])

    def _shuffle_block(self, epoch: int, block: int) -> np.ndarray:
        """The rows of a block in the order of an epoch, int64 [size]."""
        return permute(int(self.block_sizes[block]), self.seed, epoch, block)


def permute(count: int, *keys: int) -> np.ndarray:
    """The numbers below `count` in an order keyed by `keys`: sorted by a hash of each, int64 [count]."""
    key: np.ndarray | np.uint64 = np.uint64(len(keys))
    for part in keys:
        key = splitmix64(key ^ np.uint64(part % 2**64))
    return np.argsort(splitmix64(key ^ np.arange(count, dtype=np.uint64)), kind="stable")


def splitmix64(value: np.ndarray | np.uint64) -> np.ndarray:
    """Steele, Lea & Flood's mixer: a bijection of 64-bit integers that looks random."""
    with np.errstate(over="ignore"):
        z = np.asarray(value, np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


class BlockCache:
    """The blocks last used, decoded. Those of one batch are read side by side: the kernels below release the GIL."""

    def __init__(self, read: Callable[[int, int], Batch], *, size: int, threads: int = 4):
        self._read, self._size = read, size
        self._blocks: OrderedDict[tuple[int, int], Future[Batch]] = OrderedDict()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="read-block")

    def gather(self, rows: Rows) -> Batch:
        """The features of the instances at `rows`, in that order."""
        places, which = np.unique(np.stack([rows.epoch, rows.block]), axis=1, return_inverse=True)
        futures = [self._request(int(epoch), int(block)) for epoch, block in places.T]
        batch: Batch = {}
        for index, future in enumerate(futures):
            here = which == index
            for name, values in future.result().items():
                if name not in batch:
                    batch[name] = np.empty((len(which), *values.shape[1:]), values.dtype)
                batch[name][here] = values[rows.row[here]]
        return batch

    def _request(self, epoch: int, block: int) -> "Future[Batch]":
        future = self._blocks.pop((epoch, block), None) or self._pool.submit(self._read, block, epoch)
        self._blocks[epoch, block] = future
        if len(self._blocks) > self._size:
            self._blocks.popitem(last=False)
        return future


class Batches:
    """The batches `load(i)`, i in [first, end), made by a thread while the ones before are used.

    An error of the reader's, such as a damaged shard, comes out where its batch would have.
    """

    def __init__(self, load: Callable[[int], Batch], first: int, end: int):
        self._load, self._first, self._end = load, first, end
        self.num_batches = max(0, end - first)

    def __iter__(self) -> Iterator[dict[str, tf.Tensor]]:
        with ThreadPoolExecutor(1, thread_name_prefix="make-batch") as pool:
            ahead: deque[Future[dict[str, tf.Tensor]]] = deque()
            try:
                for index in range(self._first, self._end + READ_AHEAD):
                    if index < self._end:
                        ahead.append(pool.submit(self._tensors, index))
                    if index >= self._first + READ_AHEAD and ahead:
                        yield ahead.popleft().result()
            finally:
                for future in ahead:
                    future.cancel()

    def _tensors(self, index: int) -> dict[str, tf.Tensor]:
        return {name: tf.convert_to_tensor(values) for name, values in self._load(index).items()}


def cached_blocks(split: Split, order: BatchOrder, *, with_sources: bool = False) -> BlockCache:
    """A cache for reading `split` in `order`: a block a stream, and some that are being left."""
    read = functools.partial(split.read_block, with_sources=with_sources)
    return BlockCache(read, size=order.num_streams + MAX_STREAMS // 8)


def training_batches(split: Split, order: BatchOrder, *, first_step: int, num_steps: int) -> Batches:
    """The batches of the steps [first_step, num_steps): the seven features, [B / hosts, …]."""
    cache = cached_blocks(split, order)
    return Batches(lambda step: cache.gather(order.rows_of_step(step)), first_step, num_steps)


def evaluation_batches(split: Split, batch_size: int, *, max_batches: int | None = None) -> Batches:
    """Every instance once, in the order of the shards, as drawn for epoch 0, with its source; at most `max_batches`.

    The last batch is filled up with copies of its first row; "instance_weights" float32 [B] is 0 for those.
    """
    ends = np.cumsum(split.block_sizes, dtype=np.int64)
    cache = BlockCache(functools.partial(split.read_block, with_sources=True), size=2)

    def load(index: int) -> Batch:
        at = np.arange(index * batch_size, (index + 1) * batch_size)
        real = at < split.num_instances
        at = np.where(real, at, at[0])
        block = np.searchsorted(ends, at, side="right")
        rows = Rows(np.zeros_like(at), block, at - ends[block] + split.block_sizes[block])
        return {**cache.gather(rows), INSTANCE_WEIGHTS: real.astype(np.float32)}

    num_batches = -(-split.num_instances // batch_size)
    return Batches(load, 0, min(num_batches, max_batches or num_batches))
