import json

import numpy as np
import pytest
import tensorflow as tf

from albert_core.config import AlbertConfig
from albert_core.input import BatchOrder
from albert_core.modeling import Albert
from albert_core.pretraining import pretrain
from albert_core.recipes import PretrainingConfig
from albert_core.training_log import read_metrics
from tests.albert_core import plain_training
from tests.albert_core.small_dataset import VOCABULARY, write_dataset

STEPS, WARMUP, RATE, BATCH = 200, 20, 2e-3, 16


@pytest.mark.slow
def test_two_hundred_steps_of_a_plain_second_implementation_give_the_same_curve(tmp_path):
    config = AlbertConfig(
        vocab_size=len(VOCABULARY), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, embedding_size=16,
        max_position_embeddings=32,
    )  # fmt: skip
    split = write_dataset(tmp_path / "data", kind="dynamic").split("train")
    (tmp_path / "config.json").write_text(json.dumps(config.to_json()))
    pretrain(
        PretrainingConfig.preset(
            "small-machine", data=str(tmp_path / "data"), model=str(tmp_path / "config.json"), output=str(tmp_path / "out"),
            num_train_steps=STEPS, num_warmup_steps=WARMUP, learning_rate=RATE, train_batch_size=BATCH, compute_dtype="float32", seed=4,
        )
    )  # fmt: skip
    ours = [line["loss"] for line in read_metrics(tmp_path / "out")]
    order = BatchOrder(split.block_sizes, batch_size=BATCH, seed=4)

    def batches():
        for step in range(STEPS):
            rows = [
                split.read_block(int(block), int(epoch)) | {"row": row} for epoch, block, row in zip(*order.rows_of_step(step), strict=True)
            ]
            yield {name: tf.stack([one[name][one["row"]] for one in rows]) for name in rows[0] if name != "row"}

    start = {name: variable.numpy() for name, variable in Albert(config, seed=4).weights.items()}
    plain = plain_training.train(config, start, batches(), rate=RATE, steps=STEPS, warmup=WARMUP)
    np.testing.assert_allclose(ours[:20], plain[:20], atol=1e-4)
    # Rounding grows from step to step: two runs of the same mathematics stay far closer than the loss moves between two batches.
    assert max(abs(a - b) for a, b in zip(ours, plain, strict=True)) < 0.02 < np.std(np.diff(ours)) / 2
    assert np.mean(ours[-10:]) < np.mean(ours[:10]) - 0.3
