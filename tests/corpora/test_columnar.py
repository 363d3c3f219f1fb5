import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.fields import Fields
from corpora.files import CorpusFile, FileRange
from corpora.reading import read_range
from corpora.records import BadRecord, DamagedFile, Document, Event
from tests.corpora.reading import bad, damage, events, texts


def stored(table: pa.Table, **options) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def with_fields(data: bytes, fields: Fields) -> list[Event]:
    found = read_range(FileRange(CorpusFile("a", len(data), "parquet", fields=fields)), lambda path: io.BytesIO(data))
    return [event for event in found if isinstance(event, Document | BadRecord | DamagedFile)]


GOOD = stored(pa.table({"id": [1, 2, 3], "text": ["甲", None, "乙"], "url": ["u", None, ""]}))


def test_rows_are_documents_with_their_number():
    assert events(GOOD, "parquet") == [
        Document(0, 3, "", "甲", "u"),
        BadRecord(1, 0, "no_text", "field text is null, not a string", "{'text': None, 'url': None}"),
        Document(2, 3, "", "乙"),
    ]
    assert events(stored(pa.table({"text": pa.array([], pa.string())})), "parquet") == []


def test_row_groups_and_compression_do_not_matter():
    table = pa.table({"text": [f"第{i}篇" for i in range(5000)]})
    expected = events(stored(table), "parquet")
    assert len(expected) == 5000
    for options in ({"row_group_size": 7}, {"compression": "zstd"}, {"compression": "gzip", "use_dictionary": False}):
        assert events(stored(table, **options), "parquet") == expected
    assert events(stored(table, row_group_size=7), "parquet", compression=None)[4999] == Document(4999, 10, "", "第4999篇")


def test_a_compressed_parquet_file_is_read_too():
    assert events(gzip.compress(GOOD), "parquet", compression="gz") == events(GOOD, "parquet")
    assert damage(events(gzip.compress(GOOD)[:-9], "parquet", compression="gz")) == ["the gz stream is cut off"]


def test_columns_of_many_kinds():
    table = pa.table(
        {
            "body": pa.array([["甲", "乙"], []], pa.list_(pa.large_string())),
            "meta": [{"title": "题", "n": 1}, None],
            "score": pa.array([0.5, None], pa.float32()),
        }
    )
    fields = Fields(text="body", title="meta.title", quality="score")
    assert with_fields(stored(table), fields) == [Document(0, 7, "题", "甲\n乙", None, 0.5), Document(1, 0, "", "")]
    for kind in (pa.large_string(), pa.binary(), pa.large_binary(), pa.dictionary(pa.int32(), pa.string())):
        assert texts(events(stored(pa.table({"text": pa.array(["甲", "乙"]).cast(kind)})), "parquet")) == ["甲", "乙"]


def test_each_element_of_a_list_is_a_numbered_document():
    table = pa.table({"documents": [[{"paragraphs": ["甲"]}, {"paragraphs": ["乙", "丙"]}], [{"paragraphs": ["丁"]}], []]})
    found = with_fields(stored(table), Fields(each="documents", text="paragraphs"))
    assert [(event.offset, event.text) for event in found if isinstance(event, Document)] == [(0, "甲"), (1, "乙\n丙"), (2, "丁")]
    assert bad(found) == [(3, "no_text")]


def test_a_table_without_a_known_name_has_its_text_in_the_first_column_of_strings():
    assert texts(events(stored(pa.table({"n": [1], "诗": ["甲"], "q": ["x"]})), "parquet")) == ["甲"]


def test_a_file_without_the_column_is_one_clear_error():
    message = "no field body; the columns are: id, text, url; name one, as in text=NAME"
    assert with_fields(GOOD, Fields(text="body")) == [DamagedFile("a", message)]
    assert "the columns are: n;" in damage(events(stored(pa.table({"n": [1]})), "parquet"))[0]
    assert [event.message for event in with_fields(GOOD, Fields(text="id"))] == ["field id is a number, not a string"] * 3


def test_a_string_that_is_not_utf8_is_a_reject():
    found = events(stored(pa.table({"text": pa.array([b"a", b"b\xff", b"c"])})), "parquet")
    assert texts(found) == ["a", "c"]
    assert found[1] == BadRecord(1, 2, "invalid_encoding", "byte 1 of a string is not utf-8: invalid start byte", "b\ufffd")


def test_a_cell_over_the_limit_is_a_reject():
    data = stored(pa.table({"text": ["a" * 10, "a" * 11]}))
    assert [event.offset for event in events(data, "parquet", limit=10) if isinstance(event, Document)] == [0]
    assert bad(events(data, "parquet", limit=10)) == [(1, "record_too_long")]


@pytest.mark.parametrize("cut", [0, 3, 12, len(GOOD) // 2, len(GOOD) - 1])
def test_a_cut_file_is_damaged(cut):
    (event,) = events(GOOD[:cut], "parquet")
    assert isinstance(event, DamagedFile)
    assert event.error.startswith("not a Parquet file that can be read: ")


def test_an_error_of_the_file_system_is_raised():
    class Failing(io.BytesIO):
        def read(self, size: int = -1, /) -> bytes:
            if self.tell() > 16:
                raise ConnectionResetError(104, "reset")
            return super().read(size)

    with pytest.raises(ConnectionResetError):
        list(read_range(FileRange(CorpusFile("a", len(GOOD), "parquet", encoding="utf-8")), lambda path: Failing(GOOD)))


@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=4))
def test_changed_bytes_give_events(place, instead):
    for event in events(GOOD[:place] + instead + GOOD[place + len(instead) :], "parquet"):
        if isinstance(event, Document):
            event.text.encode()
