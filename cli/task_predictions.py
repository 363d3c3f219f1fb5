"""`albert-train predict` with a fine-tuned model: labels, answers, entities."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from albert_core.errors import AlbertError
from cli.questions import Question, naming, shorten, to_json
from cli.text_lines import Entry

if TYPE_CHECKING:
    from albert_core.task_answers import Answer
    from albert_core.task_files import Record
    from albert_core.task_model import TaskModel

MASK = "[MASK]"
SHOWN = 200  # characters of a text


class TaskQuestion(Question):
    """What the model was fine-tuned for. Choices come last: text, question, then every answer."""

    def __init__(self, model: str, task: str | None, top_k: int, as_json: bool):
        """`task`: what the labels of a model without task.json mean.

        Raises:
          AlbertError: there is no fine-tuned model, or no such task.
        """
        from albert_core.task_model import TaskModel
        from albert_core.tasks import find_task

        self._model = TaskModel.load(model, task=None if task is None else find_task(task))
        self._path, self._top_k, self._as_json = model, top_k, as_json
        self._num_texts = self._model.num_texts if self._model.task.kind == "choice" else None
        self.size = 0 if self._num_texts else self._model.num_texts
        self.asker = self._model.task.name

    def answer(self, entries: Sequence[Entry]) -> Iterator[str]:
        """The answers, with their probabilities."""
        records = []
        for at, entry in enumerate(entries, 1):
            if any(MASK in text for text in entry.texts):
                raise AlbertError(f"{self._path} has no masked-word head: it answers {self.asker}\nask a pretrained model for {MASK}")
            with naming(entry):
                choices = entry.texts[self._num_texts :] if self._num_texts else ()
                record = self._model.record_of(entry.texts[: self._num_texts], where=f"entry {at}", choices=choices)
                self._model.encoder.check_readable([record])
                records.append(record)
        for record, answer in zip(records, self._model.answer(records), strict=True):
            value = self._model.describe(record, answer, top_k=self._top_k)
            yield to_json({"texts": list(record.texts), **value}) if self._as_json else _line(self._model, record, answer, self._top_k)


def _line(asked: "TaskModel", record: "Record", answer: "Answer", top_k: int) -> str:
    value = asked.describe(record, answer, top_k=top_k)
    text = " | ".join(shorten(text, SHOWN) for text in record.texts)
    if asked.task.kind == "tag":
        return text + "".join(
            f"\n  {entity['type']:<14}{entity['text']}   {entity['start']}–{entity['end']}" for entity in value["entities"]
        )
    if asked.task.kind == "classify":
        return "   ".join(f"{label} {share:.1%}" for label, share in value["scores"].items()) + f"   {text}"
    shown = value.get("answer", value.get("choice"))
    return f"{shown}   {answer.probability:.1%}   {shorten(record.texts[0], SHOWN) if asked.task.kind == 'span' else text}"
