"""Pretraining: dataset → step → metrics → checkpoint, resumed exactly wherever it was stopped."""

import dataclasses
import json
import logging
import math
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import tensorflow as tf

from albert_core import checkpoints
from albert_core.checkpoint_variables import HEAD_PARTS, sort_variables
from albert_core.checkpoints import CheckpointFolder
from albert_core.config import SIZES, AlbertConfig
from albert_core.errors import AlbertError
from albert_core.evaluation import Evaluator
from albert_core.input import BatchOrder, training_batches
from albert_core.model_directory import CHECKPOINTS, check_data_fits, write_description, write_weights
from albert_core.model_source import ModelSource, read_model
from albert_core.modeling import Albert
from albert_core.objectives import Sums, pretraining_sums
from albert_core.optimization import Optimizer, OptimizerConfig, scale_to_batch
from albert_core.parameters import list_parameters
from albert_core.shards import INPUT_IDS, MASKED_LM_WEIGHTS, Dataset, read_file
from albert_core.training_log import TrainingLog

RUN, EVALUATION = "run.json", "evaluation.json"
REFERENCE_RATE = 0.00176  # of LAMB at batch 4096
WARMUP_SHARE = 10  # a tenth of the steps

PRESETS: dict[str, dict[str, Any]] = {
    "small-machine": {
        "optimizer": "adamw",
        "num_train_steps": 10_000,
        "train_batch_size": 32,
        "learning_rate": 1e-3,
        "save_checkpoints_steps": 200,
    },
    "reference": {"optimizer": "lamb", "num_train_steps": 125_000, "train_batch_size": 4096},  # rate: REFERENCE_RATE, scaled to the batch
}

COMPUTE_DTYPES = ("float32", "bfloat16")

