import json
import logging

import numpy as np
import pytest
import tensorflow as tf

from albert_core.checkpoints import CheckpointFolder, assign, list_bundle, read_bundle, write_bundle
from albert_core.errors import AlbertError
from tests.shared_data import shared


def variables(value=0.0):
    return {"bert/kernel": tf.Variable(tf.fill([2, 3], value)), "bert/kernel/adam_m": tf.Variable(tf.fill([2, 3], -value))} | {
        "global_step": tf.Variable(int(value), dtype=tf.int64)
    }


def test_a_bundle_comes_back_bit_for_bit_without_its_slots(tmp_path):
    written = variables(0.1)
    write_bundle(tmp_path / "model.ckpt", written)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.ckpt.data-00000-of-00001", "model.ckpt.index"]
    assert list(read_bundle(tmp_path / "model.ckpt")) == ["bert/kernel"]
    everything = read_bundle(tmp_path / "model.ckpt", with_slots=True)
    assert {name: value.tobytes() for name, value in everything.items()} == {n: v.numpy().tobytes() for n, v in written.items()}


def test_the_tf1_saver_restores_ours(tmp_path):
    write_bundle(tmp_path / "model.ckpt", {"bert/kernel": np.array([[1.0, 2.0]], np.float32)})
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        kernel = tf.compat.v1.get_variable("bert/kernel", [1, 2], initializer=tf.zeros_initializer())
        tf.compat.v1.train.Saver().restore(session, str(tmp_path / "model.ckpt"))
        np.testing.assert_array_equal(session.run(kernel), [[1.0, 2.0]])


def test_slots_of_the_original_programs_are_stripped():
    for variant in ("brightmart_postln", "google"):
        trained = read_bundle(shared(f"data/goldens/{variant}/trained.ckpt.index").with_suffix(""))
        start = read_bundle(shared(f"data/goldens/{variant}/albert_model.ckpt.index").with_suffix(""))
        assert {name: value.shape for name, value in trained.items()} == {name: value.shape for name, value in start.items()}


def test_a_missing_prefix_is_named(tmp_path):
    with pytest.raises(AlbertError, match=r"nothing\.index does not exist\ngive the path without \.index"):
        read_bundle(tmp_path / "nothing")


def test_a_bundle_is_listed_without_reading_it_and_read_in_part(tmp_path):
    write_bundle(tmp_path / "model.ckpt", variables(1.0))
    listed = list_bundle(tmp_path / "model.ckpt")
    assert {name: (found.shape, found.dtype.name) for name, found in listed.items()} == {
        "bert/kernel": ((2, 3), "float32"),
        "bert/kernel/adam_m": ((2, 3), "float32"),
        "global_step": ((), "int64"),
    }
    assert list(read_bundle(tmp_path / "model.ckpt", names=["global_step"])) == ["global_step"]


def test_a_damaged_bundle_is_named(tmp_path):
    write_bundle(tmp_path / "model.ckpt", variables(1.0))
    data = tmp_path / "model.ckpt.data-00000-of-00001"
    data.write_bytes(flipped(data.read_bytes()))
    with pytest.raises(AlbertError, match=r"model\.ckpt is damaged"):
        read_bundle(tmp_path / "model.ckpt", with_slots=True)


def test_assign_names_what_does_not_fit_and_changes_nothing():
    targets = {"a": tf.Variable([1.0]), "b": tf.Variable([1.0, 2.0])}
    with pytest.raises(AlbertError, match=r"x.ckpt lacks b\n"):
        assign(targets, {"a": np.array([5.0])}, origin="x.ckpt")
    with pytest.raises(AlbertError, match=r"x.ckpt: b has shape \[3\], the configuration asks for \[2\]\n"):
        assign(targets, {"a": np.array([5.0]), "b": np.zeros(3)}, origin="x.ckpt")
    assert targets["a"].numpy() == [1.0]
    assign(targets, {"a": np.array([5.0]), "b": np.zeros(2), "more": np.zeros(9)}, origin="x.ckpt")
    assert targets["a"].numpy() == [5.0]


def flipped(content):
    """The same bytes but for one bit."""
    return bytes([content[0] ^ 1]) + content[1:]


def test_the_last_good_one_stays_however_old(tmp_path):
    folder = CheckpointFolder(path=tmp_path / "checkpoints", keep=2)
    for step in (1, 2, 3, 4, 5):
        folder.save(step, variables(step), good_until=2)
    assert folder.steps() == [2, 4, 5]
    folder.save(6, variables(6), good_until=5)
    assert folder.steps() == [5, 6]


def three_saved(tmp_path, keep=5):
    folder = CheckpointFolder(path=tmp_path / "checkpoints", keep=keep)
    for step in (8, 9, 10):
        folder.save(step, variables(step))
    return folder


def test_the_newest_is_restored_by_number_not_by_name(tmp_path):
    folder, target = three_saved(tmp_path), variables()
    assert folder.steps() == [8, 9, 10]
    assert folder.restore_newest(target) == 10
    assert target["bert/kernel"].numpy()[0, 0] == 10
    assert target["bert/kernel/adam_m"].numpy()[0, 0] == -10
    assert target["global_step"].numpy() == 10


def test_nothing_saved_is_step_0(tmp_path):
    assert CheckpointFolder(path=tmp_path / "none").restore_newest(variables()) == 0


def test_the_oldest_go(tmp_path):
    folder = three_saved(tmp_path, keep=2)
    assert folder.steps() == [9, 10]
    assert not list(folder.path.glob("*-8*"))
    assert len(list(folder.path.iterdir())) == 6


@pytest.mark.parametrize("suffix", [".data-00000-of-00001", ".index", ".json"])
def test_a_damaged_newest_is_named_and_the_one_before_is_used(tmp_path, caplog, suffix):
    folder, target = three_saved(tmp_path), variables()
    damaged = folder.path / f"model.ckpt-10{suffix}"
    damaged.write_bytes(flipped(damaged.read_bytes()))
    with caplog.at_level(logging.WARNING):
        assert folder.restore_newest(target) == 9
    assert "model.ckpt-10" in caplog.text
    assert target["global_step"].numpy() == 9


def test_files_without_their_json_are_no_checkpoint(tmp_path):
    folder = three_saved(tmp_path)
    (folder.path / "model.ckpt-10.json").unlink()  # as a kill leaves it between the bundle and the JSON
    assert folder.restore_newest(variables()) == 9


def test_a_missing_file_is_damage(tmp_path, caplog):
    folder = three_saved(tmp_path)
    (folder.path / "model.ckpt-10.index").unlink()
    assert folder.restore_newest(variables()) == 9
    assert "incomplete" in caplog.text


def test_all_damaged_is_an_error(tmp_path):
    folder = three_saved(tmp_path)
    for step in folder.steps():
        (folder.path / f"model.ckpt-{step}.json").write_text(json.dumps({"sha256": {f"model.ckpt-{step}.index": "0"}}))
    with pytest.raises(AlbertError, match=r"model\.ckpt-10\.index is damaged.*, and no other is intact\nremove"):
        folder.restore_newest(variables())
