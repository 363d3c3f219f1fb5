"""Common Crawl: WARC files of pages as they were fetched, and WET files of their text; of other archives too.

A record is headers, and as many bytes as they say. Where they lie (cut by hand, damaged), the reader looks for the next line that begins a
record, so that one bad record costs one document. That, and bounded memory, is why no WARC library does this: they stop at the first.
"""

import zlib
from collections.abc import Iterator
from typing import NamedTuple

from corpora.byte_streams import ByteStream
from corpora.html import read_page
from corpora.mixed_encodings import decode_record
from corpora.records import BadRecord, DamagedFile, Document, Event
from corpora.sections import Section

MAX_HEADER_BYTES = 64 << 10
MAGIC = b"WARC/1."
MAX_GAP = 64
"""Bytes after a record in which the next one must begin; the standard has two line ends there."""
MAX_LENGTH_DIGITS = 16
HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
NO_PAGES = frozenset({"warcinfo", "request", "metadata"})
"""Records about other records or the file: they are not even pages that are no text, and not counted."""


class Record(NamedTuple):
    """One record: where it is, its headers by lower-case name, and the block behind them."""

    offset: int
    size: int
    headers: dict[str, str]
    block: bytes


def looks_like_warc(text: str) -> str | None:
    """`wet` or `warc`, if a file begins with a record: in a WET file one of the first is a conversion."""
    if not text.lstrip().startswith("WARC/"):
        return None
    return "wet" if "\nWARC-Type: conversion" in text.replace("\r", "") else "warc"


def read_warc(section: Section) -> Iterator[Event]:
    """The text of each `conversion`, the main text of each HTML `response` or `resource`; other pages are rejects that are no errors."""
    for record in _records(section):
        if isinstance(record, Record):
            if record.headers.get("warc-type", "").lower() not in NO_PAGES:
                yield _read_record(section, record)
        else:
            yield record


def _records(section: Section) -> Iterator[Record | BadRecord | DamagedFile]:
    stream = ByteStream(section.blocks())
    while stream.skip_newlines():
        yield _next_record(section, stream)


def _next_record(section: Section, stream: ByteStream) -> Record | BadRecord | DamagedFile:
    start = stream.offset
    if stream.peek(len(MAGIC)) != MAGIC:
        return _malformed(stream, start, "a line that begins no record")
    lines = stream.read_paragraph(MAX_HEADER_BYTES)
    if lines is None:
        stream.skip_line()
        bad = _malformed(stream, start, "the headers do not end")
        return bad if stream.peek(1) else _cut_off(section, start)
    headers = _parse_headers(lines[1:])
    length = headers.get("content-length", "")
    if not (length.isascii() and length.isdigit() and len(length) < MAX_LENGTH_DIGITS):
        return _malformed(stream, start, f"Content-Length is '{length[:40]}'")
    if int(length) > section.max_record_bytes:
        stream.skip_to_line(MAGIC)  # a length is not worth believing at this size
        return section.too_long(start, stream.offset - start)
    block = stream.read(int(length))
    is_whole = len(block) == int(length)
    if is_whole and _is_between_records(stream):
        return Record(start, stream.offset - start, headers, block)
    found = block.find(b"\n" + MAGIC)
    if found >= 0:
        stream.unread(block[found + 1 :])
    elif not is_whole:
        return _cut_off(section, start)
    return _malformed(stream, start, f"Content-Length {length} does not lead to the next record")


def _is_between_records(stream: ByteStream) -> bool:
    rest = stream.peek(MAX_GAP).lstrip(b"\r\n")
    return not rest or rest.startswith(MAGIC)


def _cut_off(section: Section, start: int) -> DamagedFile:
    return DamagedFile(section.path, f"the file ends inside the record that begins at byte {start}")


def _malformed(stream: ByteStream, start: int, message: str) -> BadRecord:
    stream.skip_to_line(MAGIC)
    return BadRecord(start, stream.offset - start, "malformed_record", message, "")


def _parse_headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.decode("utf-8", "replace").partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    return headers


