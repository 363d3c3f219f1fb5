import csv
import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.fields import Fields
from corpora.files import CorpusFile, FileRange
from corpora.reading import read_range
from corpora.records import BadRecord, DamagedFile, Document, Event
from corpora.sections import Section
from corpora.tables import SAMPLE_LINES, looks_like_table, read_csv
from tests.corpora.reading import bad, damage, events, texts


def with_fields(data: bytes, fields: str) -> list[Event]:
    file = CorpusFile("a", len(data), "csv", None, "utf-8", fields=Fields.parse(fields))
    found = read_range(FileRange(file), lambda path: io.BytesIO(data))
    return [event for event in found if isinstance(event, Document | BadRecord | DamagedFile)]


def test_rows_below_a_header_are_documents_with_the_place_of_their_first_byte():
    data = 'id,title,content\r\n1,题,"第一行\n第二行，""引""。"\r\n2,b,好\r\n'.encode()
    assert events(data, "csv") == [Document(18, 41, "题", '第一行\n第二行，"引"。'), Document(60, 8, "b", "好")]


def test_a_table_without_a_header_has_its_text_in_the_longest_column():
    data = "体育\t马晓旭意外受伤让国奥警惕\n财经\t股市大涨\n".encode()
    assert texts(events(data, "tsv")) == texts(events(data, "csv")) == ["马晓旭意外受伤让国奥警惕", "股市大涨"]


def test_columns_by_name_and_by_number():
    data = "label,summary,body\n1,摘要,正文很长很长\n".encode()
    assert with_fields(data, "text=summary,title=body") == [Document(19, 27, "正文很长很长", "摘要")]
    assert texts(with_fields(data, "text=2+3")) == ["摘要\n正文很长很长"]
    assert texts(with_fields("甲,乙\n丙,丁\n".encode(), "text=1")) == ["甲", "丙"]


def test_names_in_capitals_are_known():
    assert events("ID,Title,Text\n1,题,文\n".encode(), "csv") == [Document(14, 9, "题", "文")]


def test_a_column_that_is_not_there_is_one_clear_error():
    assert damage(with_fields("label,review\n1,好\n".encode(), "text=body")) == [
        "no field body; the columns are: label, review; name one, as in text=NAME"
    ]


def test_ragged_rows_are_rejects_and_one_empty_cell_at_the_end_is_not():
    found = events("id,text\n1,甲\n2\n3,乙,丙\n4,丁,\n\n \r\n5,戊\n6,己\n7,庚\n".encode(), "csv")
    assert texts(found) == ["甲", "丁", "戊", "己", "庚"]
    assert bad(found) == [(14, "wrong_columns"), (16, "wrong_columns")]
    assert [event.message for event in found if isinstance(event, BadRecord)] == ["1 columns, not 2", "3 columns, not 2"]


def test_a_quote_that_is_not_closed_takes_no_other_rows_with_it():
    rows = "".join(f'{i},"第{i}行，\n好。"\n' for i in range(5))
    found = events(f'id,text\n{rows}6,"没有关\n7,八\n{rows}'.encode(), "csv")
    assert texts(found)[5:7] == ['"没有关', "八"]
    assert len(texts(found)) == 12
    assert bad(found) == []


def test_quotes_that_mean_nothing_stay():
    assert texts(events('体育\t"姚明"退役了\n体育\t他说"好"\n体育\t"半个\n'.encode(), "tsv")) == ['"姚明"退役了', '他说"好"', '"半个']


def test_invalid_bytes_reject_their_row_only():
    found = events(b'id,text\n1,a\n2,\xff\n3,"b\n\xff"\n4,c\n', "csv")
    assert texts(found) == ["a", "c"]
    assert bad(found) == [(12, "invalid_encoding"), (16, "invalid_encoding")]


def test_encodings_and_nul_and_byte_order_mark():
    data = 'label,review\n1,"距离川沙公路较近,但是"\n0,太差\0了\n'
    expected = ["距离川沙公路较近,但是", "太差\0了"]
    for encoding, codec in (("gb18030", "gb18030"), ("utf-8-sig", "utf-8"), ("utf-16", "utf-16-le")):
        assert texts(events(data.encode(encoding), "csv", encoding=codec)) == expected


