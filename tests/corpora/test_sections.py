import io

import pytest

from corpora.compression import DamagedStreamError
from corpora.records import BadRecord
from corpora.sections import Section, spool


def section(data: bytes, encoding: str = "utf-8", limit: int = 100, file: io.BytesIO | None = None) -> Section:
    return Section("a", encoding, blocks=[data[:3], data[3:]], file=file, max_record_bytes=limit)


def test_a_whole_file_is_one_record_up_to_the_limit():
    assert section(b"abcdef", limit=6).whole() == b"abcdef"
    assert section(b"abcdefg", limit=6).whole() == BadRecord(0, 7, "record_too_long", "7 bytes, more than 6", "")
    wide = section("上海".encode("utf-16-be"), "utf-16-be")
    assert wide.encoding == "utf-8"
    assert wide.whole() == "上海".encode()
    assert wide.num_bytes == 4


def test_a_file_to_be_read_here_and_there_is_the_file_itself_or_a_copy():
    file = io.BytesIO(b"abcdef")
    file.read(3)
    own = section(b"", file=file)
    assert own.seekable() is file
    assert (file.read(), own.num_bytes) == (b"abcdef", 6)
    copied = section(b"abcdef")
    with copied.seekable() as copy:
        assert (copy.read(), copied.num_bytes) == (b"abcdef", 6)


def test_a_stream_too_long_to_be_copied_is_damage(monkeypatch):
    monkeypatch.setattr("corpora.sections.MAX_SPOOL_BYTES", 5)
    assert spool([b"abc", b"de"]).read() == b"abcde"
    with pytest.raises(DamagedStreamError, match="too much to be copied"):
        spool([b"abc", b"def"])


def test_a_record_says_why_it_does_not_decode():
    assert section(b"").decode(7, b"\xef\xbb\xbfabc") == "abc"
    found = section(b"").decode(7, b"ab\xff")
    assert found == BadRecord(7, 3, "invalid_encoding", "byte 2 of the record is not utf-8: invalid start byte", "ab\ufffd")
    found = section(b"", "unknown").decode(7, b"ab\xff")
    assert isinstance(found, BadRecord)
    assert (found.reason, found.excerpt) == ("unknown_encoding", "ab\ufffd")
    assert section(b"", "unknown").decode(7, "好".encode()) == "好"
