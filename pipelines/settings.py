"""Options of a configuration dataclass by name, read from what a person types."""

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines import storage
from pipelines.errors import BuildError
from pipelines.word_lists import read_list

_TRUTHS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def parse_settings(config: type, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Values by the type of each field's default; a list is `甲,乙`, or `@FILE` with one entry a line.

    Args:
      config: a dataclass whose fields have defaults.
      settings: names and values; a value may be text, or what YAML makes of it.

    Raises:
      BuildError: an unknown name, a value of another type, a list that cannot be read.
    """
    fields = {field.name: field for field in dataclasses.fields(config)}
    values: dict[str, Any] = {}
    for name, value in settings.items():
        known = name.strip().replace("-", "_")
        if known not in fields:
            near = difflib.get_close_matches(known, fields, n=3, cutoff=0.4) or list(fields)
            raise BuildError(f"there is no cleaning option {name}\nnearest: {', '.join(near)}")
        values[known] = _parse(known, value, fields[known].default)
    return values


def _parse(name: str, value: Any, default: Any) -> Any:
    if isinstance(default, tuple):
        return _parse_list(name, value)
    text = str(value).strip().lower()
    if default is None and text in ("", "none"):
        return None
    if isinstance(default, bool):
        if text not in _TRUTHS:
            raise BuildError(f"{name} {value} is neither true nor false\nthe default is {str(default).lower()}")
        return _TRUTHS[text]
    kind = int if isinstance(default, int) else float
    try:
        return kind(text)
    except ValueError:
        article = "a whole number" if kind is int else "a number"
        raise BuildError(f"{name} {value} is not {article}\nthe default is {'none' if default is None else default}") from None


def _parse_list(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        if value.startswith("@"):
            return read_list(value[1:], storage.read)
        return tuple(entry for part in value.split(",") if (entry := part.strip()))
    if isinstance(value, Sequence):
        return tuple(map(str, value))
    raise BuildError(f"{name} {value} is not a list\ngive 甲,乙 or @FILE with one entry a line")
