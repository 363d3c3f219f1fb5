import io
import json
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.compression import DamagedStreamError
from corpora.files import CorpusFile, FileRange
from corpora.json_arrays import first_keys, looks_like_json, read_json
from corpora.reading import read_range
from corpora.records import BadRecord, DamagedFile, Document, Event
from corpora.sections import Section
from tests.corpora.reading import bad, damage, events, texts


def cut(data: bytes, block: int, *, limit: int = 1 << 20, encoding: str = "utf-8") -> list[Event]:
    """The events of a stream that comes in blocks of that size."""
    blocks = (data[i : i + block] for i in range(0, len(data), block))
    return list(read_json(Section("a", encoding, blocks=blocks, max_record_bytes=limit)))


def test_the_elements_of_an_array_are_records_with_their_places():
    data = '[{"text": "甲"}, {"content": "乙", "title": "题"}]'.encode()
    assert events(data, "json") == [Document(1, 15, "", "甲"), Document(18, 34, "题", "乙")]
    assert events(b"[]", "json") == []
    assert events(b"", "json") == []


def test_objects_over_many_lines_and_one_after_the_other_are_records():
    assert texts(events('{"text": "甲"}\n\n{\n  "text": "乙"\n}{"text": "丙"}'.encode(), "json")) == ["甲", "乙", "丙"]
    assert texts(events('[{"text": "甲"}]\n[{"text": "乙"}]'.encode(), "json")) == ["甲", "乙"]


def test_an_array_in_a_wrapper_is_read_as_one():
    data = '{"version": "1.0", "n": 2, "data": [{"text": "甲"}, {"text": "乙"}], "next": {"page": 2}}'.encode()
    assert texts(events(data, "json")) == ["甲", "乙"]
    assert texts(events('{"RECORDS":[\n{"text":"甲"}\n]}\n{"RECORDS":[{"text":"乙"}]}'.encode(), "json")) == ["甲", "乙"]


def test_strings_and_rows_are_records_too():
    assert texts(events('["甲", "乙"]'.encode(), "json")) == ["甲", "乙"]
    assert bad(events('[["题", "文"], 3]'.encode(), "json")) == [(1, "no_text"), (17, "no_text")]


def test_a_record_without_its_quote_is_a_reject_and_the_next_is_read():
    data = '[{"id": 1, "text": "甲"}, {"id": 2, "text": "乙}, {"id": 3, "text": "丙"}]'.encode()
    found = events(data, "json")
    assert texts(found) == ["甲", "丙"]
    assert bad(found) == [(27, "invalid_json")]
    assert "Expecting ',' delimiter at character 25 of the record" in found[1].message


@pytest.mark.parametrize(
    ("data", "read", "offsets"),
    [
        ('[{"id": 1, "text": "甲"}}, {"id": 2, "text": "乙"}]', ["甲", "乙"], [25]),
        ('[{"id": 1, "text": "甲", {"id": 2, "text": "乙"}]', ["乙"], [1]),
        ('[{"text": "甲"}, nothing, {"text": "乙"}, x]', ["甲", "乙"], [18, 44]),
        ('[{"text": "甲"} {"text": "乙"}]', ["甲", "乙"], []),
        ("[\n{'text': '甲'},\n{\"text\": \"乙\"}\n]", ["乙"], [2]),
        ('[{"text": "甲\n\t"}, {"text": NaN}, {"text": "\\ud83d乙"}]', ["甲\n\t", "乙"], [20]),
        ('[{"text": "甲"}, ' + "[" * 5000 + ', {"text": "乙"}]', ["甲", "乙"], [18]),
        ('[{"text": "甲"}, {"text": "乙", "n": ' + "9" * 5000 + '}, {"text": "丙"}]', ["甲", "丙"], [18]),
    ],
)
def test_what_can_be_saved_after_damage_is_saved(data, read, offsets):
    found = events(data.encode(), "json")
    assert texts(found) == read
    assert [offset for offset, _ in bad(found)] == offsets
    assert damage(found) == []


def test_a_file_that_is_cut_off_is_damaged_and_what_was_whole_is_read():
    whole = '[{"text": "甲"}, {"text": "乙"}]'.encode()
    assert [damage(events(whole[:n], "json")) for n in (17, 18, 20, 33)] == [
        ["the JSON array is not closed: the file is cut off"],
        ["the JSON array is not closed: the file is cut off"],
        ["the JSON is cut off in the record at byte 18"],
        ["the JSON array is not closed: the file is cut off"],
    ]
    for n in range(1, len(whole)):
        found = events(whole[:n], "json")
        assert texts(found) == ["甲"] * (n >= 16) + ["乙"] * (n >= 33)
        assert len(damage(found)) == 1


def test_a_broken_stream_gives_what_came_before():
    def blocks() -> Iterator[bytes]:
        yield '[{"text": "甲"}, {"text": "乙"}, {"te'.encode()
        raise DamagedStreamError("cut off")

    found: list[Event] = []
    with pytest.raises(DamagedStreamError):
        found.extend(read_json(Section("a", "utf-8", blocks=blocks())))
    reading = read_json(Section("a", "utf-8", blocks=blocks()))
    assert [next(reading).text, next(reading).text] == ["甲", "乙"]


