"""LiteRT (formerly TensorFlow Lite): a model for phones and small servers, and the same answers from it here.

OUTPUT/model.tflite    int32 input_ids, input_mask, segment_ids [1, T] → what inference_graphs.py says of its head
OUTPUT/litert.json     head, inputs and outputs with their shapes, quantization
OUTPUT/vocab.txt, normalization.json    what turns texts into ids
OUTPUT/task.json       of a fine-tuned model: what turns scores into answers
ON_A_PHONE.md says how an app uses them.
"""

import threading
import warnings
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import tensorflow as tf

from albert_core import storage
from albert_core.errors import AlbertError
from albert_core.inference_graphs import (
    ENCODER,
    HEADS,
    INPUTS,
    MASKED_WORDS,
    MASKS,
    TASK,
    Graph,
    Shape,
    encoder_graph,
    masked_words_graph,
    task_graph,
)
from albert_core.litert_conversion import DYNAMIC, FULL, NONE, QUANTIZATIONS, Example, convert
from albert_core.model_directory import NORMALIZATION, VOCABULARY, new_folder
from albert_core.model_source import read_model, read_normalization
from albert_core.prediction import MASK
from albert_core.shards import MASKED_LM_POSITIONS
from albert_core.task_answers import Answer, read_answers
from albert_core.task_features import Encoder, stack_features
from albert_core.task_files import Record, read_records
from albert_core.task_model import RECORD, TaskModel, cut_output, read_task, write_task
from albert_core.tasks import CHOICE, SPAN, Task
from albert_core.tokenization import Tokenizer

MODEL = "model.tflite"
DESCRIPTION = "litert.json"
EXAMPLES = 200  # that the ranges of full quantization are read from
PLAIN_LENGTH = 128  # tokens of a model that was fine-tuned on nothing
# The largest difference that is no fault: of the log-probability of a likely answer, of an element of a vector.
LIMITS = {NONE: 1e-4, DYNAMIC: 0.5, FULL: 2.0}
VECTOR_LIMITS = {NONE: 1e-4, DYNAMIC: 0.05, FULL: 0.2}
LIKELY = 2  # answers that are compared: what is next to impossible may differ
PROBES = ("今天天气很好，我们去公园看花。", "房间太小，服务也不好。", "ALBERT的参数只有四百万。")


class Form(NamedTuple):
    """What is exported: its graph, what turns texts into its inputs, and of a fine-tuned model the task."""

    graph: Graph
    encode: Callable[[Sequence[str]], list[Example]]
    num_texts: int
    length: int
    ours: TaskModel | None

    @property
    def limits(self) -> dict[str, float]:
        """The largest differences that are no fault, by quantization."""
        return VECTOR_LIMITS if self.graph.head == ENCODER else LIMITS


