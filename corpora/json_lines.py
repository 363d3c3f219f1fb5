"""JSON Lines: one object a line, its text in a named field."""

import json
from collections.abc import Iterator
from typing import Any

import orjson

from corpora.decoding import drop_lone_surrogates
from corpora.fields import Fields, Picked, pick
from corpora.records import EXCERPT_CHARACTERS, BadRecord, Document, Event
from corpora.sections import Section


def read_json_lines(section: Section) -> Iterator[Event]:
    """Each line that is not blank as one record."""
    fields = section.fields or Fields()
    for line in section.own_lines():
        if line.data is None:
            yield section.too_long(line.offset, line.size)
        elif line.data.strip():
            value = parse(section, line.offset, line.data)
            if isinstance(value, BadRecord):
                yield value
            else:
                yield from pick_documents(section, line.offset, line.data, value, fields)


def parse(section: Section, offset: int, data: bytes) -> Any | BadRecord:
    """The JSON value of a line, or why it has none."""
    try:
        # The quick way: it checks UTF-8 too, and takes no escapes that are lone surrogates.
        return orjson.loads(data if section.encoding == "utf-8" else data.decode(section.encoding))
    except ValueError:
        return _parse_leniently(section, offset, data)


def _parse_leniently(section: Section, offset: int, data: bytes) -> Any | BadRecord:
    """The same with the standard library, which also takes NaN, lone surrogates and bare tabs, after a byte order mark is gone."""
    text = section.decode(offset, data)
    if isinstance(text, BadRecord):
        return text
    try:
        return without_lone_surrogates(json.loads(text, strict=False))
    except (ValueError, RecursionError) as error:
        return BadRecord(offset, len(data), "invalid_json", f"not JSON: {error}", drop_lone_surrogates(text[:EXCERPT_CHARACTERS]))


def without_lone_surrogates(value: Any) -> Any:
    """A JSON value whose strings UTF-8 can hold.

    Raises:
      RecursionError: if it is nested about as deep as the standard library can read.
    """
    return json.loads(drop_lone_surrogates(json.dumps(value, ensure_ascii=False)))


def pick_documents(section: Section, offset: int, data: bytes, value: Any, fields: Fields) -> Iterator[Event]:
    """The documents of a record's value. Of several in one record, the i-th has the record's offset plus i."""
    picked = pick(value, fields)
    for i, found in enumerate(picked):
        if isinstance(found, Picked):
            yield Document(offset + i, len(data) // len(picked), *found)
        else:
            yield BadRecord(offset + i, len(data) // len(picked), "no_text", found, section.excerpt(data))
