"""A model in a form that other programs read, checked by reading it back before the folder gets its name."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from albert_core import checkpoints, huggingface, model_directory
from albert_core.config import BERT, AlbertConfig
from albert_core.errors import AlbertError
from albert_core.modeling import Albert
from albert_core.parameters import list_parameters

FORMATS = {
    "huggingface": "a folder for transformers: model.safetensors, config.json and tokenizer files",
    "tf1": "a TF1 checkpoint that the original scripts restore: albert_model.ckpt, albert_config.json",
    "albert": "our model directory: model.ckpt, config.json, vocab.txt, normalization.json",
}
TF1_PREFIX = "albert_model.ckpt"
LARGEST_DIFFERENCE = 1e-5  # over the largest value
NO_TRANSFORMERS_CHECK = "transformers itself was not run: export compares with this project's forward pass alone"


def export_model(model_path: str | Path, output: str | Path, *, format: str, verify: bool = True) -> dict[str, Any]:  # noqa: A002
    """Write the model at `model_path` to the new folder `output` in one of `FORMATS`.

    The folder has a temporary name until it is complete and, under `verify`, checked.

    Returns:
      {"format", "files": {name: bytes}, "parameters", "checks": [{"name", "largest_difference", "passed"}], "notes"}.
      A difference is over the largest value of the source's output.

    Raises:
      AlbertError: the format does not exist or cannot hold the model, `output` is in use, or a check failed. Nothing is left then.
    """
    output = Path(output)
    if format not in FORMATS:
        raise AlbertError(f'no export format is called "{format}"\nknown: {", ".join(FORMATS)}')
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise AlbertError(f"{output} is there already and is not an empty folder\ngive a new one: an export overwrites nothing")
    model = model_directory.load_model(model_path)
    if format == "tf1":
        check_original_program(model.config)
    vocabulary, normalization = _read_description(Path(model_path))
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{output.name}.", suffix=".partial", dir=output.parent))
    try:
        partial.chmod(0o755)  # mkdtemp makes it private
        _write(partial, model, format, vocabulary, normalization)
        checks = find_differences(partial, model, format) if verify else []
        if failed := [check for check in checks if not check["passed"]]:
            raise AlbertError(
                f"{output}: {failed[0]['name']} read back differs by {failed[0]['largest_difference']:.1e}, "
                f"more than {failed[0]['limit']:.0e}\nnothing was written; this is a fault of the program: please report it"
            )
        files = {path.name: path.stat().st_size for path in sorted(partial.iterdir())}
        partial.replace(output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    notes = [NO_TRANSFORMERS_CHECK] if format == "huggingface" else []
    parameters = sum(parameter.count for parameter in list_parameters(model.config, model.heads))
    return {"format": format, "files": files, "parameters": parameters, "checks": checks, "notes": notes}


def check_original_program(config: AlbertConfig) -> None:
    """Refuse what the original program of this variant cannot express.

    Raises:
      AlbertError: the first such setting is named.
    """
    usual = "none" if config.variant == BERT else "all"
    reasons = {
        f'sharing "{config.sharing}"': config.sharing != usual,
        'hidden_act "gelu_erf"': config.hidden_act == "gelu_erf",
        f"embedding_mapping {config.embedding_mapping}": config.embedding_mapping is not None,
        f"layer_norm_eps {config.layer_norm_eps}": config.layer_norm_eps != 1e-12,
    }
    for reason, holds in reasons.items():
        if holds:
            raise AlbertError(f"the original {config.variant} program does not know {reason}\nexport it as huggingface or albert")


def find_differences(folder: Path, model: Albert, format: str) -> list[dict[str, Any]]:  # noqa: A002
    """Read `folder` back and compare tensors and outputs with `model`."""
    again = model_directory.load_model(folder)
    same = again.config == model.config and _same_tensors({name: v.numpy() for name, v in again.weights.items()}, model)
    checks = [_check("configuration and tensors", 0.0 if same else float("inf"), 0.0)]
    if format == "tf1":
        restored = _same_tensors(_restore_with_saver(folder / TF1_PREFIX, model), model)
        checks.append(_check("tf.compat.v1.train.Saver", 0.0 if restored else float("inf"), 0.0))
    expected, found = _outputs(model), _outputs(again)
    for name, values in expected.items():
        scale = float(np.abs(values).max()) or 1.0
        checks.append(_check(name, float(np.abs(values - found[name]).max()) / scale, LARGEST_DIFFERENCE))
    return checks


def _check(name: str, difference: float, limit: float) -> dict[str, Any]:
    return {"name": name, "largest_difference": difference, "limit": limit, "passed": difference <= limit}  # NaN does not pass


def _same_tensors(tensors: dict[str, np.ndarray], model: Albert) -> bool:
    """Whether `tensors` are the weights of `model`, bit by bit and no others."""
    return tensors.keys() == model.weights.keys() and all(
        tensors[name].shape == tuple(v.shape) and tensors[name].tobytes() == v.numpy().tobytes() for name, v in model.weights.items()
    )


def _outputs(model: Albert) -> dict[str, np.ndarray]:
    """Every output of `model` over ids of the whole vocabulary, padding and all segment types."""
    config, random = model.config, np.random.default_rng(0)
    batch, tokens = 4, min(64, config.max_position_embeddings)
    ids = random.integers(0, config.vocab_size, (batch, tokens)).astype(np.int32)
    ids[0, [0, -1]] = 0, config.vocab_size - 1
    mask = (np.arange(tokens) < np.linspace(tokens, 1, batch, dtype=int)[:, None]).astype(np.int32)
    segments = random.integers(0, config.type_vocab_size, (batch, tokens)).astype(np.int32)
    output = model(ids, mask, segments)
    values = {"sequence output": output.sequence_output, "pooled output": output.pooled_output}
    if model.heads.masked_words:
        values["masked words"] = model.masked_logits(output.sequence_output, np.tile(np.arange(min(8, tokens), dtype=np.int32), (batch, 1)))
    if model.heads.sentence_order:
        values["sentence order"] = model.order_logits(output.pooled_output)
    if model.heads.num_labels:
        values["classes"] = model.class_logits(output.pooled_output)
    return {name: np.asarray(value) for name, value in values.items()}


def _restore_with_saver(prefix: Path, model: Albert) -> dict[str, np.ndarray]:
    """The tensors as the original scripts get them: variables of a graph, filled by the TF1 Saver."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variables = {
            p.name: tf.compat.v1.get_variable(p.name, initializer=tf.zeros(p.shape)) for p in list_parameters(model.config, model.heads)
        }
        tf.compat.v1.train.Saver(variables).restore(session, str(prefix))
        restored: dict[str, np.ndarray] = session.run(variables)
        return restored


