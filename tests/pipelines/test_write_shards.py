"""Shards of whole builds: length bins hold what the same build without them holds, in other files."""

import json
from pathlib import Path

import numpy as np
import pytest

from albert_core.errors import AlbertError
from albert_core.input import BatchOrder, training_batches
from albert_core.shards import FEATURES, INPUT_IDS, INPUT_MASK, Dataset, Split
from pipelines.build import run_build
from pipelines.tracing import read_stretches
from pipelines.verification import verify
from tests.pipelines.small_builds import ONE_WORKER, small_build
from tests.samples import ENCYCLOPEDIA, NEWS

BINS = (16, 32, 48, 64)
KINDS = ("static", "dynamic")


@pytest.fixture(scope="module")
def datasets(tmp_path_factory) -> dict[tuple[str, bool], Dataset]:
    """Both kinds, without bins and with."""
    folder = tmp_path_factory.mktemp("bins")
    made = {}
    for kind in KINDS:
        for binned in (False, True):
            changes = {"kind": kind, "dupe_factor": 1, "num_shards": 2, "length_bins": BINS if binned else ()}
            output = folder / f"{kind}-{binned}"
            run_build(small_build(output, [ENCYCLOPEDIA, NEWS], changes), ONE_WORKER)
            made[kind, binned] = Dataset.open(output)
    return made


def rows_of(dataset: Dataset, split: Split, epoch: int = 0) -> dict[tuple[bytes, int], list[bytes]]:
    """Document, first and last token of each instance, with its features."""
    stretches = [read_stretches(dataset, shard) for shard in split.shards]
    origins = [
        (part.id_of(row), int(part.first_token[row]), int(part.num_tokens[row])) for part in stretches for row in range(len(part.document))
    ]
    blocks = [split.read_block(block, epoch) for block in range(len(split.block_sizes))]
    features = {name: np.concatenate([block[name] for block in blocks]) for name in FEATURES}
    assert len(origins) == len(features[INPUT_IDS])
    return {origin: [features[name][row].tobytes() for name in FEATURES] for row, origin in enumerate(origins)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("split", ["train", "eval"])
def test_bins_hold_the_same_draw_as_a_build_without_them(datasets, kind, split):
    plain, binned = datasets[kind, False], datasets[kind, True]
    expected = rows_of(plain, plain.split(split))
    assert rows_of(binned, binned.split(split)) == expected
    assert len(expected) > 50
    if kind == "dynamic":
        assert rows_of(binned, binned.split(split), 3) == rows_of(plain, plain.split(split), 3) != expected


@pytest.mark.parametrize("kind", KINDS)
def test_each_bin_has_its_own_width_and_what_no_smaller_one_holds(datasets, kind):
    dataset = datasets[kind, True]
    assert dataset.lengths == BINS
    whole = dataset.split("train")
    total = 0
    for shorter, length, predictions in zip((0, *BINS), BINS, (2, 3, 5, 6), strict=False):
        split = dataset.split("train", length=length)
        features = split.read_block(0)
        assert features[INPUT_IDS].shape == (split.block_sizes[0], length)
        assert features["masked_lm_ids"].shape[1] == predictions
        lengths = features[INPUT_MASK].sum(axis=1)
        assert shorter < lengths.min() <= lengths.max() <= length
        total += split.num_instances
    assert total == whole.num_instances
    assert whole.read_block(0)[INPUT_IDS].shape[1] == 64


def test_static_bins_equal_epoch_0_of_dynamic_bins_feature_for_feature(datasets):
    for length in BINS:
        static, dynamic = (datasets[kind, True].split("train", length=length) for kind in KINDS)
        for block in range(len(static.block_sizes)):
            one, other = static.read_block(block), dynamic.read_block(block)
            assert all(np.array_equal(one[name], other[name]) for name in FEATURES)


@pytest.mark.parametrize("kind", KINDS)
def test_the_manifest_names_a_file_for_every_shard_number_and_bin(datasets, kind):
    shards = datasets[kind, True].manifest["shards"]
    assert [shard["name"] for shard in shards] == [
        *(f"train-{length}-{number:05d}-of-00002.tfrecord" for length in BINS for number in range(2)),
        *(f"eval-{length}-00000-of-00001.tfrecord" for length in BINS),
    ]
    assert [(shard["max_seq_length"], shard["max_predictions_per_seq"]) for shard in shards[:8:2]] == [(16, 2), (32, 3), (48, 5), (64, 6)]
    plain, binned = (datasets[kind, there].manifest for there in (False, True))
    assert binned["instances"] == plain["instances"]
    differing = {"padding_share", "sources"}
    assert {name: value for name, value in binned["statistics"].items() if name not in differing} == {
        name: value for name, value in plain["statistics"].items() if name not in differing
    }
    assert binned["statistics"]["padding_share"] < plain["statistics"]["padding_share"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("binned", [False, True])
def test_the_datasets_verify(datasets, kind, binned):
    assert verify(datasets[kind, binned].path, thorough=True) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_bin_is_trained_on_at_its_own_static_shape(datasets, kind):
    split = datasets[kind, True].split("train", length=32)
    order = BatchOrder(split.block_sizes, batch_size=8, seed=1)
    batches = list(training_batches(split, order, first_step=0, num_steps=3))
    assert [batch[INPUT_IDS].shape.as_list() for batch in batches] == [[8, 32]] * 3
    assert all(int(batch[INPUT_MASK].numpy().sum(axis=1).min()) > 16 for batch in batches)


def test_other_lengths_are_refused(datasets):
    with pytest.raises(AlbertError, match="has no length bin 128, it has 16, 32, 48, 64\nask for one of these"):
        datasets["static", True].split("train", length=128)
    plain = datasets["static", False]
    assert plain.lengths == (64,)
    assert plain.split("train", length=64).num_instances == plain.split("train").num_instances
    with pytest.raises(AlbertError, match="has no length bin 16, it has 64\n"):
        plain.split("train", length=16)


def test_a_bin_without_instances_is_an_empty_file(tmp_path):
    changes = {"dupe_factor": 1, "length_bins": (8, 64), "short_seq_prob": 0.0}
    manifest = run_build(small_build(tmp_path, [ENCYCLOPEDIA], changes), ONE_WORKER)
    empty = manifest["shards"][0]
    assert (empty["name"], empty["records"], empty["instances"], empty["bytes"]) == ("train-8-00000-of-00001.tfrecord", 0, 0, 0)
    assert Path(tmp_path, empty["name"]).read_bytes() == b""
    assert np.load(tmp_path / "train-8-00000-of-00001.index.npy").tolist() == [0]
    dataset = Dataset.open(tmp_path)
    assert dataset.split("train").num_instances > 100
    with pytest.raises(AlbertError, match="holds no train instances of length bin 8"):
        dataset.split("train", length=8)
    assert verify(str(tmp_path)) == []


def test_records_of_another_bin_are_found(tmp_path):
    run_build(small_build(tmp_path, [ENCYCLOPEDIA], {"dupe_factor": 1, "length_bins": (32, 64)}), ONE_WORKER)
    path = tmp_path / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["parameters"]["length_bins"] = [32, 60, 64]  # as if instances of 33 to 60 tokens had a bin of their own
    path.write_text(json.dumps(manifest), "utf-8")
    lines = [line for line in verify(str(tmp_path)) if line.endswith("fits the length bin 60")]
    assert lines
    assert lines[0].startswith("train-64-00000-of-00001.tfrecord: instance ")
