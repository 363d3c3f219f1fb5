"""The recipe, applied to batches: what the text rules leave of each document, and why the document rules drop it."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from pipelines import progress
from pipelines.accounts import Account, by_source
from pipelines.batches import CLEANED_SCHEMA
from pipelines.deduplicate import ID_BYTES
from pipelines.recipe import CleanConfig, DocumentRule, RecordRule, TextRule
from pipelines.rejects import RejectOutput, reject_rows

Verdict = tuple[str, str]  # reason and message
NOTHING_LEFT = ("empty", "no line of text is left after markup, menus and lines without Chinese")


class ApplyLineRules(beam.DoFn):
    """Raw batch → cleaned batch with identities; documents that their record or an empty text drops are rejects.

    The accounts say how many characters were read, and of each text rule how many documents it changed and by how many characters it made
    them shorter.
    """

    def __init__(self, config: CleanConfig) -> None:
        self.config = config

    def setup(self) -> None:
        """The rules with their thresholds."""
        self.record_rules = self.config.record_rules()
        self.text_rules = self.config.text_rules()

    def process(
        self, raw: pa.RecordBatch
    ) -> Iterator[pa.RecordBatch | RejectOutput | beam.pvalue.TaggedOutput[Literal["accounts"], Account]]:
        """One batch out, one of rejects, and an account for each source."""
        verdicts = judge_records(raw, self.record_rules)
        counts: dict[str, Counter[str]] = {source: Counter() for source in pc.unique(raw.column("source")).to_pylist()}
        texts = []
        for row, (source, text) in enumerate(zip(raw.column("source").to_pylist(), raw.column("text").to_pylist(), strict=True)):
            counts[source]["characters.read"] += len(text)
            clean = apply_rules(text, self.text_rules, counts[source]) if verdicts[row] is None else ""
            verdicts[row] = verdicts[row] or (None if clean else NOTHING_LEFT)
            texts.append(clean)
        keep = pa.array([verdict is None for verdict in verdicts])
        kept = raw.filter(keep)
        if kept.num_rows:
            yield with_identities(kept, [text for text in texts if text])
        if kept.num_rows < raw.num_rows:
            yield beam.pvalue.TaggedOutput("rejects", rejected(raw.filter(pc.invert(keep)), "lines", verdicts))
        for source, count in counts.items():
            missing = count_missing_quality(raw, source) if "low_quality" in self.record_rules else {}
            yield beam.pvalue.TaggedOutput("accounts", by_source(dict(count) | missing, source))
        progress.add("cleaned", sum(map(len, texts)))


def apply_rules(text: str, text_rules: Mapping[str, TextRule], counts: Counter[str] | None = None) -> str:
    """`text` after all rules in order. `counts`, if given, gets what each rule that changed it did."""
    for name, rule in text_rules.items():
        after = rule(text)
        if counts is not None and after is not text and after != text:
            counts[f"rules.{name}.documents"] += 1
            counts[f"rules.{name}.characters"] += max(0, len(text) - len(after))
        text = after
    return text


def with_identities(documents: pa.RecordBatch, texts: Sequence[str]) -> pa.RecordBatch:
    """The documents with their clean texts, each with the identity that these give it."""
    bodies = [text.encode() for text in texts]
    ids = pa.array([hashlib.blake2b(body, digest_size=ID_BYTES).digest() for body in bodies], pa.binary(ID_BYTES))
    columns = [ids, *map(documents.column, ("source", "origin", "title")), pa.array(bodies, pa.binary()).cast(pa.string())]
    return pa.RecordBatch.from_arrays(columns, schema=CLEANED_SCHEMA)


def judge_records(raw: pa.RecordBatch, record_rules: Mapping[str, RecordRule]) -> list[Verdict | None]:
    """Of each raw document, why its record drops it."""
    if not record_rules:
        return [None] * raw.num_rows
    records = zip(raw.column("url").to_pylist(), raw.column("quality").to_pylist(), strict=True)
    return [first_record_reason(url, quality, record_rules) for url, quality in records]


def count_missing_quality(raw: pa.RecordBatch, source: str) -> Account:
    """Documents of a source without the score that a rule asks for: they stay."""
    of_source = raw.filter(pc.equal(raw.column("source"), source))
    return {"quality.missing": of_source.column("quality").null_count}


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
        keep = pa.array([verdict is None for verdict in verdicts])
        num_kept = verdicts.count(None)
        if num_kept:
            yield batch if num_kept == len(verdicts) else batch.filter(keep)
        if num_kept < len(verdicts):
            yield beam.pvalue.TaggedOutput("rejects", rejected(batch.filter(pc.invert(keep)), "documents", verdicts))


def rejected(documents: pa.RecordBatch, stage: str, verdicts: Sequence[Verdict | None]) -> pa.RecordBatch:
    """The rejects of the documents that have a verdict."""
    reasons, messages = zip(*(verdict for verdict in verdicts if verdict is not None), strict=True)
    return reject_rows(documents, stage, reasons, messages)


def first_reason(text: str, document_rules: Mapping[str, DocumentRule]) -> Verdict | None:
    """Reason and message of the first rule that drops `text`."""
    for reason, rule in document_rules.items():
        message = rule(text)
        if message is not None:
            return reason, message
    return None


def first_record_reason(url: str | None, quality: float | None, record_rules: Mapping[str, RecordRule]) -> Verdict | None:
    """Reason and message of the first rule that drops a document for where it is from or how good it is said to be."""
    for reason, rule in record_rules.items():
        message = rule(url, quality)
        if message is not None:
            return reason, message
    return None
