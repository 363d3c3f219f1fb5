import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.range_reader import FIRST_BYTES, MOST_BYTES, open_ranges

CONTENT = os.urandom(3 * FIRST_BYTES + 11)


class Fetches(list):
    """Ranges of CONTENT that were asked for."""

    def __call__(self, start: int, stop: int) -> bytes:
        assert 0 <= start < stop <= len(CONTENT)
        self.append((start, stop))
        return CONTENT[start:stop]


@given(st.lists(st.tuples(st.integers(0, len(CONTENT) + 5), st.integers(-1, FIRST_BYTES + 5)), max_size=6))
def test_it_reads_as_a_file_does(reads):
    assert len(CONTENT) < MOST_BYTES
    with open_ranges(Fetches(), len(CONTENT)) as file:
        for start, size in reads:
            file.seek(start)
            assert file.read(size) == CONTENT[start:][: None if size < 0 else size]
            assert file.tell() == max(start, min(len(CONTENT), start + (size if size >= 0 else len(CONTENT))))


def test_who_goes_straight_on_fetches_more_each_time_and_who_jumps_little():
    fetches = Fetches()
    with open_ranges(fetches, len(CONTENT)) as file:
        while file.read(1000):
            pass
        file.seek(5)
        file.read(1)
    assert fetches == [(0, FIRST_BYTES), (FIRST_BYTES, 3 * FIRST_BYTES), (3 * FIRST_BYTES, len(CONTENT)), (5, 5 + FIRST_BYTES)]


def test_a_large_read_is_one_fetch():
    fetches = Fetches()
    with open_ranges(fetches, len(CONTENT)) as file:
        assert file.read() == CONTENT
    assert fetches == [(0, len(CONTENT))]


def test_an_empty_object_is_never_fetched():
    with open_ranges(lambda start, stop: pytest.fail("fetched"), 0) as file:
        assert file.read() == b""
        assert file.seek(0, os.SEEK_END) == 0


def test_fewer_bytes_than_there_should_be_are_an_error():
    with open_ranges(lambda start, stop: b"short", 100) as file, pytest.raises(OSError, match="5 bytes came of 100 at byte 0"):
        file.read()
