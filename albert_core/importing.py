"""A model of any form as our model directory, on request with another vocabulary or more positions."""

import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np

from albert_core import model_directory
from albert_core.config import AlbertConfig
from albert_core.errors import AlbertError
from albert_core.model_source import ModelSource, load_model, read_model
from albert_core.parameters import MASKED_LM_BIAS, POSITION_EMBEDDINGS, WORD_EMBEDDINGS, list_parameters
from albert_core.task_model import check_head, describe_task, write_task
from albert_core.tasks import Task
from albert_core.tokenization import Tokenizer


def import_model(
    path: str | Path,
    output: str | Path,
    *,
    config: str | Path | AlbertConfig | None = None,
    vocab: str | Path | None = None,
    extend_positions: int | None = None,
    task: Task | None = None,
    seed: int = 0,
) -> ModelSource:
    """Write the model at `path` (see `read_model`, also for `config`) to the new model directory `output`, and read it back.

    `vocab` is a vocabulary file: where the model has another one beside it, word vectors are carried over by token. The new model has
    `extend_positions` positions, those beyond the old ones repeat them. `task` says what a
    fine-tuned head answers. `seed` draws the weights that the model lacks.

    Returns:
      The model as it was written; `notes` say what was changed.

    Raises:
      AlbertError: the model cannot be read, has no vocabulary, one that does not fit, or `output` is in use. Nothing is left then.
    """
    source = read_model(path, config=config)
    if vocab is not None:
        source = with_vocabulary(source, _read(vocab), name=str(vocab))
    check_vocabulary(source)
    if extend_positions is not None:
        source = with_positions(source, extend_positions)
    if task is not None:
        described = describe_task(task)
        check_head(source, described.labels, f"--task {task.name}")
    model = source.build(seed=seed)
    with model_directory.new_folder(Path(output)) as folder:
        model_directory.write_description(folder, source.config, source.needed_vocabulary(), source.normalization)
        model_directory.write_weights(folder, model)
        if task is not None:
            write_task(folder, *described)
        again = load_model(folder)
        if again.config != source.config or any(
            again.weights[n].numpy().tobytes() != v.numpy().tobytes() for n, v in model.weights.items()
        ):
            raise AlbertError(
                f"{output} differs when it is read back\nnothing was written; this is a fault of the program: please report it"
            )
    return source


def check_vocabulary(source: ModelSource) -> None:
    """Refuse a model without a vocabulary, or with one of another size.

    Raises:
      AlbertError: both sizes are named.
    """
    if source.vocabulary is None:
        raise AlbertError(f"{source.path} has no vocab.txt beside it\ngive the one that it was trained with: --vocab FILE")
    entries = source.tokenizer().size
    if entries != source.config.vocab_size:
        raise AlbertError(
            f"the vocabulary has {entries:,} entries, {source.path} {source.config.vocab_size:,} rows of word embeddings\n"
            "give the one that it was trained with: --vocab FILE"
        )


def with_vocabulary(source: ModelSource, content: bytes, *, name: str) -> ModelSource:
    """The model over the vocabulary `content`. Where it had none, this is its own; else rows move with their tokens.

    A token that the model does not know gets the mean of all word vectors and of all output biases.

    Raises:
      AlbertError: `content` cannot serve as a vocabulary, or shares hardly a token with the model's own.
    """
    if source.vocabulary is None or source.vocabulary == content:
        return source._replace(vocabulary=content)
    check_vocabulary(source)
    old = {token: row for row, token in enumerate(source.tokenizer().vocab)}
    new = Tokenizer.from_bytes(content, name=name, lower_case=source.normalization.get("lower_case", True)).vocab
    rows = np.array([old.get(token, -1) for token in new])
    carried = int((rows >= 0).sum())
    if carried < len(new) / 2:
        raise AlbertError(
            f"{name} shares {carried:,} of its {len(new):,} tokens with the vocabulary of {source.path}\n"
            "a model whose words are mostly new is better trained than imported"
        )
    tensors = dict(source.tensors)
    for key in {WORD_EMBEDDINGS, MASKED_LM_BIAS} & set(tensors):
        table = tensors[key]
        mean = table.mean(0, dtype=np.float64).astype(np.float32)
        tensors[key] = np.where((rows >= 0).reshape(-1, *[1] * (table.ndim - 1)), table[rows], mean)
    note = f"{carried:,} word vectors carried over by token, {len(new) - carried:,} new (the mean of all), {len(old) - carried:,} left"
    config = dataclasses.replace(source.config, vocab_size=len(new))
    return source._replace(config=config, tensors=tensors, vocabulary=content, notes=[*source.notes, note])


def with_positions(source: ModelSource, positions: int) -> ModelSource:
    """The model with more `positions`: row i is row i mod P of the P old ones.

    Raises:
      AlbertError: it has as many already.
    """
    old = source.config.max_position_embeddings
    if positions <= old:
        raise AlbertError(
            f"--extend-positions {positions}: {source.path} has {old} positions already\ngive more than {old}, or leave it out"
        )
    table = source.tensors[POSITION_EMBEDDINGS]
    tensors = source.tensors | {POSITION_EMBEDDINGS: table[np.arange(positions) % old]}
    note = f"{old} positions extended to {positions} by repeating them: train on before long texts are trusted to it"
    return source._replace(
        config=dataclasses.replace(source.config, max_position_embeddings=positions), tensors=tensors, notes=[*source.notes, note]
    )


class Counts(NamedTuple):
    """How many variables, and how many values in them."""

    variables: int
    values: int


def count_taken(source: ModelSource) -> dict[str, Counts]:
    """What was taken, by part of the model."""
    counts: dict[str, Counts] = {}
    for parameter in list_parameters(source.config, source.heads):
        if parameter.name not in source.missing:
            before = counts.get(parameter.part, Counts(0, 0))
            counts[parameter.part] = Counts(before.variables + 1, before.values + parameter.count)
    return counts


def _read(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise AlbertError(f"vocabulary {path}: {error.strerror}\ngive a file with one token a line, as BERT's vocab.txt") from error
