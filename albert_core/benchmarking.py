"""How fast models answer on this machine: the time of one sequence, and sequences a second.

All candidates take turns, so that a noisy machine slows each of them alike. Sequences are full: no padding flatters a figure.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from albert_core import litert, saved_model
from albert_core.config import SIZES, AlbertConfig
from albert_core.errors import AlbertError
from albert_core.litert_process import measure_process
from albert_core.model_source import read_model
from albert_core.modeling import Albert
from albert_core.shards import INPUT_IDS, INPUT_MASK
from albert_core.task_model import RECORD, read_task
from albert_core.tasks import SPAN, TAG

PERCENTILES = (50, 95, 99)
WARM_UP = 3  # calls that count for nothing: the first one traces
DTYPES = ("float32", "bfloat16")
HAN = "今天气很好我们去公园看花"  # of the texts that are timed; which characters makes no difference

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Candidate:
    """One model in one form. `call(batch)` makes a function that runs `batch` sequences once, and waits for the end.

    `bytes`: of its weights or file; `peak_mb`: memory that it takes alone, where that can be measured.
    """

    model: str
    form: str
    tokens: int
    call: Callable[[int], Callable[[], Any]]
    bytes: int
    batches: bool = True  # False: one sequence at a time is all that it takes
    peak_mb: float | None = None


def benchmark(
    models: Sequence[str], *, lengths: Sequence[int] = (128,), dtypes: Sequence[str] = DTYPES, batch_size: int = 32, repeats: int = 50,
    threads: int | None = None, report: Report = lambda done, total: None,
) -> dict[str, Any]:  # fmt: skip
    """Time each model in each type at each length; SavedModels from their strings on, and LiteRT models as they are.

    Of models the pooled output is timed, what labels and choices are told from; of those fine-tuned on answers and entities every token's.

    Args:
      models: paths of models, folders with a model.tflite or saved_model.pb, or sizes such as "tiny" (random weights).
      lengths: tokens of a sequence. A LiteRT model has one length, which is used in their place.
      dtypes: of the products.
      batch_size: sequences at a time for the throughput.
      repeats: calls that the percentiles are of.
      threads: of TensorFlow and LiteRT; None: all cores. To be said before TensorFlow has computed anything.
      report: called with (rounds done, all rounds).

    Returns:
      {"threads", "rows": [{"model", "form", "tokens", "bytes", "peak_mb" (of LiteRT alone, else None), "p50_ms", "p95_ms", "p99_ms"
      (batch 1), "batch_size", "sequences_per_second"}]}.

    Raises:
      AlbertError: a model cannot be read, or has fewer positions than a length.
    """
    used = threads or os.cpu_count() or 1
    if threads is not None:
        _limit_threads(threads)
    candidates = [each for model in models for each in _candidates(model, lengths, dtypes, used)]
    rows = []
    single = _seconds([each.call(1) for each in candidates], repeats, lambda done: report(done, repeats + _few(repeats)))
    many = _seconds(
        [each.call(batch_size if each.batches else 1) for each in candidates], _few(repeats),
        lambda done: report(repeats + done, repeats + _few(repeats)),
    )  # fmt: skip
    for each, alone, together in zip(candidates, single, many, strict=True):
        size = batch_size if each.batches else 1
        latency = {f"p{share}_ms": 1000 * float(np.percentile(alone, share)) for share in PERCENTILES}
        rows.append(
            {"model": each.model, "form": each.form, "tokens": each.tokens, "bytes": each.bytes, "peak_mb": each.peak_mb, **latency}
            | {"batch_size": size, "sequences_per_second": size / float(np.median(together))}
        )
    return {"threads": used, "rows": rows}


def _few(repeats: int) -> int:
    return max(3, repeats // 10)


def _limit_threads(threads: int) -> None:
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError as error:
        raise AlbertError(f"threads {threads} cannot be set any more: TensorFlow has started\nset them before anything else") from error


def _candidates(model: str, lengths: Sequence[int], dtypes: Sequence[str], threads: int) -> list[Candidate]:
    if (Path(model) / litert.MODEL).exists():
        return [_litert_candidate(model, threads)]
    if (Path(model) / saved_model.MODEL).exists():
        return _saved_model_candidates(model, lengths)
    found = []
    for dtype in dtypes:
        encoder = _encoder(model, dtype)
        positions = encoder.config.max_position_embeddings
        if max(lengths) > positions:
            raise AlbertError(
                f"--max-seq-length {max(lengths)} is more than the {positions} positions of {model}\ngive at most {positions}"
            )
        forward = _forward(encoder, every_token=_answers_by_token(model))
        weights = 4 * sum(int(np.prod(variable.shape)) for variable in encoder.weights.values())
        found += [Candidate(model, dtype, tokens, partial(forward, tokens), weights) for tokens in lengths]
    return found


def _answers_by_token(model: str) -> bool:
    return (Path(model) / RECORD).exists() and read_task(model).task.kind in (SPAN, TAG)


def _encoder(model: str, dtype: str) -> Albert:
    if model in SIZES and not Path(model).exists():
        return Albert(AlbertConfig.named(model), compute_dtype=tf.as_dtype(dtype))
    return read_model(model).build(compute_dtype=tf.as_dtype(dtype))


def _forward(encoder: Albert, *, every_token: bool) -> Callable[[int, int], Callable[[], Any]]:
    """→ a function of tokens and batch, which makes the call that is timed."""
    run = tf.function(lambda *values: encoder(*values).sequence_output if every_token else encoder.pooled(*values), reduce_retracing=False)

    def call(tokens: int, batch: int) -> Callable[[], Any]:
        ids = tf.constant(_ids(encoder.config.vocab_size, batch, tokens))
        ones, zeros = tf.ones_like(ids), tf.zeros_like(ids)
        return lambda: run(ids, ones, zeros).numpy()

    return call


def _litert_candidate(model: str, threads: int) -> Candidate:
    program = litert.load_program(model, num_threads=threads)
    file = Path(model) / litert.MODEL
    tokens = program.inputs[INPUT_IDS][1]
    size = len((Path(model) / litert.VOCABULARY).read_text("utf-8").splitlines())
    values = {name: np.zeros(shape, np.int32) for name, shape in program.inputs.items()}
    values |= {INPUT_IDS: _ids(size, 1, tokens), INPUT_MASK: np.ones((1, tokens), np.int32)}
    alone = measure_process(file, threads=threads)
    return Candidate(
        model, "litert", tokens, lambda batch: lambda: program.run(values), file.stat().st_size, batches=False,
        peak_mb=alone["peak_mb"] if alone else None,
    )  # fmt: skip


def _saved_model_candidates(model: str, lengths: Sequence[int]) -> list[Candidate]:
    """Full sequences of Han characters, of one text or two: [CLS], a [SEP] behind each, and the rest."""
    loaded = tf.saved_model.load(model)
    run = loaded.signatures[saved_model.SERVING]
    names = sorted(run.structured_input_signature[1])

    def call(tokens: int, batch: int) -> Callable[[], Any]:
        characters = np.array_split(np.resize(list(HAN), tokens - 1 - len(names)), len(names))
        values = {name: tf.constant(["".join(text)] * batch) for name, text in zip(names, characters, strict=True)}

        def once(_: Any = loaded) -> list[np.ndarray]:  # its variables live as long as it does
            return [output.numpy() for output in run(**values).values()]

        return once

    size = sum(file.stat().st_size for file in Path(model).rglob("*") if file.is_file())
    return [Candidate(model, "savedmodel", tokens, partial(call, tokens), size) for tokens in lengths]


def _ids(size: int, batch: int, tokens: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, size, (batch, tokens)).astype(np.int32)


def _seconds(runs: Sequence[Callable[[], Any]], repeats: int, report: Callable[[int], None]) -> list[list[float]]:
    """The times of each run; they take turns."""
    for run in runs:
        for _ in range(WARM_UP):
            run()
    times: list[list[float]] = [[] for _ in runs]
    for done in range(1, repeats + 1):
        for run, taken in zip(runs, times, strict=True):
            started = time.perf_counter()
            run()
            taken.append(time.perf_counter() - started)
        report(done)
    return times
