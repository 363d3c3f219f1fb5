import pytest

from corpora.dialects import DELIMITERS, Dialect, choose_text, column_names, decide_dialect, has_header, longest_column, numbered_columns
from corpora.fields import Fields


@pytest.mark.parametrize(
    ("lines", "dialect"),
    [
        (["label,review", '1,"好，, 不错"', "0,差"], Dialect(",", True, False, 2)),
        (["体育\t马晓旭, 意外", '体育\t"姚明"退役', "财经\t股市"], Dialect("\t", False, False, 2)),
        (["a;b;c", "1;2;3"], Dialect(";", True, False, 3)),
        (["1\x01a,b\x01c", "2\x01d\x01e"], Dialect("\x01", True, False, 3)),
        (["6551_!_101_!_文化_!_题_!_词,词", "6552_!_101_!_文化_!_题_!_"], Dialect("_!_", False, False, 5)),
        (["id,text", '1,"他说\\"好\\", 走了"', '2,"b"'], Dialect(",", True, True, 2)),
        (["id,text", '1,"第一行', '第二行"', "2,b"], Dialect(",", True, False, 2)),
        (["review", "很好,不错", "一般", '"坏, 很坏"'], Dialect("\x01", True, False, 1)),
        ([], Dialect("\x01", True, False, 1)),
    ],
)
def test_the_dialect_that_makes_regular_rows_is_chosen(lines, dialect):
    assert decide_dialect(lines, DELIMITERS) == dialect


def test_a_delimiter_that_was_given_is_taken():
    assert decide_dialect(["a,b\tc", "d,e\tf"], ("\t",)) == Dialect("\t", True, False, 2)
    assert decide_dialect(["a,b", "c,d"], ("\t",)) == Dialect("\x01", True, False, 1)


def test_a_quoted_row_that_the_sample_cuts_off_is_no_sign_against_quotes():
    lines = ["1,a", "2,b", "3,c", "4,d"]
    assert decide_dialect([*lines, '5,"e'], DELIMITERS).quotes
    assert not decide_dialect([*lines[:3], '5,"e'], DELIMITERS).quotes


def test_a_few_ragged_rows_do_not_change_the_number_of_columns():
    assert decide_dialect(["1,2,3"] * 6 + ["1,2"] * 4, DELIMITERS) == Dialect(",", True, False, 3)
    assert decide_dialect(["1,2,3"] * 5 + ["1,2"] * 5, DELIMITERS).num_columns == 1


def test_headers():
    long = ["1", "一段很长很长很长很长的文字。"]
    assert has_header([["label", "review"], long], None)
    assert has_header([["", "内容"], long], None)
    assert has_header([["a", "b"], long], None)
    assert not has_header([["a", "b"], ["a", "一段文字。"]], None)
    assert not has_header([["1", "b"], long], None)
    assert has_header([["", "word", "derivation"], ["x", "阿鼻地狱", "语出《法华经》。"]], None)
    assert not has_header([["y", "word", "地狱"], ["x", "阿鼻地狱", "语出《法华经》。"]], None)
    assert has_header([["条目", "释义文字"], ["1", "一段文字。"], ["2.5", "一段文字。"]], None)
    assert not has_header([["条目", "释义文字"], ["1", "一段文字。"], ["二", "一段文字。"]], None)
    assert has_header([["1", "b"], long], Fields(text="b"))
    rows = [["财经", f"第{i}段文字很长。"] for i in range(20)]
    assert has_header([["栏目", "全部文"], *rows], None)
    assert not has_header([["栏目", "全部文字啊"], *rows], None)
    assert not has_header([["栏目", "全部文"], *rows[1:]], None)
    assert not has_header([["财经", "全部文"], *rows], None)
    assert not has_header([["体育", "一段很长很长很长的文字。"], ["财经", long[1]]], None)
    assert not has_header([["text", "text"], long], None)
    assert not has_header([["text", "x" * 41], long], None)
    assert not has_header([["a", "b"]], None)
    assert has_header([["a", "text"]], None)
    assert not has_header([], None)


def test_names_of_columns():
    assert column_names(["id", " text ", "", "a", "a", "a.b", "c|d"]) == ["id", "text", "3", "4", "5", "6", "7"]


def test_the_text_is_in_a_column_of_a_known_name_or_with_most_characters_beyond_ascii():
    assert choose_text(["id", "content", "text"], []) == "text"
    rows = [["6551700932705387022", "http://a.b/c", "短题"]]
    assert choose_text(["1", "2", "3"], rows) == "3"
    assert longest_column(rows) == (2, 2.0)
    assert longest_column([["ab", "c"], ["a", "cdefg"]]) == (1, 3.0)
    assert longest_column([]) == (0, 0.0)


def test_columns_by_number():
    assert numbered_columns(Fields(text="2", title="1+9", url="0"), ["id", "text"]) == {"1": 0, "2": 1}
    assert numbered_columns(Fields(text="2"), ["2", "text"]) == {}
