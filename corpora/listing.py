"""The files that a `--corpus` means, each with what its head decides: format, compression, archive, encoding."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from corpora.binaries import document_kind, packed_kind
from corpora.errors import CorpusError
from corpora.files import CorpusFile, CorpusSpec, FileRange, cut_ranges
from corpora.formats import FORMATS
from corpora.guessing import guess_format
from corpora.heads import OpenFile, read_head

Match = Callable[[str], Iterable[tuple[str, int]]]
"""Finds the files of a glob: path and size in bytes of each."""

LOOK_AT = 1000
"""So many files of one `--corpus` are looked at before the job starts, spread evenly over all: what no reader takes shows early. The others
are opened once, by the worker that reads them; it decides what would have been decided here."""
LOOK_AT_LARGE_BYTES = 16 << 20
"""Files of this size are always looked at: to split one, its encoding must be known before the job starts."""
LOOKING_THREADS = 32


def list_files(spec: CorpusSpec, match: Match, open_file: OpenFile) -> list[CorpusFile]:
    """The files of a corpus by path, with what was decided about each that was looked at; all that may be split were.

    Raises:
      CorpusError: no file, an unknown format, a folder, a file that cannot be opened or that is a container no reader takes.
    """
    if spec.format is not None and spec.format not in FORMATS:
        raise CorpusError(f"unknown format '{spec.format}'\nknown: {', '.join(FORMATS)}; or leave it out, and it is guessed")
    found = sorted(match(spec.pattern))
    if not found:
        raise CorpusError(_nothing_found(spec))

    step = -(-len(found) // LOOK_AT)

    def list_one(numbered: tuple[int, tuple[str, int]]) -> CorpusFile:
        number, (path, size) = numbered
        if number % step and size < LOOK_AT_LARGE_BYTES:
            return CorpusFile(path, size, spec.format)
        return _look_at(path, size, spec.format, open_file)

    with ThreadPoolExecutor(LOOKING_THREADS) as pool:
        return list(pool.map(list_one, enumerate(found)))


def file_ranges(file: CorpusFile, range_bytes: int) -> list[FileRange]:
    """The ranges of `file` that workers take."""
    return cut_ranges(file, range_bytes, splittable=file.format is not None and FORMATS[file.format].splittable)


def _look_at(path: str, size: int, format_name: str | None, open_file: OpenFile) -> CorpusFile:
    try:
        head = read_head(path, open_file, size)
    except IsADirectoryError as error:
        raise CorpusError(
            f"{path} is a folder\nname its files: {path.rstrip('/')}/*, or {path.rstrip('/')}/** for those of sub-folders too"
        ) from error
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error}\nmend its permissions or leave it out of the glob") from error
    if kind := packed_kind(head.sample) or document_kind(head.sample):
        raise CorpusError(f"{path} is {kind}, which no reader takes\nunpack or convert it, or leave the file out of the glob")
    if head.archive is not None:
        return CorpusFile(path, size, format_name, head.compression, archive=head.archive)
    kind = format_name or guess_format(path, head, size)
    return CorpusFile(path, size, kind, head.compression, head.encoding, confidence=head.decision.confidence)


def _nothing_found(spec: CorpusSpec) -> str:
    is_glob = any(character in spec.pattern for character in "*?[")
    what = f"no file matches '{spec.pattern}'" if is_glob else f"there is no file '{spec.pattern}'"
    before, equals, _ = spec.pattern.partition("=")
    if spec.format is None and equals and "/" not in before:
        return f"{what}\n'{before}' is no format; known: {', '.join(FORMATS)}"
    return f"{what}\ncheck the path; quote a glob so that the shell leaves it alone; ** also matches sub-folders"
