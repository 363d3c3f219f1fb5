"""Held-out quality: the reference's four numbers, and what guessing would reach."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from albert_core.input import INSTANCE_WEIGHTS, evaluation_batches
from albert_core.model_directory import check_data_fits
from albert_core.model_source import read_model
from albert_core.modeling import Albert
from albert_core.objectives import Sums, instance_sums
from albert_core.replicas import Replicas, add_up_replicas, choose_replicas
from albert_core.shards import MASKED_LM_IDS, MASKED_LM_WEIGHTS, NEXT_SENTENCE_LABELS, SOURCES, Dataset, Split

EVAL_BATCH_SIZE = 32

Report = Callable[[int, int], None]


class Evaluator:
    """Measures `model` on `splits`, as often as asked; the graph is built once a length. All replicas take part."""

    def __init__(
        self,
        model: Albert,
        splits: Split | Sequence[Split],
        *,
        sources: Sequence[str] = ("all",),
        batch_size: int = EVAL_BATCH_SIZE,
        max_batches: int | None = None,
        replicas: Replicas | None = None,
    ):
        """`sources` names those of all splits, one after the other; `max_batches` is shared among the splits."""
        self._model, self._sources = model, list(sources)
        self._splits = [splits] if isinstance(splits, Split) else list(splits)
        self._replicas = replicas or choose_replicas("one")
        self._batch_size = -(-batch_size // self._replicas.count) * self._replicas.count
        self._max_batches = None if max_batches is None else max(1, max_batches // len(self._splits))
        self._sums = tf.function(lambda batch: self._replicas.run(self._on_replica, batch))

    def _on_replica(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """{"sums": float32 [sources, 6]} of the whole batch."""
        each = tf.stack(instance_sums(self._model, batch, instance_weights=batch[INSTANCE_WEIGHTS]), 1)
        return {"sums": add_up_replicas(tf.matmul(tf.one_hot(batch[SOURCES], len(self._sources)), each, transpose_a=True))}

    def run(self, report: Report = lambda done, total: None) -> dict[str, Any]:
        """Exact means over all instances: sums and counts are added up, the filling of the last batch counts nothing.

        `report(batches done, batches in all)` is called after each batch.

        Returns:
          num_instances, num_predictions; masked_lm_loss, masked_lm_accuracy, sentence_order_loss, sentence_order_accuracy (losses in
          nats); masked_lm_baseline, sentence_order_baseline: the accuracy of always answering what is most frequent in these splits.
          With several sources also "sources": the same but for the baselines, by name of the source.
        """
        total = np.zeros((len(self._sources), len(Sums._fields)))  # float64: as many batches as there are, nothing is lost to rounding
        answers = np.zeros(self._model.config.vocab_size)
        swapped, done, first_source = 0.0, 0, 0
        runs = [evaluation_batches(split, self._batch_size, max_batches=self._max_batches) for split in self._splits]
        for split, batches in zip(self._splits, runs, strict=True):
            for batch in batches:
                batch[SOURCES] += min(first_source, len(self._sources) - 1)
                total += self._sums(self._replicas.spread(self._own(batch), axis=0))["sums"].numpy()
                weights = batch[INSTANCE_WEIGHTS].numpy()
                masked = batch[MASKED_LM_WEIGHTS].numpy() * weights[:, np.newaxis]
                answers += np.bincount(batch[MASKED_LM_IDS].numpy().ravel(), masked.ravel(), self._model.config.vocab_size)
                swapped += float(weights @ batch[NEXT_SENTENCE_LABELS].numpy().ravel())
                done += 1
                report(done, sum(batches.num_batches for batches in runs))
            first_source += len(split.dataset.sources) if len(self._sources) > 1 else 0
        numbers = _numbers(total.sum(0))
        share_swapped = swapped / numbers["num_instances"]
        numbers["masked_lm_baseline"] = float(answers.max() / max(answers.sum(), 1.0))
        numbers["sentence_order_baseline"] = max(share_swapped, 1.0 - share_swapped)
        if len(self._sources) > 1:
            numbers["sources"] = {name: _numbers(row) for name, row in zip(self._sources, total, strict=True) if row[-1]}
        return numbers

    def _own(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The rows that this host's replicas take."""
        share, host = self._batch_size // self._replicas.num_hosts, self._replicas.host
        return {name: value[host * share : (host + 1) * share] for name, value in batch.items()}


def _numbers(row: np.ndarray) -> dict[str, Any]:
    """The means of one row of `Sums`."""
    sums = Sums(*(float(value) for value in row))
    counts = {"num_instances": int(sums.order_count), "num_predictions": int(sums.masked_count)}
    return {**counts, **{name: float(value) for name, value in sums.metrics().items()}}


def evaluate(
    data: str | Path,
    model: str | Path,
    *,
    split: str = "eval",
    batch_size: int = EVAL_BATCH_SIZE,
    max_batches: int | None = None,
    report: Report = lambda done, total: None,
) -> dict[str, Any]:
    """The numbers of the model at `model` (see `load_model`) on a split of the dataset at `data` (see `Evaluator.run`).

    Raises:
      AlbertError: either is missing, or they do not fit each other.
    """
    dataset, source = Dataset.open(data), read_model(model)
    check_data_fits(dataset, source.config, origin=model, vocabulary=source.vocabulary)
    evaluator = Evaluator(source.build(), dataset.split(split), sources=dataset.sources, batch_size=batch_size, max_batches=max_batches)
    return evaluator.run(report)
