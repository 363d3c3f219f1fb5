"""SavedModels that read text: tokenizer, model and labels as one graph, for TF Serving and every program that runs TensorFlow.

OUTPUT/saved_model.pb, variables/, assets/vocab.txt    tf.saved_model.load needs nothing else, and no Python of ours
OUTPUT/task.json                                       of a fine-tuned model: for `evaluate --task`, which asks it as it asks others

| signature                | strings [N]   | gives                                                                              |
|--------------------------|---------------|------------------------------------------------------------------------------------|
| serving_default          | text          | label, probability [N]; labels, probabilities, log_probs [N, L], L labels          |
| … of a task of pairs     | first, second | the same                                                                           |
| embed                    | text          | embedding [N, H], of length 1; serving_default of a model that has no task         |
| similarity               | first, second | similarity [N], the cosine of two embeddings                                       |
| masked_words             | text          | tokens, probabilities [N, M, 5] for each of M [MASK]s; rows with fewer end in ""    |
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import tensorflow as tf

from albert_core.errors import AlbertError
from albert_core.graph_encoder import GraphEncoder, keep_first
from albert_core.graph_tokenizer import GraphTokenizer, to_utf8
from albert_core.model_directory import VOCABULARY, new_folder
from albert_core.model_source import ModelSource, read_model
from albert_core.modeling import Albert
from albert_core.prediction import MASK, Predictor
from albert_core.task_answers import Answer, read_answers
from albert_core.task_features import NO_LABEL, Feature
from albert_core.task_files import Record
from albert_core.task_heads import task_log_probs
from albert_core.task_model import RECORD, TOKENS_AT_ONCE, TaskModel, read_task, write_task
from albert_core.tasks import CLASSIFY, Task
from albert_core.tokenization import Tokenizer

MODEL = "saved_model.pb"
SERVING = "serving_default"
TOP_K = 5  # guesses for a [MASK]
LIMIT = 1e-4  # largest difference that is no fault
PROBES = (
    "今天天气很好，我们去公园看花。", "房间太小，服务也不好！", "ALBERT's café：Ｔ恤 3.14元，python3～",
    "“春天”来了……①②③\u3000𠮷野家\ue000한글",
    "很长的文字" * 120, "a" * 300 + " b",
)  # fmt: skip
MASKED_PROBES = (f"今天天{MASK}很好，我们去公{MASK}。", f"{MASK}来了")
Signatures = dict[str, Callable[..., Any]]


class TextModel(tf.Module):
    """A model whose methods take strings. `labels` are the rows of its head, if it has one that is asked for."""

    def __init__(self, model: Albert, tokenizer: Tokenizer, max_seq_length: int, labels: Sequence[str] = ()):
        super().__init__(name="text_model")
        self.model, self._labels = model, list(labels)
        tokenize = GraphTokenizer(tokenizer)
        self._encode = GraphEncoder(tokenize, max_seq_length)
        self._whole = GraphEncoder(tokenize, model.config.max_position_embeddings)
        self._mask_id, self._vocab = tokenizer.mask_id, list(tokenizer.vocab)
        ids, text = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.string)
        # Functions of their own, so that what several signatures call is traced and stored once.
        self._sequence = tf.function(self._sequence_output, input_signature=[ids] * 3, autograph=False)
        self._embedding = tf.function(self._mean_vector, input_signature=[text], autograph=False)

    def signatures(self, text_names: Sequence[str]) -> Signatures:
        """Every function of this model by its name; `text_names` are the inputs of the task, none where there is no task."""
        found: Signatures = {"embed": _signature(self.embed, ["text"]), "similarity": _signature(self.similarity, ["first", "second"])}
        if self.model.heads.masked_words:
            found["masked_words"] = _signature(self.masked_words, ["text"])
        return found | {SERVING: _signature(self.classify, text_names) if text_names else found["embed"]}

    def classify(self, *texts: tf.Tensor) -> dict[str, tf.Tensor]:
        """Labels of N texts or pairs."""
        log_probs = task_log_probs(self.model, CLASSIFY, self._encode(*texts))
        probabilities, labels = tf.exp(log_probs), tf.constant(self._labels)
        return {
            "label": tf.gather(labels, tf.argmax(log_probs, -1)),
            "probability": tf.reduce_max(probabilities, -1),
            "labels": tf.repeat(labels[tf.newaxis], tf.shape(log_probs)[0], 0),
            "probabilities": probabilities,
            "log_probs": log_probs,
        }

    def embed(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Vectors of N texts."""
        return {"embedding": self._embedding(text)}

    def _sequence_output(self, input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor) -> tf.Tensor:
        return self.model(input_ids, input_mask, segment_ids).sequence_output

    def _mean_vector(self, text: tf.Tensor) -> tf.Tensor:
        """The mean over the tokens of each text, read in parts where it is too long for the model; no text has a vector too."""
        ids = self._whole.tokenizer(text)
        room = self._whole.max_seq_length - 2
        lengths = ids.row_lengths()
        counts = tf.maximum(tf.constant(1, tf.int64), -(-lengths // room))
        before = tf.cumsum(counts, exclusive=True)
        parts = tf.gather(before, ids.value_rowids()) + tf.ragged.range(lengths).values // room
        batch = self._whole.pad(self._whole.join([tf.RaggedTensor.from_value_rowids(ids.values, parts, tf.reduce_sum(counts))]))
        sequence = self._sequence(**batch) * tf.cast(batch["input_mask"], tf.float32)[:, :, tf.newaxis]
        sums = tf.math.segment_sum(tf.reduce_sum(sequence, 1), tf.repeat(tf.range(tf.size(text)), counts))
        return tf.math.l2_normalize(sums, -1)

    def similarity(self, first: tf.Tensor, second: tf.Tensor) -> dict[str, tf.Tensor]:
        """The cosine of N pairs."""
        a, b = tf.split(self._embedding(tf.concat([first, second], 0)), 2)
        return {"similarity": tf.reduce_sum(a * b, -1)}

    def masked_words(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """The most probable tokens for each [MASK]. What is too long for the model is cut at its end, with the masks that stand there."""
        pieces = tf.strings.split(text, MASK)
        ids = self._whole.tokenizer(pieces.values)
        behind = tf.range(1, tf.size(pieces.values, tf.int64) + 1)
        last = tf.cast(behind == tf.gather(pieces.row_limits(), pieces.value_rowids()), tf.int64)  # of its text: no mask follows it
        mask = tf.RaggedTensor.from_row_lengths(tf.fill([tf.reduce_sum(1 - last)], self._mask_id), 1 - last)
        ids = tf.concat([ids, mask], 1)
        ids = tf.RaggedTensor.from_value_rowids(ids.values, tf.gather(pieces.value_rowids(), ids.value_rowids()), tf.size(text, tf.int64))
        ids = keep_first(ids, tf.fill([tf.size(text)], self._whole.max_seq_length - 2))
        batch = self._whole.pad(self._whole.join([ids]))
        masked = batch["input_ids"] == self._mask_id
        places = tf.RaggedTensor.from_value_rowids(tf.where(masked)[:, 1], tf.where(masked)[:, 0], tf.size(text, tf.int64))
        log_probs = self.model.masked_log_probs(self._sequence(**batch), tf.cast(places.to_tensor(0), tf.int32))
        best, which = tf.math.top_k(log_probs, TOP_K)
        there = tf.ones_like(places, tf.bool).to_tensor(False)[:, :, tf.newaxis]
        tokens = tf.where(there, tf.gather(tf.constant(self._vocab), which), "")
        return {"tokens": tokens, "probabilities": tf.where(there, tf.exp(best), 0.0)}


def _signature(method: Callable[..., dict[str, tf.Tensor]], names: Sequence[str]) -> Callable[..., Any]:
    """A method as a function of strings [N] of these names."""
    specs = [tf.TensorSpec([None], tf.string, name=name) for name in names]
    return tf.function(method, autograph=False).get_concrete_function(*specs)


def _inputs(signature: Any) -> list[str]:
    return [spec.name for spec in signature.structured_input_signature[0]]


def export_saved_model(path: str | Path, output: str | Path) -> dict[str, Any]:
    """Write the model at `path` as a SavedModel that takes strings to the new folder `output`, and compare its answers with ours.

    Args:
      path: a folder that `finetune` has made for a task with labels, or any model that `load_model` reads.
      output: the folder. TF Serving wants it inside another, called by a number.

    Returns:
      the report of `export_model`: {"format", "files", "parameters", "checks", "notes"}.

    Raises:
      AlbertError: the model's task is none of labels, `output` is in use, or the answers differ by more than they may.
    """
    ours = TaskModel.load(path) if (Path(path) / RECORD).exists() else None
    if ours and ours.task.kind != CLASSIFY:
        raise AlbertError(
            f"{path} is of a task of kind {ours.task.kind}, whose answers are places in a text or choices: it has no such form\n"
            "ask it through albert-train predict or serve; on a phone through --format litert"
        )
    source = read_model(path)
    model, tokenizer = (ours.model, ours.encoder.tokenizer) if ours else (source.build(), source.tokenizer())
    length = ours.encoder.max_seq_length if ours else source.config.max_position_embeddings
    text_model = TextModel(model, tokenizer, length, ours.labels if ours else ())
    signatures = text_model.signatures(ours.text_names if ours else ())
    with new_folder(Path(output)) as partial:
        _save(text_model, signatures, partial, source)
        if ours:
            write_task(partial, ours.task, ours.labels, length)
        checks = _compare(partial, ours, Predictor(model, tokenizer), list(signatures))
        if failed := [check for check in checks if not check["passed"]]:
            raise AlbertError(
                f"{output}: {failed[0]['name']} differs by {failed[0]['largest_difference']:.1e}, more than {LIMIT:.0e}\n"
                "nothing was written; this is a fault of the program: please report it"
            )
        files = {str(file.relative_to(partial)): file.stat().st_size for file in sorted(partial.rglob("*")) if file.is_file()}
    parameters = sum(int(np.prod(variable.shape)) for variable in model.weights.values())
    notes = [f"{name} takes {' and '.join(_inputs(function))}" for name, function in signatures.items()]
    return {"format": "savedmodel", "files": files, "parameters": parameters, "checks": checks, "notes": notes}


def _save(text_model: TextModel, signatures: Signatures, folder: Path, source: ModelSource) -> None:
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with tf.io.gfile.GFile(str(folder / VOCABULARY), "wb") as file:
        file.write(source.needed_vocabulary())
    text_model.vocabulary = tf.saved_model.Asset(str(folder / VOCABULARY))  # a copy in assets/, for whoever wants to see it
    tf.saved_model.save(text_model, str(folder), signatures=signatures)
    (folder / VOCABULARY).unlink()


class SavedTextModel:
    """A fine-tuned model that `export_saved_model` has written, asked as a `TaskModel` is."""

    def __init__(self, loaded: Any, task: Task, labels: Sequence[str], max_seq_length: int):
        self.task, self.labels, self.max_seq_length = task, tuple(labels), max_seq_length
        self._loaded = loaded  # its variables live as long as it does
        self.signature = loaded.signatures[SERVING]

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The model of such a folder. Raises AlbertError when part of it is missing."""
        task, labels, length = read_task(path)
        try:
            return cls(tf.saved_model.load(str(path)), task, labels, length)
        except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
            raise AlbertError(f"{Path(path) / MODEL} cannot be read: {str(error).splitlines()[0]}\nexport it anew") from error

    def serve(self, texts: Sequence[Sequence[str]]) -> dict[str, np.ndarray]:
        """What the signature gives for texts or pairs, as TF Serving would."""
        names = ("first", "second") if self.task.second else ("text",)
        columns = [tf.constant([to_utf8(row[at]) for row in texts], tf.string) for at in range(len(names))]
        return {name: value.numpy() for name, value in self.signature(**dict(zip(names, columns, strict=True))).items()}

    def answer(self, records: Sequence[Record], *, report: Callable[[int, int], None] = lambda done, total: None) -> list[Answer]:
        """The answers to `records`, asked from the longest to the shortest."""
        order = sorted(range(len(records)), key=lambda at: -sum(map(len, records[at].texts)))
        outputs: list[np.ndarray] = [np.zeros(0)] * len(records)
        size = max(1, TOKENS_AT_ONCE // self.max_seq_length)
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            for at, row in zip(batch, self.serve([records[at].texts for at in batch])["log_probs"], strict=True):
                outputs[at] = row
            report(min(start + size, len(records)), len(records))
        features = [Feature(number, (), (NO_LABEL,)) for number in range(len(records))]
        return read_answers(self.task, self.labels, records, features, outputs)


def _compare(folder: Path, ours: TaskModel | None, predictor: Predictor, names: Sequence[str]) -> list[dict[str, Any]]:
    """Read the folder back and ask it a few hard texts."""
    loaded = tf.saved_model.load(str(folder))
    served = loaded.signatures
    probes = [text.encode() for text in PROBES]
    differences = {"embeddings": np.abs(served["embed"](text=probes)["embedding"].numpy() - predictor.embed(PROBES)).max()}
    if ours:
        records = [ours.record_of([a, b][: ours.num_texts]) for a in PROBES for b in (PROBES[0], PROBES[-2])]
        found = SavedTextModel(loaded, ours.task, ours.labels, ours.encoder.max_seq_length).answer(records)
        differences["probabilities"] = max(
            np.abs(np.subtract(a.scores, b.scores)).max() for a, b in zip(ours.answer(records), found, strict=True)
        )
    if "masked_words" in names:
        expected = predictor.masked_words(MASKED_PROBES, top_k=TOP_K)
        found = served["masked_words"](text=[text.encode() for text in MASKED_PROBES])["probabilities"].numpy()
        differences["masked words"] = max(
            np.abs(found[row, at] - [candidate.probability for candidate in candidates]).max()
            for row, words in enumerate(expected)
            for at, candidates in enumerate(words.masks)
        )
    return [
        {"name": name, "largest_difference": float(value), "limit": LIMIT, "passed": bool(value <= LIMIT)}
        for name, value in differences.items()
    ]
