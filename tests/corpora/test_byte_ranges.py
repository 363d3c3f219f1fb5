import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.byte_ranges import Line, lines_from, split_lines
from corpora.files import CorpusFile, cut_ranges
from tests.corpora.reading import bad, events, texts

CONTENT = st.lists(st.sampled_from([b"a", b"bc", "好".encode(), b"\n", b"\n\n", b"\r\n", b" ", "\u3000".encode()]), max_size=40).map(
    b"".join
)


def test_lines_know_their_offsets_and_the_last_needs_no_newline():
    assert list(split_lines([b"ab\n\nc"])) == [Line(0, 2, b"ab"), Line(3, 0, b""), Line(4, 1, b"c")]
    assert list(split_lines([b"ab\n"], offset=10)) == [Line(10, 2, b"ab")]
    assert list(split_lines([])) == []


@given(CONTENT, st.integers(1, 9))
def test_lines_do_not_depend_on_how_blocks_are_cut(content, size):
    blocks = [content[i : i + size] for i in range(0, len(content), size)]
    assert list(split_lines(blocks)) == list(split_lines([content]))


def test_a_line_over_the_limit_is_measured_but_not_held():
    assert list(split_lines([b"abc\nabcd\n"], limit=3)) == [Line(0, 3, b"abc"), Line(4, 4, None)]
    assert list(split_lines([b"ab", b"cd", b"e\nf"], limit=3)) == [Line(0, 5, None), Line(6, 1, b"f")]


def test_a_range_begins_at_the_first_line_that_starts_in_it():
    assert [line.offset for line in lines_from(io.BytesIO(b"ab\ncd\nef"), 3, 9)] == [3, 6]
    assert [line.offset for line in lines_from(io.BytesIO(b"ab\ncd\nef"), 4, 9)] == [6]


def test_a_range_inside_a_giant_line_reads_little(monkeypatch):
    monkeypatch.setattr("corpora.byte_ranges.BLOCK_BYTES", 10)
    file = io.BytesIO(b"x" * 1000 + b"\n")
    assert list(lines_from(file, 100, 120)) == []
    assert file.tell() < 140


@settings(max_examples=500)
@given(CONTENT, st.integers(1, 30))
def test_each_line_is_read_exactly_once_whatever_the_ranges(content, range_bytes):
    assert events(content, "line", range_bytes=range_bytes) == events(content, "line")


@settings(max_examples=500)
@given(CONTENT, st.integers(1, 30))
def test_each_block_is_read_exactly_once_whatever_the_ranges(content, range_bytes):
    assert events(content, "blank_line", range_bytes=range_bytes) == events(content, "blank_line")


@settings(max_examples=500)
@given(CONTENT, st.integers(1, 30), st.integers(0, 5))
def test_over_long_records_are_counted_exactly_once_too(content, range_bytes, limit):
    for name in ("line", "blank_line"):
        assert events(content, name, range_bytes=range_bytes, limit=limit) == events(content, name, limit=limit)


@settings(max_examples=500)
@given(
    st.lists(st.sampled_from([b'{"text":"a"}', b'{"text":"\xe5\xa5\xbd"}', b"{", b"", b" "]), max_size=12),
    st.sampled_from([b"\n", b"\r\n"]),
    st.integers(1, 40),
)
def test_json_lines_are_read_exactly_once_whatever_the_ranges(lines, end, range_bytes):
    content = end.join(lines)
    whole = events(content, "jsonl")
    assert events(content, "jsonl", range_bytes=range_bytes) == whole
    assert len(texts(whole)) + len(bad(whole)) == sum(1 for line in lines if line.strip())


def test_ranges_cover_a_splittable_file():
    file = CorpusFile("a", 100, "jsonl", None, "utf-8")
    assert [(part.start, part.stop) for part in cut_ranges(file, 40, splittable=True)] == [(0, 40), (40, 80), (80, 100)]
    assert [(part.start, part.stop) for part in cut_ranges(file, 100, splittable=True)] == [(0, None)]


@pytest.mark.parametrize(
    ("compression", "encoding", "splittable"),
    [("gz", "utf-8", True), (None, "utf-16-le", True), (None, None, True), (None, "utf-8", False)],
)
def test_other_files_are_one_range(compression, encoding, splittable):
    parts = cut_ranges(CorpusFile("a", 100, "jsonl", compression, encoding), 40, splittable=splittable)
    assert [(part.start, part.stop) for part in parts] == [(0, None)]
