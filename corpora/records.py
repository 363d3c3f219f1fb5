"""What comes out of a reader, in the order of the file: documents, records that are none, and the end of a file that broke."""

from typing import NamedTuple

EXCERPT_CHARACTERS = 200
"""Most characters of a record that a reject repeats: enough to find and judge it."""


class FileStart(NamedTuple):
    """A file, or a member of an archive, begins: what follows comes from `path`.

    Attributes:
      path: the file, or `archive#member`.
      format: a name of the catalogue; "not_text" for pictures and the like, whose encoding is then "binary".
      encoding: the Python codec that was decided on, and `confidence` in it from 0 to 1.
    """

    path: str
    format: str
    encoding: str
    confidence: float


class Document(NamedTuple):
    """A document that was read whole.

    Attributes:
      offset: where it starts, in bytes of the uncompressed file; in formats without places, the number of its row or post.
      size: bytes that it takes there, about.
      title: its title if the format has one, else empty. Never part of the text.
      text: Unicode without lone surrogates, otherwise as it was written.
      url: its web address, if the format has one.
      quality: its score, if the format has one.
    """

    offset: int
    size: int
    title: str
    text: str
    url: str | None = None
    quality: float | None = None


class BadRecord(NamedTuple):
    """A record that could not become a document; it is counted and shown, and reading goes on after it.

    `is_error` is False for what is no document by its nature (a redirect of a wiki, a picture in an archive): it does not count against
    the error rate.
    """

    offset: int
    size: int
    reason: str
    message: str
    excerpt: str
    is_error: bool = True


class DamagedFile(NamedTuple):
    """The rest of a file cannot be had (a truncated or corrupt stream): how much is lost is unknown, so it is never just a reject."""

    file: str
    error: str


class RangeEnd(NamedTuple):
    """The last event of a range: the bytes of text that it held, uncompressed."""

    num_bytes: int


Event = FileStart | Document | BadRecord | DamagedFile | RangeEnd
"""Readers give documents, bad records and damage; the other two come from `corpora.reading`."""
