"""Boilerplate: short lines that stand in a large share of a source's documents are taken out of all of them.

CountLines     documents → for each source its lines' hashes with the number of documents, in partitions by hash
KeepFrequent   sums them, and keeps the few that are frequent in their source
RemoveLines    documents without those
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.typehints.decorators import no_annotations

from pipelines.accounts import Account, by_source
from pipelines.batches import CLEANED_SCHEMA
from pipelines.deduplicate import ID_BYTES, MIN_PARTITIONS
from pipelines.errors import BuildError
from pipelines.line_frequencies import Lines, add_counts, count_documents, find, voting_lines, without_lines
from pipelines.partitions import CutBatches, split_partitions, split_sources
from pipelines.rejects import RejectOutput, reject_rows
from pipelines.utf8 import utf8_rows

STAGE = "repeated_lines"

Place = tuple[str, int]
"""A source and a partition of its lines."""
RepeatedLine = tuple[str, int, int]
"""A source, the hash of a line that is removed from it (signed: Beam codes no larger integers), and the number of its documents with it."""


@dataclass(frozen=True, kw_only=True)
class RepeatedLinesConfig:
    """Which lines are boilerplate. `max_line_share` 0 turns the rule off.

    In real sources, footers and the like stand in 11 % of the items (broadcast news) and in 40 % (a public account's posts); the most
    frequent line of prose stands in 0.5 % ("王毅参加会见。", "干杯！").
    """

    max_line_share: float = 0.02
    """Of the documents of a source, exact copies not counted: a line that stands in so many or more is removed."""
    min_line_documents: int = 8
    """A line in fewer documents stays, whatever the share: in a small source a few editions of one text are a large share."""
    min_repeated_characters: int = 6
    """A shorter line stays: "是的。" and "谢谢！" are the answers of dialogues."""
    max_repeated_characters: int = 100
    """A longer line stays: it is prose of which there are many editions."""
    edge_lines: int = 50
    """Only the first and last so many lines of a document count and are removed: in a whole novel any short line stands by chance."""

    def __post_init__(self) -> None:
        """Refuses values that mean nothing."""
        if not 0 <= self.max_line_share <= 1:
            raise BuildError(f"max_line_share {self.max_line_share} is not a share\ngive a number from 0 to 1; 0 turns the rule off")
        for name in ("min_line_documents", "min_repeated_characters", "max_repeated_characters", "edge_lines"):
            if getattr(self, name) < 1:
                raise BuildError(f"{name} {getattr(self, name)} is less than 1\ngive a whole number; max_line_share 0 turns the rule off")
        if self.min_line_documents < 2:
            raise BuildError("min_line_documents 1 would remove every short line of a small source\ngive 2 or more; the default is 8")

    def find_lines(self, batch: pa.RecordBatch) -> Lines:
        """The lines of a batch that count."""
        return voting_lines(
            *utf8_rows(batch.column("text")),
            min_characters=self.min_repeated_characters,
            max_characters=self.max_repeated_characters,
            edge_lines=self.edge_lines,
        )


class WithoutRepeatedLines(NamedTuple):
    """What `DropRepeatedLines` gives."""

    kept: beam.PCollection  # of CLEANED_SCHEMA
    rejects: beam.PCollection  # of REJECT_SCHEMA
    accounts: beam.PCollection
    repeated: beam.PCollection  # of {"source", "line", "documents"}: what was removed, for people


class DropRepeatedLines(beam.PTransform):
    """Batches of documents → the same without their source's repeated lines; a document of which nothing is left is a reject.

    Exact copies must be gone, or every copied text would be boilerplate. How documents come in batches does not matter.
    """

    def __init__(self, config: RepeatedLinesConfig, *, partitions: int = MIN_PARTITIONS) -> None:
        super().__init__()
        self.config = config
        self.partitions = partitions

    @no_annotations
    def expand(self, cleaned: beam.PCollection) -> WithoutRepeatedLines:
        """Count, choose, and go over the documents a second time. What is chosen is small: see `KeepFrequent`."""
        counted = cleaned | "CountLines" >> beam.ParDo(CountLines(self.config, self.partitions)).with_outputs("documents", main="lines")
        documents = counted.documents | "SumDocuments" >> beam.CombinePerKey(sum)
        frequent = (
            counted.lines
            | "GroupLines" >> beam.GroupByKey()
            | "KeepFrequent" >> beam.ParDo(KeepFrequent(self.config), beam.pvalue.AsDict(documents))
        )
        removed = cleaned | "RemoveLines" >> beam.ParDo(RemoveLines(self.config), beam.pvalue.AsList(frequent)).with_outputs(
            "rejects", "accounts", "repeated", main="kept"
        )
        repeated = (
            removed.repeated
            | "OneTextEach" >> beam.CombinePerKey(min)
            | "Describe" >> beam.MapTuple(lambda key, line: {"source": key[0], "line": line, "documents": key[2]})
        )
        return WithoutRepeatedLines(removed.kept, removed.rejects, removed.accounts, repeated)


class CountLines(CutBatches):
    """Batches → for each source and partition: hashes of lines and in how many documents each stands; documents as tagged output."""

    def __init__(self, config: RepeatedLinesConfig, partitions: int) -> None:
        super().__init__(partitions)
        self.config = config

    def process(
        self, batch: pa.RecordBatch
    ) -> Iterator[tuple[Place, pa.RecordBatch] | beam.pvalue.TaggedOutput[Literal["documents"], tuple[str, int]]]:
        """Nothing if the rule is off."""
        if not self.config.max_line_share:
            return
        for source, part in split_sources(batch):
            yield beam.pvalue.TaggedOutput("documents", (source, part.num_rows))
            lines = self.config.find_lines(part)
            hashes, counts = count_documents(lines.rows, lines.hashes)
            yield from self.wait(pa.record_batch({"source": pa.repeat(source, len(hashes)), "hash": hashes, "documents": counts}))

    def cut(self, rows: pa.RecordBatch) -> Iterator[tuple[Place, pa.RecordBatch]]:
        """The lines of several batches added up, at most one part for each source and partition."""
        for source, own in split_sources(rows):
            hashes, counts = add_counts(own.column("hash").to_numpy(), own.column("documents").to_numpy())
            summed = pa.record_batch({"hash": hashes, "documents": counts})
            for partition, part in split_partitions(summed, hashes % np.uint64(self.partitions)):
                yield (source, partition), part


class KeepFrequent(beam.DoFn):
    """A partition of a source's lines → those that stand in enough documents.

    They are few, so all workers may hold them: a document votes for at most 2 `edge_lines` lines, so at most 2 `edge_lines` /
    `max_line_share` lines of a source (5,000 by default) reach the share.
    """

    def __init__(self, config: RepeatedLinesConfig) -> None:
        self.config = config

    def process(self, item: tuple[Place, Iterable[pa.RecordBatch]], documents: Mapping[str, int]) -> Iterator[tuple[str, pa.RecordBatch]]:
        """At most one batch of hashes and counts."""
        (source, _), batches = item
        columns = [(batch.column("hash").to_numpy(), batch.column("documents").to_numpy()) for batch in batches]
        hashes, counts = add_counts(*map(np.concatenate, zip(*columns, strict=True)))
        enough = (counts >= self.config.min_line_documents) & (counts >= self.config.max_line_share * documents[source])
        if enough.any():
            yield source, pa.record_batch({"hash": hashes[enough], "documents": counts[enough]})


class RemoveLines(beam.DoFn):
    """A batch → the batch without its sources' repeated lines; rejects, accounts and one text of each removed line as tagged outputs."""

    def __init__(self, config: RepeatedLinesConfig) -> None:
        self.config = config

    def process(
        self, batch: pa.RecordBatch, frequent: Sequence[tuple[str, pa.RecordBatch]]
    ) -> Iterator[
        pa.RecordBatch
        | RejectOutput
        | beam.pvalue.TaggedOutput[Literal["accounts"], Account]
        | beam.pvalue.TaggedOutput[Literal["repeated"], tuple[RepeatedLine, str]]
    ]:
        """The batch itself where none of its sources has any."""
        sources = {source for source, _ in frequent}
        for source, part in split_sources(batch):
            if source not in sources:
                yield part
                continue
            hashes = np.concatenate([found.column("hash").to_numpy() for name, found in frequent if name == source])
            counts = np.concatenate([found.column("documents").to_numpy() for name, found in frequent if name == source])
            order = np.argsort(hashes)
            yield from self._remove(source, part, hashes[order], counts[order])

    def _remove(
        self, source: str, batch: pa.RecordBatch, hashes: np.ndarray, counts: np.ndarray
    ) -> Iterator[pa.RecordBatch | beam.pvalue.TaggedOutput]:
        content, offsets = utf8_rows(batch.column("text"))
        lines = self.config.find_lines(batch)
        places = find(lines.hashes, hashes)
        lines, places = Lines(*(column[places >= 0] for column in lines)), places[places >= 0]
        if not len(places):
            yield batch
            return
        texts = [content[start:end].tobytes().decode() for start, end in zip(lines.starts, lines.ends, strict=True)]
        for place, i in zip(*np.unique(places, return_index=True), strict=True):
            yield beam.pvalue.TaggedOutput("repeated", ((source, int(hashes[place].astype(np.int64)), int(counts[place])), texts[i]))
        rows, bodies = without_lines(content, offsets, lines)
        kept, emptied = replace_texts(batch, rows, bodies)
        if kept.num_rows:
            yield kept
        if len(emptied):
            firsts = np.searchsorted(lines.rows, emptied)
            messages = [
                f"nothing is left but lines that stand in many documents of the source; in {counts[places[i]]}: {texts[i]}" for i in firsts
            ]
            reasons = ["only_repeated_lines"] * len(emptied)
            yield beam.pvalue.TaggedOutput("rejects", reject_rows(batch.take(pa.array(emptied)), STAGE, reasons, messages))
        account = {"lines.repeated": len(places), "documents.shortened": len(rows) - len(emptied)}
        yield beam.pvalue.TaggedOutput("accounts", by_source(account, source))


def replace_texts(batch: pa.RecordBatch, rows: np.ndarray, bodies: Sequence[bytes]) -> tuple[pa.RecordBatch, np.ndarray]:
    """The batch with new texts, in UTF-8, in some rows (ascending); without rows whose new text is empty, which are returned too."""
    emptied = rows[[not body for body in bodies]]
    new = [body for body in bodies if body]
    ids = pa.array([hashlib.blake2b(body, digest_size=ID_BYTES).digest() for body in new], pa.binary(ID_BYTES))
    places = np.arange(batch.num_rows)
    places[np.setdiff1d(rows, emptied)] = batch.num_rows + np.arange(len(new))
    places = np.delete(places, emptied)
    kept = batch.take(pa.array(np.delete(np.arange(batch.num_rows), emptied)))
    columns = {name: kept.column(name) for name in CLEANED_SCHEMA.names}
    columns["document_id"] = pa.concat_arrays([batch.column("document_id"), ids]).take(pa.array(places))
    columns["text"] = pa.concat_arrays([batch.column("text"), pa.array(new, pa.binary()).cast(pa.string())]).take(pa.array(places))
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=CLEANED_SCHEMA), emptied
