"""A record of several lines while it is read."""

from corpora.byte_ranges import Line
from corpora.records import BadRecord
from corpora.sections import Section


class Gathered:
    """Lines that become one record; one that grows over the limit keeps only its extent.

    Attributes:
      start: byte offset of the first line, None before there is one.
      size: bytes from there to the end of the last line.
    """

    def __init__(self, section: Section) -> None:
        self._section = section
        self._data: bytearray | None = bytearray()
        self.start: int | None = None
        self.size = 0

    def add(self, line: Line) -> None:
        """Takes the next line."""
        if self.start is None:
            self.start = line.offset
        elif self._data is not None:
            self._data += b"\n"
        self.size = line.offset + line.size - self.start
        if line.data is None or self.size > self._section.max_record_bytes:
            self._data = None
        elif self._data is not None:
            self._data += line.data

    def whole(self) -> bytes | BadRecord:
        """All lines with the newlines between them, or the reject of a record that is too long."""
        return self._section.too_long(self.start or 0, self.size) if self._data is None else bytes(self._data)
