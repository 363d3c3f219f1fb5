"""Where a record of JSON, CSV or Parquet has its text: field names by configuration, not code.

An expression names one field, or several:

    text|content      the first that has something
    desc+answer       both, as paragraphs
    meta.title        a field of a field; of a list of records, that field of each
    2                 the second column of a row, or element of a list, if no field has this name

A list of strings is a text of as many paragraphs.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, NamedTuple

from corpora.errors import CorpusError

TEXT_NAMES = (
    "text", "content", "正文", "内容", "文本", "body", "article", "article_text", "raw_content", "main_text", "paragraphs",
    "paragraphs.context", "document", "passage", "context", "context_text", "sentence", "review", "comment", "段落", "答", "answer",
    "output", "markdown", "desc", "description",
)  # fmt: skip
"""What public corpora call the text, the surest names first."""
TITLE_NAMES = ("title", "标题", "题目", "headline")
URL_NAMES = ("url", "URL", "链接", "网址", "link")
SHOWN_NAMES = 8  # of the fields that a record without text has
_KINDS = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", int: "a number", float: "a number", type(None): "null"}
_MISSING = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """Expressions; see the top of this file.

    Attributes:
      text: the document's text.
      title: its title, which is kept but is not part of the text.
      url: its web address.
      quality: its score, a number.
      each: of a record that holds several documents, the list of them; the other expressions are then about its elements.

    Raises:
      CorpusError: on construction, for an expression that lacks a name.
    """

    text: str = "|".join(TEXT_NAMES)
    title: str = "|".join(TITLE_NAMES)
    url: str = "|".join(URL_NAMES)
    quality: str = ""
    each: str = ""

    def __post_init__(self) -> None:
        for key in _keys():
            value = getattr(self, key)
            if not isinstance(value, str):
                raise CorpusError(f"field '{key}' is {kind_of(value)}, not the name of a field\ngive it as {key}=NAME")
            names = [name for alternative in alternatives(value) for path in alternative for name in path.split(".")]
            if not all(names) and (value or key == "text"):
                raise CorpusError(f"field {key}='{value}' lacks a name\ngive it as {key}=NAME, NAME|OTHER, NAME+NAME or NAME.INNER")

    @classmethod
    def parse(cls, value: str) -> "Fields":
        """The fields of `text=body,title=headline`."""
        pairs = [pair.partition("=") for pair in value.split(",")]
        if wrong := [name for name, equals, _ in pairs if not equals]:
            raise CorpusError(f"fields '{value}': '{wrong[0]}' has no '='\ngive them as text=NAME,title=NAME")
        names = [name.strip() for name, _, _ in pairs]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise CorpusError(f"fields '{value}' give '{twice}' twice\ngive alternatives as {twice}=NAME|OTHER")
        return cls.from_mapping({name: names.strip() for name, (_, _, names) in zip(names, pairs, strict=True)})

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "Fields":
        """The fields of `{"text": "body", "title": "headline"}`; a number is the number of a column."""
        if unknown := [str(key) for key in values if key not in _keys()]:
            raise CorpusError(f"unknown field '{unknown[0]}'\nknown: {', '.join(_keys())}")
        numbers = {key: str(value) for key, value in values.items() if isinstance(value, int) and not isinstance(value, bool)}
        return cls(**{**values, **numbers})


@lru_cache(maxsize=1)
def _keys() -> tuple[str, ...]:
    return tuple(field.name for field in fields(Fields))


@lru_cache(maxsize=256)
def alternatives(expression: str) -> tuple[tuple[str, ...], ...]:
    """The dotted paths of each alternative of an expression.

    >>> alternatives("a.b+c|d")
    (('a.b', 'c'), ('d',))
    """
    return tuple(tuple(path.strip() for path in alternative.split("+")) for alternative in expression.split("|"))


class Picked(NamedTuple):
    """What the fields of one document hold."""

    title: str
    text: str
    url: str | None = None
    quality: float | None = None


def pick(value: Any, where: Fields) -> list[Picked | str]:
    """The documents of a record, or for each that it cannot give the reason why: one, or with `each` one for each element of that list."""
    if not where.each:
        return [_pick_one(value, where)]
    if not isinstance(value, dict | list):
        return [f"{kind_of(value)}, not an object"]
    found = next((found for (path, *_) in alternatives(where.each) if (found := _find(value, path)) is not _MISSING), _MISSING)
    if isinstance(found, dict | str):
        found = [found]
    if not isinstance(found, list):
        what = "is not there" if found is _MISSING else f"is {kind_of(found)}, not an array"
        return [f"field {where.each} {what}; {_has(value)}"]
    return [_pick_one(element, where) for element in found] or [f"field {where.each} is an empty array"]


def kind_of(value: Any) -> str:
    """What a value is, as JSON calls it."""
    return _KINDS.get(type(value), f"a {type(value).__name__}")


def has_text(names: Iterable[str], where: Fields) -> bool:
    """Whether a table with columns of these names has one of those that `where` reads the text from."""
    known = set(names)
    paths = [path for alternative in alternatives(where.each or where.text) for path in alternative]
    return any(path in known or path.partition(".")[0] in known for path in paths)


def column_roots(where: Fields) -> frozenset[str]:
    """The columns that the expressions may mean, by their own names or as the first part of a dotted one."""
    expressions = (where.each,) if where.each else (where.text, where.title, where.url, where.quality)
    paths = [path for expression in expressions for alternative in alternatives(expression) for path in alternative if path]
    return frozenset(name for path in paths for name in (path, path.partition(".")[0]))


def missing_column(names: Iterable[str], where: Fields) -> str:
    """What to say of a table that has no text."""
    return f"{_no_field(where.each or where.text)}; the columns are: {_listed(names)}; name one, as in text=NAME"


def _pick_one(value: Any, where: Fields) -> Picked | str:
    if isinstance(value, str):
        return Picked("", value)
    if not isinstance(value, dict | list):
        return f"{kind_of(value)}, not an object"
    paragraphs = _pick_text(value, where.text)
    if isinstance(paragraphs, str):
        return paragraphs
    text = paragraphs[0] if len(paragraphs) == 1 else "\n".join(paragraphs)
    return Picked(
        _first(value, where.title, str) or "",
        text,
        _first(value, where.url, str) or None,
        _number(_first(value, where.quality, str | int | float)) if where.quality else None,
    )


def _pick_text(value: dict[str, Any] | list[Any], expression: str) -> list[str] | str:
    """The paragraphs that the first alternative with any holds; or why there is none."""
    empty: list[str] | None = None
    message = ""
    for alternative in alternatives(expression):
        paragraphs: list[str] = []
        for path in alternative:
            found = _find(value, path)
            if isinstance(found, str):
                paragraphs.append(found)
            elif isinstance(found, list):
                inner = _flatten(found)
                if isinstance(inner, list):
                    paragraphs += inner
                    empty = empty or []
                else:
                    message = message or f"field {path} is an array that holds {inner}, not only strings"
            elif found is not _MISSING:
                message = message or f"field {path} is {kind_of(found)}, not a string"
        if paragraphs and not any(paragraphs):
            empty = paragraphs
        elif paragraphs:
            return paragraphs if len(paragraphs) == 1 else [paragraph for paragraph in paragraphs if paragraph]
    if empty is not None:
        return [""]
    if isinstance(value, list):
        return "an array, not an object"
    return message or f"{_no_field(expression)}; {_has(value)}"


def _no_field(expression: str) -> str:
    names = expression.split("|")
    more = f" (or {len(names) - 2} more)" if len(names) > 2 else ""
    return f"no field {' or '.join(names[:2])}{more}"


def _has(value: dict[str, Any] | list[Any]) -> str:
    return f"the record has: {_listed(value) if isinstance(value, dict) else len(value)}"


def _listed(names: Iterable[str]) -> str:
    names = sorted(names)
    return f"{', '.join(names[:SHOWN_NAMES]) or 'none'}{', …' if len(names) > SHOWN_NAMES else ''}"


def _find(value: Any, path: str) -> Any:
    """What is at a dotted path, or `_MISSING`; a field whose own name has dots comes before a field of a field."""
    if isinstance(value, dict):
        if path in value:
            return value[path]
        name, dot, rest = path.partition(".")
        return _find(value[name], rest) if dot and name in value else _MISSING
    if isinstance(value, list):
        name, dot, rest = path.partition(".")
        if name.isascii() and name.isdigit():
            element = value[int(name) - 1] if 0 < int(name) <= len(value) else _MISSING
            return _find(element, rest) if dot else element
        # Of records only: a list of lists of … would need a stack as deep as the nesting.
        found = [inner for element in value if isinstance(element, dict) and (inner := _find(element, path)) is not _MISSING]
        return found or _MISSING
    return _MISSING


def _flatten(values: list[Any]) -> list[str] | str:
    """The strings of a list and of the lists in it; or what else it holds."""
    strings: list[str] = []
    waiting = values[::-1]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            strings.append(value)
        elif isinstance(value, list):
            waiting += value[::-1]
        elif value is not None:
            return kind_of(value)
    return strings


def _first(value: Any, expression: str, kind: Any) -> Any:
    """The first alternative of that kind; parts joined by `+` are for texts only."""
    for alternative in alternatives(expression):
        found = [part for path in alternative if isinstance(part := _find(value, path), kind)]
        if len(found) == 1:
            return found[0]
        if found:
            return " ".join(map(str, found))
    return None


def _number(value: Any) -> float | None:
    """A score; None if it is no finite number."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and not isinstance(value, bool) else None
