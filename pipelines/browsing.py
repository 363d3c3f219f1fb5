"""Cleaned documents and rejects as a person reads them."""

import dataclasses
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

import pyarrow.parquet as pq

from pipelines import storage
from pipelines.errors import BuildError
from pipelines.output_folder import CLEANED, DOCUMENTS, REJECTS

SHOWN_CHARACTERS = 400
"""Of a document: its first and last characters tell most."""
COLUMNS = ["source", "origin", "title", "text"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShownDocument:
    """One cleaned document."""

    source: str
    origin: str
    title: str
    text_: str

    def text(self) -> str:
        """The document on a few lines, the middle of a long one left out."""
        body, half = self.text_, SHOWN_CHARACTERS // 2
        if len(body) > SHOWN_CHARACTERS:
            body = f"{body[:half]}\n… {len(body) - 2 * half:,} characters …\n{body[-half:]}"
        title = f"  《{self.title}》" if self.title else ""
        return f"{self.source}  {self.origin}{title}\n" + "\n".join(f"  {line}" for line in body.split("\n"))

    def json(self) -> str:
        """The document on one line, whole."""
        return json.dumps({"source": self.source, "origin": self.origin, "title": self.title, "text": self.text_}, ensure_ascii=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShownReject:
    """One document that was not kept. Fields as in the file."""

    source: str
    origin: str
    stage: str
    reason: str
    message: str
    excerpt: str
    is_error: bool

    def text(self) -> str:
        """The reject on a few lines."""
        excerpt = self.excerpt.replace("\n", " ⏎ ")
        return f"{self.reason}  {self.source}  {self.origin}\n  {self.message}\n  │ {excerpt}"

    def json(self) -> str:
        """The reject on one line, as it is in the file."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)


def find_browser(path: str) -> "Callable[[int], Iterator[ShownDocument | ShownReject]] | None":
    """What shows a path, if it holds documents or rejects: a file of either, their folders, or one with such a name above them."""
    if path.endswith(".parquet"):
        return lambda count: islice(show_documents([path]), count)
    if path.endswith(".jsonl"):
        return lambda count: islice(show_rejects(path), count)
    names = set(path.rstrip("/").split("/")[-3:])
    if names & {DOCUMENTS, CLEANED} and (files := storage.list_files(storage.join(path, "**.parquet"))):
        return lambda count: islice(show_documents(files), count)
    if REJECTS in names and (files := storage.list_files(storage.join(path, "**.jsonl"))):
        return lambda count: _some_of_each(files, count)
    if storage.exists(storage.join(path, DOCUMENTS)) and (files := storage.list_files(storage.join(path, DOCUMENTS, "*.parquet"))):
        return lambda count: islice(show_documents(files), count)
    return None


def show_documents(paths: Iterable[str]) -> Iterator[ShownDocument]:
    """The documents of Parquet files. They are sorted by identity, so the first ones are as good as a draw.

    Raises:
      BuildError: a file that holds something else.
    """
    for path in paths:
        with storage.open_file(path) as file:
            try:
                parquet = pq.ParquetFile(file)
                for group in range(parquet.num_row_groups):
                    for row in parquet.read_row_group(group, columns=COLUMNS).to_pylist():
                        yield ShownDocument(source=row["source"], origin=row["origin"], title=row["title"], text_=row["text"])
            except (ValueError, KeyError, OSError) as error:
                raise BuildError(
                    f"{path} holds no cleaned documents: {error}\ngive a file of OUTPUT/documents or OUTPUT/cleaned"
                ) from error


def show_rejects(path: str) -> Iterator[ShownReject]:
    """The rejects of a JSON Lines file.

    Raises:
      BuildError: a file that holds something else.
    """
    with storage.open_file(path) as file:
        for number, line in enumerate(file, 1):
            try:
                yield ShownReject(**json.loads(line))
            except (ValueError, TypeError) as error:
                raise BuildError(f"{path}: line {number} is no reject: {error}\ngive a file of OUTPUT/rejects") from error


def _some_of_each(files: Iterable[str], count: int) -> Iterator[ShownReject]:
    """The first rejects for each reason, of every source."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for file in files:
        by_reason[re.sub(r"(-\d{5}-of-\d{5})?\.jsonl$", "", file)].append(file)
    for group in by_reason.values():
        yield from islice(chain.from_iterable(map(show_rejects, group)), count)
