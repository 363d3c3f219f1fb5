import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.byte_streams import ByteStream


def cut(data: bytes, size: int = 3) -> ByteStream:
    return ByteStream(data[i : i + size] for i in range(0, len(data), size))


def test_reading_peeking_and_putting_back():
    stream = cut(b"abcdefgh")
    assert (stream.peek(2), stream.offset) == (b"ab", 0)
    assert (stream.read(5), stream.offset) == (b"abcde", 5)
    stream.unread(b"de")
    assert (stream.read(9), stream.offset) == (b"defgh", 8)
    assert (stream.read(1), stream.offset) == (b"", 8)


def test_newlines_are_skipped():
    stream = cut(b"\r\n\n\r\r\n\na\n")
    assert (stream.skip_newlines(), stream.offset, stream.peek(1)) == (True, 7, b"a")
    stream.skip_line()
    assert (stream.skip_newlines(), stream.offset) == (False, 9)


def test_a_line_is_found_by_its_beginning():
    stream = cut(b"x WARC/\nWARC/1\ny\nWARC/2")
    stream.skip_to_line(b"WARC/")
    assert stream.offset == 8
    stream.skip_to_line(b"WARC/")
    assert stream.offset == 8
    stream.skip_line()
    stream.skip_to_line(b"WARC/")
    assert stream.read(9) == b"WARC/2"
    stream.skip_to_line(b"WARC/")
    assert stream.offset == 23


def test_a_paragraph_ends_at_an_empty_line():
    stream = cut(b"a: 1\r\nb: 2\r\n\r\nbody")
    assert (stream.read_paragraph(100), stream.offset) == ([b"a: 1", b"b: 2"], 14)
    assert (stream.read_paragraph(100), stream.offset) == (None, 14)
    assert cut(b"a\nb\n\nc\r\n\r\n").read_paragraph(100) == [b"a", b"b"]
    assert cut(b"aaaa\n\n").read_paragraph(5) is None
    assert cut(b"aaaa\n\n").read_paragraph(6) == [b"aaaa"]


@given(st.binary(max_size=60) | st.text("W\nab", max_size=60).map(str.encode), st.integers(1, 9), st.integers(0, 30))
def test_lines_are_found_as_in_memory(data, size, start):
    stream = cut(data, size)
    start = len(stream.read(start))
    stream.skip_to_line(b"WW")
    rest = data[start:]
    found = rest.find(b"\nWW") + 1
    expected = 0 if rest.startswith(b"WW") else found or len(rest)
    assert stream.offset == start + expected
    assert stream.read(1000) == rest[expected:]


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_lines_are_skipped_as_in_a_file(size):
    data = b"ab\n\ncd\nefg"
    stream, file = cut(data, size), io.BytesIO(data)
    while file.readline():
        stream.skip_line()
        assert stream.offset == file.tell()