def test_a_giant_cell_and_one_over_the_limit():
    data = b'id,text\n1,"' + b"a" * 5_000_000 + b'"\n2,"b\n' + b"c\n" * 200 + b'"\n3,d\n'
    assert [len(text) for text in texts(events(data, "csv", limit=6_000_000))] == [5_000_000, 402, 1]
    found = events(data, "csv", limit=300)
    assert bad(found)[0] == (8, "record_too_long")
    assert texts(found)[-1] == "d"
    assert len(found) == 1 + 1 + 201 + 1


def test_a_row_may_go_beyond_the_sample():
    rows = "".join(f"{i},行{i}\n" for i in range(SAMPLE_LINES - 2))
    found = events(f'id,text\n{rows}x,"一\n二\n三"\ny,末\n'.encode(), "csv")
    assert texts(found)[-2:] == ["一\n二\n三", "末"]
    assert bad(found) == []


def test_an_empty_table():
    assert events(b"", "csv") == []
    assert events(b"id,text\n", "csv") == []


def test_tables_are_known_by_name_or_by_their_tabs():
    assert looks_like_table("anything", ".csv") == "csv"
    assert looks_like_table("anything", ".tsv") == "tsv"
    rows = "体育\t马晓旭意外受伤让国奥警惕\n" * 5
    assert looks_like_table(rows + "体", ".txt") == "tsv"
    assert looks_like_table(rows + "体", ".md") is None
    assert looks_like_table("体育\t马晓旭意外受伤让国奥警惕\n" * 4, ".txt") is None
    assert looks_like_table(rows + "没有\n", ".txt") is None
    assert looks_like_table("第一章\t3\n" * 9, ".txt") is None


@given(
    st.lists(st.tuples(st.text(max_size=8), st.text(min_size=1, max_size=12)), min_size=1, max_size=8),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_csv_writes_is_read(rows, quoting):
    out = io.StringIO()
    writer = csv.writer(out, quoting=quoting)
    writer.writerow(["id", "title", "text"])
    writer.writerows([str(i), title, text] for i, (title, text) in enumerate(rows))
    data = out.getvalue().encode("utf-8", "ignore")
    found = events(data, "csv")
    expected = [text.encode("utf-8", "ignore").decode() for _, text in rows]
    if "\r" not in data.decode().replace("\r\n", "") and not any("\ufeff" in text for text in expected):
        assert texts(found) == expected
    assert len([event for event in found if isinstance(event, Document | BadRecord)]) >= len(rows)


CELLS = st.sampled_from(['"', '""', ",", "\t", "\n", "\r\n", "\\", "甲", "text", "id", "1", " ", "\0", "\ufeff"])


@given(st.lists(CELLS, max_size=40).map("".join), st.integers(1, 30), st.sampled_from([5, 1000]))
def test_any_text_is_read_to_its_end_whatever_the_blocks(text, block, limit):
    data = text.encode()

    def read(size: int) -> list[Event]:
        blocks = (data[i : i + size] for i in range(0, len(data), size))
        return list(read_csv(Section("a", "utf-8", blocks=blocks, max_record_bytes=limit)))

    found = read(block)
    assert found == read(1000)
    if not damage(found):
        covered = [(event.offset, event.offset + event.size) for event in found if isinstance(event, Document | BadRecord)]
        assert covered == sorted(covered)
        assert all(end <= start for (_, end), (start, _) in pairwise(covered))


@given(st.binary(max_size=80))
def test_any_bytes_are_read_to_their_end(data):
    for event in events(data, "csv"):
        if isinstance(event, Document):
            event.text.encode()


@pytest.mark.parametrize("name", ["csv", "tsv"])
def test_many_quotes_take_no_longer_than_the_file(name):
    data = b"label\ttext\n" + '1\t"没有关的引号\n'.encode() * 20_000
    assert len(events(data, name)) == 20_000
