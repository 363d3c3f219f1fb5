import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_core.bert_records import INPUT_IDS, MASKED_LM_IDS, MASKED_LM_WEIGHTS, NEXT_SENTENCE_LABELS
from albert_core.drawing import DrawingOptions
from albert_core.errors import AlbertError
from albert_core.length_bins import bins_of, check_length_bins, options_of_bin, pad_features

OPTIONS = DrawingOptions(max_seq_length=512, max_predictions_per_seq=51, masked_lm_prob=0.1)


@pytest.mark.parametrize(
    ("bins", "message"),
    [
        ((128, 256), "--length-bins 128,256 end with 256, --max-seq-length is 512\nthe last bin holds the longest instances: 128,256,512"),
        ((128, 1024), "--length-bins 128,1024 end with 1024, --max-seq-length is 512\nthe last bin holds the longest instances: 128,512"),
        ((256, 128, 512), "--length-bins 256,128,512 do not ascend\ngive each length once, the shortest first: 128,256,512"),
        ((512, 512), "--length-bins 512,512 do not ascend\ngive each length once, the shortest first: 128,256,512"),
        ((7, 512), "--length-bins 7,512 begin with 7, less than 8\n"),
    ],
)
def test_bins_that_do_not_fit_are_refused(bins, message):
    with pytest.raises(AlbertError) as error:
        check_length_bins(bins, 512)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("bins", [(), (512,), (8, 512), (128, 256, 384, 512)])
def test_bins_that_fit_are_taken(bins):
    check_length_bins(bins, 512)


def test_an_instance_goes_to_the_smallest_bin_that_holds_it():
    lengths = np.array([5, 127, 128, 129, 256, 257, 512])
    assert bins_of(lengths, (128, 256, 512)).tolist() == [0, 0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(("length", "predictions"), [(8, 1), (15, 2), (25, 2), (35, 4), (128, 13), (384, 38), (512, 51)])
def test_a_bin_has_room_for_the_budget_of_its_length_rounded_half_to_even(length, predictions):
    options = options_of_bin(OPTIONS, length)
    assert (options.max_seq_length, options.max_predictions_per_seq) == (length, predictions)


def test_the_longest_bin_is_as_wide_as_without_bins():
    wide = DrawingOptions(max_seq_length=512, max_predictions_per_seq=76, masked_lm_prob=0.1)
    assert options_of_bin(wide, 512) is wide
    assert options_of_bin(wide, 256).max_predictions_per_seq == 26


@given(
    length=st.integers(8, 600),
    shorter=st.integers(8, 600),
    probability=st.floats(0.001, 1.0),
    predictions=st.integers(1, 597),
)
def test_the_budgets_are_those_without_bins(length, shorter, probability, predictions):
    length, shorter = max(length, shorter), min(length, shorter)
    options = DrawingOptions(
        max_seq_length=length, max_predictions_per_seq=min(predictions, length - 3), masked_lm_prob=probability, max_ngram=1
    )
    budgets, own = options.budgets()[: shorter + 1], options_of_bin(options, shorter).budgets()
    room = np.maximum(np.arange(shorter + 1) - 3, 1)  # more than all tokens of an instance cannot be masked
    assert np.minimum(budgets, room).tolist() == np.minimum(own, room).tolist()


def test_features_are_padded_with_zeros():
    narrow = {
        INPUT_IDS: np.array([[2, 7, 3], [2, 8, 3]], np.int32),
        MASKED_LM_IDS: np.array([[7], [8]], np.int32),
        MASKED_LM_WEIGHTS: np.ones((2, 1), np.float32),
        NEXT_SENTENCE_LABELS: np.array([[1], [0]], np.int32),
    }
    options = DrawingOptions(max_seq_length=8, max_predictions_per_seq=2)
    wide = pad_features(narrow, options)
    assert wide[INPUT_IDS].tolist() == [[2, 7, 3, 0, 0, 0, 0, 0], [2, 8, 3, 0, 0, 0, 0, 0]]
    assert wide[MASKED_LM_IDS].tolist() == [[7, 0], [8, 0]]
    assert wide[MASKED_LM_WEIGHTS].tolist() == [[1, 0], [1, 0]]
    assert {name: values.dtype for name, values in wide.items()} == {name: values.dtype for name, values in narrow.items()}
    assert wide[NEXT_SENTENCE_LABELS] is narrow[NEXT_SENTENCE_LABELS]