def _read_record(section: Section, record: Record) -> Event:
    kind = record.headers.get("warc-type", "").lower()
    url = record.headers.get("warc-target-uri", "").strip("<>") or None
    if kind == "conversion":
        return _read_text(section, record, record.block, url)
    if kind == "response" and record.headers.get("content-type", "").lower().startswith("application/http"):
        return _read_response(section, record, url)
    if kind == "resource":
        return _read_body(section, record, record.headers.get("content-type", ""), record.block, url)
    return _no_page(record, "not_a_page", f"a record of type {kind[:40] or 'none'}", url)


def _read_response(section: Section, record: Record, url: str | None) -> Event:
    """The page in an answer of a server."""
    head, gap, body = record.block.partition(b"\r\n\r\n")
    if not gap:
        head, _, body = record.block.partition(b"\n\n")
    first, *lines = head.splitlines() or [b""]
    status = first.split(b" ")[1:2]
    if status != [b"200"]:
        return _no_page(record, "no_answer", f"status {b''.join(status)[:10].decode('ascii', 'replace')}, not 200", url)
    headers = _parse_headers(lines)
    try:
        body = _decode_body(body, headers, section.max_record_bytes)
    except ValueError as error:
        return BadRecord(record.offset, record.size, "unreadable_body", str(error), url or "")
    return _read_body(section, record, headers.get("content-type", ""), body, url)


def _read_body(section: Section, record: Record, content_type: str, body: bytes, url: str | None) -> Event:
    kind = content_type.split(";")[0].strip().lower() or "text/html"
    if kind in HTML_TYPES:
        return read_page(record.offset, body, size=record.size, declared=_charset(content_type), url=url)
    if kind == "text/plain":
        return _read_text(section, record, body, url)
    return _no_page(record, "not_html", f"content of type {kind[:60]}", url)


def _charset(content_type: str) -> str | None:
    _, found, value = content_type.lower().partition("charset=")
    return value.split(";")[0].strip("\"' ") if found else None


def _read_text(section: Section, record: Record, data: bytes, url: str | None) -> Event:
    text = decode_record(section, record.offset, data)
    return text if isinstance(text, BadRecord) else Document(record.offset, record.size, "", text.strip(), url)


def _decode_body(body: bytes, headers: dict[str, str], limit: int) -> bytes:
    """Undoes how a body was sent, if that has not been done: crawlers often keep the headers and drop the coding."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = _join_chunks(body)
    coding = headers.get("content-encoding", "").lower()
    if coding in ("gzip", "x-gzip") and body.startswith(b"\x1f\x8b"):
        return _inflate(body, 31, limit)
    if coding == "deflate" and not body.lstrip().startswith(b"<"):
        return _inflate(body, 15 if body[:1] == b"\x78" else -15, limit)
    if coding in ("br", "zstd", "compress") and b"<" not in body[:1000]:
        raise ValueError(f"the body is compressed by {coding}")
    return body


def _join_chunks(body: bytes) -> bytes:
    """The chunks of a body put together; a body that is not in chunks stays as it is."""
    parts: list[bytes] = []
    position = 0
    while (end := body.find(b"\r\n", position)) >= 0:
        try:
            size = int(body[position:end].split(b";")[0].strip() or b"x", 16)
        except ValueError:
            return body if not parts else b"".join(parts)
        if size <= 0:
            break
        parts.append(body[end + 2 : end + 2 + size])
        position = end + 2 + size + 2
    return b"".join(parts) if parts else body


def _inflate(body: bytes, window_bits: int, limit: int) -> bytes:
    decoder = zlib.decompressobj(window_bits)
    try:
        page = decoder.decompress(body, limit)
    except zlib.error as error:
        raise ValueError(f"the body does not decompress: {error}") from error
    if decoder.unconsumed_tail:
        raise ValueError(f"the body is more than {limit} bytes")
    return page


def _no_page(record: Record, reason: str, message: str, url: str | None) -> BadRecord:
    return BadRecord(record.offset, record.size, reason, message, (url or "")[:200], is_error=False)