def test_encodings():
    data = '[{"text": "甲"}, {"text": "乙"}]'
    assert texts(events(data.encode("gb18030"), "json", encoding="gb18030")) == ["甲", "乙"]
    assert events(data.encode("utf-16"), "json", encoding="utf-16-le") == events(data.encode("utf-8-sig"), "json")
    found = events(b'[{"text": "\xff\xfe"}, {"text": "a"}]', "json")
    assert bad(found) == [(1, "invalid_encoding")]
    assert found[1] == Document(17, 13, "", "a")


def test_a_record_over_the_limit_is_a_reject_and_never_held():
    small = json.dumps({"id": 1, "text": "甲"}).encode()
    data = b"[" + small + b',{"id": 2, "text": "' + b"a" * 20_000_000 + b'"},' + small + b"]"
    tracemalloc.start()
    found = cut(data, 1 << 16, limit=1 << 20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert texts(found) == ["甲", "甲"]
    assert bad(found) == [(len(small) + 2, "record_too_long")]
    assert peak < 16 << 20


def test_both_sides_of_the_limit():
    record = b'{"text": "abc"}'
    assert texts(cut(record, 4, limit=len(record))) == ["abc"]
    assert bad(cut(record, 4, limit=len(record) - 1)) == [(0, "record_too_long")]


RECORDS = st.sampled_from(
    ['{"text": "甲"}', '{"id": 1, "text": "乙"}', '{\n "id": {"id": 2}\n}', '"丙"', "3", "[4]", "null", '{"text": "' + "长" * 50 + '"}']
)
DAMAGE = st.sampled_from(['"', "{", "}", "[", "]", ",", "\\", "\n", "x", '{"id', "\\ud83d", "\x00", "\xff"])


@given(
    st.lists(RECORDS | DAMAGE, max_size=12),
    st.integers(1, 50),
    st.sampled_from([20, 1000]),
    st.sampled_from(["utf-8", "gb18030", "utf-16-le"]),
)
def test_where_the_blocks_end_does_not_matter(parts, block, limit, encoding):
    data = ("[" + ",".join(parts) + "]").encode(encoding)
    whole = cut(data, 1 << 20, limit=limit, encoding=encoding)
    assert cut(data, block, limit=limit, encoding=encoding) == whole
    offsets = [event.offset for event in whole if not isinstance(event, DamagedFile)]
    assert offsets == sorted(set(offsets))


@given(st.lists(RECORDS, max_size=6), st.integers(0, 200), st.integers(0, 10), st.binary(max_size=4))
def test_damage_costs_a_record_or_two(records, place, length, instead):
    good = ("[" + ", ".join(records) + "]").encode()
    data = good[:place] + instead + good[place + length :]
    for event in events(data, "json"):
        if isinstance(event, Document):
            event.text.encode()
        elif isinstance(event, BadRecord):
            (event.message + event.excerpt).encode()


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:\\u1d8 tex\n', max_size=60).map(str.encode), st.integers(1, 20))
@settings(max_examples=300)
def test_any_bytes_end(data, block):
    assert cut(data, block) == cut(data, 1000)


def test_much_damage_takes_no_longer_than_the_file():
    data = ("[" + ",".join(['{"id": 1, "text": "甲'] * 20_000) + "]").encode()
    found = cut(data, 1 << 16)
    assert len(bad(found)) == 19_999
    assert len(damage(found)) == 1


@pytest.mark.parametrize(
    ("text", "suffix", "kind"),
    [
        ('[{"text": "a"}]', ".json", "json"),
        ('[\n  {"text"', ".txt", "json"),
        ("[]", ".json", "json"),
        ('["甲",', "", "json"),
        ('["甲", "乙"]\n["丙", "丁"]\n', ".json", "jsonl"),
        ("[图片] 今天", ".txt", None),
        ("[[维基]] 链接", "", None),
        ('{\n  "text": "a"\n}', ".json", "json"),
        ('{"text": "a"}\n{"text": "b"}', "", "jsonl"),
        ('{"text": "a\n{"text": "b"}', ".json", "jsonl"),
        ('{"RECORDS":[{"id', ".json", "json"),
        ('{"RECORDS":[{"id', ".jsonl", "jsonl"),
        ('{"data": [1]}\n{"data": [2]}', ".json", "jsonl"),
        ("", ".jsonl", "jsonl"),
        ("not an object\n", ".json", "jsonl"),
        ("{{Infobox}} text", ".txt", None),
        ('{"id": "1", "url": "u", "title": "t", "text": "x', "", "wiki2019zh"),
        ('{"id": "1", "revid": "2", "url": "u", "title": "t", "text": "x"}', "", "wikiextractor_json"),
        ('[{"id": 1, "uniqueKey": "k", "dataType": "百科", "title": "t", "content": "c"},', ".json", "wudao"),
        ('[{"id": "1", "url": "u", "title": "t", "text": "x"}]', ".json", "json"),
    ],
)
def test_json_is_known_by_its_beginning(text, suffix, kind):
    assert looks_like_json(text, suffix) == kind


def test_keys_of_an_object_that_is_cut_off_are_those_that_can_be_seen():
    assert first_keys('{"a": {"b": 1}}') == {"a"}
    assert first_keys('[{"a": "x", "b": "yyy') == {"a", "b"}
    assert first_keys("") == frozenset()


def test_a_json_array_reads_through_a_file():
    data = b'[{"text": "a"}]'
    found = list(read_range(FileRange(CorpusFile("a.json", len(data), None)), lambda path: io.BytesIO(data)))
    assert [type(event).__name__ for event in found] == ["FileStart", "Document", "RangeEnd"]
