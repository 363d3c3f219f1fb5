"""LiteRT (formerly TensorFlow Lite): a fine-tuned model for phones and small servers, and the same answers from it here.

OUTPUT/model.tflite         int32 input_ids, input_mask, segment_ids [1, T] → float32 log_probs, as task_heads.py has them
OUTPUT/vocab.txt, normalization.json, task.json      what turns texts into ids, and scores into answers
"""

import logging
import threading
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import tensorflow as tf

from albert_core import storage
from albert_core.errors import AlbertError
from albert_core.model_directory import NORMALIZATION, VOCABULARY, new_folder
from albert_core.model_source import read_normalization
from albert_core.task_answers import Answer, read_answers
from albert_core.task_features import Encoder, stack_features
from albert_core.task_files import Record
from albert_core.task_heads import task_log_probs
from albert_core.task_model import TaskModel, cut_output, read_task, write_task
from albert_core.tasks import CHOICE, Task
from albert_core.tokenization import Tokenizer

MODEL = "model.tflite"
INPUTS = ("input_ids", "input_mask", "segment_ids")
QUANTIZATIONS = {"none": 1e-4, "dynamic": 0.5}  # largest difference of a log-probability that is no fault
PROBES = ("今天天气很好，我们去公园看花。", "房间太小，服务也不好。", "ALBERT的参数只有四百万。")


def export_litert(path: str | Path, output: str | Path, *, quantize: str = "none", max_seq_length: int | None = None) -> dict[str, Any]:
    """Write the fine-tuned model at `path` for LiteRT to the new folder `output`, and compare its answers with ours.

    Args:
      path: a folder that `finetune` has made.
      output: the folder.
      quantize: none: float32; dynamic: weights in 8 bits, a quarter of the size, activations quantized as they come.
      max_seq_length: tokens of its one shape; shorter is faster. None: as it was fine-tuned.

    Returns:
      the report of `export_model`: {"format", "files", "parameters", "checks", "notes"}.

    Raises:
      AlbertError: the model has no task or one with choices, `output` is in use, or the answers differ by more than they may.
    """
    if quantize not in QUANTIZATIONS:
        raise AlbertError(f"--quantize {quantize} is unknown\nknown: {', '.join(QUANTIZATIONS)}")
    ours = TaskModel.load(path)
    if ours.task.kind == CHOICE:
        raise AlbertError(f"{path} is of a task with choices, which has no LiteRT form\nask it through albert-train predict or serve")
    length = min(max_seq_length or ours.encoder.max_seq_length, ours.encoder.max_seq_length)
    content = convert(ours, length, quantize)
    with new_folder(Path(output)) as partial:
        (partial / MODEL).write_bytes(content)
        source = Path(path)
        (partial / VOCABULARY).write_bytes((source / VOCABULARY).read_bytes())
        storage.write_json(partial / NORMALIZATION, read_normalization(source))
        write_task(partial, ours.task, ours.labels, length)
        difference = _largest_difference(ours, LiteRtModel.load(partial))
        if difference > QUANTIZATIONS[quantize]:
            raise AlbertError(
                f"{output}: log-probabilities differ by {difference:.1e}, more than {QUANTIZATIONS[quantize]:.0e}\n"
                "nothing was written; try --quantize none"
            )
        files = {file.name: file.stat().st_size for file in sorted(partial.iterdir())}
    check = {"name": "log-probabilities, LiteRT", "largest_difference": difference, "limit": QUANTIZATIONS[quantize], "passed": True}
    parameters = sum(int(np.prod(variable.shape)) for variable in ours.model.weights.values())
    return {"format": "litert", "files": files, "parameters": parameters, "checks": [check], "notes": []}


def convert(ours: TaskModel, length: int, quantize: str) -> bytes:
    """The flatbuffer of a model for sequences of `length` tokens."""
    shape = [tf.TensorSpec([1, length], tf.int32, name=name) for name in INPUTS]

    @tf.function(input_signature=shape, autograph=False)
    def answer(input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        batch = dict(zip(INPUTS, (input_ids, input_mask, segment_ids), strict=True))
        return {"log_probs": task_log_probs(ours.model, ours.task.kind, batch)}

    converter = tf.lite.TFLiteConverter.from_concrete_functions([answer.get_concrete_function()], ours.model)
    # Else the gamma of a norm is multiplied into the kernel behind it, and a shared kernel stands once with it and once without.
    converter._experimental_disable_fuse_mul_and_fc = True
    if quantize == "dynamic":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return bytes(converter.convert())


class LiteRtModel:
    """A model that `export_litert` has made, asked as a `TaskModel` is."""

    def __init__(self, content: bytes, task: Task, labels: Sequence[str], encoder: Encoder, num_threads: int = 1):
        self.task, self.labels, self.encoder = task, tuple(labels), encoder
        self._interpreter = _interpreter(content, num_threads)
        self._interpreter.allocate_tensors()
        self._run = self._interpreter.get_signature_runner()
        self._lock = threading.Lock()  # an interpreter has one set of tensors

    @classmethod
    def load(cls, path: str | Path, *, num_threads: int = 1) -> Self:
        """The model of such a folder. Raises AlbertError when part of it is missing."""
        folder = Path(path)
        described = read_task(folder)
        tokenizer = Tokenizer.load(folder / VOCABULARY, lower_case=read_normalization(folder).get("lower_case", True))
        encoder = Encoder(described.task, tokenizer, described.labels, described.max_seq_length)
        try:
            return cls((folder / MODEL).read_bytes(), described.task, described.labels, encoder, num_threads)
        except ValueError as error:
            raise AlbertError(f"{folder / MODEL} cannot be read: {error}\nexport it anew") from error

    def run(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """The log-probabilities of one sequence; `values` int32 [1, T] by the names of INPUTS."""
        with self._lock:
            log_probs: np.ndarray = self._run(**values)["log_probs"][0].copy()
        return log_probs

    def answer(self, records: Sequence[Record], *, report: Callable[[int, int], None] = lambda done, total: None) -> list[Answer]:
        """The answers to `records`, one sequence at a time."""
        features = self.encoder.encode(records)
        outputs = []
        for number, feature in enumerate(features):
            batch = stack_features([feature], width=self.encoder.max_seq_length, pad_id=self.encoder.tokenizer.pad_id)
            outputs.append(cut_output(self.task, self.run({name: batch[name] for name in INPUTS}), feature.length))
            report(number + 1, len(features))
        return read_answers(self.task, self.labels, records, features, outputs)


def _interpreter(content: bytes, num_threads: int) -> Any:
    """LiteRT's own package where it is installed, else the one inside tensorflow, which says that it is old."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        Interpreter = tf.lite.Interpreter
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Interpreter(model_content=content, num_threads=num_threads)


def _largest_difference(ours: TaskModel, theirs: LiteRtModel) -> float:
    """Of the log-probabilities of the likely (over 1 %) answers to a few texts."""
    largest = 0.0
    for text in PROBES:
        record = Record("", "", (text, PROBES[0])[: len(ours.text_names)])
        for feature in theirs.encoder.encode([record]):
            batch = stack_features([feature], width=theirs.encoder.max_seq_length, pad_id=theirs.encoder.tokenizer.pad_id)
            a = task_log_probs(ours.model, ours.task.kind, {name: tf.constant(value) for name, value in batch.items()}).numpy()[0]
            b = theirs.run({name: batch[name] for name in INPUTS})
            a, b = (cut_output(ours.task, each, feature.length) for each in (a, b))
            largest = max(largest, float(np.abs(np.where(a > np.log(0.01), a - b, 0)).max()))
    return largest
