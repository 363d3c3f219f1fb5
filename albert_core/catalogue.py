"""The published models that are read here, and the published tasks: where they are, how large, under which terms, what imports them.

Each fact is from the project's own page; what that does not say is None. No page gives checksums: the reports of `albert-train import`
and `albert-train evaluate` tell a whole model from a damaged one. Of albert_zh's own xxlarge only the configuration was published.
"""

from dataclasses import asdict, dataclass
from typing import Any

from albert_core.tasks import TASKS

BRIGHTMART_PAGE, BRIGHTMART = "https://github.com/brightmart/albert_zh", "https://storage.googleapis.com/albert_zh"
GOOGLE_PAGE, GOOGLE = "https://github.com/google-research/albert", "https://storage.googleapis.com/albert_models"
BERT_PAGE, BERT = "https://github.com/google-research/bert", "https://storage.googleapis.com/bert_models/2018_11_03"
HUB = "https://huggingface.co"


@dataclass(frozen=True, kw_only=True)
class PublishedModel:
    """One model. `megabytes` is what its page says of the file; `sha256` and `licence` are None where nothing is said."""

    name: str
    size: str  # a name of SIZES
    page: str
    download: str
    megabytes: float | None = None
    sha256: str | None = None
    licence: str | None = None
    note: str = ""
    command: str = ""

    @property
    def import_line(self) -> str:
        """What makes a model directory of it, once it is unpacked in a folder of its name."""
        return self.command or f"albert-train import {self.name} --output {self.name}-ours"


def _brightmart(name: str, size: str, file: str, megabytes: float | None, note: str = "") -> PublishedModel:
    return PublishedModel(
        name=name, size=size, page=BRIGHTMART_PAGE, download=f"{BRIGHTMART}/{file}.zip", megabytes=megabytes, note=note
    )  # fmt: skip


def _google(size: str) -> PublishedModel:
    """Unpacked, a folder albert_SIZE with albert_config.json, model.ckpt-best and vocab_chinese.txt."""
    name = f"albert_{size}_zh"
    return PublishedModel(
        name=f"{name}_google", size=f"{size}_google", page=GOOGLE_PAGE, download=f"{GOOGLE}/{name}.tar.gz",
        note="ALBERT 2.0, December 2019; unpacks as albert_" + size, command=f"albert-train import albert_{size} --output {name}_google",
    )  # fmt: skip


def _port(owner: str, size: str, megabytes: float | None, note: str) -> PublishedModel:
    """A folder of the Hugging Face hub. Only safetensors of it are read: pickles are refused until transformers has saved them anew."""
    name = f"albert_chinese_{size}"
    return PublishedModel(
        name=f"{owner}/{name}", size=f"{size}_google", page=f"{HUB}/{owner}/{name}", download=f"{HUB}/{owner}/{name}", megabytes=megabytes,
        note=note, command=f"albert-train import {name} --output {name}-ours",
    )  # fmt: skip


MODELS = (
    _brightmart("albert_tiny_zh", "tiny", "albert_tiny", 16),
    _brightmart("albert_tiny_489k", "tiny", "albert_tiny_489k", 16, "albert_tiny_zh trained longer, on 2 billion examples"),
    _brightmart("albert_tiny_zh_google", "tiny_google", "albert_tiny_zh_google", 16, "1 billion examples"),
    _brightmart("albert_small_zh_google", "small_google", "albert_small_zh_google", 18.5, "1 billion examples; without optimizer slots"),
    _brightmart("albert_base_zh", "base", "albert_base_zh", 40),
    _brightmart("albert_base_zh_additional_36k_steps", "base", "albert_base_zh_additional_36k_steps", 40, "150 million examples more"),
    _brightmart("albert_large_zh", "large", "albert_large_zh", 64),
    _brightmart("albert_xlarge_zh_177k", "xlarge", "albert_xlarge_zh_177k", 230),
    _brightmart("albert_xlarge_zh_183k", "xlarge", "albert_xlarge_zh_183k", 230, "to be tried before 177k, says its page"),
    *(_google(size) for size in ("base", "large", "xlarge", "xxlarge")),
    *(_port("voidful", size, None, f"port of albert_{size}_zh_google") for size in ("tiny", "small", "base", "large", "xlarge", "xxlarge")),
    _port("clue", "tiny", 16, "trained on CLUECorpusSmall"),
    _port("clue", "small", 18.5, "trained on CLUECorpusSmall"),
    PublishedModel(
        name="chinese_L-12_H-768_A-12", size="bert_base", page=BERT_PAGE, download=f"{BERT}/chinese_L-12_H-768_A-12.zip",
        licence="Apache-2.0",
        note="BERT-Base, Chinese: the baseline",
    ),
)  # fmt: skip


def list_models() -> list[dict[str, Any]]:
    """Every model as JSON has it."""
    return [asdict(model) | {"import_line": model.import_line} for model in MODELS]


def list_tasks() -> list[dict[str, Any]]:
    """Every task: its kind, what it is about and measured by, where it is published, and the line that trains on it."""
    return [
        {
            "name": task.name, "kind": task.kind, "about": task.about, "metric": task.metric, "labels": list(task.labels),
            "published": task.published,
            "command": f"albert-train finetune --task {task.name} --data {task.name} --model MODEL --output OUT",
        }
        for task in TASKS.values()
    ]  # fmt: skip
