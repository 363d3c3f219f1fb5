"""Held-out quality: the reference's four numbers, and what guessing would reach."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from albert_core.input import INSTANCE_WEIGHTS, evaluation_batches
from albert_core.model_directory import check_data_fits
from albert_core.model_source import read_model
from albert_core.modeling import Albert
from albert_core.objectives import Sums, add_up, pretraining_sums
from albert_core.shards import MASKED_LM_IDS, MASKED_LM_WEIGHTS, NEXT_SENTENCE_LABELS, Dataset, Split

EVAL_BATCH_SIZE = 32

Report = Callable[[int, int], None]


class Evaluator:
    """Measures `model` on `split`, as often as asked; the graph is built once."""

    def __init__(self, model: Albert, split: Split, *, batch_size: int = EVAL_BATCH_SIZE, max_batches: int | None = None):
        self._vocab_size = model.config.vocab_size
        self._split, self._batch_size, self._max_batches = split, batch_size, max_batches
        self._sums = tf.function(lambda batch: pretraining_sums(model, batch, instance_weights=batch[INSTANCE_WEIGHTS]))

    def run(self, report: Report = lambda done, total: None) -> dict[str, float]:
        """Exact means over all instances: sums and counts are added up, the filling of the last batch counts nothing.

        `report(batches done, batches in all)` is called after each batch.

        Returns:
          num_instances, num_predictions; masked_lm_loss, masked_lm_accuracy, sentence_order_loss, sentence_order_accuracy (losses in
          nats); masked_lm_baseline, sentence_order_baseline: the accuracy of always answering what is most frequent in this split.
        """
        parts: list[Sums] = []
        answers = np.zeros(self._vocab_size)
        order_swapped = 0.0
        batches = evaluation_batches(self._split, self._batch_size, max_batches=self._max_batches)
        for done, batch in enumerate(batches, 1):
            parts.append(Sums(*(part.numpy() for part in self._sums(batch))))
            weights = batch[INSTANCE_WEIGHTS].numpy()
            masked = batch[MASKED_LM_WEIGHTS].numpy() * weights[:, np.newaxis]
            answers += np.bincount(batch[MASKED_LM_IDS].numpy().ravel(), masked.ravel(), self._vocab_size)
            order_swapped += float(weights @ batch[NEXT_SENTENCE_LABELS].numpy().ravel())
            report(done, batches.num_batches)
        total = add_up(parts)
        share_swapped = order_swapped / float(total.order_count)
        return {
            "num_instances": int(total.order_count),
            "num_predictions": int(total.masked_count),
            **{name: float(value) for name, value in total.metrics().items()},
            "masked_lm_baseline": float(answers.max() / max(answers.sum(), 1.0)),
            "sentence_order_baseline": max(share_swapped, 1.0 - share_swapped),
        }


def evaluate(
    data: str | Path,
    model: str | Path,
    *,
    split: str = "eval",
    batch_size: int = EVAL_BATCH_SIZE,
    max_batches: int | None = None,
    report: Report = lambda done, total: None,
) -> dict[str, float]:
    """The numbers of the model at `model` (see `load_model`) on a split of the dataset at `data` (see `Evaluator.run`).

    Raises:
      AlbertError: either is missing, or they do not fit each other.
    """
    dataset, source = Dataset.open(data), read_model(model)
    check_data_fits(dataset, source.config, origin=model, vocabulary=source.vocabulary)
    return Evaluator(source.build(), dataset.split(split), batch_size=batch_size, max_batches=max_batches).run(report)
