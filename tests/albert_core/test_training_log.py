import json

import pytest
import tensorflow as tf

from albert_core.training_log import TrainingLog, read_metrics


def test_each_step_is_in_once_after_a_kill(tmp_path):
    with TrainingLog(tmp_path, 0) as log:
        for step in (1, 2, 3):
            log.write(step, {"loss": step / 10})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')  # what a kill leaves
    with TrainingLog(tmp_path, 2) as log:
        log.write(3, {"loss": 0.7})
    assert read_metrics(tmp_path) == [{"step": 1, "loss": 0.1}, {"step": 2, "loss": 0.2}, {"step": 3, "loss": 0.7}]


def test_only_a_broken_line_is_cut_when_nothing_is_repeated(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"step": 2}\n{"st')
    TrainingLog(tmp_path, 9)
    assert read_metrics(tmp_path) == [{"step": 1}, {"step": 2}]


def test_a_line_is_on_disk_before_the_next_step(tmp_path):
    log = TrainingLog(tmp_path, 0)
    log.write(1, {"loss": 0.5})
    assert json.loads((tmp_path / "metrics.jsonl").read_text()) == {"step": 1, "loss": 0.5}


def test_curves_hold_every_tenth_step_and_the_held_out_ones(tmp_path):
    with TrainingLog(tmp_path, 0) as log:
        for step in range(1, 22):
            log.write(step, {"loss": float(step)} | ({"held_out_loss": 1.0} if step == 7 else {}))
    (events,) = (tmp_path / "events").iterdir()
    records = [tf.compat.v1.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(events))]
    assert records[0].file_version == "brain.Event:2"
    points = [(event.step, value.tag, value.simple_value) for event in records[1:] for value in event.summary.value]
    assert points == [(7, "loss", 7.0), (7, "held_out_loss", 1.0), (10, "loss", 10.0), (20, "loss", 20.0)]
    assert all(event.wall_time == pytest.approx(records[0].wall_time, abs=60) for event in records)
