"""JSON that is not one object a line: arrays, objects printed over many lines or one after the other, and the array that an object wraps.

Values are parsed one after the other out of a window that moves over the stream, so a file may be longer than memory. After damage, reading
goes on at the next place that looks like the beginning of a record: a brace and the first key of the damaged one or of one before. That is
never inside of a string, where the quotes would be escaped.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from corpora.catalogue import corpus_with
from corpora.compression import DamagedStreamError
from corpora.decoding import drop_lone_surrogates
from corpora.fields import Fields
from corpora.json_lines import parse, pick_documents, without_lone_surrogates
from corpora.records import EXCERPT_CHARACTERS, BadRecord, DamagedFile, Event
from corpora.sections import Section

WRAPPERS = ("RECORDS", "data", "rows", "items", "records", "results", "articles", "docs", "list", "corpus")
"""Names of the one member that holds all records, as in exports of databases and web interfaces; `RECORDS` is Navicat's."""
MARGIN = 32
"""Characters. An error so near to the end of the window may come from the cut: no token is longer, but strings, which are asked about."""
MAX_TAIL = 1 << 20
"""Characters after the wrapped array that may be members of the wrapper."""
_HEAD = 4096  # characters in which the wrapped array begins
_OPENING = re.compile(r'\{\s{0,64}"\w[^"\\]{0,63}"')
_MAX_OPENING = 256
_MAX_KEYS = 8  # first keys of records that are remembered
_WRAPPER = re.compile(
    r'\{\s*(?:"[^"\\]{1,64}"\s*:\s*(?:"[^"\\]{0,256}"|[-+.\w]{1,32})\s*,\s*){0,8}"(?:' + "|".join(WRAPPERS) + r')"\s*:\s*\[(?=\s*[{\[])'
)
_ARRAY = re.compile(r'\[\s*(?:\{\s*"|\[\s*"|")')
_OBJECT = re.compile(r'\{\s*["}]')
_BETWEEN = re.compile(r"[\s,\ufeff]*")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_DECODER = json.JSONDecoder(strict=False)  # takes bare tabs and newlines in strings


def looks_like_json(text: str, suffix: str) -> str | None:
    """The format of a file whose beginning is JSON: this one, JSON Lines, or one of them with the fields of a public corpus."""
    text = text.lstrip("\ufeff \t\r\n")
    is_lines = suffix in {".jsonl", ".ndjson"}
    if not is_lines and (_is_over_lines(text) if text.startswith("{") else _is_array(text, suffix)):
        base = "json"
    elif is_lines or suffix == ".json" or _OBJECT.match(text):
        base = "jsonl"
    else:
        return None
    corpus = corpus_with(first_keys(text))
    return corpus.name if corpus is not None and corpus.format == base else base


def _is_over_lines(text: str) -> bool:
    """Whether an object does not end in its line, or wraps an array that may be long."""
    first, newline, rest = text.partition("\n")
    if newline:
        return first.rstrip().endswith(("{", "[", ",")) and not rest.lstrip().startswith("{")
    return _WRAPPER.match(first) is not None


def _is_array(text: str, suffix: str) -> bool:
    """Whether an array of records begins here, and not rows that are an array each, one a line."""
    first, _, rest = text.partition("\n")
    begins = _ARRAY.match(text) or (suffix == ".json" and text.startswith("["))
    return bool(begins) and not (first.rstrip().endswith("]") and rest.lstrip().startswith("["))


def first_keys(text: str) -> frozenset[str]:
    """The keys of the first object; of one that is cut off, those that can be seen."""
    start = text.find("{")
    try:
        value, _ = _DECODER.raw_decode(text, max(0, start))
    except (ValueError, RecursionError):
        return frozenset(re.findall(r'[{,]\s*"([^"\\]{1,64})"\s*:', text))
    return frozenset(value) if isinstance(value, dict) else frozenset()