def _read_description(path: Path) -> tuple[bytes, dict[str, Any]]:
    """The vocabulary and the normalisation beside a model."""
    folder = path if path.is_dir() else model_directory.find_model(path).folder
    vocabulary, described = folder / model_directory.VOCABULARY, folder / model_directory.NORMALIZATION
    if not vocabulary.exists():
        raise AlbertError(f"{folder} holds no {vocabulary.name}\nput the vocabulary of the model there: its ids mean nothing without")
    return vocabulary.read_bytes(), json.loads(described.read_text(encoding="utf-8")) if described.exists() else {}


def _write(folder: Path, model: Albert, format: str, vocabulary: bytes, normalization: dict[str, Any]) -> None:  # noqa: A002
    if format == "huggingface":
        huggingface.write_huggingface(folder, model, vocabulary=vocabulary, normalization=normalization)
    elif format == "albert":
        model_directory.write_description(folder, model.config, vocabulary, normalization)
        model_directory.write_weights(folder, model)
    else:
        name = "bert_config.json" if model.config.variant == BERT else "albert_config.json"
        checkpoints.write_json(folder / name, model.config.to_json())
        (folder / model_directory.VOCABULARY).write_bytes(vocabulary)
        checkpoints.write_bundle(folder / TF1_PREFIX, model.weights)
        (folder / "checkpoint").write_text(f'model_checkpoint_path: "{TF1_PREFIX}"\nall_model_checkpoint_paths: "{TF1_PREFIX}"\n')
