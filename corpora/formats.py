"""The catalogue: every format by name, the files that a `--corpus` means, and the reading of one range of one file."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

from corpora.byte_ranges import MAX_RECORD_BYTES
from corpora.compression import DamagedStreamError, strip_compression_suffix
from corpora.errors import CorpusError
from corpora.files import CorpusFile, CorpusSpec, FileRange, cut_ranges
from corpora.guessing import guess_format
from corpora.json_lines import COMMON_FIELDS, WIKI_FIELDS, json_lines_reader
from corpora.plain_text import read_blank_line, read_lines, read_text
from corpora.records import DamagedFile, Event, RangeEnd
from corpora.sections import OpenFile, Section, read_head

Match = Callable[[str], Iterable[tuple[str, int]]]
"""Finds the files of a glob: path and size in bytes of each."""

Reader = Callable[[Section], Iterator[Event]]

LOOK_AT_EACH = 1000
"""Up to so many files of one `--corpus`, the head of each is looked at before the job starts."""
LOOK_AT_SAMPLE = 16
"""Of more files, so many of each folder and suffix: if these agree, the others are of that format."""
LOOK_AT_LARGE_BYTES = 16 << 20
"""Files of this size are always looked at: to split one, its encoding must be known before the job starts."""
LOOKING_THREADS = 32


@dataclass(frozen=True, slots=True)
class Format:
    """A format on disk.

    Attributes:
      name: what stands before `=` in `--corpus`, and the `source` of the documents.
      description: one line for the catalogue.
      example: a `--corpus` value.
      read: its reader.
      splittable: whether an uncompressed file can be read in byte ranges.
    """

    name: str
    description: str
    example: str
    read: Reader
    splittable: bool


FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format("text", "plain text, one document a file", "text=books/**/*.txt", read_text, splittable=False),
        Format(
            "blank_line",
            "plain text, documents separated by blank lines, one sentence or paragraph a line (BERT's and albert_zh's own layout)",
            "blank_line=news_zh_*.txt",
            read_blank_line,
            splittable=True,
        ),
        Format("line", "plain text, one document a line", "line=CLUECorpusSmall.txt", read_lines, splittable=True),
        Format(
            "wiki2019zh",
            "JSON Lines with id, url, title and text, as in wiki2019zh of nlp_chinese_corpus",
            "wiki2019zh=wiki_zh/*/wiki_*",
            json_lines_reader(WIKI_FIELDS),
            splittable=True,
        ),
        Format(
            "jsonl",
            "JSON Lines with a field text or content",
            "jsonl=gs://bucket/*.jsonl.gz",
            json_lines_reader(COMMON_FIELDS),
            splittable=True,
        ),
    )
}


def parse_corpus(value: str) -> CorpusSpec:
    """The meaning of one `--corpus [FORMAT=]GLOB`. What stands before `=` is a format only if the catalogue has it; paths may hold `=` too.

    >>> parse_corpus("jsonl=data/*.json"), parse_corpus("date=2024/*.json")
    (CorpusSpec(format='jsonl', pattern='data/*.json'), CorpusSpec(format=None, pattern='date=2024/*.json'))
    """
    name, equals, pattern = value.partition("=")
    spec = CorpusSpec(name, pattern) if equals and name in FORMATS else CorpusSpec(None, value)
    if not spec.pattern:
        raise CorpusError(f"--corpus '{value}' names no file\ngive it as [FORMAT=]GLOB, for example {FORMATS['wiki2019zh'].example}")
    return spec


def list_files(spec: CorpusSpec, match: Match, open_file: OpenFile) -> list[CorpusFile]:
    """The files of a corpus by path, each with the one decision on its format and compression, and on its encoding if it may be split.

    Raises:
      CorpusError: no file, an unknown format, a folder, a file that cannot be opened or that is a container no reader takes.
    """
    if spec.format is not None and spec.format not in FORMATS:
        raise CorpusError(f"unknown format '{spec.format}'\nknown: {', '.join(FORMATS)}; or leave it out, and it is guessed")
    found = sorted(match(spec.pattern))
    if not found:
        raise CorpusError(_nothing_found(spec))

    def look(item: tuple[str, int]) -> CorpusFile:
        return _look_at(*item, spec.format, open_file)

    with ThreadPoolExecutor(LOOKING_THREADS) as pool:
        if len(found) <= LOOK_AT_EACH:
            return list(pool.map(look, found))
        files = [file for group in _groups(found) for file in _look_at_group(group, spec.format, lambda items: list(pool.map(look, items)))]
    return sorted(files, key=lambda file: file.path)


def file_ranges(file: CorpusFile, range_bytes: int) -> list[FileRange]:
    """The ranges of `file` that workers take."""
    return cut_ranges(file, range_bytes, splittable=FORMATS[file.format].splittable)


def read_range(part: FileRange, open_file: OpenFile, *, max_record_bytes: int = MAX_RECORD_BYTES) -> Iterator[Event]:
    """All records of one range in order, then its `RangeEnd`.

    A stream that breaks gives a `DamagedFile` after the records that were whole before; other errors of the file system are raised, for
    the runner to try again.
    """
    file = part.file
    encoding = file.encoding or read_head(file.path, open_file).encoding
    with open_file(file.path) as opened:
        section = Section(part, opened, encoding, max_record_bytes=max_record_bytes)
        try:
            yield from FORMATS[file.format].read(section)
        except DamagedStreamError as error:
            yield DamagedFile(file.path, str(error))
        yield RangeEnd(section.num_bytes)


def _look_at(path: str, size: int, format_name: str | None, open_file: OpenFile) -> CorpusFile:
    try:
        head = read_head(path, open_file)
    except IsADirectoryError as error:
        raise CorpusError(
            f"{path} is a folder\nname its files: {path.rstrip('/')}/*, or {path.rstrip('/')}/** for those of sub-folders too"
        ) from error
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error}\nmend its permissions or leave it out of the glob") from error
    return CorpusFile(path, size, format_name or guess_format(path, head, size), head.compression, head.encoding)


def _groups(found: list[tuple[str, int]]) -> list[list[tuple[str, int]]]:
    """Files by folder and suffix, the compression's suffix included."""
    groups: dict[tuple[str, ...], list[tuple[str, int]]] = defaultdict(list)
    for path, size in found:
        folder, _, name = path.rpartition("/")
        inner = strip_compression_suffix(name)
        groups[folder, PurePosixPath(inner).suffix, name[len(inner) :]].append((path, size))
    return list(groups.values())


