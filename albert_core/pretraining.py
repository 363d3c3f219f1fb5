"""Pretraining: dataset → step → metrics → checkpoint, resumed exactly wherever it was stopped."""

import itertools
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import tensorflow as tf

from albert_core import storage
from albert_core.checkpoints import CheckpointFolder
from albert_core.divergence import DivergenceGuard
from albert_core.errors import AlbertError
from albert_core.evaluation import Evaluator
from albert_core.machine_peak import Speed, measure_peak
from albert_core.mixture import Mixture, open_datasets, parse_curriculum
from albert_core.model_directory import CHECKPOINTS, write_description, write_weights
from albert_core.model_source import ModelSource, read_model
from albert_core.modeling import Albert
from albert_core.objectives import Sums
from albert_core.optimization import Optimizer
from albert_core.recipes import PretrainingConfig
from albert_core.replicas import Replicas, choose_replicas
from albert_core.run_start import (
    GLOBAL_STEP,
    choose_model,
    claim_output,
    resolve_compute_dtype,
    start_from,
    stored_step,
    take_over,
)
from albert_core.shards import Dataset, read_file
from albert_core.stop_request import StopRequest
from albert_core.training_log import METRICS, TrainingLog, read_metrics
from albert_core.training_step import BY_SOURCE, check_jit, compile_steps, make_train_step

EVALUATION, BEST = "evaluation.json", "best"
STEPS_PER_CALL = 20  # of an accelerator, which would wait for the host after each step

Report = Callable[[int, dict[str, float]], None]


def pretrain(config: PretrainingConfig, *, report: Report = lambda step, values: None) -> dict[str, Any]:
    """Train, or go on training, until `num_train_steps`; then write the model directory and measure on the held-out split.

    The same command after a kill gives bitwise the same losses and weights on one device: order of the data, dropout and initial weights
    are keyed by (seed, step), and a checkpoint holds the rest. SIGTERM and SIGINT save a checkpoint and return early. `report(step,
    values)` is called after every step, by the process that writes.

    Returns:
      {"step": …, "finished": whether it is the last one, "evaluation": the numbers of evaluation.json, or None}.

    Raises:
      AlbertError: data, model, output and devices do not fit each other, the loss became NaN or exploded, or nothing can be written.
    """
    replicas = choose_replicas(
        config.strategy, num_replicas=config.num_replicas, tpu=config.tpu, zone=config.tpu_zone, project=config.gcp_project
    )
    tf.config.experimental.enable_op_determinism()
    try:
        run = Run.prepare(config, replicas)
        step = run.train(report)
        if step < run.last:
            return {"step": step, "finished": False, "evaluation": None}
        if replicas.is_chief:
            write_weights(run.output, run.model)
        evaluation = run.measure(step)
        replicas.wait()
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.InternalError) as error:
        if replicas.num_hosts == 1:
            raise
        raise AlbertError(
            "another worker has stopped, or cannot be reached\nsee its message; then start all again: they go on together"
        ) from error
    return {"step": step, "finished": True, "evaluation": evaluation}


