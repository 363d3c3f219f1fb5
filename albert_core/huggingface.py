"""Hugging Face folders, in and out: `config.json`, `model.safetensors` and the tokenizer files of an ALBERT or a BERT.

Their ALBERT is Google's: groups, and always a mapping from E to H. What has another form is written in that one, exactly:

    ours                          theirs
    Google, groups                the same groups
    Google without mapping        a mapping that is the identity
    brightmart                    word·W2 as one table [V, H], E = H, the identity as mapping; the two factors in FACTORS
    layers that share a part      one group a layer, the shared part repeated; our configuration in FACTORS
    pre-norm                      has no form there

With the file FACTORS the way back is bitwise, as long as the table and the repeated parts have not been trained on.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from albert_core import model_card
from albert_core.config import BERT, BRIGHTMART, GOOGLE, AlbertConfig
from albert_core.errors import AlbertError
from albert_core.huggingface_names import (
    ALBERT_MODULES,
    ALBERT_VARIABLES,
    CONFIG,
    MAPPING,
    config_from_theirs,
    config_to_theirs,
    same_groups,
    their_names,
    transposed,
    with_mapping,
)
from albert_core.huggingface_tensors import WEIGHTS, FileTensors, open_tensors
from albert_core.huggingface_tokenizer import write_tokenizer
from albert_core.modeling import Albert
from albert_core.parameters import MASKED_LM_BIAS, WORD_EMBEDDINGS, Heads, LayerNames, layer_names, list_parameters, projection_name
from albert_core.storage import write_json

FACTORS = "albert_zh_factors.safetensors"
OPTIONAL_PARTS = ("pooler", "masked-word head", "sentence-order head", "classifier")


class HuggingFaceModel(NamedTuple):
    """A model read from a Hugging Face folder: `tensors` by our checkpoint names, in our orientation, float32.

    `skipped` names each of their tensors that was not taken, and why; `notes` say what a user should know.
    """

    config: AlbertConfig
    tensors: dict[str, np.ndarray]
    skipped: dict[str, str]
    notes: list[str]


def is_huggingface(folder: Path) -> bool:
    """Whether `folder` looks like a model of the transformers library."""
    if any(folder.glob("*.safetensors")) or any(folder.glob("pytorch_model*.bin")):
        return True
    try:
        return "model_type" in json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def read_huggingface(folder: Path) -> HuggingFaceModel:
    """The model in a Hugging Face folder; a pooler or a head that it lacks is not in `tensors`.

    Raises:
      AlbertError: it is of another architecture, a pickle, damaged or incomplete, or a tensor has another shape than config.json asks.
    """
    theirs = _read_config(folder)
    config = config_from_theirs(theirs, origin=str(folder / CONFIG))
    stored, notes = open_tensors(folder, prefix=f"{theirs['model_type']}.", leave=FACTORS)
    groups = config.num_hidden_groups
    if config.variant == GOOGLE and not same_groups(config.num_hidden_layers, groups):
        config = dataclasses.replace(config, num_hidden_groups=config.num_hidden_layers)
        notes.append(f"transformers assigns {groups} groups to {config.num_hidden_layers} layers in its own way: read as one group a layer")
    tensors, skipped = _take(stored, config, groups, architectures=theirs.get("architectures") or [], origin=folder)
    if config.variant == GOOGLE:
        config, tensors = _restore(folder, config, tensors, skipped, notes)
        config, tensors = _drop_identity(config, tensors, skipped)
    return HuggingFaceModel(config, tensors, skipped, notes)


def write_huggingface(folder: Path, model: Albert, *, vocabulary: bytes, normalization: dict[str, Any]) -> None:
    """Write `model` as a folder that transformers loads: weights, config.json, tokenizer files of `vocabulary`, a model card.

    `normalization` is the content of normalization.json; its `lower_case` sets the tokenizer. Tensors are always written with every
    head the model has; `architectures` names the class that uses them.

    Raises:
      AlbertError: the model is pre-norm, or has fewer rows than the vocabulary has entries.
    """
    if model.config.ln_type == "preln":
        raise AlbertError(
            'ln_type "preln": a pre-norm model has no form in Hugging Face, whose ALBERT normalises after each block\n'
            "export it as tf1 or albert, or load it as a Keras model"
        )
    own = {name: variable.numpy() for name, variable in model.weights.items()}
    config, tensors = google_form(model.config, own) if model.config.variant != BERT else (model.config, own)
    folder.mkdir(parents=True, exist_ok=True)
    special = write_tokenizer(folder, vocabulary, config, lower_case=normalization.get("lower_case", True))
    names = their_names(config, model.heads)
    stored = {theirs: np.ascontiguousarray(tensors[ours].T if transposed(ours) else tensors[ours]) for ours, theirs in names.items()}
    save_file(stored, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / FACTORS).unlink(missing_ok=True)
    if factored := model.config.variant == BRIGHTMART or config.num_hidden_groups != model.config.num_hidden_groups:
        _write_factors(folder, model.config, own, table=tensors[WORD_EMBEDDINGS])
    card = model_card.describe(model.config, model.heads, normalization=normalization, factors=FACTORS if factored else None)
    (folder / "README.md").write_text(card, encoding="utf-8")
    write_json(folder / CONFIG, config_to_theirs(config, model.heads) | special)


def google_form(config: AlbertConfig, tensors: Mapping[str, np.ndarray]) -> tuple[AlbertConfig, dict[str, np.ndarray]]:
    """The same function as a Google model with a mapping: the form that Hugging Face has. See the table at the top of this file."""
    google = google_config(config)
    rest = {name: tensor for name, tensor in tensors.items() if name not in set(_run_names(config))}
    if config.variant == BRIGHTMART:
        words, projection = rest[WORD_EMBEDDINGS], rest.pop(str(projection_name(config)))
        rest[WORD_EMBEDDINGS] = (words.astype(np.float64) @ projection.astype(np.float64)).astype(np.float32)
    if not config.maps_embeddings:
        H = config.hidden_size
        rest |= {f"{MAPPING}/kernel": np.eye(H, dtype=np.float32), f"{MAPPING}/bias": np.zeros(H, np.float32)}
    pairs = zip(_run_names(google), _run_names(config), strict=True)
    return google, rest | {theirs: tensors[ours] for theirs, ours in pairs}


def google_config(config: AlbertConfig) -> AlbertConfig:
    """The configuration of `google_form`."""
    groups, layers = config.num_hidden_groups, config.num_hidden_layers
    shape: dict[str, Any] = {
        "variant": GOOGLE,
        "sharing": "all",
        "num_hidden_groups": groups if config.sharing == "all" and same_groups(layers, groups) else layers,
        "embedding_size": config.hidden_size if config.variant == BRIGHTMART else config.embedding_size,
    }
    return with_mapping(dataclasses.replace(config, **shape))


def _run_names(config: AlbertConfig) -> list[str]:
    """The variables of each layer that is run, in order: shared ones return."""
    suffixes = [("beta", "gamma") if "norm" in field else ("kernel", "bias") for field in LayerNames._fields]
    return [f"{module}/{s}" for names in layer_names(config) for module, both in zip(names, suffixes, strict=True) for s in both]


def _read_config(folder: Path) -> dict[str, Any]:
    """The content of their config.json."""
    path = folder / CONFIG
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AlbertError(f"{path}: {error.strerror}\na Hugging Face model needs its config.json beside the weights") from error
    except ValueError as error:
        raise AlbertError(f"{path} is not JSON: {error}\ncopy it anew") from error
    if not isinstance(values, dict) or "model_type" not in values:
        raise AlbertError(f"{path} has no model_type\na Hugging Face model needs the config.json that transformers wrote with it")
    return values


def _take(
    stored: FileTensors, config: AlbertConfig, groups: int, *, architectures: list[str], origin: Path
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The tensors of `config` by our names, and what else there is with the reason to leave it."""
    skipped = {}
    labels = "classifier.weight" in stored.shapes
    if labels and architectures and not any(name.endswith("ForSequenceClassification") for name in architectures):
        skipped = dict.fromkeys(("classifier.weight", "classifier.bias"), f"a head of {architectures[0]}, which does not label sequences")
        labels = False
    heads = Heads(num_labels=stored.shapes["classifier.weight"][0] if labels else 0)
    names = their_names(config, heads, groups)
    tensors, missing = {}, []
    for parameter in list_parameters(config, heads):
        theirs = names[parameter.name]
        expected = list(reversed(parameter.shape)) if transposed(parameter.name) else list(parameter.shape)
        if theirs not in stored.shapes:
            missing += [theirs] if parameter.part not in OPTIONAL_PARTS else []
        elif stored.shapes[theirs] != expected:
            raise AlbertError(
                f"{origin}: {theirs} has shape {stored.shapes[theirs]}, {CONFIG} asks for {expected}\n"
                "give the config.json that the weights were saved with"
            )
        else:
            tensor = stored.read(theirs)
            tensors[parameter.name] = np.ascontiguousarray(tensor.T) if transposed(parameter.name) else tensor
    if missing:
        rest = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise AlbertError(f"{origin} lacks {', '.join(missing[:3])}{rest}\nit is of another model: compare its {CONFIG}")
    for name in sorted(set(stored.shapes) - set(names.values()) - set(skipped)):
        skipped[name] = _reason_to_skip(name, stored, tensors, origin)
    return tensors, {name: reason for name, reason in skipped.items() if name in stored.shapes}


