"""The sources of a build: each a corpus with a name, its files, and what is to be done with it; from `--corpus` or a YAML file.

sources:
  - name: wiki
    corpus: wiki2019zh=wiki_zh/*/wiki_*
    licence: CC BY-SA
  - name: reviews
    corpus: [shop/*.csv, hotels/*.csv]
    format: csv
    fields: {text: review, title: product}
    weight: 0.5
    priority: 2
    cap: 100000
"""

import dataclasses
import math
import re
import unicodedata
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Any

import yaml

from corpora.catalogue import PUBLIC_CORPORA
from corpora.compression import SUFFIXES as COMPRESSION_SUFFIXES
from corpora.errors import CorpusError
from corpora.fields import Fields, kind_of
from corpora.files import CorpusFile, CorpusSpec
from corpora.formats import FORMATS, parse_corpus
from corpora.heads import OpenFile
from corpora.listing import Match, list_files

MAX_NAME_CHARACTERS = 64
_NAME = re.compile(r"\w[\w.\-]*")
_GENERIC = re.compile(
    r"(?:part|chunk|shard|split|file|data|dataset|corpus|raw|texts?|txt|jsonl?|csv|parquet|train|valid|val|dev|test|input|docs|zh|cn)?"
    r"[-_.\d]*(?:of[-_.\d]+)?",
    re.IGNORECASE,
)
"""Names of files and folders that say nothing without those above them; numbers and years too."""
_SUFFIXES = frozenset(
    {*COMPRESSION_SUFFIXES, ".tar", ".tgz", ".tbz2", ".txz", ".zip", ".txt", ".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet"}
    | {".dat", ".md", ".markdown", ".html", ".htm", ".xhtml", ".xml", ".wet", ".warc", ".srt", ".vtt", ".ass", ".ssa"}
)
_PLACES = ("corpus", "files")
_SETTINGS = ("name", *_PLACES, "format", "fields", "weight", "priority", "cap", "licence")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A corpus of a build.

    Attributes:
      name: as documents, accounts and folders have it.
      corpora: its files.
      fields: where its records have their text; None where the format knows.
      weight: how often its documents are used, against 1 for those of others.
      priority: of two copies of a text, that of the source with the smaller number is kept; of equal numbers, that of the first source.
      cap: the most documents that are taken of it, or None.
      licence: for the dataset card.

    Raises:
      CorpusError: on construction, for a setting that cannot be.
    """

    name: str
    corpora: tuple[CorpusSpec, ...]
    fields: Fields | None = None
    weight: float = 1.0
    priority: int = 0
    cap: int | None = None
    licence: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name) or len(self.name) > MAX_NAME_CHARACTERS:
            limit = f"letters, Han, digits, _ . and -, not first a mark, at most {MAX_NAME_CHARACTERS}"
            raise CorpusError(f"a source cannot be called {self.name!r}\nuse {limit}")
        if not self.corpora:
            raise CorpusError(f"source '{self.name}' has no files\ngive it corpus: GLOB")
        self._check("weight", "a number above 0", _is_number(self.weight) and 0 < self.weight < math.inf)
        self._check("priority", "a whole number", _is_whole(self.priority))
        self._check("cap", "a whole number above 0", self.cap is None or (_is_whole(self.cap) and self.cap > 0))
        self._check("licence", "a text", isinstance(self.licence, str))

    def _check(self, setting: str, wanted: str, is_good: bool) -> None:
        if not is_good:
            raise CorpusError(f"source '{self.name}': {setting} is {getattr(self, setting)!r}\ngive {wanted}, or leave it out")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def source_of(value: str, fields: Fields | None = None) -> Source:
    """The source that one `--corpus [FORMAT=]GLOB` means: that of a public corpus, or named after its files."""
    spec = parse_corpus(value)
    is_public = any(spec.format == corpus.name for corpus in PUBLIC_CORPORA)
    return Source(name=spec.format if is_public and spec.format else name_of(spec), corpora=(spec,), fields=fields)


def name_of(spec: CorpusSpec) -> str:
    """What people call the files of a glob: the file, or the last folder that is named in it, with the one above if it says little.

    >>> [name_of(CorpusSpec(None, glob)) for glob in ("wiki_zh/*/wiki_*", "/data/news_md.tar.xz", "news/2016/*.txt", "data/poems_*.txt")]
    ['wiki_zh', 'news_md', 'news_2016', 'poems']
    """
    parts = [part for part in re.sub(r"^[a-z][a-z0-9+.-]*://", "", spec.pattern).split("/") if part not in {"", ".", "..", "~"}]
    last = _stem(parts[-1]) if parts else ""
    fixed = [*[part for part in parts[:-1] if not _is_glob(part)], *([] if _is_glob(last) else [last])]
    stem = max(re.findall(r"[^*?\[\]]+", last), key=len, default="") if _is_glob(last) else ""
    if fixed and not _GENERIC.fullmatch(fixed[-1]):
        name = fixed[-1]
    elif not _GENERIC.fullmatch(stem.strip("._-")):
        name = stem
    else:
        name = "_".join(fixed[-2:]) or spec.format or {"txt": "text"}.get(suffix := PurePosixPath(spec.pattern).suffix[1:], suffix)
    safe = re.sub(r"[^\w.\-]+", "_", unicodedata.normalize("NFC", name)).strip("._-")[:MAX_NAME_CHARACTERS]
    return safe or "corpus"


def _is_glob(part: str) -> bool:
    return any(character in part for character in "*?[")


def _stem(name: str) -> str:
    while (suffix := PurePosixPath(name).suffix.lower()) in _SUFFIXES:
        name = name[: -len(suffix)]
    return name


def merge_sources(sources: Iterable[Source]) -> list[Source]:
    """Sources of one name as one with the files of all, in the order in which the names come first.

    Raises:
      CorpusError: two of one name differ in a setting.
    """
    merged: dict[str, Source] = {}
    for source in sources:
        known = merged.get(source.name)
        if known is None:
            merged[source.name] = source
            continue
        for setting in ("fields", "weight", "priority", "cap", "licence"):
            if getattr(known, setting) != getattr(source, setting):
                values = f"{getattr(known, setting)!r} and {getattr(source, setting)!r}"
                raise CorpusError(f"two sources are called '{source.name}', with {setting} {values}\nname them differently in --corpora")
        merged[source.name] = dataclasses.replace(known, corpora=tuple(dict.fromkeys(known.corpora + source.corpora)))
    return list(merged.values())


def read_sources(text: str, path: str) -> list[Source]:
    """The sources of a YAML file; relative globs are relative to the working directory, as in `--corpus`.

    Raises:
      CorpusError: naming `path`, the source, what is wrong and how to mend it.
    """
    try:
        value = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise CorpusError(f"{path} is not YAML: {' '.join(str(error).split())}\nsee albert-data build --help for an example") from error
    entries = value.get("sources") if isinstance(value, dict) else value
    if not isinstance(entries, list) or not entries or (isinstance(value, dict) and len(value) > 1):
        raise CorpusError(f"{path} is no list of sources\nbegin it with 'sources:', and each source with '- name: NAME'")
    sources: list[Source] = []
    for number, entry in enumerate(entries, start=1):
        name = entry.get("name") if isinstance(entry, dict) else None
        try:
            source = _source_of_entry(entry)
            if any(source.name == other.name for other in sources):
                raise CorpusError(f"another source has the name '{source.name}' too\nname it differently, or list its files with the other")
        except CorpusError as error:
            raise CorpusError(f"{path}, source {number}{f' ({name})' if name else ''}: {error}") from error
        sources.append(source)
    return sources


def _source_of_entry(entry: Any) -> Source:
    if not isinstance(entry, dict):
        raise CorpusError(f"it is {kind_of(entry)}\ngive name and corpus, each on a line of its own")
    if unknown := [str(key) for key in entry if key not in _SETTINGS]:
        near = get_close_matches(unknown[0], _SETTINGS, n=1)
        raise CorpusError(f"unknown setting '{unknown[0]}'\n{f'did you mean {near[0]}? ' if near else ''}known: {', '.join(_SETTINGS)}")
    places = [key for key in _PLACES if key in entry]
    if "name" not in entry or len(places) != 1:
        lacks = "name" if "name" not in entry else "corpus"
        raise CorpusError(f"it has {'both corpus and files' if len(places) > 1 else f'no {lacks}'}\ngive name: NAME and corpus: GLOB")
    kind = entry.get("format")
    if kind is not None and kind not in FORMATS:
        raise CorpusError(f"unknown format {kind!r}\nknown: {', '.join(FORMATS)}; or leave it out, and it is guessed")
    globs = entry[places[0]] if isinstance(entry[places[0]], list) else [entry[places[0]]]
    if not globs or not all(isinstance(glob, str) and glob for glob in globs):
        raise CorpusError(f"{places[0]} is {entry[places[0]]!r}\ngive a glob, or a list of them")
    settings = {key: entry[key] for key in ("weight", "priority", "cap", "licence") if key in entry}
    name = str(entry["name"]) if _is_whole(entry["name"]) else entry["name"]
    specs = tuple(CorpusSpec(kind, glob) if kind else parse_corpus(glob) for glob in globs)
    return Source(name=name, corpora=specs, fields=_read_fields(entry.get("fields")), **settings)


def _read_fields(value: Any) -> Fields | None:
    if value is None:
        return None
    readers: dict[type, Callable[[Any], Fields]] = {str: Fields.parse, dict: Fields.from_mapping}
    if type(value) not in readers:
        raise CorpusError(f"fields is {kind_of(value)}\ngive it as {{text: NAME, title: NAME}}")
    return readers[type(value)](value)


class _Loader(yaml.SafeLoader):
    """YAML without the silence about a key that stands twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """As the base class, which keeps the last of them."""
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        if twice := next((key for i, key in enumerate(keys) if key in keys[:i]), None):
            raise yaml.YAMLError(f"'{twice}' stands twice in one entry")
        return dict(super().construct_mapping(node, deep=deep))


def list_source_files(source: Source, match: Match, open_file: OpenFile) -> list[CorpusFile]:
    """The files of a source, each once, with its name and fields.

    Raises:
      CorpusError: see `corpora.listing.list_files`.
    """
    found = {file.path: file for spec in reversed(source.corpora) for file in list_files(spec, match, open_file)}
    return [dataclasses.replace(found[path], source=source.name, fields=source.fields) for path in sorted(found)]
