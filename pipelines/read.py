"""Corpus files in, batches of raw documents out."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.filesystem import FileMetadata
from apache_beam.typehints.decorators import no_annotations

from corpora.documents import RAW_SCHEMA
from corpora.errors import CorpusError
from corpora.files import CorpusFile, FileRange
from corpora.listing import file_ranges
from corpora.reading import read_range
from corpora.records import BadRecord, DamagedFile, Document, FileStart, RangeEnd
from corpora.sources import Source, list_source_files
from pipelines import storage
from pipelines.accounts import Account, by_source
from pipelines.batches import REJECT_SCHEMA
from pipelines.rejects import RejectOutput
from pipelines.sampling import is_sampled, record_key
from pipelines.spread import Spread

BATCH_BYTES = 8 << 20
RANGE_BYTES = 64 << 20
ROW_BYTES = 256
"""What a row takes beside its text while it waits, so that a batch of very short documents stays small too."""
STAGE = "read"
MAX_PACKED_FILES = 256
"""Small files that one worker opens one after the other; on a remote file system each takes a while."""

Pack = tuple[FileRange, ...]
Damage = dict[str, str]


def list_sources(sources: Iterable[Source], output: str = "") -> list[CorpusFile]:
    """The files of all sources on any of Beam's file systems, in the order given.

    A file that two of them name belongs to the first. `output` is a folder of ours, if there is one: what was written there is not read.

    Raises:
      CorpusError: a source without a file of its own; see also `corpora.listing.list_files`.
    """
    files: dict[str, CorpusFile] = {}
    changed: dict[str, float] = {}

    def match(pattern: str) -> list[tuple[str, int]]:
        found = [entry for entry in match_files(pattern) if not (output and is_below(entry.path, output))]
        changed.update({entry.path: entry.last_updated_in_seconds for entry in found})
        return [(entry.path, entry.size_in_bytes) for entry in found]

    for source in sources:
        own = [file for file in list_source_files(source, match, open_file) if file.path not in files]
        if not own:
            raise CorpusError(
                f"all files of the source {source.name} belong to sources before it\nleave it out, or put it before the others"
            )
        files |= {file.path: dataclasses.replace(file, changed=changed[file.path]) for file in own}
    return list(files.values())


def match_files(pattern: str) -> list[FileMetadata]:
    """The files that a glob means; a path that exists means itself, whatever brackets are in its name."""
    itself = storage.as_pattern(pattern)
    return storage.match(pattern) or (storage.match(itself) if itself != pattern else [])


def is_below(path: str, folder: str) -> bool:
    """Whether a file lies in a folder, however both are written.

    >>> is_below("./data/out/a.txt", "data/out/"), is_below("data/output.txt", "data/out")
    (True, False)
    """
    if "://" in folder:
        return path.startswith(folder.rstrip("/") + "/")
    return Path(folder).absolute() in Path(path).absolute().parents


def open_file(path: str) -> BinaryIO:
    """A file's bytes as stored: `corpora` decompresses, because Beam takes a truncated stream for the end of the file."""
    return storage.open_file(path)


class RawDocuments(NamedTuple):
    """What `ReadCorpus` gives."""

    batches: beam.PCollection  # of RAW_SCHEMA
    rejects: beam.PCollection  # of REJECT_SCHEMA
    accounts: beam.PCollection
    damaged: beam.PCollection  # of {"file", "error"}


class ReadCorpus(beam.PTransform):
    """Files → batches of raw documents, rejects, accounts and damaged files.

    Files that can be split are read in byte ranges by many workers. Of one that cannot, a single worker makes batches, and these are
    spread, so that cleaning, which costs more, uses all workers.
    """

    def __init__(
        self, files: Sequence[CorpusFile], *, sample: float = 1.0, batch_bytes: int = BATCH_BYTES, range_bytes: int = RANGE_BYTES
    ) -> None:
        super().__init__()
        self.files = files
        self.sample = sample
        self.batch_bytes = batch_bytes
        self.range_bytes = range_bytes

    @no_annotations
    def expand(self, begin: beam.pvalue.PBegin) -> RawDocuments:
        """Two readings: ranges whose batches stay where they are made, and long streams whose batches travel."""
        parts = [part for file in self.files for part in file_ranges(file, self.range_bytes)]
        long = [part for part in parts if self._is_long_stream(part)]
        others = [part for part in parts if not self._is_long_stream(part)]
        ranges = begin | "ReadRanges" >> _Read(pack_ranges(others, self.batch_bytes), self.batch_bytes, self.sample)
        streams = begin | "ReadStreams" >> _Read([(part,) for part in long], self.batch_bytes, self.sample)
        spread = streams.batches | "SpreadBatches" >> Spread()
        return RawDocuments(
            (ranges.batches, spread) | "FlattenBatches" >> beam.Flatten(),
            (ranges.rejects, streams.rejects) | "FlattenRejects" >> beam.Flatten(),
            (ranges.accounts, streams.accounts) | "FlattenAccounts" >> beam.Flatten(),
            (ranges.damaged, streams.damaged) | "FlattenDamaged" >> beam.Flatten(),
        )

    def _is_long_stream(self, part: FileRange) -> bool:
        return part.stop is None and part.file.size > self.batch_bytes