def _reason_to_skip(name: str, stored: FileTensors, tensors: Mapping[str, np.ndarray], origin: Path) -> str:
    """Why a tensor that is none of ours may be left.

    Raises:
      AlbertError: it may not: an output layer of its own, or a layer, which the model would lose.
    """
    if name.endswith(("embeddings.position_ids", "embeddings.token_type_ids")):
        return "a buffer that counts, no weight"
    for suffix, tied in (("predictions.decoder.weight", WORD_EMBEDDINGS), ("predictions.decoder.bias", MASKED_LM_BIAS)):
        if name.endswith(suffix):
            if tied in tensors and np.array_equal(stored.read(name), tensors[tied]):
                return f"tied: the same values as {tied}"
            raise AlbertError(
                f"{origin}: {name} differs from {tied}: the output layer is not tied to the word embeddings\n"
                "a model with an output layer of its own cannot be read; train it with tie_word_embeddings"
            )
    if name.startswith(("albert.encoder.", "bert.encoder.")):
        raise AlbertError(
            f"{origin}: {name} is part of an encoder that has more layers or groups than {CONFIG} says\n"
            "give the config.json that the weights were saved with"
        )
    return "no part of a model that is pretrained, or labels sequences"


def _drop_identity(
    config: AlbertConfig, tensors: dict[str, np.ndarray], skipped: dict[str, str]
) -> tuple[AlbertConfig, dict[str, np.ndarray]]:
    """Without the mapping, where it changes nothing."""
    if not config.embedding_mapping or not _is_identity(tensors):
        return config, tensors
    skipped |= _identity_reasons()
    return dataclasses.replace(config, embedding_mapping=None), {n: t for n, t in tensors.items() if not n.startswith(MAPPING)}