def read_json(section: Section) -> Iterator[Event]:
    """Each value of the outermost arrays, and each outermost value that is no array, as one record."""
    fields = section.fields or Fields()
    window = _Window(section)
    is_open = wraps = False
    keys: tuple[str, ...] = ()  # that records began with
    while character := window.skip_between():
        if character == "]" and is_open:
            window.advance(window.at + 1)
            if wraps:
                window.skip_tail()
            is_open = wraps = False
            continue
        if not is_open and (start := window.array_start(wrapped=not fields.each)):
            window.advance(start)
            is_open, wraps = True, character == "{"
            continue
        if key := window.first_key():
            keys = keys if key in keys else (*keys[1 - _MAX_KEYS :], key)
        offset, value = window.offset, window.parse()
        if isinstance(value, _Broken):
            event, is_last = _skip_broken(section, window, value, keys)
            is_open = is_open and not is_last
            if event is not None:
                yield event
        else:
            yield from _record(section, offset, window.take(value.end), value.value, fields)
    if window.damage is not None:
        raise window.damage
    if is_open:
        yield DamagedFile(section.path, "the JSON array is not closed: the file is cut off")


def _skip_broken(section: Section, window: "_Window", broken: "_Broken", keys: tuple[str, ...]) -> tuple[Event | None, bool]:
    """Goes on behind a value that cannot be read: what to say of it, and whether it and the array end the file."""
    offset = window.offset
    excerpt = drop_lone_surrogates(window.text[window.at : window.at + EXCERPT_CHARACTERS])
    last = window.skip_to(_beginning(keys))
    if broken.is_cut and last is not None:
        message = f"the JSON is cut off in the record at byte {offset}"
        return DamagedFile(section.path, message) if window.damage is None else None, True
    size = window.offset - offset
    is_last = last in {"]", "}"}
    if not broken.message:
        return section.too_long(offset, size), is_last
    return BadRecord(offset, size, "invalid_json", broken.message, excerpt), is_last


def _record(section: Section, offset: int, data: bytes, value: Any, fields: Fields) -> Iterator[Event]:
    """The documents of the value that `data` was parsed into."""
    if len(data) > section.max_record_bytes:
        yield section.too_long(offset, len(data))
        return
    try:
        text = data.decode(section.encoding)
        if _SURROGATE_ESCAPE.search(text):
            value = without_lone_surrogates(value)
    except (ValueError, RecursionError):
        value = parse(section, offset, data)
    if isinstance(value, BadRecord):
        yield value
    else:
        yield from pick_documents(section, offset, data, value, fields)


def _beginning(keys: Iterable[str]) -> re.Pattern[str]:
    """What records look like that begin with one of these keys, or a line; with no keys, what any value at the beginning of a line does."""
    names = "|".join(map(re.escape, keys))
    return re.compile(rf'\{{\s{{0,64}}"(?:{names})"|\n(?=\{{)' if names else r'\n[ \t]{0,64}(?=[{\["])')


class _Parsed(NamedTuple):
    """A value, and where in the window it ends."""

    value: Any
    end: int


class _Broken(NamedTuple):
    """No value: why (empty: it is too long), and whether only the end of the file made it so."""

    message: str
    is_cut: bool = False


