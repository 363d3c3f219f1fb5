"""Pretraining: dataset → step → metrics → checkpoint, resumed exactly wherever it was stopped."""

import dataclasses
import itertools
import json
import logging
import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import tensorflow as tf

from albert_core import checkpoints, costs, storage
from albert_core.checkpoint_variables import HEAD_PARTS, sort_variables
from albert_core.checkpoints import CheckpointFolder
from albert_core.config import SIZES, AlbertConfig
from albert_core.divergence import DivergenceGuard
from albert_core.errors import AlbertError
from albert_core.evaluation import Evaluator
from albert_core.input import Batch
from albert_core.machine_peak import best_compute_dtype, measure_peak
from albert_core.mixture import Mixture, WeightedDataset, open_datasets, parse_curriculum
from albert_core.model_directory import CHECKPOINTS, check_data_fits, find_model, write_description, write_weights
from albert_core.model_source import ModelSource, read_model
from albert_core.modeling import Albert
from albert_core.objectives import Sums
from albert_core.optimization import Optimizer
from albert_core.parameters import PRETRAINING, list_parameters
from albert_core.recipes import PretrainingConfig
from albert_core.replicas import Replicas, choose_replicas
from albert_core.shards import Dataset, read_file
from albert_core.training_log import METRICS, TrainingLog, read_metrics
from albert_core.training_step import BY_SOURCE, compile_steps, make_train_step

RUN, EVALUATION, BEST = "run.json", "evaluation.json", "best"
GLOBAL_STEP = "global_step"
STEPS_PER_CALL = 20  # of an accelerator, which would wait for the host after each step

Report = Callable[[int, dict[str, float]], None]
log = logging.getLogger(__name__)


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
            f"another worker has stopped: {error.message.splitlines()[0]}\nsee its message; then start all again: they go on together"
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
        datasets = open_datasets(config.datasets)
        source = read_model(config.init_checkpoint) if config.init_checkpoint is not None else None
        model_config = _choose_model(config, [dataset for dataset, _ in datasets], source)
        start = _stored_step(config.init_checkpoint) if config.with_slots and config.init_checkpoint is not None else 0
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
        config = _resolve_compute_dtype(config)
        if replicas.is_chief:
            _claim_output(config, model_config, datasets, start)
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
                    _take_over(str(self.config.init_checkpoint), self.state)
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
            guard = DivergenceGuard(config.stop_at_loss_ratio, self._lines_before() if chief else ())
            speed = Speed(self)
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


class Speed:
    """How fast steps come, which share of that time the input took, and which share of the processor's peak the products are."""

    def __init__(self, run: Run):
        self._run = run
        on_tpu = run.replicas.name == "tpu"  # its peak is published: see chips.py and `albert-train plan`
        self._peak = None if on_tpu else measure_peak(run.config.compute_dtype) * (run.replicas.count if _has_gpus() else 1)
        self._begun = time.perf_counter()

    def restart(self) -> None:
        """What has been done since the last step was no training."""
        self._begun = time.perf_counter()

    def add_to(self, lines: list[dict[str, float]], batches: Batch, waited: float) -> None:
        """Add sequences_per_second, input_wait (share) and share_of_peak to the lines of a call. The first call compiles, and counts."""
        seconds = max(time.perf_counter() - self._begun, 1e-9)
        self._begun = time.perf_counter()
        size = self._run.config.train_batch_size
        numbers = {"sequences_per_second": size * len(lines) / seconds, "input_wait": min(1.0, waited / seconds)}
        if self._peak is not None:
            tokens, predictions = (batches[name].shape[-1] for name in ("input_ids", "masked_lm_ids"))
            work = costs.flops(self._run.model.config, tokens=tokens, predictions=predictions, heads=PRETRAINING, training=True)
            numbers["share_of_peak"] = size * len(lines) * work / seconds / self._peak
        for line in lines:
            line |= numbers


class StopRequest:
    """While entered, SIGTERM (a preemption) and SIGINT ask for a clean stop after the running step. A second one acts as always."""

    def __init__(self) -> None:
        self.requested = False
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                self._handlers[number] = signal.signal(number, self._handle)
            except ValueError:  # only the main thread may: elsewhere a signal is somebody else's business
                break
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        signal.signal(number, self._handlers[number])


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


def _has_gpus() -> bool:
    return bool(tf.config.list_logical_devices("GPU"))


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


def _stored_step(path: str | None) -> int:
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


def _take_over(path: str, state: Mapping[str, tf.Variable]) -> None:
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


def _choose_model(config: PretrainingConfig, datasets: list[Dataset], source: ModelSource | None) -> AlbertConfig:
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


def _read_record(output: str) -> dict[str, Any] | None:
    """run.json of the run in `output`; None where there is none."""
    record = storage.join(output, RUN)
    return json.loads(storage.read_bytes(record)) if storage.exists(record) else None


def _resolve_compute_dtype(config: PretrainingConfig) -> PretrainingConfig:
    """`auto` is what the run was started with, else what this machine is best at: a run keeps one type wherever it goes on."""
    if config.compute_dtype != "auto":
        return config
    before = _read_record(config.output)
    return dataclasses.replace(config, compute_dtype=before.get("compute_dtype", "float32") if before else best_compute_dtype())


def _claim_output(config: PretrainingConfig, model: AlbertConfig, datasets: list[WeightedDataset], start: int) -> None:
    """Make the output folder this run's, or see that it is: everything that decides the weights must be as it was."""
    digests = [dataset.manifest["digest"] if weight is None else [dataset.manifest["digest"], weight] for dataset, weight in datasets]
    run = config.deciding() | {"model": model.to_json(), "data_digest": digests[0] if len(digests) == 1 else digests, "start_step": start}
    before = _read_record(config.output)
    if before is not None:
        defaults = {field.name: field.default for field in dataclasses.fields(config) if field.default is not dataclasses.MISSING}
        for key in sorted({*run, *before}):
            was = before.get(key, defaults.get(key, 0))  # a run of an older version knew fewer options
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
