"""Examples of a task, made by tensorflow-transform, are what fine-tuning makes of the files itself."""

import json

import pytest
import tensorflow as tf
from click.testing import CliRunner

from albert_core.errors import AlbertError
from albert_core.finetuning import finetune
from albert_core.finetuning_recipe import FinetuningConfig
from albert_core.graph_tokenizer import to_utf8
from albert_core.model_directory import write_description, write_weights
from albert_core.model_source import read_model
from albert_core.modeling import Albert
from albert_core.shards import Dataset
from albert_core.task_data import TaskData
from albert_core.tasks import TASKS, find_task
from albert_core.tfrecord import split_frames
from albert_core.training_log import read_metrics
from cli.data import data
from pipelines.errors import BuildError
from pipelines.examples import ExamplesConfig, run_examples
from pipelines.runners import parse_beam_options
from tests.albert_core.small_dataset import SENTENCES, VOCABULARY
from tests.albert_core.small_run import MODEL
from tests.pipelines.jobs import TWO_WORKERS

HARD = ("\ud800花", "花\ue000开", "ＡＢＣ café", "한글", " 春 \u3000", "我们" * 30)
PAIR = find_task("pair", columns="a,b,label")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Data of a task of pairs, with hard texts and records that have no label, and a model."""
    root = tmp_path_factory.mktemp("examples")
    texts = [*SENTENCES, *HARD]
    for split, count in (("train", 30), ("dev", 11)):
        rows = [{"a": texts[at % 14], "b": SENTENCES[at * 5 % 8] + HARD[at % 6], "label": ("no", "yes", "")[at % 3]} for at in range(count)]
        (root / f"{split}.json").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (root / "vocab.txt").write_text("".join(f"{token}\n" for token in VOCABULARY))
    write_description(root / "model", MODEL, (root / "vocab.txt").read_bytes(), {"lower_case": True})
    write_weights(root / "model", Albert(MODEL, seed=1))
    return root


def config(folder, output, **changes):
    values = {"task": PAIR, "data": str(folder), "vocabulary": str(folder / "vocab.txt"), "max_seq_length": 20, "records_at_once": 4}
    return ExamplesConfig(output=str(output), **values | {"records_per_shard": 9} | changes)


@pytest.fixture(scope="module")
def made(folder):
    """The examples and their manifest."""
    return folder / "made", run_examples(config(folder, folder / "made"), parse_beam_options([]))


def tuning(folder, output, **changes):
    values = {"task": PAIR, "data": str(folder), "model": str(folder / "model"), "output": str(output), "max_seq_length": 20}
    return FinetuningConfig(**values | {"num_train_epochs": 1, "train_batch_size": 8, "restarts": 0} | changes)


def test_the_features_are_those_of_the_files(folder, made, tmp_path):
    source = read_model(folder / "model")
    for changes in ({}, {"max_train_examples": 7}):
        files = TaskData.read(tuning(folder, tmp_path, **changes), source)
        ours = TaskData.read(tuning(folder, tmp_path, data=str(made[0]), **changes), source)
        assert len(files.train) == changes.get("max_train_examples", 20)
        assert (ours.train, ours.dev, ours.labels, ours.num_unlabelled) == (files.train, files.dev, files.labels, files.num_unlabelled)
        assert ours.prior.tolist() == files.prior.tolist()
        assert [record.label for record in ours.dev_records] == [record.label for record in files.dev_records]
        assert ours.encoder.max_seq_length == 20


def test_a_fine_tuning_has_the_same_losses(folder, made, tmp_path):
    results = [finetune(tuning(folder, tmp_path / name, data=str(path))) for name, path in (("files", folder), ("made", made[0]))]
    losses = [[line["loss"] for line in read_metrics(tmp_path / name / "runs" / results[0]["best"]["run"])] for name in ("files", "made")]
    assert len(losses[0]) == 3
    assert losses[0] == losses[1]
    assert results[0]["best"]["dev"] == results[1]["best"]["dev"]


def test_shards_hold_the_records_in_their_order(made):
    folder, manifest = made
    assert [(shard["name"], shard["records"]) for shard in manifest["shards"]] == [
        *((f"train-0000{at}-of-00004.tfrecord", count) for at, count in enumerate((9, 9, 9, 3))),
        ("dev-00000-of-00002.tfrecord", 9),
        ("dev-00001-of-00002.tfrecord", 2),
    ]
    assert manifest["splits"]["train"]["labelled"] == 20
    assert manifest["labels"] == ["no", "yes"]
    records = [tf.train.Example.FromString(frame) for frame in split_frames((folder / "train-00001-of-00004.tfrecord").read_bytes())]
    features = [{name: list(value.int64_list.value) for name, value in record.features.feature.items()} for record in records]
    assert [feature["number"] for feature in features] == [[at] for at in range(9, 18)]
    assert [feature["label"] for feature in features] == [[(0, 1, -1)[at % 3]] for at in range(9, 18)]
    assert all(feature["input_mask"] == [1] * len(feature["input_ids"]) for feature in features)


def test_two_workers_of_the_command_write_the_same_bytes(folder, made, tmp_path):
    options = ["--task", "pair", "--columns", "a,b,label", "--data", str(folder), "--vocab", str(folder / "vocab.txt"), "--max-seq-length"]
    arguments = ["examples", *options, "20", "--records-per-shard", "9", "--output", str(tmp_path / "two"), *TWO_WORKERS]
    told = CliRunner().invoke(data, arguments, catch_exceptions=False).output
    assert "train   30 records, 20 with a label; 4 shards" in told
    assert f"digest  {made[1]['digest']}" in told
    again = CliRunner().invoke(data, [*arguments, "--json"], catch_exceptions=False).output
    assert json.loads(again)["shards"] == made[1]["shards"]


def test_the_graph_beside_them_gives_their_ids(folder, made):
    transform = tf.saved_model.load(str(made[0] / "transform" / "transform_fn"))
    numbers = {name: tf.constant([0], tf.int64) for name in ("split", "number", "label")}
    found = transform.transform_fn(
        numbers | {"first": tf.constant([SENTENCES[0]]), "second": tf.constant([to_utf8(SENTENCES[0] + HARD[0])])}
    )
    first = split_frames((made[0] / "train-00000-of-00004.tfrecord").read_bytes())[0]
    assert found["input_ids"].to_list()[0] == list(tf.train.Example.FromString(first).features.feature["input_ids"].int64_list.value)


def test_what_is_there_already_is_kept_and_nothing_else_is_overwritten(folder, made):
    path, manifest = made
    before = (path / "manifest.json").stat().st_mtime_ns
    assert run_examples(config(folder, path), parse_beam_options([])) == manifest
    assert (path / "manifest.json").stat().st_mtime_ns == before
    with pytest.raises(BuildError, match="holds a dataset of other files or options\nchoose another --output"):
        run_examples(config(folder, path, max_seq_length=16), parse_beam_options([]))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"a": "花"}', r"dev\.json, line 2: there is no b, only a\nadd the column, or give --columns"),
        ('{"a": "花", "b": "春", "label": "maybe"}', r"dev\.json, line 2: label 'maybe' is unknown\nknown from training: no, yes"),
        ('{"a": " ", "b": "", "label": "no"}', r"dev\.json, line 2: the first is empty\nfill it, or remove the record"),
        ('{"a": "😀", "b": "😀", "label": "no"}', r"dev\.json, line 2: “😀 \| 😀” has no character that the vocabulary knows"),
        ("{", r"dev\.json, line 2: not JSON"),
    ],
)
def test_a_bad_record_is_refused_before_the_job_with_its_line(folder, tmp_path, line, message):
    (tmp_path / "dev.json").write_text('{"a": "花", "b": "春", "label": "no"}\n' + line + "\n")
    with pytest.raises(AlbertError, match=message):
        run_examples(config(folder, tmp_path / "out", dev_file=str(tmp_path / "dev.json")), parse_beam_options([]))
    assert not (tmp_path / "out").exists()


def test_tasks_and_lengths_that_cannot_be(folder, tmp_path):
    with pytest.raises(BuildError, match="--task cmrc2018 is of kind span: examples are made of tasks with labels"):
        config(folder, tmp_path, task=TASKS["cmrc2018"])
    with pytest.raises(BuildError, match="--max-seq-length 4 is too short"):
        config(folder, tmp_path, max_seq_length=4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"task": find_task("pair", columns="a,b,same")},
            "holds examples of the task pair, --task is pair: label differs\nwrite them for it",
        ),
        ({"task": TASKS["afqmc"]}, "holds examples of the task pair, --task is afqmc: name differs"),
        ({"max_seq_length": 16}, "--max-seq-length 16, but .*made was cut to 20 tokens\nleave it out"),
        ({"dev_file": "dev.json"}, "--dev-file does not go with .*made, which holds examples already"),
    ],
)
def test_examples_that_do_not_fit_are_refused(folder, made, tmp_path, changes, message):
    with pytest.raises(AlbertError, match=message):
        TaskData.read(tuning(folder, tmp_path, **{"data": str(made[0])} | changes), read_model(folder / "model"))


def test_other_vocabularies_and_damage_are_refused(folder, made, tmp_path):
    source = read_model(folder / "model")
    other = source._replace(vocabulary=source.vocabulary + b"more\n")
    with pytest.raises(AlbertError, match="was made with another vocabulary"):
        TaskData.read(tuning(folder, tmp_path, data=str(made[0])), other)
    for name in ("manifest.json", "train-00000-of-00004.tfrecord"):
        (tmp_path / name).write_bytes((made[0] / name).read_bytes())
    with pytest.raises(AlbertError, match=r"train-00001-of-00004\.tfrecord cannot be read: No such file"):
        TaskData.read(tuning(folder, tmp_path, data=str(tmp_path)), source)
    content = bytearray((tmp_path / "train-00000-of-00004.tfrecord").read_bytes())
    content[100] ^= 1
    (tmp_path / "train-00000-of-00004.tfrecord").write_bytes(content)
    with pytest.raises(AlbertError, match=r"train-00000-of-00004\.tfrecord is not as it was written: its SHA-256 differs"):
        TaskData.read(tuning(folder, tmp_path, data=str(tmp_path)), source)
    with pytest.raises(AlbertError, match="holds task_examples, no data for pretraining\ngive what albert-data build made"):
        Dataset.open(made[0])