def export_litert(
    path: str | Path, output: str | Path, *, head: str | None = None, quantize: str = NONE, representative: str | Path | None = None,
    max_seq_length: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Write the model at `path` for LiteRT to the new folder `output`, and compare its outputs with ours.

    Args:
      path: a folder that `finetune` has made, or any model that is read.
      output: the folder.
      head: task, encoder or masked_words, see inference_graphs.py; None: the task of a fine-tuned model, else encoder.
      quantize: none: float32; dynamic: weights in 8 bits, a quarter of the size, activations quantized as they come; full: both in 8 bits,
        for processors that have integers only.
      representative: for full: a file of the task, or lines of text (.txt; the texts of a record parted by tabs), such as will be asked.
      max_seq_length: tokens of its one shape; shorter is faster. None: as it was fine-tuned, else 128.

    Returns:
      the report of `export_model`: {"format", "files", "parameters", "checks", "notes"}.

    Raises:
      AlbertError: the model has no such head or form, `output` is in use, or the outputs differ by more than they may.
    """
    if quantize not in QUANTIZATIONS:
        raise AlbertError(f"--quantize {quantize} is unknown\nknown: {', '.join(QUANTIZATIONS)}")
    if (representative is None) == (quantize == FULL):
        raise AlbertError(
            f"--quantize {quantize} {'needs' if quantize == FULL else 'takes no'} --representative\n"
            "give full and a file with texts such as will be asked: the task's dev file, or lines of text"
        )
    form = choose_form(path, head, max_seq_length)
    if form.ours is not None and form.ours.task.kind == SPAN and quantize == FULL:
        raise AlbertError("--quantize full has no form for answers in a text: their padding would span all 8 bits\ntry --quantize dynamic")
    examples = _read_examples(representative, form) if representative is not None else []
    content = convert(form.graph, quantize, examples)
    with new_folder(Path(output)) as partial:
        (partial / MODEL).write_bytes(content)
        describe(partial, Path(path), form)
        values = {"head": form.graph.head, "quantize": quantize, "max_seq_length": form.length, "inputs": form.graph.inputs}
        storage.write_json(partial / DESCRIPTION, values)
        difference = largest_difference(form, LiteRtProgram(content))
        limit = form.limits[quantize]
        if difference > limit:
            raise AlbertError(
                f"{output}: outputs differ by {difference:.1e}, more than {limit:.0e}\n"
                "nothing was written; try --quantize none, or representative texts that are more like those asked"
            )
        files = {file.name: file.stat().st_size for file in sorted(partial.iterdir())}
    return report_of(form, "litert", files, difference, limit)


class LiteRtProgram:
    """A LiteRT file, run: int32 inputs by name → outputs by name. From any thread, one at a time."""

    def __init__(self, content: bytes, *, num_threads: int = 1):
        """Raises AlbertError when the bytes are no such file."""
        try:
            self._interpreter = _interpreter(content, num_threads)
            self._interpreter.allocate_tensors()
            self._run = self._interpreter.get_signature_runner()
        except ValueError as error:
            raise AlbertError(f"no LiteRT file: {error}\nexport it anew") from error
        self._lock = threading.Lock()  # an interpreter has one set of tensors
        self.inputs: dict[str, tuple[int, ...]] = {
            name: tuple(details["shape"].tolist()) for name, details in self._run.get_input_details().items()
        }

    def run(self, values: Example) -> dict[str, np.ndarray]:
        """The outputs, whose first axis is the one sequence."""
        with self._lock:
            return {name: output.copy() for name, output in self._run(**values).items()}


class LiteRtModel:
    """A fine-tuned model that `export_litert` has written, asked as a `TaskModel` is."""

    def __init__(self, program: LiteRtProgram, task: Task, labels: Sequence[str], encoder: Encoder):
        self.task, self.labels, self.encoder, self._program = task, tuple(labels), encoder, program

    @classmethod
    def load(cls, path: str | Path, *, num_threads: int = 1) -> Self:
        """The model of such a folder. Raises AlbertError when part of it is missing."""
        folder = Path(path)
        described = read_task(folder)
        tokenizer = Tokenizer.load(folder / VOCABULARY, lower_case=read_normalization(folder).get("lower_case", True))
        encoder = Encoder(described.task, tokenizer, described.labels, described.max_seq_length)
        return cls(load_program(folder, num_threads=num_threads), described.task, described.labels, encoder)

    def run(self, values: Example) -> np.ndarray:
        """The log-probabilities of one sequence; `values` int32 [1, T] by the names of INPUTS."""
        return self._program.run(values)["log_probs"][0]

    def answer(self, records: Sequence[Record], *, report: Callable[[int, int], None] = lambda done, total: None) -> list[Answer]:
        """The answers to `records`, one sequence at a time."""
        features = self.encoder.encode(records)
        outputs = []
        for number, feature in enumerate(features):
            batch = stack_features([feature], width=self.encoder.max_seq_length, pad_id=self.encoder.tokenizer.pad_id)
            outputs.append(cut_output(self.task, self.run({name: batch[name] for name in INPUTS}), feature.length))
            report(number + 1, len(features))
        return read_answers(self.task, self.labels, records, features, outputs)


def load_program(folder: str | Path, *, num_threads: int = 1) -> LiteRtProgram:
    """The program of a LiteRT folder. Raises AlbertError when it cannot be read."""
    return LiteRtProgram((Path(folder) / MODEL).read_bytes(), num_threads=num_threads)


def choose_form(path: str | Path, head: str | None, max_seq_length: int | None, *, any_shape: bool = False) -> Form:
    """What `export_litert` says of `head` and `max_seq_length`; `any_shape`: sequences of any number and length. Raises AlbertError."""
    head = head or (TASK if (Path(path) / RECORD).exists() else ENCODER)
    if head not in HEADS:
        raise AlbertError(f"--head {head} is unknown\nknown: {', '.join(HEADS)}")
    if head == TASK:
        ours = TaskModel.load(path)
        if ours.task.kind == CHOICE:
            raise AlbertError(f"{path} is of a task with choices, which has no LiteRT form\nask it through albert-train predict or serve")
        length = min(max_seq_length or ours.encoder.max_seq_length, ours.encoder.max_seq_length)
        encoder = Encoder(ours.task, ours.encoder.tokenizer, ours.labels, length)
        graph = task_graph(ours.model, ours.task.kind, (None, None) if any_shape else (1, length))
        return Form(graph, lambda texts: _encode_record(encoder, Record("", "", tuple(texts))), ours.num_texts, length, ours)
    source = read_model(path)
    model, tokenizer = source.build(), source.tokenizer()
    positions = model.config.max_position_embeddings
    length = max_seq_length or min(PLAIN_LENGTH, positions)
    if length > positions:
        raise AlbertError(f"--max-seq-length {length} is more than the {positions} positions of {path}\ngive at most {positions}")
    shape: Shape = (None, None) if any_shape else (1, length)
    graph = encoder_graph(model, shape) if head == ENCODER else masked_words_graph(model, shape, None if any_shape else MASKS)
    return Form(graph, lambda texts: [_encode_text(tokenizer, texts[0], length, head == MASKED_WORDS)], 1, length, None)


def _encode_record(encoder: Encoder, record: Record) -> list[Example]:
    stacked = [stack_features([f], width=encoder.max_seq_length, pad_id=encoder.tokenizer.pad_id) for f in encoder.encode([record])]
    return [{name: batch[name] for name in INPUTS} for batch in stacked]


def _encode_text(tokenizer: Tokenizer, text: str, length: int, masked: bool) -> Example:
    """`[CLS] text [SEP]`; for masked words some tokens in its middle are hidden."""
    ids = [tokenizer.cls_id, *tokenizer.encode(text.replace(MASK, ""))[: length - 2], tokenizer.sep_id]
    values = {name: np.zeros((1, length), np.int32) for name in INPUTS}
    values[INPUTS[0]][0] = tokenizer.pad_id
    values[INPUTS[0]][0, : len(ids)] = ids
    values[INPUTS[1]][0, : len(ids)] = 1
    if masked:
        places = np.linspace(1, max(1, len(ids) - 2), MASKS).astype(np.int32)
        values[INPUTS[0]][0, places] = tokenizer.mask_id
        values[MASKED_LM_POSITIONS] = places[np.newaxis]
    return values


def _read_examples(representative: str | Path, form: Form) -> list[Example]:
    """Inputs of the first texts of a file of the task, or of lines of text."""
    file = Path(representative)
    if not file.is_file():
        raise AlbertError(f"--representative {file} is no file\ngive the task's dev file, or lines of text as .txt")
    texts: Iterable[Sequence[str]]
    if form.ours is not None and file.suffix != ".txt":
        texts = [record.texts for record in read_records(str(file), form.ours.task)]
    else:
        texts = [line.split("\t") for line in file.read_text("utf-8").splitlines() if line.strip()]
    usable = [each for each in texts if len(each) == form.num_texts and all(each)]
    examples = list(islice((example for each in usable for example in form.encode(each)), EXAMPLES))
    if not examples:
        raise AlbertError(
            f"--representative {file} has no line of {form.num_texts} texts\ngive texts such as will be asked, a record a line"
        )
    return examples


def describe(folder: Path, source: Path, form: Form) -> None:
    """Write what turns texts into ids beside an exported file, and of a task what turns scores into answers."""
    (folder / VOCABULARY).write_bytes(read_model(source).needed_vocabulary())
    storage.write_json(folder / NORMALIZATION, read_normalization(source))
    if form.ours is not None:
        write_task(folder, form.ours.task, form.ours.labels, form.length)


def report_of(form: Form, format: str, files: dict[str, int], difference: float, limit: float) -> dict[str, Any]:  # noqa: A002
    """The report of `export_model`."""
    what = "vectors" if form.graph.head == ENCODER else "log-probabilities"
    check = {"name": f"{what}, {format}", "largest_difference": difference, "limit": limit, "passed": True}
    parameters = sum(int(np.prod(variable.shape)) for variable in form.graph.model.weights.values())
    return {"format": format, "files": files, "parameters": parameters, "checks": [check], "notes": []}


def _interpreter(content: bytes, num_threads: int) -> Any:
    """LiteRT's own package where it is installed, else the one inside tensorflow, which says that it is old."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        Interpreter = tf.lite.Interpreter
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Interpreter(model_content=content, num_threads=num_threads)


class Program(Protocol):
    """An exported file, run."""

    def run(self, values: Example) -> dict[str, np.ndarray]:
        """Outputs by name."""


def largest_difference(form: Form, theirs: Program) -> float:
    """Of the outputs for a few texts; of log-probabilities those of the likeliest answers to what is no padding."""
    largest = 0.0
    for text in PROBES:
        for values in form.encode((text, PROBES[0])[: form.num_texts]):
            expected = {name: value.numpy() for name, value in form.graph.run(**{k: tf.constant(v) for k, v in values.items()}).items()}
            found = theirs.run(values)
            for name, a in expected.items():
                b = found[name]
                if name == "log_probs":
                    if form.ours is not None:
                        a, b = (cut_output(form.ours.task, each[0], int(values[INPUTS[1]].sum())) for each in (a, b))
                    likely = a >= np.sort(a, -1)[..., -min(LIKELY, a.shape[-1]), np.newaxis]
                    a, b = np.where(likely, a, 0), np.where(likely, b, 0)
                largest = max(largest, float(np.abs(a - b).max()))
    return largest
