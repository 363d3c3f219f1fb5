"""JSON Lines: one object a line, its text in a named field."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from corpora.decoding import drop_lone_surrogates
from corpora.records import EXCERPT_CHARACTERS, BadRecord, Document, Event
from corpora.sections import Section


@dataclass(frozen=True, slots=True)
class JsonFields:
    """Which fields of an object hold the text and the title: the first that is there counts."""

    text: tuple[str, ...]
    title: tuple[str, ...] = ()


WIKI_FIELDS = JsonFields(text=("text",), title=("title",))
COMMON_FIELDS = JsonFields(text=("text", "content"), title=("title",))


def json_lines_reader(fields: JsonFields) -> Callable[[Section], Iterator[Event]]:
    """A reader of JSON Lines whose objects have these fields."""

    def read(section: Section) -> Iterator[Event]:
        for line in section.own_lines():
            if line.data is None:
                yield section.too_long(line.offset, line.size)
            elif line.data.strip():
                yield parse_record(section, line.offset, line.data, fields)

    return read


def parse_record(section: Section, offset: int, data: bytes, fields: JsonFields) -> Event:
    """The document of one line, or why it is none."""
    try:
        # The quick way: it checks UTF-8 too, and takes no escapes that are lone surrogates.
        value = orjson.loads(data if section.encoding == "utf-8" else data.decode(section.encoding))
    except ValueError:
        return _parse_leniently(section, offset, data, fields)
    picked = _pick(value, fields)
    if isinstance(picked, str):
        return BadRecord(offset, len(data), "no_text", picked, section.excerpt(data))
    return Document(offset, len(data), *picked)


def _parse_leniently(section: Section, offset: int, data: bytes, fields: JsonFields) -> Event:
    """The same with the standard library, which also takes NaN and lone surrogates, after a byte order mark is gone."""
    text = section.decode(offset, data)
    if isinstance(text, BadRecord):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return BadRecord(offset, len(data), "invalid_json", f"not JSON: {error}", text[:EXCERPT_CHARACTERS])
    picked = _pick(value, fields)
    if isinstance(picked, str):
        return BadRecord(offset, len(data), "no_text", drop_lone_surrogates(picked), section.excerpt(data))
    title, body = picked
    return Document(offset, len(data), drop_lone_surrogates(title), drop_lone_surrogates(body))


def _pick(value: Any, fields: JsonFields) -> tuple[str, str] | str:
    """Title and text of a JSON value, or what is missing."""
    if not isinstance(value, dict):
        return f"a JSON {_type_name(value)}, not an object"
    name = next((name for name in fields.text if name in value), None)
    if name is None:
        have = ", ".join(sorted(value)[:8]) or "none"
        return f"no field {' or '.join(fields.text)}; the object has: {have}"
    text = value[name]
    if not isinstance(text, str):
        return f"field {name} is a JSON {_type_name(text)}, not a string"
    title = next((value[name] for name in fields.title if isinstance(value.get(name), str)), "")
    return title, text


def _type_name(value: Any) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}
    return names[type(value)]