class _Window:
    """The part of a file's text that is held, and where in it reading is.

    Invalid bytes are lone surrogates in it, so that places in bytes can be told.

    Attributes:
      text: what is held.
      at: where in `text` what has not been read begins; in bytes of the file, `offset`.
      damage: what broke the stream; the text ends there.
    """

    def __init__(self, section: Section) -> None:
        self._blocks = section.text_blocks()
        self._encoding = section.encoding
        self._decoder = codecs.getincrementaldecoder(section.encoding)("surrogateescape")
        self._limit = section.max_record_bytes
        self._ended = False
        self.text = ""
        self.at = 0
        self.offset = 0
        self.damage: DamagedStreamError | None = None

    def advance(self, to: int) -> None:
        """Has read the text up to `to`."""
        self.take(to)

    def take(self, to: int) -> bytes:
        """The bytes of the text up to `to`, which is read then."""
        data = self.text[self.at : to].encode(self._encoding, "surrogateescape")
        self.offset += len(data)
        self.at = to
        return data

    def array_start(self, *, wrapped: bool) -> int | None:
        """Where the records of an array begin whose bracket is here, or is in an object that begins here and is `wrapped` around it."""
        if self.text[self.at] == "[":
            return self.at + 1
        self._need(_HEAD)
        found = _WRAPPER.match(self.text, self.at, self.at + _HEAD) if wrapped else None
        return found.end() if found else None

    def first_key(self) -> str | None:
        """The first key of the object that begins here."""
        self._need(_MAX_OPENING)
        opening = _OPENING.match(self.text, self.at)
        return opening.group().split('"')[1] if opening else None

    def skip_between(self) -> str:
        """Goes over white space and commas; the character there, or nothing at the end."""
        while True:
            self.advance(_BETWEEN.match(self.text, self.at).end())  # type: ignore[union-attr]
            if self.at < len(self.text) or not self._fill():
                return self.text[self.at : self.at + 1]

    def skip_tail(self) -> None:
        """Goes over the other members of a wrapper after its array, and its closing brace, if that is what follows."""
        self._need(MAX_TAIL)
        start = '{"":0'
        try:
            _, end = _DECODER.raw_decode(start + self.text[self.at : self.at + MAX_TAIL])
        except (ValueError, RecursionError):
            return
        self.advance(self.at + end - len(start))

    def skip_to(self, beginning: re.Pattern[str]) -> str | None:
        """Goes on to what begins like that, one character from here at least; if nothing does, to the end, and gives the last character."""
        self.advance(self.at + 1)
        last = ""
        while True:
            found = beginning.search(self.text, self.at)
            if found:
                self.advance(found.start())
                return None
            last = self.text.rstrip()[-1:] or last
            self.advance(max(self.at, len(self.text) - _MAX_OPENING))
            if not self._fill():
                self.advance(len(self.text))
                return last

    def parse(self) -> _Parsed | _Broken:
        """The value that begins here. What is said of it does not depend on where the stream's blocks end."""
        while True:
            message, position = "", len(self.text)
            try:
                value, position = _DECODER.raw_decode(self.text, self.at)
                if self._ended or position < len(self.text) - MARGIN or self.text[position - 1] in '}]"':
                    return _Broken("") if position - self.at > self._limit else _Parsed(value, position)
            except json.JSONDecodeError as error:
                message = f"not JSON: {error.msg} at character {error.pos - self.at} of the record"
                position = len(self.text) if error.msg.startswith("Unterminated string") else error.pos
            except (ValueError, RecursionError):  # a number of more than 4300 digits, or too deep
                return _Broken("not JSON that can be read: a number of thousands of digits, or nested too deep")
            if position - self.at > self._limit:
                return _Broken("")
            if message and (position < len(self.text) - MARGIN or self._ended):
                return _Broken(message, is_cut=not self.text[position:].strip())
            self._fill()

    def _need(self, num_characters: int) -> None:
        while len(self.text) - self.at < num_characters and self._fill():
            pass

    def _fill(self) -> bool:
        """Drops what was read, and holds at least twice as much of the rest as before; whether there was more."""
        parts = [self.text[self.at :]]
        held, wanted = len(parts[0]), 2 * len(parts[0]) + 1
        grown = False
        while held < wanted and not self._ended:
            try:
                block = next(self._blocks, None)
            except DamagedStreamError as error:
                self.damage, block = error, None
            self._ended = block is None
            parts.append(self._decoder.decode(block or b"", final=self._ended))
            held += len(parts[-1])
            grown = grown or bool(parts[-1])
        self.text, self.at = "".join(parts), 0
        return grown
