"""The tasks that a model is fine-tuned on, as declarations: which fields hold what, what is measured, and with which settings.

kind      one example                                what the head scores
classify  one text or two, one label                 the labels, from the pooled vector
choice    texts, a question and its possible answers each pair of text and answer, one number each
span      a question and the text that answers it    each token as first and as last of the answer
tag       a text with entities in it                 B- and I- of each type and O, for every token
"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from albert_core.errors import AlbertError

CLASSIFY, CHOICE, SPAN, TAG = "classify", "choice", "span", "tag"
ACCURACY, MACRO_F1, EXACT_AND_F1, ENTITY_F1 = "accuracy", "macro_f1", "f1", "entity_f1"
METRICS = {CLASSIFY: ACCURACY, CHOICE: ACCURACY, SPAN: EXACT_AND_F1, TAG: ENTITY_F1}
KINDS = tuple(METRICS)
NLI_LABELS = ("contradiction", "entailment", "neutral")
CLUE = "https://github.com/CLUEbenchmark/CLUE"


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task. `first`, `second` and `label` name fields, the first one that a file has counts; `layout` is for files of no such form.

    Files without a header have the columns of `order`. `labels` empty: those of the training file. `aliases` maps other spellings of a
    label; a record whose label is in `unlabelled` has none and is left out of training.
    """

    name: str
    kind: str = CLASSIFY
    about: str = ""
    layout: str = "fields"  # or one of LAYOUTS in task_files.py
    first: tuple[str, ...] = ("text_a", "sentence", "text", "content")
    second: tuple[str, ...] = ()
    label: tuple[str, ...] = ("label",)
    order: tuple[str, ...] = ("text_a", "label")
    labels: tuple[str, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    unlabelled: tuple[str, ...] = ("",)
    metric: str = ""
    max_seq_length: int = 128
    num_train_epochs: int = 3
    train_batch_size: int = 32
    published: str = CLUE

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise AlbertError(f'task {self.name}: kind "{self.kind}" is unknown\nknown: {", ".join(KINDS)}')
        object.__setattr__(self, "metric", self.metric or METRICS[self.kind])

    @property
    def text_names(self) -> tuple[str, ...]:
        """What each text of a record is, without choices."""
        if self.kind == CHOICE:
            return ("text",) if self.layout == "chid" else ("text", "question")
        pair = ("first", "second") if self.second else ("text",)
        return ("question", "text") if self.kind == SPAN else pair

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any], *, origin: str = "the declaration") -> "Task":
        """A task from a declaration.

        Raises:
          AlbertError: a key is unknown, or a value cannot be.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - known):
            raise AlbertError(f"{origin}: {unknown[0]} is no key of a task\nknown: {', '.join(sorted(known))}")
        if "name" not in values:
            raise AlbertError(f'{origin} has no name\ngive one: {{"name": "mine", "first": ["question"], "label": ["topic"]}}')
        lists = {key: _tuple(value) for key, value in values.items() if isinstance(value, list)}
        return cls(**values | lists)


def _tuple(value: Any) -> Any:
    return tuple(_tuple(each) for each in value) if isinstance(value, list) else value


PAIR: dict[str, Any] = {
    "first": ("sentence1", "text_a", "premise"),
    "second": ("sentence2", "text_b", "hypo", "hypothesis"),
    "order": ("sentence1", "sentence2", "label"),
}
XNLI = "https://github.com/facebookresearch/XNLI"
TASKS = {
    task.name: task
    for task in (
        Task(name="lcqmc", about="same question or not", **PAIR, labels=("0", "1"), published="http://icrc.hitsz.edu.cn/Article/show/171.html"),
        Task(
            name="xnli", about="does one sentence follow from another", **PAIR | {"order": ("premise", "hypo", "label")}, labels=NLI_LABELS,
            aliases=(("contradictory", "contradiction"),), published=XNLI,
        ),
        Task(name="afqmc", about="same question or not, finance", **PAIR, labels=("0", "1")),
        Task(name="tnews", about="topic of a headline"),
        Task(name="iflytek", about="what an app is for, 119 classes"),
        Task(name="cmnli", about="does one sentence follow from another", **PAIR, labels=NLI_LABELS, unlabelled=("", "-")),
        Task(name="ocnli", about="does one sentence follow from another", **PAIR, labels=NLI_LABELS, unlabelled=("", "-")),
        Task(
            name="csl", about="are all keywords those of the abstract", first=("keyword",), second=("abst",), labels=("0", "1"),
            max_seq_length=256,
        ),
        Task(
            name="cluewsc", about="what a pronoun stands for", layout="cluewsc", labels=("false", "true"), num_train_epochs=20,
            train_batch_size=8,
        ),
        Task(name="bq", about="same question or not, banking", **PAIR, labels=("0", "1"), published="http://icrc.hitsz.edu.cn/Article/show/175.html"),
        Task(
            name="chnsenticorp", about="is a review good or bad", order=("label", "text_a"), labels=("0", "1"), max_seq_length=256,
            published="https://github.com/pengming617/bert_classification",
        ),
        Task(name="cmrc2018", kind=SPAN, about="answers in a text", layout="questions", max_seq_length=512, num_train_epochs=2),
        Task(
            name="drcd", kind=SPAN, about="answers in a text, traditional characters", layout="questions", max_seq_length=512,
            num_train_epochs=2, published="https://github.com/DRCKnowledgeTeam/DRCD",
        ),
        Task(
            name="c3", kind=CHOICE, about="questions about dialogues and texts, 2 to 4 answers", layout="c3", max_seq_length=512,
            train_batch_size=8,
        ),
        Task(name="chid", kind=CHOICE, about="which of ten idioms fits", layout="chid", max_seq_length=128, train_batch_size=8),
        Task(
            name="cluener", kind=TAG, about="ten kinds of entities", layout="cluener",
            published="https://github.com/CLUEbenchmark/CLUENER2020",
        ),
        Task(
            name="msra", kind=TAG, about="people, places, organisations in news", layout="columns", max_seq_length=256,
            published="SIGHAN 2006",
        ),
        Task(
            name="weibo", kind=TAG, about="entities in short posts", layout="columns", num_train_epochs=10,
            published="https://github.com/hltcoe/golden-horse",
        ),
    )
}  # fmt: skip


def find_task(name: str, *, columns: str | None = None) -> Task:
    """The task of that name, or of a declaration: a JSON file, or `single`, `pair` with `columns`.

    Args:
      name: a name of TASKS, a path that ends with .json, "single" or "pair".
      columns: field names (of files without a header: the order of the columns), such as "question,other,same": text, text, label.

    Raises:
      AlbertError: there is no such task, or the declaration cannot be.
    """
    if name in ("single", "pair"):
        return _own_task(name, columns)
    if columns is not None:
        raise AlbertError(f"--columns does not go with --task {name}, which knows its own\nuse it with --task single or --task pair")
    if name in TASKS:
        return TASKS[name]
    if name.endswith(".json"):
        try:
            values = json.loads(Path(name).read_bytes())
        except (ValueError, OSError) as error:
            raise AlbertError(f"task {name} cannot be read: {error}\ngive a JSON object with the keys of a task") from error
        if not isinstance(values, dict):
            raise AlbertError(f"task {name} is no JSON object\ngive one with the keys of a task")
        return Task.from_json(values, origin=name)
    raise AlbertError(f"--task {name} is unknown\nknown: {', '.join(TASKS)}; your own: single, pair with --columns, or a .json file")


def _own_task(name: str, columns: str | None) -> Task:
    wanted = 2 if name == "single" else 3
    fields = tuple(column.strip() for column in (columns or ("text_a,label" if wanted == 2 else "text_a,text_b,label")).split(","))
    if len(set(fields)) != wanted or "" in fields:
        example = "text,label" if wanted == 2 else "question,other,label"
        raise AlbertError(f"--columns {columns} names {len(fields)} fields, --task {name} has {wanted}\ngive --columns {example}")
    return Task(name=name, first=fields[:1], second=fields[1:-1], label=fields[-1:], order=fields)
