"""The model directory: what everything that makes or uses a model reads and writes.

    config.json           the model's sizes, ALBERT keys
    vocab.txt             the vocabulary that the ids mean
    normalization.json    what the training text went through, for inference to repeat
    model.ckpt.*          the weights, a TF1 bundle
    checkpoints/          of a training run, beside its run.json, metrics.jsonl, evaluation.json and events/

A folder of a released albert_zh model is one too: `albert_model.ckpt.*`, `albert_config_tiny.json`, `vocab.txt`.
"""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from albert_core import checkpoints, storage
from albert_core.config import AlbertConfig
from albert_core.errors import AlbertError
from albert_core.modeling import Albert
from albert_core.shards import Dataset

CONFIG, VOCABULARY, NORMALIZATION = "config.json", "vocab.txt", "normalization.json"
CHECKPOINTS = "checkpoints"
STATE = "checkpoint"  # where the TF1 Saver writes which of its checkpoints is the newest
DATA_FILE = re.compile(r"\.data-\d{5}-of-\d{5}$")
CONVERT = "where transformers is installed and you trust the file, convert it: load it, then save_pretrained(…, safe_serialization=True)"
OTHER_FILES = {  # what files of other forms end with → what to do
    (".bin", ".pt", ".pth", ".pkl"): f"a pickle can run code when it is read: it is refused\n{CONVERT}",
    (
        ".h5",
        ".keras",
    ): "weights of Keras are not read\ngive the checkpoint that they were made from, or have transformers save them as safetensors",
    (".zip", ".tar", ".tar.gz", ".tgz"): "unpack it, and give the folder",
    (".pb", ".tflite", ".onnx"): "a compiled model has lost the names of its weights\ngive the checkpoint that it was made from",
}


class ModelFiles(NamedTuple):
    """Where a model lies: the prefix of its weights, and the folder of its config.json and vocab.txt."""

    prefix: Path
    folder: Path


def find_model(path: str | Path) -> ModelFiles:
    """The model at `path`: a model directory, a folder with one TF1 checkpoint, a checkpoint's prefix or one of its files.

    Of a directory whose training has not finished, the newest checkpoint is taken; of several checkpoints the one that the TF1 Saver's
    file `checkpoint` names.

    Raises:
      AlbertError: there is none, it is not clear which, files of it are missing, or it is of a form that is not read.
    """
    path = Path(path)
    if path.is_file():
        path = _prefix_of(path)
    if not path.is_dir():
        _check_whole(path)
        return ModelFiles(path, path.parent.parent if path.parent.name == CHECKPOINTS else path.parent)
    prefixes = sorted(Path(str(index).removesuffix(checkpoints.INDEX)) for index in path.glob(f"*{checkpoints.INDEX}"))
    prefix = _choose_prefix(path, prefixes)
    _check_whole(prefix)
    return ModelFiles(prefix, path)


def _choose_prefix(folder: Path, prefixes: list[Path]) -> Path:
    """The checkpoint that a folder stands for."""
    if folder / checkpoints.PREFIX in prefixes:
        return folder / checkpoints.PREFIX
    if len(prefixes) > 1:
        state = folder / STATE
        named = (
            re.search(r'^model_checkpoint_path: "(?:.*/)?([^"/]+)"', state.read_text("utf-8", "replace"), re.M) if state.exists() else None
        )
        if named and folder / named[1] in prefixes:
            return folder / named[1]
        raise AlbertError(f"{folder} holds {len(prefixes)} checkpoints\ngive the prefix of one: {', '.join(map(str, prefixes))}")
    if prefixes:
        return prefixes[0]
    training = checkpoints.CheckpointFolder(path=folder / CHECKPOINTS)
    if steps := training.steps():
        return Path(training.prefix(steps[-1]))
    if halves := sorted(folder.glob("*.data-?????-of-?????")):
        _check_whole(Path(str(halves[0])[: -len(checkpoints.DATA)]))
    if (folder / "saved_model.pb").exists():
        raise AlbertError(f"{folder} is a SavedModel, a program and no checkpoint\ngive the checkpoint that it was made from")
    raise AlbertError(f"{folder} holds no checkpoint (*{checkpoints.INDEX})\ngive a model directory or the prefix of a checkpoint")


