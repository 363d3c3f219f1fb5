"""TFRecord framing: length, CRC of the length, bytes, CRC of the bytes (tensorflow/core/lib/io/record_writer.h)."""

import functools
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
    return b"".join((_header(len(content)), content, struct.pack("<I", masked_crc(content))))


def fill_frames(buffer: np.ndarray, offsets: np.ndarray) -> None:
    """Writes lengths and CRCs around contents that already stand in `buffer`, uint8.

    `offsets`, int64 [N + 1]: where each frame begins, and the end. The content begins HEADER bytes later and ends FOOTER bytes before the
    next frame.
    """
    view, lengths = memoryview(buffer.data), np.diff(offsets) - HEADER - FOOTER
    spans = zip((offsets[:-1] + HEADER).tolist(), (offsets[1:] - FOOTER).tolist(), strict=True)
    crcs = np.fromiter((google_crc32c.value(bytes(view[start:end])) for start, end in spans), np.uint32, len(lengths))
    crcs = (crcs >> np.uint32(15) | crcs << np.uint32(17)) + np.uint32(_MASK_DELTA)
    buffer[offsets[1:, None] + np.arange(-FOOTER, 0)] = crcs.astype("<u4").view(np.uint8).reshape(-1, FOOTER)
    headers = np.frombuffer(b"".join(map(_header, lengths.tolist())), np.uint8)
    buffer[offsets[:-1, None] + np.arange(HEADER)] = headers.reshape(-1, HEADER)


@functools.lru_cache(maxsize=4096)  # records of a shard differ by some hundred bytes
def _header(length: int) -> bytes:
    """Length and its CRC."""
    packed = struct.pack("<Q", length)
    return packed + struct.pack("<I", masked_crc(packed))


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
