"""Cleaned documents and rejects as a person reads them."""

import dataclasses
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from typing import Any

import pyarrow.parquet as pq

from albert_core.shards import MANIFEST
from pipelines import storage
from pipelines.errors import BuildError
from pipelines.output_folder import DOCUMENTS

SHOWN_CHARACTERS = 400
"""Of a document: its first and last characters tell most."""
COLUMNS = ["document_id", "source", "origin", "title", "text"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShownDocument:
    """One cleaned document."""

    document_id: str
    """In hexadecimal digits."""
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
        head = f"{self.source}  {self.origin}{title}\ndocument {self.document_id}"
        return "\n".join([head, *(f"  {line}" for line in body.split("\n"))])

    def json(self) -> str:
        """The document on one line, whole."""
        return json.dumps({name: getattr(self, "text_" if name == "text" else name) for name in COLUMNS}, ensure_ascii=False)

    @classmethod
    def of(cls, row: dict[str, Any]) -> "ShownDocument":
        """A row of COLUMNS, its identity as bytes or as hexadecimal digits."""
        document_id = row["document_id"]
        return cls(
            document_id=document_id if isinstance(document_id, str) else document_id.hex(),
            source=row["source"],
            origin=row["origin"],
            title=row["title"],
            text_=row["text"],
        )


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Page:
    """Which documents are shown; of rejects, for each reason."""

    count: int = 3
    start: int = 0
    document: str | None = None
    """The one with this identity, in hexadecimal digits."""


Browse = Callable[[Page], "Iterator[ShownDocument | ShownReject]"]


def find_browser(path: str) -> Browse | None:
    """What shows a path that holds documents or rejects, as what lies there says, not its name; None for anything else.

    Of a dataset, its instances are shown and not its documents: None.
    """
    if path.endswith(".parquet"):
        return _browse_documents([path])
    if path.endswith(".jsonl"):
        return _browse_lines([path])
    if storage.is_file(path) or "shards" in _manifest(path):
        return None
    folder = storage.as_pattern(path)
    for pattern in (f"{DOCUMENTS}/*.parquet", "**.parquet"):
        if files := storage.list_files(storage.join(folder, pattern)):
            return _browse_documents(files)
    files = storage.list_files(storage.join(folder, "**.jsonl"))
    return _browse_lines(files) if files else None


def _manifest(folder: str) -> dict[str, Any]:
    path = storage.join(folder, MANIFEST)
    try:
        manifest = storage.read_json(path) if storage.exists(path) else {}
    except ValueError:
        return {}
    return manifest if isinstance(manifest, dict) else {}


def _browse_documents(files: Sequence[str]) -> Browse:
    return lambda page: _documents_of(page, show_documents(files))


def _browse_lines(files: Sequence[str]) -> Browse:
    """Exported documents and rejects are both JSON Lines: their keys tell."""
    return (lambda page: _documents_of(page, show_exported(files))) if is_exported(files[0]) else partial(_some_of_each, files)


def _documents_of(page: Page, documents: Iterator[ShownDocument]) -> Iterator[ShownDocument]:
    """The wanted ones.

    Raises:
      BuildError: none has the wanted identity.
    """
    if page.document is None:
        yield from islice(documents, page.start, page.start + page.count)
        return
    found = next((document for document in documents if document.document_id == page.document), None)
    if found is None:
        raise BuildError(f"--document {page.document} is not here\nidentities are 32 hexadecimal digits, as inspect shows them")
    yield found


def is_exported(path: str) -> bool:
    """Whether the first line of a file is a document of `--export jsonl`."""
    with storage.open_file(path) as file:
        try:
            first = json.loads(file.readline())
        except ValueError:
            return False
    return isinstance(first, dict) and set(COLUMNS) <= set(first)


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
                        yield ShownDocument.of(row)
            except (ValueError, KeyError, OSError) as error:
                raise BuildError(
                    f"{path} holds no cleaned documents: {error}\ngive a file of OUTPUT/documents or OUTPUT/cleaned"
                ) from error


def show_exported(paths: Iterable[str]) -> Iterator[ShownDocument]:
    """The documents of JSON Lines files.

    Raises:
      BuildError: a file that holds something else.
    """
    for path in paths:
        with storage.open_file(path) as file:
            for number, line in enumerate(file, 1):
                try:
                    yield ShownDocument.of(json.loads(line))
                except (ValueError, TypeError, KeyError) as error:
                    raise BuildError(f"{path}: line {number} is no document: {error}\ngive a file of OUTPUT/jsonl") from error


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
                raise BuildError(f"{path}: line {number} is no reject: {error}\ngive a file of OUTPUT/rejects or OUTPUT/jsonl") from error


def _some_of_each(files: Iterable[str], page: Page) -> Iterator[ShownReject]:
    """The rejects for each reason, of every source.

    Raises:
      BuildError: a document is wanted, which no reject is.
    """
    if page.document is not None:
        raise BuildError("--document is one that was kept, and these are rejects\ngive the folder of the dataset or of its documents")
    by_reason: dict[str, list[str]] = defaultdict(list)
    for file in files:
        by_reason[re.sub(r"(-\d{5}-of-\d{5})?\.jsonl$", "", file)].append(file)
    for group in by_reason.values():
        yield from islice(chain.from_iterable(map(show_rejects, group)), page.start, page.start + page.count)
