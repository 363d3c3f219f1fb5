"""What a fine-tuning is asked to do."""

import dataclasses
import shlex
from dataclasses import dataclass
from typing import Any

from albert_core.errors import AlbertError
from albert_core.tasks import CLASSIFY, Task

GRID = (2e-5, 6e-5, 1e-4)  # the rates that albert_zh recommends to try
HEAD_DROPOUT = 0.1
OPTIMIZERS = ("adamw", "adamw-reference")
_SINGULAR = {"learning_rates": "learning_rate", "seeds": "seed"}  # fields that are given as an option each


@dataclass(frozen=True, kw_only=True)
class FinetuningConfig:
    """What is trained. None: as the task has it. Raises AlbertError when a value cannot work."""

    task: Task
    data: str
    model: str
    output: str
    train_file: str | None = None
    dev_file: str | None = None
    learning_rates: tuple[float, ...] = (1e-4,)
    seeds: tuple[int, ...] = (0,)
    num_train_epochs: int | None = None
    train_batch_size: int | None = None
    max_seq_length: int | None = None
    max_train_examples: int | None = None
    optimizer: str = "adamw"
    warmup_proportion: float = 0.1
    hidden_dropout: float | None = None
    attention_dropout: float | None = None
    classifier_dropout: float = HEAD_DROPOUT
    class_weights: bool = False
    bucketing: bool = True
    patience: int = 0  # epochs without a better dev; 0: all epochs are trained
    restarts: int = 2  # of a run that collapsed
    from_scratch: bool = False
    compute_dtype: str = "float32"

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise AlbertError(f"--optimizer {self.optimizer} is unknown\nknown: {', '.join(OPTIMIZERS)}")
        if not self.learning_rates or not self.seeds:
            raise AlbertError("there is no learning rate or no seed\ngive one at least")
        for name in ("num_train_epochs", "train_batch_size", "max_seq_length", "max_train_examples"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise AlbertError(f"--{name.replace('_', '-')} {value} is less than 1\ngive a positive number")
        for name in ("hidden_dropout", "attention_dropout", "classifier_dropout", "warmup_proportion"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                raise AlbertError(f"--{name.replace('_', '-')} {value} is outside 0 … 1\ngive a share such as 0.1")
        if self.compute_dtype not in ("auto", "float32", "bfloat16"):
            raise AlbertError(f"--compute-dtype {self.compute_dtype} is unknown\nknown: auto, float32, bfloat16")
        if self.class_weights and self.task.kind != CLASSIFY:
            raise AlbertError(f"--class-weights is for tasks with labels, {self.task.name} is of kind {self.task.kind}\nleave it out")

    @property
    def epochs(self) -> int:
        """Passes over the training examples."""
        return self.num_train_epochs or self.task.num_train_epochs

    @property
    def batch_size(self) -> int:
        """Examples of a step."""
        return self.train_batch_size or self.task.train_batch_size

    def command(self) -> str:
        """The command that does this: every option that is not as it would be anyway."""
        words = ["albert-train", "finetune", "--task", self.task.name]
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name == "task" or value == field.default:
                continue
            name = f"--{_SINGULAR.get(field.name, field.name).replace('_', '-')}"
            if value is True or value is False:
                words.append(name if value else name.replace("--", "--no-", 1))
            else:
                words += [word for each in (value if isinstance(value, tuple) else (value,)) for word in (name, f"{each}")]
        return shlex.join(words)

    def deciding(self) -> dict[str, Any]:
        """What must be as it was for a run to go on."""
        values = dataclasses.asdict(self)
        return {key: value for key, value in values.items() if key not in ("output", "learning_rates", "seeds", "restarts")}