Report = Callable[[int, dict[str, float]], None]
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PretrainingConfig:
    """One run. Steps are updates, `train_batch_size` sequences over all replicas. Raises AlbertError when a value cannot work."""

    data: str
    model: str  # a name of config.SIZES, or the path of a config.json
    output: str
    num_train_steps: int
    num_warmup_steps: int
    train_batch_size: int
    learning_rate: float
    optimizer: str
    init_checkpoint: str | None = None
    save_checkpoints_steps: int = 1000
    keep_checkpoints: int = 5
    eval_steps: int = 0  # measure on the held-out split every so many steps; 0: at the end only
    max_eval_steps: int | None = None  # batches of such a measurement; the one at the end takes all
    seed: int = 0
    gradient_accumulation_steps: int = 1  # a batch goes through the model in so many parts; one update each
    compute_dtype: str = "float32"  # of the matrix products; variables, norms, softmax and sums stay in float32

    def __post_init__(self) -> None:
        for name in ("train_batch_size", "save_checkpoints_steps", "keep_checkpoints", "max_eval_steps", "gradient_accumulation_steps"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise AlbertError(f"--{name.replace('_', '-')} {value} is less than 1\ngive a whole number of at least 1")
        if self.train_batch_size % self.gradient_accumulation_steps:
            raise AlbertError(
                f"--train-batch-size {self.train_batch_size} cannot be cut into {self.gradient_accumulation_steps} equal parts\n"
                "give --gradient-accumulation-steps a divisor of it"
            )
        if self.compute_dtype not in COMPUTE_DTYPES:
            raise AlbertError(f"--compute-dtype {self.compute_dtype} is unknown\nknown: {', '.join(COMPUTE_DTYPES)}")
        if "://" in self.output:
            raise AlbertError(f"--output {self.output} is not a local folder\ntrain into one and copy it; --data may be remote")
        if self.eval_steps < 0:
            raise AlbertError(f"--eval-steps {self.eval_steps} is less than 0\ngive 0 to measure at the end only")
        self.optimizer_config()

    @classmethod
    def preset(cls, name: str, **chosen: Any) -> Self:
        """A preset with the values `chosen` in place of its own; None leaves the preset's. Warm-up is a tenth of the steps.

        The reference's rate goes with its batch: for another one it is scaled by √(batch / 4096).
        """
        if name not in PRESETS:
            raise AlbertError(f'preset "{name}" is unknown\nknown: {", ".join(PRESETS)}')
        values = PRESETS[name] | {key: value for key, value in chosen.items() if value is not None}
        values.setdefault("num_warmup_steps", values["num_train_steps"] // WARMUP_SHARE)
        values.setdefault("learning_rate", scale_to_batch(REFERENCE_RATE, max(values["train_batch_size"], 1)))
        return cls(**values)

    def optimizer_config(self) -> OptimizerConfig:
        """The part that the optimizer needs."""
        return OptimizerConfig(
            name=self.optimizer,
            learning_rate=self.learning_rate,
            num_train_steps=self.num_train_steps,
            num_warmup_steps=self.num_warmup_steps,
        )


def pretrain(config: PretrainingConfig, *, report: Report = lambda step, values: None) -> dict[str, Any]:
    """Train, or go on training, until `num_train_steps`; then write the model directory and measure on the held-out split.

    The same command after a kill gives bitwise the same losses and weights: order of the data, dropout and initial weights are keyed by
    (seed, step), and a checkpoint holds the rest. SIGTERM and SIGINT save a checkpoint and return early. `report(step, values)` is
    called after every step.

    Returns:
      {"step": …, "finished": whether it is the last one, "evaluation": the numbers of evaluation.json, or None}.

    Raises:
      AlbertError: data, model and output do not fit each other, or the loss became NaN or infinite.
    """
    tf.config.experimental.enable_op_determinism()
    dataset, output = Dataset.open(config.data), Path(config.output)
    train = dataset.split("train")
    source = read_model(config.init_checkpoint) if config.init_checkpoint is not None else None
    model_config = _choose_model(config, dataset, source)
    _claim_output(output, config, model_config, dataset)
    write_description(output, model_config, read_file(dataset.vocab_path), dataset.normalization)
    model = Albert(model_config, seed=config.seed, compute_dtype=config.compute_dtype)
    optimizer = Optimizer(config.optimizer_config(), model.weights)
    state = {**model.weights, **optimizer.slots, "global_step": optimizer.global_step}
    folder = CheckpointFolder(path=output / CHECKPOINTS, keep=config.keep_checkpoints)
    first = folder.restore_newest(state)
    if first == 0 and source is not None:
        start_from(model, source)

    order = BatchOrder(train.block_sizes, batch_size=config.train_batch_size, seed=config.seed)
    evaluator = _held_out(model, dataset, config.max_eval_steps) if config.eval_steps else None
    train_step = make_train_step(model, optimizer, config.seed, parts=config.gradient_accumulation_steps)
    step = first
    with TrainingLog(output, first) as log, StopRequest() as stop:
        batches = training_batches(train, order, first_step=first, num_steps=config.num_train_steps)
        started = time.perf_counter()
        for step, batch in enumerate(batches, first + 1):
            values = {name: float(value) for name, value in train_step(batch).items()}
            if not math.isfinite(values["loss"] + values["gradient_norm"]):
                raise _diverged(step, values, folder)
            values["sequences_per_second"] = config.train_batch_size / (time.perf_counter() - started)
            if evaluator is not None and step % config.eval_steps == 0:
                values |= {f"held_out_{name}": value for name, value in evaluator.run().items()}
            log.write(step, values)
            report(step, values)
            if step % config.save_checkpoints_steps == 0 or step == config.num_train_steps or stop.requested:
                log.sync()
                folder.save(step, state)
            if stop.requested:
                break
            started = time.perf_counter()
    if step < config.num_train_steps:
        return {"step": step, "finished": False, "evaluation": None}
    write_weights(output, model)
    return {"step": step, "finished": True, "evaluation": _measure(model, dataset, output, step)}


def make_train_step(
    model: Albert, optimizer: Optimizer, seed: int, *, parts: int = 1
) -> Callable[[dict[str, tf.Tensor]], dict[str, tf.Tensor]]:
    """The compiled step: a batch in, weights updated, scalars out.

    Losses are sums over what this replica holds, divided by the counts of the whole batch: gradients of several replicas, or of the
    `parts` that the batch is cut into, then add up to the gradient of one with all the data. Clipping comes after that sum.
    """
    variables = list(model.weights.values())

    def backward(batch: dict[str, tf.Tensor], counts: tuple[tf.Tensor, tf.Tensor], dropout_seed: tf.Tensor) -> tuple[Sums, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            sums = pretraining_sums(model, batch, dropout_seed=dropout_seed)
            masked_loss, order_loss = sums._replace(masked_count=counts[0], order_count=counts[1]).losses()
            loss = masked_loss + order_loss
        return sums, [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)]

    @tf.function
    def train_step(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        dropout_seed = tf.stack([tf.constant(seed, tf.int64), optimizer.global_step])
        counts = (tf.reduce_sum(batch[MASKED_LM_WEIGHTS]), tf.cast(tf.shape(batch[INPUT_IDS])[0], tf.float32))
        if parts == 1:
            sums, gradients = backward(batch, counts, dropout_seed)
        else:
            cut = {name: tf.reshape(value, [parts, -1, *value.shape[1:]]) for name, value in batch.items()}
            sums, gradients = Sums(*[tf.zeros([]) for _ in Sums._fields]), [tf.zeros(variable.shape) for variable in variables]
            for part in tf.range(parts):  # a loop of the graph: the activations of one part at a time
                tf.autograph.experimental.set_loop_options(parallel_iterations=1)
                key = tf.random.experimental.stateless_fold_in(dropout_seed, part)
                more, steps = backward({name: value[part] for name, value in cut.items()}, counts, key)
                sums = Sums(*[a + b for a, b in zip(sums, more, strict=True)])
                gradients = [a + b for a, b in zip(gradients, steps, strict=True)]
        masked_loss, order_loss = sums.losses()
        rate, norm = optimizer.apply(gradients)
        return {"loss": masked_loss + order_loss, **sums.metrics(), "learning_rate": rate, "gradient_norm": norm}

    return train_step


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


def _choose_model(config: PretrainingConfig, dataset: Dataset, source: ModelSource | None) -> AlbertConfig:
    """The configuration that is trained: a named size over the data's vocabulary, or a file's, which the data must fit."""
    if config.model in SIZES or not Path(config.model).exists():
        chosen = AlbertConfig.named(config.model, vocab_size=dataset.tokenizer.size)
    else:
        chosen = AlbertConfig.from_file(config.model)
    check_data_fits(dataset, chosen, origin=f"--model {config.model}")
    if source is not None:
        check_data_fits(dataset, source.config, origin=source.path, vocabulary=source.vocabulary)
        sort_variables({name: tensor.shape for name, tensor in source.tensors.items()}, chosen, str(source.path))
    return chosen


def _claim_output(output: Path, config: PretrainingConfig, model: AlbertConfig, dataset: Dataset) -> None:
    """Make `output` this run's, or see that it is: everything that decides the weights must be as it was."""
    free = {"output", "data", "model", "save_checkpoints_steps", "keep_checkpoints", "eval_steps", "max_eval_steps"}
    run = {key: value for key, value in dataclasses.asdict(config).items() if key not in free}
    run |= {"model": model.to_json(), "data_digest": dataset.manifest["digest"]}
    record = output / RUN
    if record.exists():
        before = json.loads(record.read_text(encoding="utf-8"))
        defaults = {field.name: field.default for field in dataclasses.fields(config) if field.default is not dataclasses.MISSING}
        for key in sorted({*run, *before}):
            was = before.get(key, defaults.get(key))  # a run of an older version knew fewer options
            if run.get(key) != was:
                raise AlbertError(
                    f"{output} is the run of another configuration: {key} was {was}, is {run.get(key)}\n"
                    "give another --output, or the options that it was started with"
                )
        return
    if output.exists() and any(not path.name.startswith(".") for path in output.iterdir()):
        raise AlbertError(f"{output} holds files that are not of a training run (there is no {RUN})\ngive another --output")
    output.mkdir(parents=True, exist_ok=True)
    checkpoints.write_json(record, run)


def _held_out(model: Albert, dataset: Dataset, max_batches: int | None = None) -> Evaluator | None:
    """What measures on the held-out split; None for a dataset without one."""
    held_out = any(shard["name"].startswith("eval-") and shard["instances"] for shard in dataset.manifest["shards"])
    return Evaluator(model, dataset.split("eval"), max_batches=max_batches) if held_out else None


def _measure(model: Albert, dataset: Dataset, output: Path, step: int) -> dict[str, Any] | None:
    """Write and return evaluation.json of the finished model."""
    evaluator = _held_out(model, dataset)
    if evaluator is None:
        return None
    evaluation = {"step": step, **evaluator.run()}
    checkpoints.write_json(output / EVALUATION, evaluation)
    return evaluation


def _diverged(step: int, values: dict[str, float], folder: CheckpointFolder) -> AlbertError:
    kept = f"the checkpoint of step {folder.steps()[-1]} is kept" if folder.steps() else "no checkpoint had been saved"
    return AlbertError(
        f"step {step}: loss {values['loss']}, gradient norm {values['gradient_norm']}: the training has diverged; {kept}\n"
        f"lower --learning-rate (it was {values['learning_rate']:.3g} there) or lengthen --num-warmup-steps, into another --output"
    )
