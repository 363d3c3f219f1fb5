"""What comes out of a reader, in the order of the file: documents, records that are none, and the end of a file that broke."""

from typing import NamedTuple

EXCERPT_CHARACTERS = 200
"""Most characters of a record that a reject repeats: enough to find and judge it."""


class Document(NamedTuple):
    """A document that was read whole.

    Attributes:
      offset: where it starts, in bytes of the uncompressed file.
      size: bytes that it takes there.
      title: its title if the format has one, else empty. Never part of the text.
      text: Unicode without lone surrogates, otherwise as it was written.
    """

    offset: int
    size: int
    title: str
    text: str


class BadRecord(NamedTuple):
    """A record that could not become a document; it is counted and shown, and reading goes on after it."""

    offset: int
    size: int
    reason: str
    message: str
    excerpt: str


class DamagedFile(NamedTuple):
    """The rest of a file cannot be had (a truncated or corrupt stream): how much is lost is unknown, so it is never just a reject."""

    file: str
    error: str


class RangeEnd(NamedTuple):
    """The last event of a range: the bytes of text that it held, uncompressed."""

    num_bytes: int


Event = Document | BadRecord | DamagedFile | RangeEnd
