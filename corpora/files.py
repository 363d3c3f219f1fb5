"""What a user asks for, the files it means, and the parts of them that workers take."""

from dataclasses import dataclass

from corpora.fields import Fields

SPLITTABLE_ENCODINGS = frozenset({"utf-8", "gb18030", "big5hkscs", "unknown"})
"""Encodings in which the byte 0x0A is always a line end. In UTF-16 it is also half of other characters (上 is 4E 0A)."""


@dataclass(frozen=True, slots=True)
class CorpusSpec:
    """One `--corpus`: a glob, and the format of its files unless that is to be guessed."""

    format: str | None
    pattern: str


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A file of a corpus and what was decided about it when it was listed.

    Attributes:
      path: as Beam's file systems take it (`/data/a.txt`, `gs://bucket/a.txt`).
      size: bytes as stored.
      format: a name of the catalogue, or None when the worker shall decide, for each member of an archive.
      compression: "gz", "bz2", "xz", "zst" or None.
      encoding: a Python codec, or None when the worker that reads the file shall decide from its head.
      confidence: in that encoding, from 0 to 1.
      archive: "zip", "tar" or None.
      source: the name of the corpus, as documents and accounts have it.
      changed: when the file was, in seconds since 1970; 0 if nobody knows.
      fields: where its records have their text, if the user said.
    """

    path: str
    size: int
    format: str | None
    compression: str | None = None
    encoding: str | None = None
    confidence: float = 1.0
    archive: str | None = None
    source: str = ""
    changed: float = 0.0
    fields: Fields | None = None


@dataclass(frozen=True, slots=True)
class FileRange:
    """The records of `file` that start in bytes [start, stop); stop None means to the end, whatever its length."""

    file: CorpusFile
    start: int = 0
    stop: int | None = None


def cut_ranges(file: CorpusFile, range_bytes: int, *, splittable: bool) -> list[FileRange]:
    """The ranges in which workers read `file`: one if it cannot be split, else one for every `range_bytes` bytes.

    >>> [(r.start, r.stop) for r in cut_ranges(CorpusFile("a", 250, "jsonl", None, "utf-8"), 100, splittable=True)]
    [(0, 100), (100, 200), (200, 250)]
    """
    whole = file.archive is not None or file.compression is not None or file.encoding not in SPLITTABLE_ENCODINGS
    if whole or not splittable or file.size <= range_bytes:
        return [FileRange(file)]
    return [FileRange(file, start, min(start + range_bytes, file.size)) for start in range(0, file.size, range_bytes)]
