"""What a pretraining run is: its options, and the presets that choose them."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from albert_core.errors import AlbertError
from albert_core.mixture import parse_curriculum
from albert_core.optimization import OptimizerConfig, scale_to_batch
from albert_core.replicas import STRATEGIES

REFERENCE_RATE = 0.00176  # of LAMB at batch 4096
WARMUP_SHARE = 10  # a tenth of the steps
XXLARGE_STEPS = 1_000_000  # ALBERT §4.9 trains xxlarge for 1 and for 1.5 million steps, all others for 125,000 (§4.1)
COMPUTE_DTYPES = ("auto", "float32", "bfloat16")


# What may change between two starts of one run: it decides where and how a step is computed, not which.
FREE = frozenset(
    {
        "output", "data", "model", "save_checkpoints_steps", "keep_checkpoints", "eval_steps", "max_eval_steps", "rematerialize", "xla",
        "strategy", "num_replicas", "tpu", "tpu_zone", "gcp_project", "steps_per_call", "stop_at_loss_ratio",
    }
)  # fmt: skip


class Preset(NamedTuple):
    """A recipe: in a line what it is for, and the options that it sets."""

    purpose: str
    options: dict[str, Any]
    needs: tuple[str, ...] = ()  # options without which it means nothing


PRESETS = {
    "small-machine": Preset(
        "AdamW, batch 32, rate 1e-3, 10,000 steps: two hours of two cores teach tiny to read",
        {
            "optimizer": "adamw",
            "num_train_steps": 10_000,
            "train_batch_size": 32,
            "learning_rate": 1e-3,
            "save_checkpoints_steps": 200,
        },
    ),
    "reference": Preset(
        "LAMB, batch 4096, rate 0.00176, 125,000 steps, a million for xxlarge: the published recipe, for TPU pods; with another "
        "--train-batch-size the rate is scaled by √(batch / 4096)",
        {"optimizer": "lamb", "num_train_steps": 125_000, "train_batch_size": 4096},
    ),
    "domain-adaptation": Preset(
        "AdamW, batch 32, rate 5e-5, 10,000 steps from --init-checkpoint: a trained model reads text of your field",
        {
            "optimizer": "adamw",
            "num_train_steps": 10_000,
            "train_batch_size": 32,
            "learning_rate": 5e-5,
            "save_checkpoints_steps": 500,
        },
        ("init_checkpoint",),
    ),
    "extension": Preset(
        "as reference, from the checkpoint of a finished run (--init-checkpoint) with its optimizer slots, 25,000 steps more; "
        "--without-slots begins with empty ones",
        {"optimizer": "lamb", "num_train_steps": 25_000, "train_batch_size": 4096, "with_slots": True},
        ("init_checkpoint",),
    ),
}


@dataclass(frozen=True, kw_only=True)
class PretrainingConfig:
    """One run. Steps are updates, `train_batch_size` sequences over all replicas. Raises AlbertError when a value cannot work."""

    data: str | tuple[str, ...]  # folders of datasets, each DIR or DIR=WEIGHT
    model: str  # a name of config.SIZES, or the path of a config.json
    output: str
    num_train_steps: int
    num_warmup_steps: int
    train_batch_size: int
    learning_rate: float
    optimizer: str
    init_checkpoint: str | None = None
    with_slots: bool = False  # take over the optimizer slots and the step of init_checkpoint too
    curriculum: str | None = None  # LENGTH:SHARE,…
    save_checkpoints_steps: int = 1000
    keep_checkpoints: int = 5
    eval_steps: int = 0  # measure on the held-out split every so many steps; 0: at the end only
    max_eval_steps: int | None = None  # batches of such a measurement; the one at the end takes all
    seed: int = 0
    gradient_accumulation_steps: int = 1  # a batch goes through the model in so many parts; one update each
    compute_dtype: str = "float32"  # of the matrix products; variables, norms, softmax and sums stay in float32
    rematerialize: bool = False
    xla: bool = False
    strategy: str = "auto"
    num_replicas: int | None = None
    tpu: str | None = None
    tpu_zone: str | None = None
    gcp_project: str | None = None
    steps_per_call: int | None = None  # steps between two looks of the host; None: 1 on a CPU, else 20
    stop_at_loss_ratio: float = 1.5  # a run whose loss is so many times its lowest has exploded; 0: never

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", (self.data,) if isinstance(self.data, str) else tuple(self.data))
        self._check_counts()
        self._check_names()
        if self.train_batch_size % self.gradient_accumulation_steps:
            raise AlbertError(
                f"--train-batch-size {self.train_batch_size} cannot be cut into {self.gradient_accumulation_steps} equal parts\n"
                "give --gradient-accumulation-steps a divisor of it"
            )
        if self.with_slots and self.init_checkpoint is None:
            raise AlbertError("--with-slots takes the slots of --init-checkpoint, which is not given\nname the finished run there")
        if self.curriculum is not None:
            parse_curriculum(self.curriculum)
        self.optimizer_config()

    def _check_counts(self) -> None:
        at_least_one = (
            "train_batch_size", "save_checkpoints_steps", "keep_checkpoints", "max_eval_steps", "gradient_accumulation_steps",
            "steps_per_call", "num_replicas",
        )  # fmt: skip
        for name in at_least_one:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise AlbertError(f"--{name.replace('_', '-')} {value} is less than 1\ngive a whole number of at least 1")
        if self.eval_steps < 0:
            raise AlbertError(f"--eval-steps {self.eval_steps} is less than 0\ngive 0 to measure at the end only")
        ratio = self.stop_at_loss_ratio
        if ratio and not (math.isfinite(ratio) and ratio > 1):
            raise AlbertError(f"--stop-at-loss-ratio {ratio} is not above 1\ngive 0 to let any finite loss pass")

    def _check_names(self) -> None:
        if self.compute_dtype not in COMPUTE_DTYPES:
            raise AlbertError(f"--compute-dtype {self.compute_dtype} is unknown\nknown: {', '.join(COMPUTE_DTYPES)}")
        if self.strategy not in STRATEGIES:
            raise AlbertError(f"--strategy {self.strategy} is unknown\nknown: {', '.join(STRATEGIES)}")

    @classmethod
    def preset(cls, name: str, **chosen: Any) -> Self:
        """A preset with the values `chosen` in place of its own; None leaves the preset's. Warm-up is a tenth of the steps.

        The reference's rate goes with its batch: for another one it is scaled by √(batch / 4096).
        """
        if name not in PRESETS:
            raise AlbertError(f'preset "{name}" is unknown\nknown: {", ".join(PRESETS)}')
        given = {key: value for key, value in chosen.items() if value is not None}
        for option in PRESETS[name].needs:
            if option not in given:
                raise AlbertError(f"--preset {name} starts from a model that is not named\ngive --{option.replace('_', '-')}")
        values = {"compute_dtype": "auto"} | PRESETS[name].options
        if name == "reference" and "xxlarge" in str(given.get("model", "")):
            values["num_train_steps"] = XXLARGE_STEPS
        values |= given
        values.setdefault("num_warmup_steps", values["num_train_steps"] // WARMUP_SHARE)
        values.setdefault("learning_rate", scale_to_batch(REFERENCE_RATE, max(values["train_batch_size"], 1)))
        return cls(**values)

    def optimizer_config(self, first_update: int = 0) -> OptimizerConfig:
        """The part that the optimizer needs; its schedule begins after `first_update`."""
        return OptimizerConfig(
            name=self.optimizer,
            learning_rate=self.learning_rate,
            num_train_steps=self.num_train_steps,
            num_warmup_steps=self.num_warmup_steps,
            first_update=first_update,
        )

    def deciding(self) -> dict[str, Any]:
        """The options that decide the weights: a run that goes on must have been started with the same."""
        return {key: value for key, value in dataclasses.asdict(self).items() if key not in FREE}

    @property
    def datasets(self) -> Sequence[str]:
        """`data`, always several."""
        return (self.data,) if isinstance(self.data, str) else self.data
