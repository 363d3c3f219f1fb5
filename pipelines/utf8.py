"""Text columns as kernels see them: the UTF-8 bytes of all rows one behind the other, and where each row begins."""

import numba
import numpy as np
import pyarrow as pa


def utf8_rows(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Bytes uint8 and offsets [rows + 1] of a column of strings, without a copy; row i is `bytes[offsets[i] : offsets[i + 1]]`.

    Offsets are int32, for `large_string` int64.
    """
    kind = np.int64 if pa.types.is_large_string(column.type) else np.int32
    _, offsets, values = column.buffers()
    if not len(column):
        return np.zeros(0, np.uint8), np.zeros(1, kind)
    content = np.frombuffer(values, np.uint8) if values is not None else np.zeros(0, np.uint8)
    return content, np.frombuffer(offsets, kind, len(column) + 1, column.offset * np.dtype(kind).itemsize)


@numba.njit(cache=True, nogil=True)
def character_at(content: np.ndarray, i: int) -> tuple[int, int]:
    """Code point of the character that begins at byte `i`, and where the next one begins. `content` must be valid UTF-8, as Arrow's is."""
    first = int(content[i])
    if first < 0x80:
        return first, i + 1
    if first < 0xE0:
        return (first & 0x1F) << 6 | int(content[i + 1]) & 0x3F, i + 2
    if first < 0xF0:
        return (first & 0x0F) << 12 | (int(content[i + 1]) & 0x3F) << 6 | int(content[i + 2]) & 0x3F, i + 3
    return (
        (first & 0x07) << 18 | (int(content[i + 1]) & 0x3F) << 12 | (int(content[i + 2]) & 0x3F) << 6 | int(content[i + 3]) & 0x3F
    ), i + 4