def _identity_reasons() -> dict[str, str]:
    return {f"{ALBERT_MODULES[MAPPING]}.{last}": "exactly the identity: the model needs no mapping" for last in ("weight", "bias")}


def _is_identity(tensors: Mapping[str, np.ndarray]) -> bool:
    kernel = tensors[f"{MAPPING}/kernel"]
    return np.array_equal(kernel, np.eye(*kernel.shape, dtype=np.float32)) and not tensors[f"{MAPPING}/bias"].any()


def _write_factors(folder: Path, config: AlbertConfig, own: Mapping[str, np.ndarray], *, table: np.ndarray) -> None:
    """What the form of Hugging Face does not hold: our configuration, and the two factors of brightmart's word embeddings."""
    names = [WORD_EMBEDDINGS, str(projection_name(config))] if config.variant == BRIGHTMART else []
    metadata = {"config": json.dumps(config.to_json()), "word_embeddings_sha256": _digest(table)}
    save_file({name: np.ascontiguousarray(own[name]) for name in names}, folder / FACTORS, metadata=metadata)


def _restore(
    folder: Path, config: AlbertConfig, tensors: dict[str, np.ndarray], skipped: dict[str, str], notes: list[str]
) -> tuple[AlbertConfig, dict[str, np.ndarray]]:
    """The model that was written with FACTORS, if there is such a file and it still fits; else what was given, and a note why."""
    path = folder / FACTORS
    if not path.exists():
        return config, tensors
    try:
        with safe_open(path, framework="np") as file:
            metadata, factors = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        own, digest = AlbertConfig.from_json(json.loads(metadata["config"]), origin=str(path)), metadata["word_embeddings_sha256"]
    except (SafetensorError, KeyError, ValueError) as error:
        raise AlbertError(f"{path} is damaged: {str(error).splitlines()[0]}\nremove it to read the model without its factors") from error
    trainable: dict[str, Any] = {
        key: getattr(config, key) for key in ("hidden_dropout_prob", "attention_probs_dropout_prob", "initializer_range")
    }
    own = dataclasses.replace(own, **trainable)
    if google_config(own) != config:
        reason = f"it is of another model than {CONFIG}"
    elif own.variant == BRIGHTMART and _digest(tensors[WORD_EMBEDDINGS]) != digest:
        reason = "the word embeddings have been trained on since, and are no product of its factors"
    elif own.variant == BRIGHTMART and not _is_identity(tensors):
        reason = "the mapping has been trained on since, and is no identity any more"
    elif (restored := _own_form(own, config, tensors, factors)) is None:
        reason = "layers that shared weights have been trained apart since"
    else:
        if own.variant == BRIGHTMART:
            skipped[ALBERT_VARIABLES[WORD_EMBEDDINGS]] = f"the product of the two factors in {FACTORS}, which were taken"
            skipped |= _identity_reasons()
        return own, restored
    form = f"{GOOGLE} variant, embedding_size {config.embedding_size}, {config.num_hidden_groups} groups"
    notes.append(f"{FACTORS} is left aside: {reason}; read as {form}")
    return config, tensors


def _own_form(
    own: AlbertConfig, google: AlbertConfig, tensors: Mapping[str, np.ndarray], factors: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray] | None:
    """The inverse of `google_form`; None where repeated parts are not equal any more."""
    dropped = set(_run_names(google)) | (set() if own.maps_embeddings else {f"{MAPPING}/kernel", f"{MAPPING}/bias"})
    result = {name: tensor for name, tensor in tensors.items() if name not in dropped} | dict(factors)
    for ours, theirs in zip(_run_names(own), _run_names(google), strict=True):
        if result.setdefault(ours, tensors[theirs]).tobytes() != tensors[theirs].tobytes():
            return None
    return result


def _digest(tensor: np.ndarray) -> str:
    """SHA-256 of a tensor's values, float32 row by row."""
    return hashlib.sha256(np.ascontiguousarray(tensor, np.dtype("<f4")).tobytes()).hexdigest()
