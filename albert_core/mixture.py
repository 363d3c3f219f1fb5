"""Which instances a step sees when there are several datasets, length bins or a curriculum: still a pure function of (seed, step).

    --data wiki=3 --data news=1                     three instances of wiki for each of news, in every batch
    --data short --data long --curriculum 128:0.9,512:0.1      the first 90 % of the steps on sequences of 128 tokens

    phase      steps of one greatest length          128 ████████████████████████ 512 ███
    lane       what a step is made of: one length, so that its shape is static; a phase takes turns among its lanes
    part       one dataset (or one of its length bins) in a lane; an instance of a batch is of one part

Turns are a fixed pattern that is repeated, in which each lane or part has its share and an order hashed from the seed. So the number of
instances that any part has given before any step is counted, not remembered.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from albert_core.errors import AlbertError
from albert_core.input import Batch, Batches, BatchOrder, BlockCache, cached_blocks, permute
from albert_core.shards import SOURCES, Dataset, Split

Numbers = np.ndarray | np.int64
PATTERN = 1024  # turns until they repeat: shares are exact to a thousandth


class WeightedDataset(NamedTuple):
    """A dataset of a run, with the share that it has of the instances; None: by its number of instances."""

    dataset: Dataset
    weight: float | None


def open_datasets(data: Sequence[str]) -> list[WeightedDataset]:
    """The datasets of `--data DIR` or `--data DIR=WEIGHT`.

    Raises:
      AlbertError: one cannot be opened, some have a weight and some have none, or they were made with different vocabularies.
    """
    opened = []
    for given in data:
        path, equals, number = given.rpartition("=")
        try:
            weight = float(number) if equals else None
        except ValueError:
            path, weight = given, None
        if weight is not None and not (math.isfinite(weight) and weight > 0):
            raise AlbertError(f"--data {given} has weight {number}\ngive a positive number")
        opened.append(WeightedDataset(Dataset.open(path if weight is not None else given), weight))
    if not opened:
        raise AlbertError("there is no --data\nmake some: albert-data build … --output DIR")
    if len({weight is None for _, weight in opened}) > 1:
        raise AlbertError("some --data have a weight, some have none\ngive each a weight, as in --data wiki=3 --data news=1, or none")
    first = opened[0].dataset
    for dataset, _ in opened[1:]:
        if dataset.vocab_sha256 != first.vocab_sha256:
            raise AlbertError(f"{dataset.path} was built with another vocabulary than {first.path}\nbuild both with one vocab.txt")
        if dataset.normalization != first.normalization:
            raise AlbertError(
                f"{dataset.path} was normalised in another way than {first.path}: {dataset.normalization}, {first.normalization}\n"
                "build both with the same options"
            )
    return opened


def parse_curriculum(text: str) -> list[tuple[int, float]]:
    """`128:0.9,512:0.1` → [(128, 0.9), (512, 0.1)]: lengths that ascend, and shares of the steps, which add up to 1.

    Raises:
      AlbertError: it is not of that form.
    """
    try:
        phases = [(int(length), float(share)) for length, share in (phase.split(":") for phase in text.split(","))]
    except ValueError as error:
        raise AlbertError(f"--curriculum {text} is not LENGTH:SHARE,…\nas in 128:0.9,512:0.1") from error
    lengths = [length for length, _ in phases]
    if lengths != sorted(set(lengths)) or min(lengths) < 1:
        raise AlbertError(f"--curriculum {text}: its lengths do not ascend\ngive the shortest first: 128:0.9,512:0.1")
    if any(share <= 0 for _, share in phases) or abs(sum(share for _, share in phases) - 1) > 1e-6:
        raise AlbertError(f"--curriculum {text}: its shares are not positive numbers that add up to 1\nas in 128:0.9,512:0.1")
    return phases


class Turns:
    """Whose turn it is, among several with weights. Each has its share of every PATTERN turns, to the nearest."""

    def __init__(self, weights: Sequence[float], *keys: int):
        shares = np.asarray(weights, np.float64) / np.sum(weights) * PATTERN
        counts = np.floor(shares).astype(np.int64)
        rest = np.argsort(counts - shares, kind="stable")[: PATTERN - counts.sum()]  # the largest remainders
        counts[rest] += 1
        self._counts = counts
        order = permute(PATTERN, *keys)
        self._pattern = np.repeat(np.arange(len(counts)), counts)[order]
        taken = self._pattern[:, None] == np.arange(len(counts))
        self._before = np.cumsum(taken, axis=0) - taken  # int64 [PATTERN, N]: turns that each has had before

    def of(self, turn: Numbers) -> np.ndarray:
        """Who has each of these turns, int64 [N]."""
        return self._pattern[turn % PATTERN]

    def before(self, turn: Numbers, who: int) -> Any:
        """How many turns `who` has had before each of these, int64 [N]."""
        return turn // PATTERN * self._counts[who] + self._before[turn % PATTERN, who]

    def has_a_share(self, who: int) -> bool:
        """Whether its weight is enough for a turn at all."""
        return bool(self._counts[who])


@dataclass(frozen=True)
class Part:
    """A dataset, or one of its length bins: where its instances are read, and in which order."""

    split: Split
    order: BatchOrder
    cache: BlockCache
    weight: float
    first_source: int  # number of its first source among those of the run


@dataclass(frozen=True)
class Lane:
    """The parts of one length. `first` has the number of instances that each part gave in earlier phases."""

    length: int
    parts: tuple[Part, ...]
    turns: Turns
    first: tuple[int, ...]


@dataclass(frozen=True)
class Phase:
    """The steps [start, end) and the lanes that they take turns in."""

    start: int
    end: int
    lanes: tuple[Lane, ...]
    turns: Turns


class Mixture:
    """The training instances of a run."""

    def __init__(
        self,
        datasets: Sequence[WeightedDataset],
        *,
        batch_size: int,
        num_steps: int,
        seed: int,
        first_step: int = 0,
        curriculum: Sequence[tuple[int, float]] = (),
        host: int = 0,
        num_hosts: int = 1,
    ):
        """`batch_size` counts instances over all hosts; the curriculum divides the `num_steps` steps from `first_step` on.

        Raises:
          AlbertError: a phase has no data, or the streams cannot be divided among the hosts.
        """
        self.batch_size, self.seed = batch_size, seed
        self.datasets = [dataset for dataset, _ in datasets]
        self.sources = _name_sources(self.datasets)
        self._host = {"host": host, "num_hosts": num_hosts}
        self._parts: dict[tuple[int, int | None], Part] = {}
        self._given: dict[int, int] = {}  # instances that a part gave in the phases before the one that is planned
        self.phases = self._plan(datasets, list(curriculum), first_step, num_steps)
        place = np.arange(batch_size, dtype=np.int64)
        num_streams = self.phases[0].lanes[0].parts[0].order.num_streams
        self._places = place[place % num_streams % num_hosts == host]

    def _plan(
        self, datasets: Sequence[WeightedDataset], curriculum: list[tuple[int, float]], first_step: int, num_steps: int
    ) -> list[Phase]:
        if not curriculum:
            if len({dataset.max_seq_length for dataset, _ in datasets}) > 1:
                lengths = ", ".join(f"{dataset.path} {dataset.max_seq_length}" for dataset, _ in datasets)
                raise AlbertError(
                    f"the datasets have sequences of different lengths: {lengths}\nsay which come when: --curriculum 128:0.9,512:0.1"
                )
            return [self._phase(0, 0, first_step + num_steps, [[(number, None) for number in range(len(datasets))]], datasets)]
        phases, start, used, shared = [], 0, set(), 0.0
        for number, (length, share) in enumerate(curriculum):
            shared += share
            end = first_step + (num_steps if number == len(curriculum) - 1 else round(shared * num_steps))
            lanes = _lanes_of(datasets, length)
            if not lanes:
                known = sorted({known for dataset, _ in datasets for known in dataset.lengths})
                raise AlbertError(
                    f"--curriculum: no dataset has sequences of {length} tokens, they have {', '.join(map(str, known))}\n"
                    "build one with that --max-seq-length, or with --length-bins"
                )
            used |= {index for lane in lanes for index, _ in lane}
            phases.append(self._phase(number, start, end, lanes, datasets))
            start = end
        if unused := [datasets[index].dataset for index in range(len(datasets)) if index not in used]:
            raise AlbertError(
                f"--curriculum has no phase for {unused[0].path}, whose sequences have {unused[0].max_seq_length} tokens\n"
                f"add {unused[0].max_seq_length}:SHARE"
            )
        return phases

    def _phase(
        self, number: int, start: int, end: int, lanes: list[list[tuple[int, int | None]]], datasets: Sequence[WeightedDataset]
    ) -> Phase:
        planned, weights = [], []
        for at, members in enumerate(lanes):
            parts = tuple(self._part(index, length, datasets) for index, length in members)
            shares = [part.weight for part in parts]
            turns = Turns(shares, self.seed, 1, number, at)
            for which, part in enumerate(parts):
                if not turns.has_a_share(which):
                    raise AlbertError(
                        f"{part.split.dataset.path} has less than a {PATTERN}th of the weight of the others\n"
                        "give it more, or leave it out: --data DIR=WEIGHT"
                    )
            planned.append(Lane(parts[0].split.options.max_seq_length, parts, turns, tuple(self._given.get(id(part), 0) for part in parts)))
            weights.append(sum(shares))
        phase = Phase(start, end, tuple(planned), Turns(weights, self.seed, 2, number))
        for at, lane in enumerate(phase.lanes):
            instances = np.int64(phase.turns.before(np.int64(end - start), at) * self.batch_size)
            for which, part in enumerate(lane.parts):
                self._given[id(part)] = lane.first[which] + int(lane.turns.before(instances, which))
        return phase

    def _part(self, index: int, length: int | None, datasets: Sequence[WeightedDataset]) -> Part:
        if (index, length) not in self._parts:
            dataset, weight = datasets[index]
            split = dataset.split("train", length)
            order = BatchOrder(split.block_sizes, batch_size=self.batch_size, seed=self.seed, **self._host)
            size = split.num_instances
            share = size if weight is None else weight * size / dataset.split("train").num_instances
            with_sources = len(self.sources) > 1
            first_source = sum(len(before.dataset.sources) for before in datasets[:index])
            self._parts[index, length] = Part(split, order, cached_blocks(split, order, with_sources=with_sources), share, first_source)
        return self._parts[index, length]

    def batch_of_step(self, step: int) -> Batch:
        """The features of this host's part of the batch of `step` (from 0), [B / hosts, …]; with several sources also "sources"."""
        phase = next((phase for phase in self.phases if step < phase.end), self.phases[-1])
        turn = np.int64(step - phase.start)
        which = int(phase.turns.of(turn)) if len(phase.lanes) > 1 else 0
        lane = phase.lanes[which]
        if len(phase.lanes) > 1:
            turn = phase.turns.before(turn, which)
        number = turn * self.batch_size + self._places
        if len(lane.parts) == 1:
            return self._read(lane.parts[0], lane.first[0] + number)
        whose, batch = lane.turns.of(number), {}
        for index, part in enumerate(lane.parts):
            here = whose == index
            if not here.any():
                continue
            for name, values in self._read(part, lane.first[index] + lane.turns.before(number[here], index)).items():
                if name not in batch:
                    batch[name] = np.empty((len(number), *values.shape[1:]), values.dtype)
                batch[name][here] = values
        return batch

    def _read(self, part: Part, numbers: np.ndarray) -> Batch:
        batch = part.cache.gather(part.order.rows_of(numbers))
        return {**batch, SOURCES: batch[SOURCES] + part.first_source} if SOURCES in batch else batch

    def batches(self, first_step: int, end_step: int) -> Batches:
        """The batches of the steps [first_step, end_step), made ahead of need."""
        return Batches(self.batch_of_step, first_step, end_step)

    def length_of_step(self, step: int) -> int:
        """Tokens of the sequences of `step`."""
        phase = next((phase for phase in self.phases if step < phase.end), self.phases[-1])
        return phase.lanes[int(phase.turns.of(np.int64(step - phase.start))) if len(phase.lanes) > 1 else 0].length


