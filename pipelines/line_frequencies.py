"""Lines as numbers: which lines of a document count, in how many documents each stands, and a text without some of them.

正文一。          a  ┐
正文二。          b  │ short lines among the first and last few of each document vote; a line votes once a document
本站由某某主办。  c  ┘                                                                    c: 812 of 1,000 documents
"""

from typing import NamedTuple

import numba
import numpy as np

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_NEWLINE = 0x0A


class Lines(NamedTuple):
    """N lines of a batch, in the order of the text."""

    rows: np.ndarray  # int64 [N], the document of each
    starts: np.ndarray  # int64 [N], its first byte
    ends: np.ndarray  # int64 [N], the byte behind it: a newline or the end of the document
    hashes: np.ndarray  # uint64 [N]


def voting_lines(content: np.ndarray, offsets: np.ndarray, *, min_characters: int, max_characters: int, edge_lines: int) -> Lines:
    """The lines of `min_characters` to `max_characters` among the first and last `edge_lines` of each document.

    `content` and `offsets` as `utf8_rows` gives them.
    """
    return Lines(*_voting_lines(content, offsets, min_characters, max_characters, edge_lines))


@numba.njit(cache=True, nogil=True)
def _voting_lines(
    content: np.ndarray, offsets: np.ndarray, min_characters: int, max_characters: int, edge_lines: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    num_rows = len(offsets) - 1
    line_counts = np.zeros(num_rows, np.int64)
    most = 0
    for row in range(num_rows):
        line_counts[row] = 1
        for i in range(offsets[row], offsets[row + 1]):
            line_counts[row] += content[i] == _NEWLINE
        most += min(line_counts[row], 2 * edge_lines)
    rows, starts, ends = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    hashes = np.empty(most, np.uint64)
    found = 0
    for row in range(num_rows):
        line = 0
        start = int(offsets[row])
        characters = 0
        digest = np.uint64(0)
        for i in range(offsets[row], offsets[row + 1] + 1):
            if i < offsets[row + 1] and content[i] != _NEWLINE:
                characters += (content[i] & 0xC0) != 0x80  # bytes that continue a character do not count
                digest = (digest ^ np.uint64(content[i])) * _MULTIPLIER
                digest ^= digest >> np.uint64(32)
                continue
            if min_characters <= characters <= max_characters and (line < edge_lines or line >= line_counts[row] - edge_lines):
                rows[found], starts[found], ends[found], hashes[found] = row, start, i, digest
                found += 1
            line += 1
            start = i + 1
            characters = 0
            digest = np.uint64(0)
    return rows[:found], starts[:found], ends[:found], hashes[:found]


def count_documents(rows: np.ndarray, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each hash once, ascending, and the number of documents in which it stands: uint64 [H] and int64 [H]."""
    order = np.lexsort((rows, hashes))
    rows, hashes = rows[order], hashes[order]
    first_in_document = np.ones(len(rows), bool)
    first_in_document[1:] = (rows[1:] != rows[:-1]) | (hashes[1:] != hashes[:-1])
    return np.unique(hashes[first_in_document], return_counts=True)


def add_counts(hashes: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The counts of equal hashes added up: uint64 [H], ascending, and int64 [H]."""
    order = np.argsort(hashes, kind="stable")
    hashes = hashes[order]
    firsts = np.flatnonzero(np.concatenate([np.ones(min(1, len(hashes)), bool), hashes[1:] != hashes[:-1]]))
    return hashes[firsts], np.add.reduceat(counts[order], firsts) if len(firsts) else counts[:0]


def find(hashes: np.ndarray, sorted_hashes: np.ndarray) -> np.ndarray:
    """int64 [N]: the place of each hash in `sorted_hashes`, -1 where it is not there."""
    if not len(sorted_hashes):
        return np.full(len(hashes), -1)
    places = np.searchsorted(sorted_hashes, hashes)
    places[places == len(sorted_hashes)] = 0
    return np.where(sorted_hashes[places] == hashes, places, -1)


def without_lines(content: np.ndarray, offsets: np.ndarray, lines: Lines) -> tuple[np.ndarray, list[bytes]]:
    """The documents that hold some of `lines`, ascending, and their texts without those."""
    rows, firsts = np.unique(lines.rows, return_index=True)
    lasts = np.searchsorted(lines.rows, rows, side="right")
    texts = []
    for row, first, last in zip(rows, firsts, lasts, strict=True):
        begins = [offsets[row], *(lines.ends[first:last] + 1)]
        ends = [*lines.starts[first:last], offsets[row + 1]]
        text = b"".join([content[begin:end].tobytes() for begin, end in zip(begins, ends, strict=True) if begin < end])
        texts.append(text.removesuffix(b"\n") if lines.ends[last - 1] == offsets[row + 1] else text)
    return rows, texts
