"""Evaluation files → the texts in them: of JSON all strings, of tables all columns, of other files the lines.

Labels, identifiers and headers come along; they are too short to be found in a document, or hold no Chinese.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from corpora.compression import decompress, detect_compression, strip_compression_suffix
from corpora.decoding import SAMPLE_BYTES, detect_encoding

_VALUE = re.compile(r"[^\s,]")
"""Where the next value of an array or of a sequence of values begins, or the array ends."""


def read_texts(name: str, content: bytes) -> Iterator[tuple[int, str]]:
    """The texts of a file, each with its line, from 1; of JSON that is not one record a line, with the number of its record.

    Raises:
      DamagedStreamError: the file is compressed, and cut off or corrupt.
      ValueError: it is called JSON and is not.
    """
    compression = detect_compression(name, content[:16])
    if compression is not None:
        content = b"".join(decompress([content], compression))
    text = content.decode(detect_encoding(content[:SAMPLE_BYTES]), "replace").removeprefix("\ufeff")
    suffix = PurePosixPath(strip_compression_suffix(name).lower()).suffix
    records = _json_records(text, is_json=suffix in (".json", ".jsonl")) if text.lstrip()[:1] in ("{", "[") else None
    if records is not None:
        yield from ((number, string) for number, value in enumerate(records, 1) for string in _strings(value))
    elif suffix == ".csv":
        rows = csv.reader(io.StringIO(text, newline=""))
        yield from ((number, cell) for number, row in _numbered(rows) for cell in row)
    else:
        yield from ((number, cell) for number, line in enumerate(text.splitlines(), 1) for cell in line.split("\t"))


def _json_records(text: str, *, is_json: bool) -> list[Any] | None:
    """The records of a file that begins like JSON; None if it is none after all (a line may begin with a bracket)."""
    try:
        return _json_lines(text) or _json_sequence(text)
    except ValueError:
        if is_json:
            raise
        return None


def _json_lines(text: str) -> list[Any]:
    """One record a line, blank lines as None so that they count; nothing if the first line is not a record."""
    lines = text.splitlines()
    try:
        first = json.loads(lines[0])
    except ValueError:
        return []
    if isinstance(first, list) and len(lines) == 1:
        return first
    return [json.loads(line) if line.strip() else None for line in lines]


def _json_sequence(text: str) -> list[Any]:
    """The items of an array, or objects one after the other, over any number of lines."""
    decoder, records = json.JSONDecoder(), []
    start = len(text) - len(text.lstrip())
    is_array = text[start] == "["
    found = _VALUE.search(text, start + is_array)
    while found is not None and not (is_array and found.group() == "]"):
        value, end = decoder.raw_decode(text, found.start())
        records.append(value)
        found = _VALUE.search(text, end)
    return records


def _strings(value: Any) -> Iterator[str]:
    """All strings of a JSON value, however deep; names of fields are none."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting.extend(reversed(value.values()))
        elif isinstance(value, list):
            waiting.extend(reversed(value))


def _numbered(rows: Any) -> Iterator[tuple[int, Iterable[str]]]:
    """CSV rows with the line on which each begins: a quoted cell may hold line ends."""
    begin = 1
    for row in rows:
        yield begin, row
        begin = rows.line_num + 1
