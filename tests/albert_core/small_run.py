"""A run of a few seconds: a model of two narrow layers on the small dataset."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from albert_core.config import AlbertConfig
from albert_core.errors import AlbertError
from albert_core.recipes import PretrainingConfig
from albert_core.training_step import check_jit
from tests.albert_core.small_dataset import VOCABULARY, write_dataset

MODEL = AlbertConfig(
    vocab_size=len(VOCABULARY), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, embedding_size=16,
    max_position_embeddings=32, hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1,
)  # fmt: skip
WITHOUT_DROPOUT = dataclasses.replace(MODEL, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)


def write_inputs(folder: Path, model: AlbertConfig = MODEL) -> Path:
    """The data and the configuration that runs in `folder` are given."""
    write_dataset(folder / "data", kind="dynamic")
    (folder / "config.json").write_text(json.dumps(model.to_json()))
    return folder


def run_config(folder: Path, output: Path, **changes: Any) -> PretrainingConfig:
    """A run over the inputs in `folder`."""
    values: dict[str, Any] = {
        "data": str(folder / "data"), "model": str(folder / "config.json"), "output": str(output), "train_batch_size": 16,
        "learning_rate": 3e-3, "compute_dtype": "float32",
    }  # fmt: skip
    return PretrainingConfig.preset("small-machine", **values | changes)


def run_arguments(folder: Path, output: Path, *more: str) -> tuple[str, ...]:
    """The same for the command line."""
    return (
        f"--data={folder / 'data'}", f"--model={folder / 'config.json'}", f"--output={output}", "--train-batch-size=16",
        "--learning-rate=3e-3", "--compute-dtype=float32", *more,
    )  # fmt: skip


def skip_without_jit() -> None:
    """Where TensorFlow is built without XLA for this device, as tensorflow-tpu is for CPUs."""
    try:
        check_jit()
    except AlbertError as error:
        pytest.skip(str(error).splitlines()[0])
