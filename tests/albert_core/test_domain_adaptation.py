"""A trained model, imported, reads new text: its first loss is the original's, then it falls."""

import hashlib
import io
import json

import numpy as np
import pytest

from albert_core.bert_records import encode_records
from albert_core.importing import import_model
from albert_core.pretraining import pretrain
from albert_core.recipes import PretrainingConfig
from albert_core.shards import INDEX_SUFFIX, NEXT_SENTENCE_LABELS, SHARD_SUFFIX, shard_name
from albert_core.training_log import read_metrics
from tests.albert_core import goldens
from tests.albert_core.small_dataset import OPTIONS, VOCABULARY, write_dataset
from tests.shared_data import shared

SIZE = 512  # of the golden's vocabulary
FULL_VOCABULARY = [*VOCABULARY, *(f"[unused{number}]" for number in range(SIZE - len(VOCABULARY)))]


@pytest.fixture(params=[goldens.BRIGHTMART, goldens.GOOGLE])
def variant(request):
    return request.param


def imported(variant, folder):
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("".join(f"{token}\n" for token in FULL_VOCABULARY))
    checkpoint = shared(f"data/goldens/{variant}/albert_model.ckpt.index").with_suffix("")
    import_model(checkpoint, folder / "imported", vocab=vocabulary)
    return folder / "imported"


def golden_dataset(variant, folder):
    """The four instances of the golden as a static dataset."""
    dataset = write_dataset(folder, vocabulary=FULL_VOCABULARY, num_eval=0, num_train=4)
    values = goldens.golden(variant)
    features = {name: array for name, array in values.items() if name.startswith(("input", "segment", "masked"))}
    features[NEXT_SENTENCE_LABELS] = values["sentence_order_labels"][:, None]
    content, _ = encode_records(features)
    name = shard_name("train", 0, 1)
    (folder / f"{name}{SHARD_SUFFIX}").write_bytes(content.tobytes())
    index = io.BytesIO()
    np.save(index, np.array([0, len(content)], np.int64))
    (folder / f"{name}{INDEX_SUFFIX}").write_bytes(index.getvalue())
    manifest = dataset.manifest
    entry = {"name": f"{name}{SHARD_SUFFIX}", "instances": 4, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest["shards"] = [entry]
    manifest["parameters"] |= {"max_seq_length": 32, "max_predictions_per_seq": features["masked_lm_ids"].shape[1]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def adapt(model, data, output, **changes):
    values = {"num_train_steps": 1, "train_batch_size": 4, "learning_rate": 1e-3, "compute_dtype": "float32"} | changes
    values |= {"data": str(data), "model": str(model / "config.json"), "init_checkpoint": str(model), "output": str(output)}
    pretrain(PretrainingConfig.preset("domain-adaptation", **values))
    return [line["loss"] for line in read_metrics(output)]


def test_the_first_loss_is_the_golden_s(variant, tmp_path):
    losses = adapt(imported(variant, tmp_path), golden_dataset(variant, tmp_path / "data"), tmp_path / "out")
    assert losses == pytest.approx(goldens.golden(variant)["lamb_losses"][:1], rel=1e-5)


def test_the_loss_falls_on_new_text(variant, tmp_path):
    write_dataset(tmp_path / "data", kind="dynamic", vocabulary=FULL_VOCABULARY, options=OPTIONS)
    losses = adapt(imported(variant, tmp_path), tmp_path / "data", tmp_path / "out", num_train_steps=80, train_batch_size=16)
    assert np.mean(losses[-10:]) < np.mean(losses[:5]) - 1.0
