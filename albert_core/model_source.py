"""Any model that is read, whatever wrote it: what is in it, what was taken, what was left and why.

path                                       told by
our model directory, a run's checkpoints   model.ckpt.*, checkpoints/
TF1 checkpoint: a prefix or its folder     *.index; format and sharing by its variables' names
Hugging Face folder                        *.safetensors, model_type in config.json
"""

import dataclasses
import json
import logging
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from albert_core import checkpoints
from albert_core.checkpoint_variables import Layout, common_prefix, sizes_like, sort_variables, tell_layout
from albert_core.config import GOOGLE, SIZES, AlbertConfig
from albert_core.errors import AlbertError
from albert_core.huggingface import is_huggingface, read_huggingface
from albert_core.huggingface_names import MAPPING
from albert_core.model_directory import NORMALIZATION, ModelFiles, find_config, find_model, find_vocabulary
from albert_core.modeling import Albert
from albert_core.parameters import WORD_EMBEDDINGS, Heads, list_parameters
from albert_core.tokenization import Tokenizer

MODEL_DIRECTORY, TF1_CHECKPOINT, HUGGING_FACE = "model directory", "TF1 checkpoint", "Hugging Face folder"

log = logging.getLogger(__name__)


class ModelSource(NamedTuple):
    """A model on disk. `tensors` are float32 by our names; `skipped` has the reason for each name that was left.

    `missing` are weights that the model needs and the file lacks (a pooler): they start anew. A head that is not there is not in `heads`.
    """

    path: Path
    format: str
    config: AlbertConfig
    heads: Heads
    tensors: dict[str, np.ndarray]
    skipped: dict[str, str]
    missing: list[str]
    notes: list[str]
    vocabulary: bytes | None
    normalization: dict[str, Any]

    def tokenizer(self) -> Tokenizer:
        """The tokenizer that belongs to the model.

        Raises:
          AlbertError: there is no vocabulary beside it, or it cannot serve.
        """
        return Tokenizer.from_bytes(self.needed_vocabulary(), name="vocab.txt", lower_case=self.normalization.get("lower_case", True))

    def needed_vocabulary(self) -> bytes:
        """The vocabulary, for whom it is no choice.

        Raises:
          AlbertError: there is none beside the model.
        """
        if self.vocabulary is None:
            raise AlbertError(
                f"{self.path} has no vocab.txt beside it\nput the vocabulary of the model there: its ids mean nothing without"
            )
        return self.vocabulary

    def build(self, *, seed: int = 0, compute_dtype: tf.DType = tf.float32) -> Albert:
        """The model with these weights. `seed` draws those that are missing, which the log says, with the notes."""
        missing = [f"{', '.join(self.missing)} not there: drawn anew"] if self.missing else []
        for line in missing + self.notes:
            log.warning("%s: %s", self.path, line)
        model = Albert(self.config, heads=self.heads, seed=seed, compute_dtype=compute_dtype)
        there = {name: variable for name, variable in model.weights.items() if name not in self.missing}
        checkpoints.assign(there, self.tensors, origin=self.path)
        return model


def load_model(
    path: str | Path, *, config: str | Path | AlbertConfig | None = None, seed: int = 0, compute_dtype: tf.DType = tf.float32
) -> Albert:
    """The model at `path` in any form that `read_model` knows. A pooler that is missing is drawn from `seed`, and said in the log.

    Raises:
      AlbertError: something is missing or does not fit; what and where is named.
    """
    return read_model(path, config=config).build(seed=seed, compute_dtype=compute_dtype)


def read_model(path: str | Path, *, config: str | Path | AlbertConfig | None = None) -> ModelSource:
    """Read the model at `path`. Its form is told by its files; `config` (a named size, a file) is for a checkpoint without one.

    Raises:
      AlbertError: there is no model, it is of another architecture, damaged or incomplete, or a tensor has another shape than asked for.
    """
    path = Path(path)
    if path.suffix == ".safetensors":
        path = path.parent
    if is_huggingface(path):
        return _read_huggingface(path, config)
    files = find_model(path)
    survey = _survey(files, config)
    tensors = checkpoints.read_bundle(files.prefix, names=survey.places.values())
    vocabulary = find_vocabulary(files.folder)
    return ModelSource(
        path=files.prefix,
        format=MODEL_DIRECTORY if (files.folder / NORMALIZATION).exists() else TF1_CHECKPOINT,
        config=survey.config,
        heads=survey.heads,
        tensors={name: np.asarray(tensors[place], np.float32) for name, place in survey.places.items()},
        skipped=survey.skipped,
        missing=survey.missing,
        notes=survey.notes,
        vocabulary=vocabulary.read_bytes() if vocabulary else None,
        normalization=read_normalization(files.folder),
    )