def _lanes_of(datasets: Sequence[WeightedDataset], length: int) -> list[list[tuple[int, int | None]]]:
    """What a phase of sequences up to `length` trains on: (dataset, bin) by length.

    A dataset without bins is used in the phase of its own length only; one with bins in every phase, with the bins that are short enough.
    """
    lanes: dict[int, list[tuple[int, int | None]]] = {}
    for index, (dataset, _) in enumerate(datasets):
        binned = len(dataset.lengths) > 1
        for known in dataset.lengths:
            if (known <= length if binned else known == length) and _has_instances(dataset, known):
                lanes.setdefault(known, []).append((index, known if binned else None))
    return [lanes[known] for known in sorted(lanes)]


def _has_instances(dataset: Dataset, length: int) -> bool:
    shards = [shard for shard in dataset.manifest["shards"] if shard["name"].startswith("train-") and dataset.length_of(shard) == length]
    return any(shard["instances"] for shard in shards)


def _name_sources(datasets: Sequence[Dataset]) -> list[str]:
    """A name for each source of each dataset, in order; the dataset's folder before it where there are several."""
    if len(datasets) == 1:
        return datasets[0].sources
    folders = [dataset.path.rstrip("/").rsplit("/", 1)[-1] for dataset in datasets]
    return [f"{folder}/{source}" for folder, dataset in zip(folders, datasets, strict=True) for source in dataset.sources]