def pack_ranges(parts: Iterable[FileRange], num_bytes: int) -> list[Pack]:
    """Ranges that one worker reads one after the other: small files together, so that their documents share batches, others alone."""
    packs: list[Pack] = []
    pending: list[FileRange] = []
    size = 0
    for part in parts:
        pending.append(part)
        size += part.file.size if part.stop is None else part.stop - part.start
        if size >= num_bytes or len(pending) >= MAX_PACKED_FILES:
            packs.append(tuple(pending))
            pending, size = [], 0
    return [*packs, tuple(pending)] if pending else packs


class _Read(beam.PTransform):
    """Packs of ranges, in any order, read."""

    def __init__(self, packs: Sequence[Pack], batch_bytes: int, sample: float) -> None:
        super().__init__()
        self.packs = packs
        self.batch_bytes = batch_bytes
        self.sample = sample

    @no_annotations
    def expand(self, begin: beam.pvalue.PBegin) -> RawDocuments:
        read = (
            begin
            | "ListRanges" >> beam.Create(self.packs, reshuffle=False).with_output_types(Pack)  # else a type for each length of a pack
            | "SpreadRanges" >> Spread()
            | "ReadRecords"
            >> beam.ParDo(ReadRecords(self.batch_bytes, self.sample)).with_outputs("rejects", "accounts", "damaged", main="batches")
        )
        return RawDocuments(read.batches, read.rejects, read.accounts, read.damaged)


class ReadRecords(beam.DoFn):
    """A pack of file ranges → batches of their documents; rejects, accounts and damaged files as tagged outputs.

    Args:
      batch_bytes: text in a batch.
      sample: share of the records that is taken.
    """

    def __init__(self, batch_bytes: int, sample: float = 1.0) -> None:
        self.batch_bytes = batch_bytes
        self.sample = sample

    def process(
        self, pack: Pack
    ) -> Iterator[
        pa.RecordBatch
        | RejectOutput
        | beam.pvalue.TaggedOutput[Literal["accounts"], Account]
        | beam.pvalue.TaggedOutput[Literal["damaged"], Damage]
    ]:
        """Never fails for what is in a file, only where a file system does."""
        documents = _Pending(RAW_SCHEMA, self.batch_bytes)
        rejects = _Pending(REJECT_SCHEMA, self.batch_bytes)
        for part in pack:
            source, path = part.file.source, part.file.path
            account = Counter({"files.read": int(part.start == 0)})
            for event in read_range(part, open_file):
                match event:
                    case FileStart():
                        path = event.path
                        account.update([f"formats.{event.format}", f"encodings.{event.encoding}"])
                        account[f"confidence.{event.encoding}"] += round(1000 * event.confidence)
                    case Document():
                        account["documents.read"] += 1
                        if self._takes(account, event.title, event.text):
                            yield from documents.add(event.size, **_document_row(event, source, path))
                    case BadRecord():
                        account["documents.read"] += 1
                        if self._takes(account, event.reason, event.excerpt):
                            for batch in rejects.add(len(event.excerpt), **_reject_row(event, source, path)):
                                yield beam.pvalue.TaggedOutput("rejects", batch)
                    case DamagedFile(file, error):
                        account["files.damaged"] += 1
                        yield beam.pvalue.TaggedOutput("damaged", {"source": source, "file": file, "error": error})
                    case RangeEnd(num_bytes):
                        account["bytes.read"] += num_bytes
            yield beam.pvalue.TaggedOutput("accounts", by_source(dict(account), source))
        yield from documents.flush()
        for batch in rejects.flush():
            yield beam.pvalue.TaggedOutput("rejects", batch)

    def _takes(self, account: Counter[str], title: str, text: str) -> bool:
        """Whether a record belongs to the sample; if not, it is counted as left out."""
        taken = self.sample >= 1 or is_sampled(record_key(title, text), self.sample)
        if not taken:
            account["documents.left_out"] += 1
        return taken


def _document_row(event: Document, source: str, path: str) -> dict[str, Any]:
    origin = f"{path}:{event.offset}"
    return {"source": source, "origin": origin, "title": event.title, "text": event.text, "url": event.url, "quality": event.quality}


def _reject_row(event: BadRecord, source: str, path: str) -> dict[str, Any]:
    row = {"stage": STAGE, "reason": event.reason, "message": event.message, "excerpt": event.excerpt, "is_error": event.is_error}
    return {"source": source, "origin": f"{path}:{event.offset}"} | row


class _Pending:
    """Rows that wait until they are `batch_bytes` together."""

    def __init__(self, schema: pa.Schema, batch_bytes: int) -> None:
        self._schema = schema
        self._batch_bytes = batch_bytes
        self._rows: list[dict[str, Any]] = []
        self._size = 0

    def add(self, size: int, **row: Any) -> Iterator[pa.RecordBatch]:
        if size >= self._batch_bytes:  # a great record goes alone: no batch is larger than a record may be
            yield from self.flush()
        self._rows.append(row)
        self._size += size + ROW_BYTES
        if self._size >= self._batch_bytes:
            yield from self.flush()

    def flush(self) -> Iterator[pa.RecordBatch]:
        if self._rows:
            names = self._schema.names
            columns = zip(*([row[name] for name in names] for row in self._rows), strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, schema=self._schema)  # twice as fast as from_pylist
            self._rows, self._size = [], 0