def _prefix_of(file: Path) -> Path:
    """The prefix of the checkpoint that `file` belongs to.

    Raises:
      AlbertError: it belongs to none.
    """
    for suffix in (checkpoints.INDEX, ".meta"):
        if file.name.endswith(suffix):
            return Path(str(file).removesuffix(suffix))
    if DATA_FILE.search(file.name):
        return Path(DATA_FILE.sub("", str(file)))
    if Path(f"{file}{checkpoints.INDEX}").exists():  # something of the prefix's own name
        return file
    fix = next(
        (fix for endings, fix in OTHER_FILES.items() if file.name.endswith(endings)), "give a model directory or a checkpoint's prefix"
    )
    raise AlbertError(f"{file} is no checkpoint\n{fix}")


def _check_whole(prefix: Path) -> None:
    """Refuse a checkpoint of which a file is missing."""
    index, parts = Path(f"{prefix}{checkpoints.INDEX}"), sorted(prefix.parent.glob(f"{prefix.name}.data-?????-of-?????"))
    if not index.exists() and not parts:
        found = sorted(str(path).removesuffix(checkpoints.INDEX) for path in prefix.parent.glob(f"*{checkpoints.INDEX}"))
        fix = (
            f"found: {', '.join(found[:5])}" if found else "give a model directory or a prefix, the path without .index: albert_model.ckpt"
        )
        raise AlbertError(f"no model {prefix}: there is neither a folder nor {index}\n{fix}")
    if not index.exists():
        raise AlbertError(f"half a checkpoint: {parts[0]} has no {index.name} beside it\ncopy both")
    number = int(parts[0].name[-5:]) if parts else 1
    if len(parts) < number:
        raise AlbertError(
            f"half a checkpoint: {index} has {len(parts)} of {number} data files ({index.stem}.data-…) beside it\ncopy them too"
        )


def find_config(folder: Path) -> Path | None:
    """The configuration of the model in `folder`: config.json, or the only file named like one; None without any.

    Raises:
      AlbertError: there are several.
    """
    named = folder / CONFIG
    found = [named] if named.exists() else [path for path in sorted(folder.glob("*config*.json")) if path.name != "tokenizer_config.json"]
    if len(found) > 1:
        raise AlbertError(
            f"{folder} holds {len(found)} configurations: {', '.join(path.name for path in found)}\n"
            "put the model's own there as config.json, or name it: load_model(…, config=…)"
        )
    return found[0] if found else None


def find_vocabulary(folder: Path) -> Path | None:
    """The vocabulary of the model in `folder`: vocab.txt, or the only text file named like one (vocab_chinese.txt)."""
    named = folder / VOCABULARY
    found = [named] if named.exists() else sorted(folder.glob("*vocab*.txt"))
    return found[0] if len(found) == 1 else None


@contextmanager
def new_folder(output: Path) -> Iterator[Path]:
    """A folder to fill, which is called `output` once the block has ended well. Nothing is left of one that has not.

    Raises:
      AlbertError: `output` is in use.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise AlbertError(f"{output} is there already and is not an empty folder\ngive a new one: nothing is overwritten")
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{output.name}.", suffix=".partial", dir=output.parent))
    try:
        partial.chmod(0o755)  # mkdtemp makes it private
        yield partial
        partial.replace(output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_description(folder: str | Path, config: AlbertConfig, vocabulary: bytes, normalization: dict[str, Any]) -> None:
    """All of a model directory but the weights."""
    storage.make_folder(folder)
    storage.write_json(storage.join(folder, CONFIG), config.to_json())
    storage.write_bytes(storage.join(folder, VOCABULARY), vocabulary)
    storage.write_json(storage.join(folder, NORMALIZATION), normalization)


def write_weights(folder: str | Path, model: Albert) -> None:
    """The weights of a model directory, which make it complete."""
    checkpoints.write_bundle(storage.join(folder, checkpoints.PREFIX), model.weights)


def check_data_fits(dataset: Dataset, config: AlbertConfig, *, origin: str | Path, vocabulary: bytes | None = None) -> None:
    """Refuse data that the model at `origin` cannot mean: another `vocabulary`, more entries or tokens than it has rows.

    Raises:
      AlbertError: both values are named.
    """
    if vocabulary is not None:
        digest = hashlib.sha256(vocabulary).hexdigest()
        if digest != dataset.vocab_sha256:
            raise AlbertError(
                f"{dataset.path} was built with another vocabulary (SHA-256 {dataset.vocab_sha256[:12]}…) than {origin} has "
                f"({digest[:12]}…)\n"
                "build the data with the vocab.txt beside the model"
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
