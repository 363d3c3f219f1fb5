from corpora.byte_ranges import Line
from corpora.gathering import Gathered
from corpora.records import BadRecord
from corpora.sections import Section


def gathered(*lines: Line, limit: int = 100) -> Gathered:
    record = Gathered(Section("a", "utf-8", max_record_bytes=limit))
    for line in lines:
        record.add(line)
    return record


def test_lines_become_one_record():
    record = gathered(Line(5, 2, b"ab"), Line(8, 1, b"c"))
    assert (record.start, record.size, record.whole()) == (5, 4, b"ab\nc")


def test_nothing_has_no_start():
    assert gathered().start is None


def test_a_record_over_the_limit_keeps_its_extent():
    assert gathered(Line(0, 2, b"ab"), Line(3, 2, b"cd"), limit=5).whole() == b"ab\ncd"
    assert gathered(Line(0, 2, b"ab"), Line(3, 2, b"cd"), limit=4).whole() == BadRecord(0, 5, "record_too_long", "5 bytes, more than 4", "")
    assert gathered(Line(3, 9, None)).whole() == BadRecord(3, 9, "record_too_long", "9 bytes, more than 100", "")
