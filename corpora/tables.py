"""CSV and TSV: a record a row, its text in a column.

A quote that is never closed would swallow all rows after it. So a row that cannot be read as quoted, or has not the number of columns that
the others have, is its first line only, cut at every delimiter; and if that does not give a good row either, it is a reject.
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from corpora.byte_ranges import MAX_RECORD_BYTES, Line
from corpora.dialects import DELIMITERS, Dialect, choose_text, column_names, decide_dialect, has_header, numbered_columns
from corpora.fields import Fields, Picked, has_text, missing_column, pick
from corpora.records import EXCERPT_CHARACTERS, BadRecord, DamagedFile, Document, Event
from corpora.sections import Section

SAMPLE_LINES = 200
SAMPLE_BYTES = 1 << 20
MIN_TABLE_LINES = 5
"""A file that is no table by its name is one if so many lines, and all of the sample, have the same number of tabs."""
MIN_TABLE_TEXT = 10
"""Characters, on average, in the longest column of such a file."""


class Row(NamedTuple):
    """The cells of a row that starts at byte `offset` and takes `size` bytes."""

    offset: int
    size: int
    cells: list[str]


def looks_like_table(text: str, suffix: str) -> str | None:
    """`csv` or `tsv` if a file is one by its name, or every line of its beginning has the same number of tabs."""
    if suffix in {".csv", ".tsv"}:
        return suffix[1:]
    if suffix not in {".txt", ".tab", ".dat", ""}:
        return None
    rows = [line.split("\t") for line in text.split("\n")[:-1]]  # the last may be cut
    if len(rows) < MIN_TABLE_LINES or len(rows[0]) < 2 or any(len(row) != len(rows[0]) for row in rows):
        return None
    longest = max(sum(map(len, column)) for column in zip(*rows, strict=True))
    return "tsv" if longest >= MIN_TABLE_TEXT * len(rows) else None


def read_csv(section: Section) -> Iterator[Event]:
    """Each row but the header, if there is one, with any of the known delimiters."""
    return _read_table(section, DELIMITERS)


def read_tsv(section: Section) -> Iterator[Event]:
    """Each row but the header, if there is one, with tabs between its cells."""
    return _read_table(section, ("\t",))


def _read_table(section: Section, delimiters: tuple[str, ...]) -> Iterator[Event]:
    csv.field_size_limit(MAX_RECORD_BYTES)  # for the whole process, like every setting of that module: 128 KiB otherwise
    lines = section.own_lines()
    head = _take_head(lines)
    dialect = decide_dialect([text for line in head if (text := _lenient_text(section, line)).strip()], delimiters)
    sample = [row.cells for row in _rows(section, dialect, head) if isinstance(row, Row)]
    is_header = has_header(sample, section.fields)
    names = column_names(sample[0] if is_header else [""] * dialect.num_columns)
    fields = section.fields
    if fields is None:
        names = [name.lower() for name in names]
        fields = Fields(text=choose_text(names, sample[is_header:]))
    columns = {name: i for i, name in enumerate(names)} | numbered_columns(fields, names)
    if sample and not has_text(list(columns), fields):
        yield DamagedFile(section.path, missing_column(list(columns), fields))
        return
    for row in _rows(section, dialect, chain(head, lines)):
        if isinstance(row, BadRecord):
            yield row
        elif is_header:
            is_header = False
        else:
            yield _document({name: row.cells[i] for name, i in columns.items()}, row, fields)


def _document(record: dict[str, str], row: Row, fields: Fields) -> Event:
    (picked,) = pick(record, fields)
    if isinstance(picked, Picked):
        return Document(row.offset, row.size, *picked)
    return BadRecord(row.offset, row.size, "no_text", picked, "".join(row.cells)[:EXCERPT_CHARACTERS])


def _take_head(lines: Iterator[Line]) -> list[Line]:
    """The lines that decide how the file is written."""
    head: list[Line] = []
    size = 0
    for line in lines:
        head.append(line)
        size += line.size
        if len(head) >= SAMPLE_LINES or size >= SAMPLE_BYTES:
            break
    return head


def _lenient_text(section: Section, line: Line) -> str:
    return (line.data or b"").decode(section.encoding, "replace").removeprefix("\ufeff")


def _rows(section: Section, dialect: Dialect, lines: Iterable[Line]) -> Iterator[Row | BadRecord]:
    """Rows with the right number of columns, and rejects for what is none; lines that are blank separate rows."""
    waiting: deque[Line] = deque()  # lines that a row took without need
    rest = iter(lines)
    while (line := waiting.popleft() if waiting else next(rest, None)) is not None:
        if line.data is None:
            yield section.too_long(line.offset, line.size)
        elif dialect.quotes and b'"' in line.data:
            taken = _gather(section, dialect, line, chain(_drain(waiting), rest))
            row = _quoted_row(section, dialect, taken)
            if row is None:
                waiting.extendleft(reversed(taken[1:]))
                row = _plain_row(section, dialect, line.offset, line.data)
            yield row
        elif line.data.strip():
            yield _plain_row(section, dialect, line.offset, line.data)


def _drain(waiting: deque[Line]) -> Iterator[Line]:
    while waiting:
        yield waiting.popleft()


def _gather(section: Section, dialect: Dialect, line: Line, following: Iterator[Line]) -> list[Line]:
    """`line` and as many of those that follow as it takes for all quotes to be closed, or for there to be no hope of that."""
    taken = [line]
    is_open = dialect.leaves_open(line.data or b"")
    while is_open and (line := next(following, line)) is not taken[-1]:
        taken.append(line)
        if line.data is None or line.offset + line.size - taken[0].offset > section.max_record_bytes:
            break
        is_open ^= dialect.leaves_open(line.data)
    return taken


def _quoted_row(section: Section, dialect: Dialect, lines: list[Line]) -> Row | BadRecord | None:
    """The row that takes all these lines; None if it takes not just these, or has not the right number of columns."""
    if lines[-1].data is None:
        return None
    data = b"\n".join([line.data or b"" for line in lines])
    text = section.decode(lines[0].offset, data)
    readable = data.decode(section.encoding, "replace") if isinstance(text, BadRecord) else text
    try:
        cells = dialect.parse_quoted([readable + "\n"])
    except csv.Error:
        return None
    if len(cells) != dialect.num_columns:
        return None
    return text if isinstance(text, BadRecord) else Row(lines[0].offset, len(data), cells)


def _plain_row(section: Section, dialect: Dialect, offset: int, data: bytes) -> Row | BadRecord:
    """The row of a line without quotes that mean anything; one empty cell at the end is nothing."""
    text = section.decode(offset, data)
    if isinstance(text, BadRecord):
        return text
    cells = dialect.cut(text)
    if len(cells) == dialect.num_columns + 1 and not cells[-1]:
        cells.pop()
    if len(cells) == dialect.num_columns:
        return Row(offset, len(data), cells)
    message = f"{len(cells)} columns, not {dialect.num_columns}"
    return BadRecord(offset, len(data), "wrong_columns", message, text[:EXCERPT_CHARACTERS])
