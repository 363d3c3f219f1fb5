"""The model directory: what everything that makes or uses a model reads and writes.

    config.json           the model's sizes, ALBERT keys
    vocab.txt             the vocabulary that the ids mean
    normalization.json    what the training text went through, for inference to repeat
    model.ckpt.*          the weights, a TF1 bundle
    checkpoints/          of a training run, beside its run.json, metrics.jsonl, evaluation.json and events/

A folder of a released albert_zh model is one too: `albert_model.ckpt.*`, `albert_config_tiny.json`, `vocab.txt`.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf

from albert_core import checkpoints
from albert_core.config import AlbertConfig
from albert_core.errors import AlbertError
from albert_core.huggingface import is_huggingface, read_huggingface
from albert_core.modeling import Albert
from albert_core.parameters import Heads
from albert_core.shards import Dataset
from albert_core.tokenization import Tokenizer

CONFIG, VOCABULARY, NORMALIZATION = "config.json", "vocab.txt", "normalization.json"
CHECKPOINTS = "checkpoints"


class ModelFiles(NamedTuple):
    """Where a model lies: the prefix of its weights, and the folder of its config.json and vocab.txt."""

    prefix: Path
    folder: Path


def find_model(path: str | Path) -> ModelFiles:
    """The model at `path`: a model directory, a folder with one TF1 checkpoint, or a checkpoint's prefix.

    Of a directory whose training has not finished, the newest checkpoint is taken.

    Raises:
      AlbertError: there is none, or it is not clear which.
    """
    path = Path(path)
    if Path(f"{path}{checkpoints.INDEX}").exists():
        return ModelFiles(path, path.parent.parent if path.parent.name == CHECKPOINTS else path.parent)
    if not path.is_dir():
        raise AlbertError(f"no model {path}: there is neither a folder nor {path}{checkpoints.INDEX}\ngive a model directory or a prefix")
    prefixes = sorted(Path(str(index).removesuffix(checkpoints.INDEX)) for index in path.glob(f"*{checkpoints.INDEX}"))
    if path / checkpoints.PREFIX in prefixes:
        return ModelFiles(path / checkpoints.PREFIX, path)
    if len(prefixes) > 1:
        raise AlbertError(f"{path} holds {len(prefixes)} checkpoints\ngive the prefix of one: {', '.join(map(str, prefixes))}")
    if prefixes:
        return ModelFiles(prefixes[0], path)
    training = checkpoints.CheckpointFolder(path=path / CHECKPOINTS)
    if steps := training.steps():
        return ModelFiles(training.prefix(steps[-1]), path)
    raise AlbertError(f"{path} holds no checkpoint (*{checkpoints.INDEX})\ngive a model directory or the prefix of a checkpoint")


def load_config(files: ModelFiles) -> AlbertConfig:
    """The configuration beside a model: config.json, or the only file named like one."""
    named = files.folder / CONFIG
    found = [named] if named.exists() else sorted(files.folder.glob("*config*.json"))
    if len(found) != 1:
        what = "no config.json" if not found else f"{len(found)} configurations: {', '.join(path.name for path in found)}"
        raise AlbertError(f"{files.folder} holds {what}\nput the model's own there as config.json, or name it: load_model(…, config=…)")
    return AlbertConfig.from_file(found[0])


def load_model(path: str | Path, *, config: str | Path | AlbertConfig | None = None, compute_dtype: tf.DType = tf.float32) -> Albert:
    """The model at `path` (see `find_model`) or in a Hugging Face folder, with `config` or the configuration beside it.

    Optimizer slots are left on disk.

    Raises:
      AlbertError: something is missing or does not fit; what and where is named.
    """
    if config is None and is_huggingface(Path(path)):
        read = read_huggingface(Path(path))
        config, tensors = read.config, read.tensors
    else:
        files = find_model(path)
        path = files.prefix
        if config is None:
            config = load_config(files)
        elif not isinstance(config, AlbertConfig):
            config = AlbertConfig.from_file(config)
        tensors = checkpoints.read_bundle(files.prefix)
    heads = Heads.of({name: tensor.shape for name, tensor in tensors.items()})
    model = Albert(config, heads=heads, compute_dtype=compute_dtype)
    checkpoints.assign(model.weights, tensors, origin=path)
    return model


def load_tokenizer(path: str | Path) -> Tokenizer:
    """The tokenizer that belongs to the model at `path`."""
    folder = Path(path) if is_huggingface(Path(path)) else find_model(path).folder
    described = folder / NORMALIZATION
    normalization = json.loads(described.read_text(encoding="utf-8")) if described.exists() else {}
    return Tokenizer.load(folder / VOCABULARY, lower_case=normalization.get("lower_case", True))


def write_description(folder: Path, config: AlbertConfig, vocabulary: bytes, normalization: dict[str, Any]) -> None:
    """All of a model directory but the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    checkpoints.write_json(folder / CONFIG, config.to_json())
    (folder / VOCABULARY).write_bytes(vocabulary)
    checkpoints.write_json(folder / NORMALIZATION, normalization)


def write_weights(folder: Path, model: Albert) -> None:
    """The weights of a model directory, which make it complete."""
    checkpoints.write_bundle(folder / checkpoints.PREFIX, model.weights)


def check_data_fits(dataset: Dataset, config: AlbertConfig, *, origin: str | Path, vocabulary: Path | None = None) -> None:
    """Refuse data that the model at `origin` cannot mean: another `vocabulary`, more entries or tokens than it has rows.

    Raises:
      AlbertError: both values are named.
    """
    if vocabulary is not None and vocabulary.exists():
        digest = checkpoints.sha256_of(vocabulary)
        if digest != dataset.vocab_sha256:
            raise AlbertError(
                f"{dataset.path} was built with another vocabulary (SHA-256 {dataset.vocab_sha256[:12]}…) than {vocabulary} "
                f"({digest[:12]}…)\n"
                f"build the data with --vocab {vocabulary}"
            )
    if dataset.tokenizer.size != config.vocab_size:
        raise AlbertError(
            f"{dataset.path} has a vocabulary of {dataset.tokenizer.size:,} entries, {origin} has vocab_size {config.vocab_size:,}\n"
            "build the data with the model's vocabulary, or train another model on it: --model tiny takes the size from the data"
        )
    if dataset.max_seq_length > config.max_position_embeddings:
        raise AlbertError(
            f"{dataset.path} has sequences of {dataset.max_seq_length} tokens, {origin} has {config.max_position_embeddings} positions\n"
            f"build the data with --max-seq-length {config.max_position_embeddings} or less"
        )
