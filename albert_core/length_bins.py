"""Length bins: a shard number writes a file for each, so that short instances are not padded to the longest.

    --length-bins 128,256,512     [CLS] A [SEP] B [SEP] of 90 tokens → bin 128; of 128 → bin 128; of 129 → bin 256

A bin is only where an instance lies and how far it is padded. The draw is the same as without bins, feature for feature: the budget of
masks grows with the length, so no instance of a bin has more predictions than the bin's own length allows.
"""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from albert_core.bert_records import NEXT_SENTENCE_LABELS, SEQUENCE_FEATURES
from albert_core.drawing import NUM_SPECIALS, DrawingOptions
from albert_core.errors import AlbertError

SHORTEST_BIN = 8  # as the shortest --max-seq-length


def check_length_bins(bins: Sequence[int], max_seq_length: int) -> None:
    """Refuses bins that do not fit the longest instance; none at all is fine.

    Raises:
      AlbertError: they do not ascend, one is too short, or the last is not `max_seq_length`.
    """
    if not bins:
        return
    given = f"--length-bins {','.join(map(str, bins))}"
    if any(later <= earlier for earlier, later in itertools.pairwise(bins)):
        raise AlbertError(f"{given} do not ascend\ngive each length once, the shortest first: 128,256,512")
    if bins[0] < SHORTEST_BIN:
        raise AlbertError(
            f"{given} begin with {bins[0]}, less than {SHORTEST_BIN}\n[CLS], two [SEP] and a few tokens on either side must fit"
        )
    if bins[-1] != max_seq_length:
        fix = ",".join(map(str, [*(length for length in bins if length < max_seq_length), max_seq_length]))
        raise AlbertError(
            f"{given} end with {bins[-1]}, --max-seq-length is {max_seq_length}\nthe last bin holds the longest instances: {fix}"
        )


def options_of_bin(options: DrawingOptions, length: int) -> DrawingOptions:
    """The options that draw the instances of a bin at its own width: L = length, P = the budget of that length.

    The longest bin is as wide as a dataset without bins.

    >>> options_of_bin(DrawingOptions(max_seq_length=512, max_predictions_per_seq=51, masked_lm_prob=0.1), 128).max_predictions_per_seq
    13
    """
    if length == options.max_seq_length:
        return options
    predictions = min(int(options.budgets()[length]), length - NUM_SPECIALS)
    return dataclasses.replace(options, max_seq_length=length, max_predictions_per_seq=predictions)


def bins_of(lengths: np.ndarray, bins: Sequence[int]) -> np.ndarray:
    """int64 [N]: the number of the smallest bin that holds each length, in tokens with specials."""
    return np.searchsorted(np.asarray(bins, np.int64), lengths, side="left")


def pad_features(features: dict[str, np.ndarray], options: DrawingOptions) -> dict[str, np.ndarray]:
    """The seven features of narrower records as wide as `options` say; padding is 0 everywhere."""
    return {name: _widened(values, _width(name, options)) for name, values in features.items()}


def _width(name: str, options: DrawingOptions) -> int:
    if name == NEXT_SENTENCE_LABELS:
        return 1
    return options.max_seq_length if name in SEQUENCE_FEATURES else options.max_predictions_per_seq


def _widened(values: np.ndarray, width: int) -> np.ndarray:
    if values.shape[1] == width:
        return values
    wide = np.zeros((len(values), width), values.dtype)
    wide[:, : values.shape[1]] = values
    return wide
