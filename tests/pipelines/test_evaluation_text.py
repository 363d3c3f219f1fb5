import bz2
import gzip
import json
import lzma

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.compression import DamagedStreamError
from pipelines.evaluation_text import read_texts
from tests.shared_data import shared


def texts(name: str, content: str | bytes) -> list[tuple[int, str]]:
    return list(read_texts(name, content.encode() if isinstance(content, str) else content))


def test_json_lines_give_all_strings_with_their_line():
    content = '{"label": "6", "sentence": "甲", "more": {"a": ["乙", {"b": "丙"}], "n": 3, "z": null}}\n\n{"sentence": "丁"}\n'
    assert texts("a.json", content) == [(1, "6"), (1, "甲"), (1, "乙"), (1, "丙"), (3, "丁")]
    assert texts("a", '["甲", "乙"]\n["丙"]') == [(1, "甲"), (1, "乙"), (2, "丙")]


@pytest.mark.parametrize("indent", [None, 1])
def test_an_array_gives_the_number_of_the_item(indent):
    value = [{"context": "甲", "questions": ["乙"]}, ["丙", []], "丁"]
    assert texts("a.json", json.dumps(value, indent=indent)) == [(1, "甲"), (1, "乙"), (2, "丙"), (3, "丁")]
    assert texts("a.json", " []") == []


def test_objects_over_several_lines_give_the_number_of_the_object():
    content = "\n".join(json.dumps({"text": text}, indent=2, ensure_ascii=False) for text in "甲乙")
    assert texts("a.json", "\n" + content + "\n") == [(1, "甲"), (2, "乙")]


def test_tables_give_their_cells_and_other_files_their_lines():
    assert texts("a.tsv", "label\ttext\r\n1\t甲,乙\r\n") == [(1, "label"), (1, "text"), (2, "1"), (2, "甲,乙")]
    assert texts("a.csv", 'label,text\n1,"甲,\n乙"\n2,丙\n') == [(1, "label"), (1, "text"), (2, "1"), (2, "甲,\n乙"), (4, "2"), (4, "丙")]
    assert texts("a.txt", "[荐书] 甲\n乙") == [(1, "[荐书] 甲"), (2, "乙")]
    assert texts("a.txt", "") == []


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_files_and_other_encodings(compress):
    assert texts("a.tsv.xz", compress("1\t这是一个测试的句子".encode("gb18030"))) == [(1, "1"), (1, "这是一个测试的句子")]


def test_what_cannot_be_read_is_said():
    with pytest.raises(DamagedStreamError):
        texts("a.tsv.xz", lzma.compress("甲".encode())[:-8])
    with pytest.raises(ValueError, match="line 2 column 7"):
        texts("a.json", '{\n"a": 1]')
    with pytest.raises(ValueError, match="Expecting value"):
        texts("a.jsonl", '{"a": "甲"}\n乙')


@given(
    st.sampled_from(["a.json", "a.csv", "a.txt", "a.tsv.gz", "a.jsonl"]), st.binary(max_size=60) | st.text('[]{}":,甲a\n\t\\', max_size=30)
)
def test_no_file_breaks_the_reader(name, content):
    try:
        found = texts(name, content)
    except (DamagedStreamError, ValueError):
        return
    assert all(line >= 1 and isinstance(text, str) for line, text in found)


@pytest.mark.parametrize(
    ("path", "place", "beginning"),
    [
        ("afqmc/dev.txt.xz", 1, "双十一花呗提额在哪"),
        ("chnsenticorp/dev.tsv.xz", 2, "這間酒店環境"),
        ("cluener/dev.json.xz", 2, "温格的球队终于又踢了一场经典的比赛"),
        ("cmrc2018/cmrc2018_dev.json.xz", 1, "《战国无双3》（）是由光荣和ω-force开发"),
        ("tnews/test_public.json.xz", 1, "看懂这两个故事，从动物博弈中提升自己的期货股票交易水平"),
    ],
)
def test_real_tasks(path, place, beginning):
    file = shared(f"data/tasks/{path}")
    assert any(line == place and text.startswith(beginning) for line, text in read_texts(file.name, file.read_bytes()))
