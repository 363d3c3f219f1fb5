import json
import re
import resource
import subprocess
import sys

import pytest
import tensorflow as tf

from albert_core import storage
from albert_core.checkpoints import CheckpointFolder
from albert_core.config import AlbertConfig
from albert_core.errors import AlbertError
from albert_core.pretraining import pretrain
from albert_core.recipes import PretrainingConfig
from albert_core.shards import Dataset
from albert_core.training_log import read_metrics
from tests.albert_core import small_run
from tests.albert_core.small_dataset import VOCABULARY, write_dataset
from tests.albert_core.test_killed_training import config

REMOTE = "ram://bucket"  # TensorFlow's file system in memory: another one than the local, as gs:// is


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_run.write_inputs(tmp_path_factory.mktemp("storage"))


def test_files_of_both_kinds(tmp_path):
    for where in (tmp_path, f"{REMOTE}/files"):
        path = storage.join(where, "a.json")
        assert not storage.exists(path)
        assert storage.list_names(storage.join(where, "none")) == []
        storage.make_folder(where)
        storage.write_json(path, {"词": 1})
        storage.write_json(path, {"词": 2})
        assert json.loads(storage.read_bytes(path)) == {"词": 2}
        assert storage.list_names(where) == ["a.json"]
        storage.remove(path)
        storage.remove(path)
        with pytest.raises(FileNotFoundError, match=r"a\.json"):
            storage.read_bytes(path)
        with pytest.raises(FileNotFoundError):
            storage.sha256_of(path)


def test_a_run_on_an_object_store_is_the_run_on_a_disk(folder, tmp_path):
    changes = {"num_train_steps": 30, "eval_steps": 15}
    local, remote = config(folder, tmp_path / "out", **changes), config(folder, f"{REMOTE}/run", **changes)
    assert pretrain(local)["evaluation"] == pretrain(remote)["evaluation"]
    assert storage.list_names(REMOTE + "/run") == sorted(path.name for path in (tmp_path / "out").iterdir())
    kept = {"loss", "held_out_masked_lm_loss"}
    lines = [[{name: line[name] for name in kept & set(line)} for line in read_metrics(where)] for where in (local.output, remote.output)]
    assert lines[0] == lines[1]
    saved = CheckpointFolder(path=f"{REMOTE}/run/checkpoints")
    assert saved.steps() == [15, 30]
    assert saved.find_damage(30) is None
    tf.io.gfile.remove(saved.prefix(30) + ".json")  # what a kill while saving leaves
    steps = []
    pretrain(remote, report=lambda step, values: steps.append(step))
    assert steps == list(range(16, 31))
    assert [line["step"] for line in read_metrics(remote.output)] == list(range(1, 31))


def test_a_folder_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AlbertError, match=r"file/out cannot be made: .*\nmake room or name another folder"):
        storage.make_folder(tmp_path / "file" / "out")
    with pytest.raises(AlbertError, match=r"file/a\.json cannot be written: "):
        storage.write_bytes(tmp_path / "file" / "a.json", b"{}")


FULL = """
import resource, sys
from tests.albert_core.test_storage import train_until_full
train_until_full(sys.argv[1])
"""


def train_until_full(output):
    """Two checkpoints of a run, then a limit on the size of files, which says what a full disk says, then the next one."""
    data = write_dataset(storage.Path(output).parent / "data")
    model = AlbertConfig(vocab_size=len(VOCABULARY), hidden_size=32, num_hidden_layers=1, num_attention_heads=4, intermediate_size=64)
    path = storage.Path(output).parent / "config.json"
    path.write_text(json.dumps(model.to_json()))

    def fill(step, values):
        if step == 25:
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))

    try:
        pretrain(
            PretrainingConfig.preset(
                "small-machine", data=data.path, model=str(path), output=output, num_train_steps=40, save_checkpoints_steps=10
            ),
            report=fill,
        )
    except AlbertError as error:
        print(error)
        sys.exit(2)


@pytest.mark.slow
@pytest.mark.integration
def test_a_full_disk_is_said_and_loses_nothing(tmp_path):
    """A limit on the size of files: the kernel refuses the write, as it does when there is no room."""
    output = tmp_path / "out"
    full = subprocess.run([sys.executable, "-c", FULL, str(output)], capture_output=True, text=True, check=False)
    assert full.returncode == 2, full.stderr
    assert "model.ckpt-30 cannot be saved: " in full.stdout
    assert "make room or name another folder; the same command goes on from the newest checkpoint" in full.stdout
    saved = CheckpointFolder(path=output / "checkpoints")
    assert saved.steps() == [10, 20]
    assert saved.find_damage(20) is None


S3 = r"s3://bucket/x.*: TensorFlow has no file system for s3:// here\ngive a local folder or gs://"


def test_a_file_system_that_tensorflow_lacks_is_named_with_what_to_do(albert_train, tmp_path):
    with pytest.raises(AlbertError, match=S3):
        Dataset.open("s3://bucket/x")
    for use in (storage.exists, storage.list_names, storage.make_folder, storage.read_bytes, lambda path: storage.write_bytes(path, b"")):
        with pytest.raises(AlbertError, match=S3):
            use("s3://bucket/x")
    storage.require_file_system("gs://bucket/x")
    dataset = write_dataset(tmp_path / "data", num_train=8, num_eval=4).path
    for data, output in (("s3://bucket/x", tmp_path / "run"), (dataset, "s3://bucket/x")):
        status, _, error = albert_train("pretrain", "--data", data, "--model", "tiny", "--output", output, "--num-train-steps", 1)
        assert status == 2
        assert re.search(S3.replace("\\n", r"\n +"), error), error
