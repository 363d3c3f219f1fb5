import time

import pytest
import tensorflow as tf

from albert_core import costs
from albert_core.config import AlbertConfig
from albert_core.machine_peak import Speed, best_compute_dtype, measure_peak
from albert_core.parameters import PRETRAINING
from albert_core.shards import INPUT_IDS, MASKED_LM_IDS

CONFIG = AlbertConfig(vocab_size=100, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64)


def test_the_peak_of_this_machine_is_a_processor_s():
    assert 1e9 < measure_peak("float32") < 1e16
    assert best_compute_dtype() in ("float32", "bfloat16")


def test_rate_wait_and_share_are_those_of_the_call():
    batches = {INPUT_IDS: tf.zeros([3, 4, 16], tf.int32), MASKED_LM_IDS: tf.zeros([3, 4, 2], tf.int32)}
    work = 12 * costs.flops(CONFIG, tokens=16, predictions=2, heads=PRETRAINING, training=True)
    speed, lines = Speed(CONFIG, 4, peak=1e9), [{"loss": 1.0}, {"loss": 2.0}, {"loss": 3.0}]
    time.sleep(0.05)
    speed.add_to(lines, batches, waited=0.02)
    seconds = 12 / lines[0]["sequences_per_second"]
    assert seconds >= 0.05
    assert lines[2]["input_wait"] == pytest.approx(0.02 / seconds)
    assert lines[1]["share_of_peak"] == pytest.approx(work / seconds / 1e9)
    unknown = [{"loss": 1.0}]
    Speed(CONFIG, 4, peak=None).add_to(unknown, batches, waited=0.0)
    assert "share_of_peak" not in unknown[0]
