"""Where a run begins: the model that it trains, the folder that it claims, the weights that it starts from."""

import dataclasses
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from albert_core import checkpoints, storage
from albert_core.checkpoint_variables import HEAD_PARTS, sort_variables
from albert_core.checkpoints import CheckpointFolder
from albert_core.config import SIZES, AlbertConfig
from albert_core.errors import AlbertError
from albert_core.machine_peak import best_compute_dtype
from albert_core.mixture import WeightedDataset
from albert_core.model_directory import CHECKPOINTS, check_data_fits, find_model
from albert_core.model_source import ModelSource
from albert_core.modeling import Albert
from albert_core.parameters import list_parameters
from albert_core.recipes import PretrainingConfig
from albert_core.shards import Dataset

RUN = "run.json"
GLOBAL_STEP = "global_step"

log = logging.getLogger(__name__)


def start_from(model: Albert, source: ModelSource) -> None:
    """Set the weights of `model` to those of `source`. Heads that it lacks keep their initial values, which the log says.

    Raises:
      AlbertError: the encoder lacks a weight, or one has another shape.
    """
    optional = {p.name for p in list_parameters(model.config, model.heads) if p.part in (*HEAD_PARTS, "pooler")}
    initial = sorted(optional - set(source.tensors))
    if initial:
        log.warning("%s has no %s: initial values are kept", source.path, ", ".join(initial))
    for key in ("num_hidden_layers", "num_attention_heads", "hidden_act", "ln_type", "inner_group_num"):
        if (theirs := getattr(source.config, key)) != (ours := getattr(model.config, key)):
            log.warning("%s has %s %s, the model that is trained %s", source.path, key, theirs, ours)
    checkpoints.assign({n: v for n, v in model.weights.items() if n not in initial}, source.tensors, origin=source.path)


def stored_step(path: str | None) -> int:
    """The number of updates that the checkpoint at `path` has had.

    Raises:
      AlbertError: it does not say.
    """
    steps = CheckpointFolder(path=storage.join(str(path), CHECKPOINTS)).steps()
    if steps:
        return steps[-1]
    prefix = find_model(str(path)).prefix
    if GLOBAL_STEP not in checkpoints.list_bundle(prefix):
        raise AlbertError(
            f"{path} has no {GLOBAL_STEP} and no optimizer slots\ngive the output folder of a run with its checkpoints, or --without-slots"
        )
    return int(checkpoints.read_bundle(prefix, with_slots=True, names=[GLOBAL_STEP])[GLOBAL_STEP])


def take_over(path: str, state: Mapping[str, tf.Variable]) -> None:
    """Set weights, slots and step from the checkpoint of another run.

    Raises:
      AlbertError: it lacks slots that this optimizer has.
    """
    folder = CheckpointFolder(path=storage.join(path, CHECKPOINTS))
    prefix = folder.prefix(folder.steps()[-1]) if folder.steps() else find_model(path).prefix
    if missing := sorted(set(state) - set(checkpoints.list_bundle(prefix))):
        raise AlbertError(
            f"{prefix} lacks {missing[0]} and {len(missing) - 1} more of what --with-slots takes over\n"
            "give the --optimizer that it was trained with, or --without-slots"
        )
    if folder.steps():
        folder.restore_newest(state)
    else:
        checkpoints.assign(state, checkpoints.read_bundle(prefix, with_slots=True), origin=prefix)


def choose_model(config: PretrainingConfig, datasets: list[Dataset], source: ModelSource | None) -> AlbertConfig:
    """The configuration that is trained: a named size over the data's vocabulary, or a file's, which the data must fit."""
    if config.model in SIZES or not Path(config.model).exists():
        chosen = AlbertConfig.named(config.model, vocab_size=datasets[0].tokenizer.size)
    else:
        chosen = AlbertConfig.from_file(config.model)
    for dataset in datasets:
        check_data_fits(dataset, chosen, origin=f"--model {config.model}")
        if source is not None:
            check_data_fits(dataset, source.config, origin=source.path, vocabulary=source.vocabulary)
    if source is not None:
        sort_variables({name: tensor.shape for name, tensor in source.tensors.items()}, chosen, str(source.path))
    return chosen


def read_record(output: str) -> dict[str, Any] | None:
    """run.json of the run in `output`; None where there is none."""
    record = storage.join(output, RUN)
    return json.loads(storage.read_bytes(record)) if storage.exists(record) else None


def resolve_compute_dtype(config: PretrainingConfig) -> PretrainingConfig:
    """`auto` is what the run was started with, else what this machine is best at: a run keeps one type wherever it goes on."""
    if config.compute_dtype != "auto":
        return config
    before = read_record(config.output)
    return dataclasses.replace(config, compute_dtype=before.get("compute_dtype", "float32") if before else best_compute_dtype())


def claim_output(config: PretrainingConfig, model: AlbertConfig, datasets: list[WeightedDataset], start: int) -> None:
    """Make the output folder this run's, or see that it is: everything that decides the weights must be as it was."""
    digests = [dataset.manifest["digest"] if weight is None else [dataset.manifest["digest"], weight] for dataset, weight in datasets]
    run = config.deciding() | {
        "model": model.to_json(),
        "data_digest": digests[0] if len(digests) == 1 else digests,
        "start_step": start,
        "drawing": [_drawing(dataset) for dataset, _ in datasets],
    }
    before = read_record(config.output)
    if before is not None:
        defaults = {field.name: field.default for field in dataclasses.fields(config) if field.default is not dataclasses.MISSING}
        for key in sorted({*run, *before}):
            was = before.get(key, defaults.get(key, run.get(key)))  # a run of an older version knew fewer options
            if run.get(key) != was:
                raise AlbertError(
                    f"{config.output} is the run of another configuration: {key} was {was}, is {run.get(key)}\n"
                    "give another --output, or the options that it was started with"
                )
        return
    if any(not name.startswith(".") for name in storage.list_names(config.output)):
        raise AlbertError(f"{config.output} holds files that are not of a training run (there is no {RUN})\ngive another --output")
    storage.make_folder(config.output)
    storage.write_json(storage.join(config.output, RUN), run)


def _drawing(dataset: Dataset) -> dict[str, Any] | None:
    """What dynamic shards are drawn with, which their digest does not cover; None for static ones, which are drawn already."""
    return {**dataclasses.asdict(dataset.options), "seed": dataset.seed} if dataset.kind == "dynamic" else None
