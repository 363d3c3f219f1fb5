"""Fine-tuning: a pretrained encoder and a new head, trained on a task; for several rates and seeds, the best on dev is kept.

    OUTPUT/                       the best model: a model directory with task.json
    OUTPUT/finetuning.json        every run with its numbers, mean and deviation of each rate
    OUTPUT/runs/rate-R-seed-S/    one run: run.json, metrics.jsonl, checkpoints/, its best model

A finished run is not done again; a stopped one goes on from its last checkpoint, and gives what it would have given.
"""

import dataclasses
import json
import math
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from albert_core import checkpoints
from albert_core.checkpoints import CheckpointFolder
from albert_core.errors import AlbertError
from albert_core.finetuning_recipe import FinetuningConfig
from albert_core.machine_peak import best_compute_dtype
from albert_core.model_directory import CHECKPOINTS, write_description, write_weights
from albert_core.model_source import ModelSource, read_model
from albert_core.modeling import Albert
from albert_core.optimization import Optimizer, OptimizerConfig
from albert_core.parameters import CLASSIFIER_BIAS, CLASSIFIER_NORM, CLASSIFIER_WEIGHTS, Heads
from albert_core.stop_request import StopRequest
from albert_core.task_answers import Answer
from albert_core.task_data import TaskData
from albert_core.task_features import order_batches, stack_features, width_of
from albert_core.task_heads import task_log_probs, task_loss
from albert_core.task_metrics import measure
from albert_core.task_model import TaskModel, write_task
from albert_core.tasks import CLASSIFY, Task
from albert_core.training_log import TrainingLog, read_metrics

RESULTS, RUN = "finetuning.json", "run.json"
STUCK = 0.98  # a loss that stays above this share of what guessing by frequency has learnt nothing
NEXT_SEED = 1000  # a restart takes this much more, and half the rate

Report = Callable[[str, int, int, dict[str, float]], None]


def finetune(config: FinetuningConfig, *, report: Report = lambda run, step, total, values: None) -> dict[str, Any]:
    """Train every rate with every seed, then put the best model into `output`.

    `report(run, step, steps of the run, values)` is called after every step; after an epoch the values hold the dev numbers.

    Returns:
      what finetuning.json holds, with "finished": False where a signal stopped it.

    Raises:
      AlbertError: data, model and output do not fit each other, or a value cannot be.
    """
    source = read_model(config.model)
    if config.compute_dtype == "auto":
        config = dataclasses.replace(config, compute_dtype=best_compute_dtype())
    data = TaskData.read(config, source)
    _claim(config)
    tf.config.experimental.enable_op_determinism()
    runs: list[dict[str, Any]] = []
    with StopRequest() as stop:
        for rate in config.learning_rates:
            for seed in config.seeds:
                runs.append(_run_until_it_learns(config, source, data, rate, seed, stop, report))
                if stop.requested:
                    return {"finished": False, "runs": runs}
    return _finish(config, runs)


