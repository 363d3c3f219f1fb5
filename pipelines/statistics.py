"""What a dataset is like: counts gathered while blocks are written, and the shares a person reads."""

from typing import Any

import numpy as np

from albert_core.drawing import DrawingOptions, Drawn
from pipelines.accounts import Account

LENGTH_BINS = 16  # of equal width, up to max_seq_length


def count_block(drawn: Drawn, options: DrawingOptions, unk_id: int) -> Account:
    """Counts of one block; they add up over blocks and shards."""
    upper = np.ceil(np.arange(1, LENGTH_BINS + 1) * options.max_seq_length / LENGTH_BINS).astype(np.int64)
    lengths = np.bincount(np.searchsorted(upper, drawn.lengths), minlength=LENGTH_BINS)
    num_tokens = int(drawn.lengths.sum())
    return {
        "instances": len(drawn.lengths),
        "tokens": num_tokens,
        "padding": drawn.input_ids.size - num_tokens,
        "unknown": int((drawn.input_ids == unk_id).sum()),
        "without_predictions": int((drawn.num_predictions == 0).sum()),
        "predictions": int(drawn.num_predictions.sum()),
        "budget": int(options.budgets()[drawn.lengths].sum()),
        "swapped": int(drawn.swapped.sum()),
        **{f"length.{bound}": int(count) for bound, count in zip(upper, lengths, strict=True)},
        **{f"span.{n}": int(count) for n, count in enumerate(drawn.num_spans, 1)},
        **{f"shown.{kind}": int(count) for kind, count in zip(("mask", "same", "random"), drawn.num_replaced, strict=True)},
    }


def summarize(counts: Account, options: DrawingOptions) -> dict[str, Any]:
    """The statistics of the manifest: rates asked for and got."""

    def share(part: str, whole: str) -> float:
        return round(counts.get(part, 0) / counts[whole], 5) if counts.get(whole) else 0.0

    def shares(prefix: str) -> dict[str, float]:
        parts = {key.removeprefix(prefix): value for key, value in counts.items() if key.startswith(prefix)}
        return {name: round(value / max(1, sum(parts.values())), 5) for name, value in parts.items()}

    harmonic = sum(1 / n for n in range(1, options.max_ngram + 1))
    return {
        "tokens": counts.get("tokens", 0),
        "padding_share": round(counts.get("padding", 0) / max(1, counts.get("padding", 0) + counts.get("tokens", 0)), 5),
        "unknown_share": share("unknown", "tokens"),
        "masked_share": share("predictions", "tokens"),
        "masked_of_budget": share("predictions", "budget"),
        "ngrams_asked": {str(n): round(1 / n / harmonic, 5) for n in range(1, options.max_ngram + 1)},
        "ngrams_drawn": shares("span."),
        "masked_tokens_shown_as": shares("shown."),
        "swapped_share": share("swapped", "instances"),
        "lengths": {key.removeprefix("length."): value for key, value in sorted(counts.items(), key=_bound) if key.startswith("length.")},
        "without_predictions": counts.get("without_predictions", 0),
        "single_sentence_chunks": counts.get("single_sentence", 0),
        "cut_tokens": counts.get("cut_tokens", 0),
    }


def _bound(item: tuple[str, int]) -> int:
    suffix = item[0].removeprefix("length.")
    return int(suffix) if suffix.isdigit() else -1