def describe_model(path: str | Path) -> tuple[AlbertConfig, Heads]:
    """What the model at `path` is, without its weights. Raises as `read_model` does."""
    path = Path(path)
    if path.suffix == ".safetensors" or is_huggingface(path):
        source = read_model(path)
        return source.config, source.heads
    survey = _survey(find_model(path), None)
    return survey.config, survey.heads


class _Survey(NamedTuple):
    """What a TF1 checkpoint's list of variables says; `places` are the names in the file of those to read."""

    config: AlbertConfig
    heads: Heads
    places: dict[str, str]
    skipped: dict[str, str]
    missing: list[str]
    notes: list[str]


def _survey(files: ModelFiles, given: str | Path | AlbertConfig | None) -> _Survey:
    stored = checkpoints.list_bundle(files.prefix)
    try:
        prefix = common_prefix(stored)
        shapes = {name.removeprefix(prefix): variable.shape for name, variable in stored.items()}
        layout = tell_layout(shapes)
    except AlbertError as error:
        raise AlbertError(f"{files.prefix}: {error}") from None
    config, notes = _choose_config(files, given, layout, shapes)
    taken, skipped, missing = sort_variables(shapes, config, str(files.prefix))
    notes += [f'names stand below "{prefix}"'] if prefix else []
    places = {parameter.name: prefix + parameter.name for parameter in taken}
    types = sorted({stored[place].dtype.name for place in places.values()} - {"float32"})
    notes += [f"weights are stored as {', '.join(types)}: read as float32"] if types else []
    return _Survey(config, Heads.of({p.name: p.shape for p in taken}), places, skipped, missing, notes)


def read_normalization(folder: Path) -> dict[str, Any]:
    """What the text of the model in `folder` went through: normalization.json, or what Hugging Face's tokenizer says of it."""
    described, theirs = folder / NORMALIZATION, folder / "tokenizer_config.json"
    try:
        if described.exists():
            return dict(json.loads(described.read_text(encoding="utf-8")))
        if theirs.exists():
            return {"lower_case": json.loads(theirs.read_text(encoding="utf-8")).get("do_lower_case", True)}
    except (ValueError, TypeError, AttributeError) as error:
        raise AlbertError(f"{described if described.exists() else theirs} is no JSON object: {error}\ncopy it anew") from error
    return {}


def _read_huggingface(folder: Path, config: str | Path | AlbertConfig | None) -> ModelSource:
    if config is not None:
        raise AlbertError(f"{folder} is a Hugging Face folder, whose config.json is its own\nleave the other configuration ({config}) out")
    read = read_huggingface(folder)
    heads = Heads.of({name: tensor.shape for name, tensor in read.tensors.items()})
    vocabulary = find_vocabulary(folder)
    return ModelSource(
        path=folder,
        format=HUGGING_FACE,
        config=read.config,
        heads=heads,
        tensors=read.tensors,
        skipped=read.skipped,
        missing=sorted(p.name for p in list_parameters(read.config, heads) if p.name not in read.tensors and p.part == "pooler"),
        notes=read.notes,
        vocabulary=vocabulary.read_bytes() if vocabulary else None,
        normalization=read_normalization(folder),
    )


def _choose_config(
    files: ModelFiles, given: str | Path | AlbertConfig | None, layout: Layout, shapes: dict[str, tuple[int, ...]]
) -> tuple[AlbertConfig, list[str]]:
    """The configuration given, or beside the checkpoint, in the format that the variables have; and notes."""
    rows = shapes[WORD_EMBEDDINGS][0]
    if isinstance(given, AlbertConfig):
        config = given
    elif given is not None and str(given) in SIZES:
        config = AlbertConfig.named(str(given), vocab_size=rows)
    elif given is not None:
        config = AlbertConfig.from_file(given, variant=layout.variant)
    elif (found := find_config(files.folder)) is not None:
        config = AlbertConfig.from_file(found, variant=layout.variant)
    else:
        names = sizes_like(shapes, layout)
        fix = f"its shapes are those of {' or '.join(names)}: give {names[0]} as its configuration (--config {names[0]})" if names else ""
        raise AlbertError(f"{files.folder} holds no config.json\n{fix or 'put the one it was made with there, or name it (--config FILE)'}")
    if config.variant != layout.variant:
        raise AlbertError(
            f"{files.prefix} is of the {layout.variant} format, the configuration {given} of the {config.variant} one\n"
            f"give the one that it was made with{''.join(f', such as {name}' for name in sizes_like(shapes, layout)[:1])}"
        )
    notes = []
    if config.sharing != layout.sharing:
        notes.append(f'its layers share "{layout.sharing}", the configuration says "{config.sharing}": read as it is')
        config = dataclasses.replace(config, sharing=layout.sharing)
    if config.variant == GOOGLE and config.embedding_size == config.hidden_size:
        config = dataclasses.replace(config, embedding_mapping=True if f"{MAPPING}/kernel" in shapes else None)
    return config, notes
