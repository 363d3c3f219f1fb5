"""What a dataset is like: counts by source, gathered while documents are tokenized and blocks written, and the shares a person reads."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from albert_core.drawing import DrawingOptions, Drawn
from pipelines.accounts import Account, add_accounts, of_source
from pipelines.unknown_characters import most_frequent

LENGTH_BINS = 16  # of equal width, up to max_seq_length
SHOWN_AS = ("mask", "same", "random")
MAX_UNKNOWN, MAX_UNKNOWN_OF_SOURCE = 50, 20  # characters that a manifest names


class InstanceCounts:
    """Counts of drawn instances by source: an array that grows by one addition a block."""

    def __init__(self, options: DrawingOptions, sources: Sequence[str], unk_id: int):
        """`sources` in the order of their numbers."""
        self.sources, self.unk_id = sources, unk_id
        self._budgets = options.budgets()
        self._bounds = length_bounds(options)
        self._names = (
            *("instances", "tokens", "padding", "unknown", "without_predictions", "predictions", "budget", "swapped"),
            *(f"span.{n}" for n in range(1, options.max_ngram + 1)),
            *(f"shown.{kind}" for kind in SHOWN_AS),
        )
        self._sums = np.zeros((len(sources), len(self._names)), np.int64)
        self._lengths = np.zeros((len(sources), LENGTH_BINS), np.int64)

    def add(self, drawn: Drawn, sources: np.ndarray) -> None:
        """Counts a block; `sources` uint16 [N], those of its instances."""
        values = np.empty((len(sources), len(self._names)), np.int64)
        values[:, 0] = 1
        values[:, 1] = drawn.lengths
        values[:, 2] = drawn.input_ids.shape[1] - drawn.lengths
        values[:, 3] = np.count_nonzero(drawn.input_ids == self.unk_id, axis=1)
        values[:, 4] = drawn.num_predictions == 0
        values[:, 5] = drawn.num_predictions
        values[:, 6] = self._budgets[drawn.lengths]
        values[:, 7] = drawn.swapped
        values[:, 8 : -len(SHOWN_AS)] = drawn.num_spans
        values[:, -len(SHOWN_AS) :] = drawn.num_replaced
        np.add.at(self._sums, sources, values)
        np.add.at(self._lengths, (sources, np.searchsorted(self._bounds, drawn.lengths)), 1)

    def account(self) -> Account:
        """The counts as `name@source`, those that are not 0. They add up over shards."""
        account: Account = {}
        for source, sums, lengths in zip(self.sources, self._sums.tolist(), self._lengths.tolist(), strict=True):
            named = zip((*self._names, *(f"length.{bound}" for bound in self._bounds)), (*sums, *lengths), strict=True)
            account |= {f"{name}@{source}": count for name, count in named if count}
        return account


def length_bounds(options: DrawingOptions) -> np.ndarray:
    """int64 [LENGTH_BINS]: the most tokens of an instance of each bin of the histogram."""
    return np.ceil(np.arange(1, LENGTH_BINS + 1) * options.max_seq_length / LENGTH_BINS).astype(np.int64)


def summarize(counts: Account, options: DrawingOptions, sources: Sequence[str]) -> dict[str, Any]:
    """The statistics of the manifest: rates asked for and got, of the whole and of each source.

    `counts` are those of `InstanceCounts`, of `count_tokens` and of the shards, summed.
    """
    of_sources = {name: of_source(counts, name) for name in sources}
    total = add_accounts(of_sources.values())
    harmonic = sum(1 / n for n in range(1, options.max_ngram + 1))
    return {
        **_rates(total, options, MAX_UNKNOWN),
        "ngrams_asked": {str(n): round(1 / n / harmonic, 5) for n in range(1, options.max_ngram + 1)},
        "single_sentence_chunks": counts.get("single_sentence", 0),
        "cut_tokens": counts.get("cut_tokens", 0),
        "sources": {
            name: {"instances": own.get("instances", 0), **_rates(own, options, MAX_UNKNOWN_OF_SOURCE)} for name, own in of_sources.items()
        },
    }


def _rates(counts: Account, options: DrawingOptions, num_unknown: int) -> dict[str, Any]:
    def share(part: str, *whole: str) -> float:
        base = sum(counts.get(name, 0) for name in whole)
        return round(counts.get(part, 0) / base, 5) if base else 0.0

    spans = [f"span.{n}" for n in range(1, options.max_ngram + 1)]
    shown = [f"shown.{kind}" for kind in SHOWN_AS]
    return {
        "tokens": counts.get("tokens", 0),
        "padding_share": share("padding", "padding", "tokens"),
        "unknown_share": share("unknown", "tokens"),
        "masked_share": share("predictions", "tokens"),
        "masked_of_budget": share("predictions", "budget"),
        "ngrams_drawn": {name.removeprefix("span."): share(name, *spans) for name in spans},
        "masked_tokens_shown_as": {name.removeprefix("shown."): share(name, *shown) for name in shown},
        "swapped_share": share("swapped", "instances"),
        "lengths": {str(bound): counts.get(f"length.{bound}", 0) for bound in length_bounds(options)},
        "without_predictions": counts.get("without_predictions", 0),
        "document_tokens": counts.get("document_tokens", 0),
        "document_unknown_share": share("document_unknown", "document_tokens"),
        "unknown_characters": most_frequent(counts, num_unknown),
    }
