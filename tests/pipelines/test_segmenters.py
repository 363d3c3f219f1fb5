import hashlib
import subprocess
import sys
from importlib import resources

import jieba
import pytest

from pipelines.segmenters import describe_segmenter, new_jieba, new_rjieba


@pytest.mark.parametrize("new", [new_jieba, new_rjieba])
def test_words_given_to_one_are_unknown_to_the_others(new):
    text = "他在云计算中心上班"
    assert list(new([("云计算中心", 9)]).cut(text)) == ["他", "在", "云计算中心", "上班"]
    assert list(new().cut(text)) == ["他", "在", "云", "计算中心", "上班"]
    assert jieba.lcut(text) == ["他", "在", "云", "计算中心", "上班"]


def test_totals_are_jiebas_also_for_words_that_the_dictionary_has():
    """What a new word needs to be found is a product of frequencies over the total: large enough, and it shows every unit of that."""
    entries = [("今天", 10**9), ("天气", 10**9), ("云计算", 5)]
    ours = new_jieba(entries)
    assert ours.total == 60_101_967 + 2 * 10**9 + 5
    apart = new_rjieba(entries).suggest_freq("今天天气")
    together = new_rjieba(entries, overlap=jieba.get_FREQ("今天") + jieba.get_FREQ("天气")).suggest_freq("今天天气")
    assert together - ours.suggest_freq("今天天气") in (0, 1)  # rjieba rounds up
    assert apart - together > 1000


def test_jieba_is_named_by_its_dictionary_file():
    content = (resources.files("jieba") / "dict.txt").read_bytes()
    expected = {"name": "jieba", "version": "0.42.1", "dictionary_sha256": hashlib.sha256(content).hexdigest()}
    assert describe_segmenter("jieba") == expected


def test_rjieba_is_named_by_what_it_says_the_same_in_every_process():
    described = describe_segmenter("rjieba")
    assert described["name"] == "rjieba"
    code = "from pipelines.segmenters import describe_segmenter; print(describe_segmenter('rjieba')['dictionary_sha256'])"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == described["dictionary_sha256"]
    assert len(described["dictionary_sha256"]) == 64


def test_no_segmenter_has_no_dictionary():
    assert describe_segmenter("none") == {"name": "none", "version": None, "dictionary_sha256": None}
