"""A model in a form that other programs read, checked by reading it back before the folder gets its name."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from albert_core import checkpoints, huggingface, model_directory, storage
from albert_core.config import BERT, AlbertConfig
from albert_core.errors import AlbertError
from albert_core.model_source import ModelSource, load_model, read_model
from albert_core.modeling import Albert
from albert_core.parameters import list_parameters
from albert_core.transformers_outputs import own_python, run_transformers

FORMATS = {
    "huggingface": "a folder for transformers: model.safetensors, config.json and tokenizer files",
    "tf1": "a TF1 checkpoint that the original scripts restore: albert_model.ckpt, albert_config.json",
    "albert": "our model directory: model.ckpt, config.json, vocab.txt, normalization.json",
}
TF1_PREFIX = "albert_model.ckpt"
LARGEST_DIFFERENCE = 1e-5  # over the largest value
NO_TRANSFORMERS_CHECK = "transformers itself was not run: it is not installed here (--transformers-python names a Python that has it)"
LINES = ("今天用了Python3，真好。", "“春天”来了……①②③ Ｔ恤", "ALBERT's café, 3.14", "𠮷野家\u3000龘靐")  # for the two tokenizers to agree on


def export_model(
    model_path: str | Path,
    output: str | Path,
    *,
    format: str,  # noqa: A002
    verify: bool = True,
    transformers_python: str | None = None,
) -> dict[str, Any]:
    """Write the model at `model_path` to the new folder `output` in one of `FORMATS`.

    The folder has a temporary name until it is complete and, under `verify`, checked: always against our own forward pass after reading
    it back, and a Hugging Face folder against transformers, in this interpreter or `transformers_python`, if there is one that has it.

    Returns:
      {"format", "files": {name: bytes}, "parameters", "checks": [{"name", "largest_difference", "passed"}], "notes"}.
      A difference is over the largest value of the source's output.

    Raises:
      AlbertError: the format does not exist or cannot hold the model, `output` is in use, or a check failed. Nothing is left then.
    """
    output = Path(output)
    if format not in FORMATS:
        raise AlbertError(f'no export format is called "{format}"\nknown: {", ".join(FORMATS)}')
    source = read_model(model_path)
    model, vocabulary = source.build(), source.needed_vocabulary()
    if format == "tf1":
        check_original_program(model.config)
    with model_directory.new_folder(output) as partial:
        _write(partial, model, format, vocabulary, source.normalization)
        checks = find_differences(partial, model, format) if verify else []
        python = transformers_python or own_python() if verify and format == "huggingface" else None
        checks += ask_transformers(python, partial, source) if python else []
        if failed := [check for check in checks if not check["passed"]]:
            raise AlbertError(
                f"{output}: {failed[0]['name']} differs by {failed[0]['largest_difference']:.1e}, "
                f"more than {failed[0]['limit']:.0e}\nnothing was written; this is a fault of the program: please report it"
            )
        files = {path.name: path.stat().st_size for path in sorted(partial.iterdir())}
    notes = [NO_TRANSFORMERS_CHECK] if format == "huggingface" and not python else []
    parameters = sum(parameter.count for parameter in list_parameters(model.config, model.heads))
    return {"format": format, "files": files, "parameters": parameters, "checks": checks, "notes": notes}


def check_original_program(config: AlbertConfig) -> None:
    """Refuse what the original program of this variant cannot express.

    Raises:
      AlbertError: the first such setting is named.
    """
    usual, groups = "none" if config.variant == BERT else "all", config.num_hidden_groups
    reasons = {
        f'sharing "{config.sharing}"': config.sharing != usual,
        'hidden_act "gelu_erf"': config.hidden_act == "gelu_erf",
        f"embedding_mapping {config.embedding_mapping}": config.embedding_mapping is not None,
        f"layer_norm_eps {config.layer_norm_eps}": config.layer_norm_eps != 1e-12,
        f"{groups} groups for {groups} layers (it leaves some unused)": groups == config.num_hidden_layers
        and any(int(layer / groups * groups) != layer for layer in range(groups)),
    }
    for reason, holds in reasons.items():
        if holds:
            raise AlbertError(f"the original {config.variant} program does not know {reason}\nexport it as huggingface or albert")


def find_differences(folder: Path, model: Albert, format: str) -> list[dict[str, Any]]:  # noqa: A002
    """Read `folder` back and compare tensors and outputs with `model`."""
    again = load_model(folder)
    same = again.config == model.config and _same_tensors({name: v.numpy() for name, v in again.weights.items()}, model)
    checks = [_check("configuration and tensors", 0.0 if same else float("inf"), 0.0)]
    if format == "tf1":
        restored = _same_tensors(_restore_with_saver(folder / TF1_PREFIX, model), model)
        checks.append(_check("tf.compat.v1.train.Saver", 0.0 if restored else float("inf"), 0.0))
    expected, found = _outputs(model), _outputs(again)
    for name, values in expected.items():
        checks.append(_check(name, _difference(values, found[name]), LARGEST_DIFFERENCE))
    return checks


def ask_transformers(python: str, folder: Path, source: ModelSource) -> list[dict[str, Any]]:
    """Compare what transformers computes from `folder` with the model that it was made of, and the ids of its tokenizer with ours.

    Raises:
      AlbertError: `python` has no torch and transformers, or they failed.
    """
    model, tokenizer = source.build(), source.tokenizer()
    ids, mask, segments = _inputs(model.config)
    inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": segments}
    try:
        theirs = run_transformers(python, {folder: inputs}, tokenizer=folder, lines=LINES)
    except RuntimeError as error:
        last = str(error).splitlines()[-1] if str(error) else "no message"
        raise AlbertError(
            f"{python} could not run transformers on the export: {last}\ngive a Python with torch and transformers"
        ) from error
    found, ours = theirs.outputs[str(folder)], _outputs(model)
    pairs = {
        "sequence output": "sequence",
        "pooled output": "pooled",
        "masked words": "words",
        "sentence order": "order",
        "classes": "scores",
    }
    if "words" in found:
        found["words"] = found["words"][:, : ours["masked words"].shape[1]]
    program = f"transformers {theirs.version}"
    checks = [
        _check(f"{program}: {name}", _difference(ours[name], found[key]), LARGEST_DIFFERENCE)
        for name, key in pairs.items()
        if name in ours and key in found and ours[name].shape == found[key].shape
    ]
    other = sum([tokenizer.cls_id, *tokenizer.encode(line), tokenizer.sep_id] != theirs.ids[number] for number, line in enumerate(LINES))
    return [*checks, _check(f"{program}: tokenizer", float(other), 0.0)]


def _difference(expected: np.ndarray, found: np.ndarray) -> float:
    """Largest difference over largest value."""
    return float(np.abs(expected - found).max()) / (float(np.abs(expected).max()) or 1.0)


def _check(name: str, difference: float, limit: float) -> dict[str, Any]:
    return {"name": name, "largest_difference": difference, "limit": limit, "passed": difference <= limit}  # NaN does not pass


def _same_tensors(tensors: dict[str, np.ndarray], model: Albert) -> bool:
    """Whether `tensors` are the weights of `model`, bit by bit and no others."""
    return tensors.keys() == model.weights.keys() and all(
        tensors[name].shape == tuple(v.shape) and tensors[name].tobytes() == v.numpy().tobytes() for name, v in model.weights.items()
    )


def _inputs(config: AlbertConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids of the whole vocabulary, a mask with padding, and all segment types: int32 [B, T]."""
    random = np.random.default_rng(0)
    batch, tokens = 4, min(64, config.max_position_embeddings)
    ids = random.integers(0, config.vocab_size, (batch, tokens)).astype(np.int32)
    ids[0, [0, -1]] = 0, config.vocab_size - 1
    mask = (np.arange(tokens) < np.linspace(tokens, 1, batch, dtype=int)[:, None]).astype(np.int32)
    return ids, mask, random.integers(0, config.type_vocab_size, (batch, tokens)).astype(np.int32)


def _outputs(model: Albert) -> dict[str, np.ndarray]:
    """Every output of `model` over `_inputs`."""
    ids, mask, segments = _inputs(model.config)
    batch, tokens = ids.shape
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


def _write(folder: Path, model: Albert, format: str, vocabulary: bytes, normalization: dict[str, Any]) -> None:  # noqa: A002
    if format == "huggingface":
        huggingface.write_huggingface(folder, model, vocabulary=vocabulary, normalization=normalization)
    elif format == "albert":
        model_directory.write_description(folder, model.config, vocabulary, normalization)
        model_directory.write_weights(folder, model)
    else:
        name = "bert_config.json" if model.config.variant == BERT else "albert_config.json"
        storage.write_json(folder / name, model.config.to_json())
        (folder / model_directory.VOCABULARY).write_bytes(vocabulary)
        checkpoints.write_bundle(folder / TF1_PREFIX, model.weights)
        (folder / "checkpoint").write_text(f'model_checkpoint_path: "{TF1_PREFIX}"\nall_model_checkpoint_paths: "{TF1_PREFIX}"\n')
