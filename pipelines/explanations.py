"""A few documents of a corpus, and what each rule would change or drop: for whoever tunes the rules."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from corpora.files import CorpusFile
from corpora.listing import file_ranges
from corpora.reading import read_range
from corpora.records import BadRecord, DamagedFile, Document, FileStart
from corpora.sources import Source
from pipelines.explain import Explanation, explain
from pipelines.read import RANGE_BYTES, list_sources, open_file
from pipelines.recipe import CleanConfig
from pipelines.sampling import record_key

MAX_FILES = 50
MAX_LOOKED_AT = 2000
"""Records from which the shown ones are chosen, so that they are not all from the first page."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a file: a document, or why it is none."""

    origin: str
    event: Document | BadRecord | DamagedFile

    @property
    def key(self) -> int:
        """What the choice goes by: the same records in every run."""
        event = self.event
        return record_key(event.title, event.text) if isinstance(event, Document) else record_key("", str(event))


def explain_corpus(sources: Sequence[Source], config: CleanConfig, count: int) -> Iterator[Explanation]:
    """What the rules do to `count` records, spread over the corpus."""
    files = list_sources(sources)
    chosen = files[:: max(1, len(files) // MAX_FILES)][:MAX_FILES]
    each = max(count, MAX_LOOKED_AT // len(chosen))
    records = [record for file in chosen for record in islice(records_of(file), each)]
    for record in sorted(sorted(records, key=lambda record: record.key)[:count], key=lambda record: record.origin):
        yield explain_record(record, config)


def records_of(file: CorpusFile) -> Iterator[Record]:
    """The records of a file in order."""
    path = file.path
    for part in file_ranges(file, RANGE_BYTES):
        for event in read_range(part, open_file):
            match event:
                case FileStart():
                    path = event.path
                case Document() | BadRecord():
                    yield Record(f"{path}:{event.offset}", event)
                case DamagedFile():
                    yield Record(event.file, event)


def explain_record(record: Record, config: CleanConfig) -> Explanation:
    """What the rules do to one record."""
    match record.event:
        case Document(_, _, title, text, url, quality):
            return explain(text, config, origin=record.origin, title=title, url=url, quality=quality)
        case BadRecord(_, _, reason, message, excerpt, _):
            return Explanation.unread(record.origin, reason, message, excerpt)
        case DamagedFile(_, error):
            return Explanation.unread(record.origin, "damaged_file", error, "")
