"""The recipe, applied to batches: what the text rules leave of each document, and why the document rules drop it."""

import hashlib
from collections.abc import Callable, Iterator, Sequence

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from pipelines import progress, rules
from pipelines.batches import CLEANED_SCHEMA
from pipelines.deduplicate import ID_BYTES
from pipelines.recipe import CleanConfig
from pipelines.rejects import RejectOutput, reject_rows


class ApplyLineRules(beam.DoFn):
    """Raw batch → cleaned batch with identities; documents of which nothing is left are rejects."""

    def __init__(self, config: CleanConfig) -> None:
        self.config = config

    def setup(self) -> None:
        """The rules with their thresholds."""
        self.rules = (*rules.TEXT_RULES, *self.config.line_rules())

    def process(self, raw: pa.RecordBatch) -> Iterator[pa.RecordBatch | RejectOutput]:
        """One batch out, and one of rejects."""
        texts = [apply_rules(text, self.rules) for text in raw.column("text").to_pylist()]
        keep = pa.array([bool(text) for text in texts])
        kept = raw.filter(keep)
        if kept.num_rows:
            bodies = [text.encode() for text in texts if text]
            ids = pa.array([hashlib.blake2b(body, digest_size=ID_BYTES).digest() for body in bodies], pa.binary(ID_BYTES))
            columns = [
                ids,
                kept.column("source"),
                kept.column("origin"),
                kept.column("title"),
                pa.array(bodies, pa.binary()).cast(pa.string()),
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=CLEANED_SCHEMA)
        if kept.num_rows < raw.num_rows:
            empty = raw.filter(pc.invert(keep))
            reasons = ["empty"] * empty.num_rows
            messages = ["no line of text is left after markup, menus and lines without Chinese"] * empty.num_rows
            yield beam.pvalue.TaggedOutput("rejects", reject_rows(empty, "lines", reasons, messages))
        progress.add("cleaned", sum(map(len, texts)))


def apply_rules(text: str, text_rules: Sequence[Callable[[str], str]]) -> str:
    """`text` after all rules in order."""
    for rule in text_rules:
        text = rule(text)
    return text


class ApplyDocumentRules(beam.DoFn):
    """Cleaned batch → the documents that no rule drops; the others are rejects with reason and figures."""

    def __init__(self, config: CleanConfig) -> None:
        self.config = config

    def setup(self) -> None:
        """The rules with their thresholds."""
        self.rules = self.config.document_rules()

    def process(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch | RejectOutput]:
        """One batch out, and one of rejects."""
        verdicts = [first_reason(text, self.rules) for text in batch.column("text").to_pylist()]
        dropped = [verdict for verdict in verdicts if verdict is not None]
        keep = pa.array([verdict is None for verdict in verdicts])
        if len(dropped) < len(verdicts):
            yield batch.filter(keep) if dropped else batch
        if dropped:
            reasons, messages = zip(*dropped, strict=True)
            yield beam.pvalue.TaggedOutput("rejects", reject_rows(batch.filter(pc.invert(keep)), "documents", reasons, messages))


def first_reason(text: str, document_rules: dict[str, Callable[[str], str | None]]) -> tuple[str, str] | None:
    """Reason and message of the first rule that drops `text`."""
    for reason, rule in document_rules.items():
        message = rule(text)
        if message is not None:
            return reason, message
    return None
