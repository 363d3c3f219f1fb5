"""TFRecord framing: length, CRC of the length, bytes, CRC of the bytes (tensorflow/core/lib/io/record_writer.h)."""

import struct
from collections.abc import Iterator
from typing import BinaryIO

import google_crc32c
import numpy as np

HEADER, FOOTER = 12, 4  # bytes around a record
_MASK_DELTA = 0xA282EAD8


class DamagedRecordError(ValueError):
    """A record whose length or bytes do not match their checksums."""


def masked_crc(content: bytes) -> int:
    """CRC32C, rotated and shifted so that a CRC of data that holds CRCs stays good."""
    crc = google_crc32c.value(content)
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def frame(content: bytes) -> bytes:
    """A record as it stands in the file."""
    length = struct.pack("<Q", len(content))
    return b"".join((length, struct.pack("<I", masked_crc(length)), content, struct.pack("<I", masked_crc(content))))


def fill_frames(buffer: np.ndarray, offsets: np.ndarray) -> None:
    """Writes lengths and CRCs around contents that already stand in `buffer`, uint8.

    `offsets`, int64 [N + 1]: where each frame begins, and the end. The content begins HEADER bytes later and ends FOOTER bytes before the
    next frame.
    """
    view = memoryview(buffer.data)
    for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        struct.pack_into("<Q", view, start, end - start - HEADER - FOOTER)
        struct.pack_into("<I", view, start + 8, masked_crc(bytes(view[start : start + 8])))
        struct.pack_into("<I", view, end - FOOTER, masked_crc(bytes(view[start + HEADER : end - FOOTER])))


def split_frames(content: bytes) -> list[bytes]:
    """The records of a stretch of a file, each verified.

    Raises:
      DamagedRecordError: the stretch ends inside a record, or a checksum differs; says at which byte.
    """
    view, records, at = memoryview(content), [], 0
    while at < len(view):
        if at + HEADER > len(view):
            raise DamagedRecordError(f"ends inside a record's header, {len(view) - at} of {HEADER} bytes at {at:,}")
        length, crc = struct.unpack_from("<QI", view, at)
        if masked_crc(bytes(view[at : at + 8])) != crc:
            raise DamagedRecordError(f"the checksum of a record's length differs at byte {at:,}")
        end = at + HEADER + length
        if end + FOOTER > len(view):
            raise DamagedRecordError(f"ends inside a record, {len(view) - at:,} of {HEADER + length + FOOTER:,} bytes at {at:,}")
        record = bytes(view[at + HEADER : end])
        if masked_crc(record) != struct.unpack_from("<I", view, end)[0]:
            raise DamagedRecordError(f"the checksum of a record differs at byte {at:,}")
        records.append(record)
        at = end + FOOTER
    return records


def read_frames(file: BinaryIO) -> Iterator[bytes]:
    """The records of an open file one by one, each verified, with memory for one.

    Raises:
      DamagedRecordError: as `split_frames`.
    """
    at = 0
    while header := file.read(HEADER):
        length = struct.unpack_from("<Q", header)[0] if len(header) == HEADER else 0
        whole = len(header) == HEADER and masked_crc(header[:8]) == struct.unpack_from("<I", header, 8)[0]
        content = header + file.read(length + FOOTER) if whole else header  # a length that is not verified must not be believed
        try:
            yield split_frames(content)[0]
        except DamagedRecordError as error:
            raise DamagedRecordError(f"record at byte {at:,}: {error}") from None
        at += len(content)