def _claim(config: FinetuningConfig) -> None:
    """Make the output folder this fine-tuning's, or see that it is."""
    output = Path(config.output)
    record = output / RUN
    mine = json.loads(json.dumps(config.deciding()))
    if record.exists():
        before = json.loads(record.read_bytes())
        for key in sorted({*mine, *before}):
            if mine.get(key) != before.get(key):
                raise AlbertError(
                    f"{output} is a fine-tuning with other options: {key} was {before.get(key)}, is {mine.get(key)}\n"
                    "give another --output, or the options that it was started with"
                )
        return
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise AlbertError(f"{output} holds files that are not of a fine-tuning (there is no {RUN})\ngive another --output")
    output.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(mine, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _run_until_it_learns(
    config: FinetuningConfig, source: ModelSource, data: TaskData, rate: float, seed: int, stop: StopRequest, report: Report
) -> dict[str, Any]:
    """One rate and seed. A run that collapsed is started again with another seed and half the rate, and says so."""
    for attempt in range(config.restarts + 1):
        used_rate, used_seed = rate / 2**attempt, seed + NEXT_SEED * attempt
        result = Run(config, source, data, used_rate, used_seed).train(stop, report)
        result |= {"asked_rate": rate, "asked_seed": seed, "attempts": attempt + 1}
        if not result.get("collapsed"):
            break
    return result


class Run:
    """One training of one model."""

    def __init__(self, config: FinetuningConfig, source: ModelSource, data: TaskData, rate: float, seed: int):
        self.config, self.data, self.rate, self.seed = config, data, rate, seed
        self.name = f"rate-{rate:g}-seed-{seed}"
        self.folder = Path(config.output) / "runs" / self.name
        self.source = source
        self.per_epoch = -(-len(data.train) // config.batch_size)
        self.last = self.per_epoch * config.epochs

    def train(self, stop: StopRequest, report: Report) -> dict[str, Any]:
        """Train, or go on; what the run came to, from disk if it has been finished before."""
        done = self.folder / RUN
        if done.exists():
            result: dict[str, Any] = json.loads(done.read_bytes())
            return result
        self._build()
        begun, step = time.perf_counter(), self._restore()
        history = [line for line in read_metrics(self.folder) if line["step"] <= step] if step else []
        losses = [line["loss"] for line in history]
        measured = [line for line in history if "dev" in line]
        with TrainingLog(self.folder, step) as log:
            for epoch in range(step // self.per_epoch, self.config.epochs):
                for batch in self._batches(epoch)[step - epoch * self.per_epoch :]:
                    values = self._step(batch, epoch)
                    step += 1
                    losses.append(values["loss"])
                    if not math.isfinite(values["loss"]):
                        raise AlbertError(f"{self.name}, step {step}: loss {values['loss']}\nlower --learning-rate, into another --output")
                    if step % self.per_epoch == 0:
                        values |= self._measure(measured, step)
                    log.write(step, values)
                    report(self.name, step, self.last, values)
                    if stop.requested or (step % self.per_epoch == 0 and step < self.last):
                        log.sync()
                        self.folder_of_checkpoints.save(step, self._state)
                    if stop.requested:
                        return {"run": self.name, "finished": False, "step": step}
                if self._has_stalled(measured):
                    break
        return self._conclude(measured, losses, time.perf_counter() - begun)

    def _build(self) -> None:
        config, source = self.config, self.source
        self.model = new_task_model(config, source, len(self.data.labels), self.seed)
        total = max(1, self.last)
        self.optimizer = Optimizer(
            OptimizerConfig(
                name=config.optimizer,
                learning_rate=self.rate,
                num_train_steps=total,
                num_warmup_steps=int(total * config.warmup_proportion),
            ),
            self.model.weights,
        )
        self._lengths = np.array([feature.length for feature in self.data.train])
        self._pad = self.data.encoder.tokenizer.pad_id
        self._task_model = TaskModel(self.model, self.data.task, self.data.labels, self.data.encoder)
        weights = self._class_weights()
        variables = list(self.model.weights.values())

        @tf.function(reduce_retracing=True)
        def update(batch: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            key = tf.stack([tf.constant(self.seed, tf.int64), self.optimizer.global_step])
            with tf.GradientTape() as tape:
                log_probs = task_log_probs(self.model, self.data.task.kind, batch, dropout_seed=key, head_dropout=config.classifier_dropout)
                loss = task_loss(self.data.task.kind, log_probs, batch["target"], weights)
            gradients = [tf.zeros_like(v) if g is None else g for g, v in zip(tape.gradient(loss, variables), variables, strict=True)]
            rate, _ = self.optimizer.apply(gradients)
            return loss, rate

        self._update = update
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder_of_checkpoints = CheckpointFolder(path=self.folder / CHECKPOINTS, keep=1)

    @property
    def _state(self) -> dict[str, tf.Variable]:
        return {**self.model.weights, **self.optimizer.slots, "global_step": self.optimizer.global_step}

    def _restore(self) -> int:
        return self.folder_of_checkpoints.restore_newest(self._state)

    def _class_weights(self) -> tf.Tensor | None:
        """Weights that make each class count as much as another, 1 on average."""
        if not self.config.class_weights:
            return None
        prior = np.maximum(self.data.prior, 1)
        return tf.constant(prior.sum() / (len(prior) * prior), tf.float32)

    def _batches(self, epoch: int) -> list[np.ndarray]:
        return order_batches(self._lengths, batch_size=self.config.batch_size, key=(self.seed, epoch), bucketed=self.config.bucketing)

    def _step(self, batch: np.ndarray, epoch: int) -> dict[str, float]:
        features = [self.data.train[row] for row in batch]
        limit = self.data.encoder.max_seq_length
        width = width_of(max(feature.length for feature in features), limit) if self.config.bucketing else limit
        loss, rate = self._update({n: tf.constant(v) for n, v in stack_features(features, width=width, pad_id=self._pad).items()})
        return {"loss": float(loss), "learning_rate": float(rate), "epoch": epoch + 1, "tokens": width * len(features)}

    def _measure(self, measured: list[dict[str, Any]], step: int) -> dict[str, Any]:
        """The dev numbers after an epoch; the best model so far is kept."""
        answers = self._task_model.answer_features(self.data.dev_records, self.data.dev)
        numbers = measure(self.data.task, self.data.labels, self.data.dev_records, answers)
        score = numbers[self.data.task.metric]
        if not measured or score > max(line["dev"] for line in measured):
            write_weights(self.folder, self.model)
        line = {
            "step": step,
            "dev": score,
            "one_answer": float(_says_one_thing(self.data.task, answers)),
            **{f"dev_{n}": v for n, v in numbers.items()},
        }
        measured.append(line)
        return {key: value for key, value in line.items() if key != "step"}

    def _has_stalled(self, measured: Sequence[dict[str, Any]]) -> bool:
        if not self.config.patience:
            return False
        best = max(range(len(measured)), key=lambda number: measured[number]["dev"])
        return len(measured) - 1 - best >= self.config.patience

    def _conclude(self, measured: Sequence[dict[str, Any]], losses: Sequence[float], seconds: float) -> dict[str, Any]:
        best = max(measured, key=lambda line: line["dev"])
        result = {
            "run": self.name, "learning_rate": self.rate, "seed": self.seed, "steps": len(losses), "seconds": round(seconds, 1),
            "best_epoch": best["step"] // self.per_epoch, "dev": best["dev"],
            **{name: value for name, value in best.items() if name.startswith("dev_")},
            "collapsed": self._has_collapsed(measured[-1], losses),
        }  # fmt: skip
        (self.folder / RUN).write_text(json.dumps(result) + "\n", encoding="utf-8")
        shutil.rmtree(self.folder / CHECKPOINTS, ignore_errors=True)
        return result

    def _has_collapsed(self, last: dict[str, Any], losses: Sequence[float]) -> bool:
        """Whether it says one label to everything, and its loss is still what guessing by frequency has."""
        if self.data.task.kind != CLASSIFY or not last["one_answer"] or self.config.class_weights:
            return False
        share = self.data.prior[self.data.prior > 0] / self.data.prior.sum()
        guessing = float(-(share * np.log(share)).sum())
        return float(np.mean(losses[-max(1, len(losses) // 3) :])) > STUCK * guessing


def new_task_model(config: FinetuningConfig, source: ModelSource, num_labels: int, seed: int) -> Albert:
    """The encoder of `source`, or random weights of its shape, with a new head; dropout as asked for."""
    hidden, attention = config.hidden_dropout, config.attention_dropout
    sizes = dataclasses.replace(
        source.config,
        hidden_dropout_prob=source.config.hidden_dropout_prob if hidden is None else hidden,
        attention_probs_dropout_prob=source.config.attention_probs_dropout_prob if attention is None else attention,
    )
    heads = Heads(masked_words=False, sentence_order=False, num_labels=num_labels)
    model = Albert(sizes, heads=heads, seed=seed, compute_dtype=config.compute_dtype)
    if not config.from_scratch:
        own = (CLASSIFIER_WEIGHTS, CLASSIFIER_BIAS, f"{CLASSIFIER_NORM}/gamma", f"{CLASSIFIER_NORM}/beta")
        encoder = {name: variable for name, variable in model.weights.items() if name not in own and name not in source.missing}
        checkpoints.assign(encoder, source.tensors, origin=source.path)
    return model


def _says_one_thing(task: Task, answers: Sequence[Answer]) -> bool:
    return task.kind == CLASSIFY and len({answer.value for answer in answers}) == 1


def _finish(config: FinetuningConfig, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Write the best model and the table of all runs."""
    best = max(runs, key=lambda run: (not run["collapsed"], run["dev"]))
    rates = []
    for rate in config.learning_rates:
        scores = [run["dev"] for run in runs if run["asked_rate"] == rate]
        deviation = float(np.std(scores, ddof=1)) if len(scores) > 1 else None
        rates.append({"learning_rate": rate, "mean": float(np.mean(scores)), "deviation": deviation, "num_seeds": len(scores)})
    result = {"finished": True, "task": config.task.name, "metric": config.task.metric, "best": best, "rates": rates, "runs": runs}
    source = read_model(config.model)
    data = TaskData.read(config, source)
    output = Path(config.output)
    model = new_task_model(config, source, len(data.labels), best["seed"])
    checkpoints.assign(model.weights, checkpoints.read_bundle(output / "runs" / best["run"] / checkpoints.PREFIX), origin=output)
    write_description(output, model.config, source.needed_vocabulary(), source.normalization)
    write_task(output, config.task, data.labels, data.encoder.max_seq_length)
    write_weights(output, model)
    (output / RESULTS).write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return result