def _look_at_group(
    group: list[tuple[str, int]], format_name: str | None, look: Callable[[list[tuple[str, int]]], list[CorpusFile]]
) -> list[CorpusFile]:
    """A sample spread over the group and its large files decide for the rest, whose encodings the workers find; or each file for itself."""
    step = max(1, len(group) // LOOK_AT_SAMPLE)
    chosen = [item for i, item in enumerate(group) if i % step == 0 or item[1] >= LOOK_AT_LARGE_BYTES]
    looked_at = look(chosen)
    kinds = {(file.format, file.compression) for file in looked_at}
    if len(kinds) > 1:
        return look(group)
    (kind, compression) = kinds.pop()
    rest = set(group) - set(chosen)
    return looked_at + [CorpusFile(path, size, kind, compression) for path, size in sorted(rest)]


def _nothing_found(spec: CorpusSpec) -> str:
    is_glob = any(character in spec.pattern for character in "*?[")
    what = f"no file matches '{spec.pattern}'" if is_glob else f"there is no file '{spec.pattern}'"
    before, equals, _ = spec.pattern.partition("=")
    if spec.format is None and equals and "/" not in before:
        return f"{what}\n'{before}' is no format; known: {', '.join(FORMATS)}"
    return f"{what}\ncheck the path; quote a glob so that the shell leaves it alone; ** also matches sub-folders"