@dataclass(kw_only=True)
class Run:
    """A run on this machine: what it trains, on which data, and where it stands."""

    config: PretrainingConfig
    replicas: Replicas
    mixture: Mixture
    model: Albert
    optimizer: Optimizer
    folder: CheckpointFolder
    start: int  # updates that were made before this run's schedule began
    first: int  # updates that have been made in all

    @classmethod
    def prepare(cls, config: PretrainingConfig, replicas: Replicas) -> Self:
        """Check everything, claim the output folder, and set model and optimizer to where the run stands."""
        replicas.check_batch(config.train_batch_size, config.gradient_accumulation_steps)
        if config.xla:
            check_jit()
        datasets = open_datasets(config.datasets)
        source = read_model(config.init_checkpoint) if config.init_checkpoint is not None else None
        model_config = choose_model(config, [dataset for dataset, _ in datasets], source)
        start = stored_step(config.init_checkpoint) if config.with_slots and config.init_checkpoint is not None else 0
        mixture = Mixture(
            datasets,
            batch_size=config.train_batch_size,
            first_step=start,
            num_steps=config.num_train_steps,
            seed=config.seed,
            curriculum=parse_curriculum(config.curriculum) if config.curriculum else (),
            host=replicas.host,
            num_hosts=replicas.num_hosts,
        )
        config = resolve_compute_dtype(config)
        if replicas.is_chief:
            claim_output(config, model_config, datasets, start)
            first_dataset = datasets[0].dataset
            write_description(config.output, model_config, read_file(first_dataset.vocab_path), first_dataset.normalization)
        with replicas.strategy.scope():
            model = Albert(model_config, seed=config.seed, compute_dtype=config.compute_dtype, rematerialize=config.rematerialize)
            optimizer = Optimizer(config.optimizer_config(start), model.weights)
        folder = CheckpointFolder(path=storage.join(config.output, CHECKPOINTS), keep=config.keep_checkpoints)
        run = cls(
            config=config, replicas=replicas, mixture=mixture, model=model, optimizer=optimizer, folder=folder, start=start, first=start
        )
        run._restore(source)
        return run

    @property
    def output(self) -> str:
        """The folder of the run."""
        return self.config.output

    @property
    def last(self) -> int:
        """The number of the last update."""
        return self.start + self.config.num_train_steps

    @property
    def state(self) -> dict[str, tf.Variable]:
        """All that a checkpoint holds, by name."""
        return {**self.model.weights, **self.optimizer.slots, GLOBAL_STEP: self.optimizer.global_step}

    def _restore(self, source: ModelSource | None) -> None:
        """Go to the newest intact checkpoint; without one to `source`; without that to the initial weights. All hosts alike."""
        if self.replicas.is_chief:
            if not (first := self.folder.restore_newest(self.state)):
                first = self.start
                if self.config.with_slots:
                    take_over(str(self.config.init_checkpoint), self.state)
                elif source is not None:
                    start_from(self.model, source)
            self.first = first
        self.first = self.replicas.total(self.first if self.replicas.is_chief else 0)
        self.replicas.take_from_chief(self.state)

    def train(self, report: Report) -> int:
        """The loop. Returns the number of the last update that was made."""
        config, chief, step = self.config, self.replicas.is_chief, self.first
        train_step = make_train_step(
            self.model,
            self.optimizer,
            config.seed,
            parts=config.gradient_accumulation_steps,
            num_sources=len(self.mixture.sources),
            jit=config.xla,
        )
        run_steps = compile_steps(train_step, self.replicas)
        evaluator = self._held_out(config.max_eval_steps) if config.eval_steps else None
        with TrainingLog(self.output, step, write=chief) as metrics, StopRequest() as stop:
            # Only the chief has the lines of before, so only it can tell an explosion; the others leave when it does.
            guard = DivergenceGuard(config.stop_at_loss_ratio, self._lines_before()) if chief else DivergenceGuard(0)
            speed = Speed(self.model.config, config.train_batch_size, self._peak())
            for batches, waited in self._calls():
                lines = self._lines(run_steps(batches))
                speed.add_to(lines, batches, waited)
                for values in lines:
                    step += 1
                    if (reason := guard.find_divergence(step, values)) is not None:
                        raise self._diverged(step, values, reason, guard.best_step)
                    if evaluator is not None and step % config.eval_steps == 0:
                        values |= self._evaluate(step, evaluator)
                        speed.restart()
                    metrics.write(step, values)
                    if chief:
                        report(step, values)
                stopped = self.replicas.total(int(stop.requested)) > 0
                if chief and (step % config.save_checkpoints_steps == 0 or step == self.last or stopped):
                    metrics.sync()
                    self.folder.save(step, self.state, good_until=guard.best_step)
                    speed.restart()
                if stopped:
                    break
        return step

    def _calls(self) -> Iterator[tuple[dict[str, tf.Tensor], float]]:
        """(features [K, B / hosts, …] of K steps of one length, seconds that the input took) until the last step.

        K is what the device does between two looks of the host; no call goes past a step that is saved or measured.
        """
        config, step = self.config, self.first
        accelerated = bool(tf.config.list_logical_devices("TPU") or tf.config.list_logical_devices("GPU"))
        most = config.steps_per_call or (STEPS_PER_CALL if accelerated else 1)
        batches = iter(self.mixture.batches(self.first, self.last))
        while step < self.last:
            borders = [every - step % every for every in (config.save_checkpoints_steps, config.eval_steps) if every]
            count = self._steps_of_one_length(step, min(most, self.last - step, *borders))
            begun = time.perf_counter()
            group = list(itertools.islice(batches, count))
            waited = time.perf_counter() - begun
            yield {name: tf.stack([batch[name] for batch in group]) for name in group[0]}, waited
            step += count

    def _peak(self) -> float | None:
        """FLOP/s of all devices together; of a TPU it is published, not measured: see `albert-train plan`."""
        if self.replicas.name == "tpu":
            return None
        gpus = bool(tf.config.list_logical_devices("GPU"))
        return measure_peak(self.config.compute_dtype) * (self.replicas.count if gpus else 1)

    def _steps_of_one_length(self, step: int, most: int) -> int:
        """How many of the next steps, at most `most`, have sequences of the length that `step` has."""
        length = self.mixture.length_of_step(step)
        return next((number for number in range(1, most) if self.mixture.length_of_step(step + number) != length), most)

    def _lines(self, values: Mapping[str, tf.Tensor]) -> list[dict[str, float]]:
        """A dict of numbers for each step of a call; those of each source as metric/SOURCE."""
        arrays = {name: value.numpy() for name, value in values.items()}
        by_source = arrays.pop(BY_SOURCE, None)
        lines = [{name: float(array[number]) for name, array in arrays.items()} for number in range(len(arrays["loss"]))]
        for number, line in enumerate(lines if by_source is not None else []):
            for source, row in zip(self.mixture.sources, by_source[number], strict=True):
                sums = Sums(*row.tolist())
                if sums.order_count and sums.masked_count:
                    line |= {f"{name}/{source}": float(value) for name, value in sums.metrics().items()}
        return lines

    def _lines_before(self) -> list[dict[str, Any]]:
        """The steps that the log has already."""
        return read_metrics(self.output) if storage.exists(storage.join(self.output, METRICS)) else []

    def _held_out(self, max_batches: int | None = None) -> Evaluator | None:
        """What measures on the held-out splits; None where no dataset has one."""
        held_out = [dataset for dataset in self.mixture.datasets if _has_held_out(dataset)]
        if not held_out:
            return None
        sources = self.mixture.sources if len(held_out) == len(self.mixture.datasets) else ("all",)
        splits = [dataset.split("eval") for dataset in held_out]
        return Evaluator(self.model, splits, sources=sources, max_batches=max_batches, replicas=self.replicas)

    def _evaluate(self, step: int, evaluator: Evaluator) -> dict[str, float]:
        """The held-out numbers as they go into the log; the best model so far is kept."""
        numbers = evaluator.run()
        loss = numbers["masked_lm_loss"] + numbers["sentence_order_loss"]
        if self.replicas.is_chief and math.isfinite(loss):
            _keep_best(self, step, loss)
        by_source = numbers.pop("sources", {})
        flat = {f"held_out_{name}": value for name, value in numbers.items()}
        for source, values in by_source.items():
            flat |= {f"held_out_{name}/{source}": value for name, value in values.items()}
        return flat

    def measure(self, step: int) -> dict[str, Any] | None:
        """Write and return evaluation.json of the finished model."""
        evaluator = self._held_out()
        if evaluator is None:
            return None
        evaluation = {"step": step, **evaluator.run()}
        if self.replicas.is_chief:
            storage.write_json(storage.join(self.output, EVALUATION), evaluation)
        return evaluation

    def _diverged(self, step: int, values: Mapping[str, float], reason: str, best_step: int) -> AlbertError:
        good = [saved for saved in self.folder.steps() if saved < step and (saved <= best_step or not best_step)]
        kept = f"the checkpoint of step {good[-1]} is kept" if good else "no good checkpoint had been saved"
        rate = values["learning_rate"]
        return AlbertError(
            f"step {step}: {reason}: the training has diverged; {kept}\n"
            f"its batch is number {step - 1} of seed {self.config.seed}; lower --learning-rate (it was {rate:.3g} there) or lengthen "
            "--num-warmup-steps, into another --output"
        )


def _has_held_out(dataset: Dataset) -> bool:
    return any(shard["name"].startswith("eval-") and shard["instances"] for shard in dataset.manifest["shards"])


def _keep_best(run: Run, step: int, loss: float) -> None:
    """Write the model to OUTPUT/best if its held-out loss is the lowest so far. best.json goes last: it says what is there."""
    folder = storage.join(run.output, BEST)
    record = storage.join(folder, f"{BEST}.json")
    if storage.exists(record) and json.loads(storage.read_bytes(record))["loss"] <= loss:
        return
    dataset = run.mixture.datasets[0]
    write_description(folder, run.model.config, read_file(dataset.vocab_path), dataset.normalization)
    write_weights(folder, run.model)
    storage.write_json(record, {"step": step, "loss": loss})
