"""An instance's document, and a document's instances: each way checks the other."""

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from albert_core.errors import AlbertError
from albert_core.shards import Dataset
from pipelines.build import run_build
from pipelines.tracing import instances_of, parse_document_id, shard_number, shard_of_entry, shards_of, shards_of_documents, trace
from tests.pipelines.small_builds import ONE_WORKER, small_build
from tests.samples import ENCYCLOPEDIA, NEWS


@pytest.fixture(scope="module", params=[(), (32, 64)], ids=["plain", "bins"])
def dataset(request, tmp_path_factory) -> Dataset:
    output = tmp_path_factory.mktemp("traced")
    run_build(small_build(output, [ENCYCLOPEDIA, NEWS], {"dupe_factor": 2, "num_shards": 3, "length_bins": request.param}), ONE_WORKER)
    return Dataset.open(output)


def documents_of(dataset: Dataset) -> list[bytes]:
    return [
        document_id
        for path in sorted(Path(dataset.path, "documents").glob("*.parquet"))
        for document_id in pq.read_table(path, columns=["document_id"])["document_id"].to_pylist()
    ]


def test_every_instance_is_found_from_its_document_and_back(dataset):
    found = [place for document_id in documents_of(dataset) for place in instances_of(dataset, document_id)]
    assert len(found) == dataset.manifest["instances"]
    assert Counter(place.shard for place in found) == Counter({shard["name"]: shard["instances"] for shard in dataset.manifest["shards"]})
    assert len({(place.shard, place.instance) for place in found}) == len(found)
    for place in found[::50]:
        assert trace(dataset, place.shard, place.instance) == place.stretch


def test_a_document_lies_in_one_shard_number(dataset):
    ids = documents_of(dataset)
    numbers = shards_of_documents(dataset, ids).tolist()
    assert set(numbers) == {0, 1, 2, 3}  # three of training, one held out
    for document_id, number in list(zip(ids, numbers, strict=True))[::10]:
        shards = shards_of(dataset, [document_id])
        assert {shard_of_entry(dataset, shard) for shard in shards} == {number}
        assert len(shards) == len(dataset.lengths)
    assert shards_of(dataset, []) == []


def test_what_is_not_there_is_said(dataset):
    name = dataset.manifest["shards"][0]["name"]
    count = dataset.manifest["shards"][0]["instances"]
    assert instances_of(dataset, bytes(16)) == []
    with pytest.raises(AlbertError, match=f"{name} has no instance {count:,}\nit has {count:,}, counted from 0"):
        trace(dataset, name, count)
    with pytest.raises(AlbertError, match=r"has no shard train\.tfrecord\nit has "):
        trace(dataset, "train.tfrecord", 0)


def test_a_dataset_without_an_index_says_how_to_get_one(dataset):
    shards = [{name: value for name, value in shard.items() if name != "documents"} for shard in dataset.manifest["shards"]]
    earlier = Dataset(dataset.path, dataset.manifest | {"shards": shards})
    with pytest.raises(AlbertError, match="has no index of documents: an earlier version made it\nbuild it again with --overwrite"):
        trace(earlier, shards[0]["name"], 0)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("train-00003-of-00012.tfrecord", ("train", 3, 12)),
        ("train-128-00003-of-00012.tfrecord", ("train", 3, 12)),
        ("eval-00000-of-00001.tfrecord", ("eval", 0, 1)),
    ],
)
def test_names_of_shards_are_read(name, number):
    assert shard_number(name) == number


def test_other_names_are_refused():
    with pytest.raises(AlbertError, match=r"test-00000-of-00001\.tfrecord is not the name of a shard"):
        shard_number("test-00000-of-00001.tfrecord")


def test_an_id_is_32_hexadecimal_digits():
    assert parse_document_id(" 000102030405060708090A0B0C0D0E0F\n") == bytes(range(16))
    for text in ("", "00", "0" * 31, "0" * 33, "g" * 32, "今" * 32):
        with pytest.raises(AlbertError, match="is not the id of a document: those have 32 hexadecimal digits"):
            parse_document_id(text)
