import hashlib
import io
import itertools
import pickle
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_core.tokenization import SPECIAL_TOKENS
from pipelines.errors import BuildError
from pipelines.instances import InstancesConfig
from pipelines.segmenters import new_jieba
from pipelines.user_dictionary import UserDictionary, parse_entries, read_user_dictionary
from pipelines.words import Segmenter
from tests.pipelines.segmented import dictionary, real_lines, words

VOCABULARY = "\n".join(SPECIAL_TOKENS).encode()
LIBRARIES = ["rjieba", "jieba"]


def test_words_frequencies_tags_and_remarks():
    content = "\ufeff石墨烯 50 n\n云计算\r\n\n# 产品\n#\n5G网络 nz\n  C++11\t7\n#标签\n区块链 3 a b".encode()
    entries, bad = parse_entries(content)
    assert entries == [("石墨烯", 50), ("云计算", None), ("5G网络", None), ("C++11", 7), ("#标签", None)]
    assert bad == [(9, "'区块链 3 a b' has 4 parts, at most 3; a word has no blanks: jieba splits there")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("云计算 -3", "frequency '-3' is not a whole number above 0"),
        ("云计算 1.5 n", "frequency '1.5' is not a whole number above 0"),
        ("云计算 ３", "frequency '３' is not a whole number above 0"),
        ("云计算 0", "frequency 0 is not between 1 and 1,000,000,000"),
        ("云计算 1000000001", "frequency 1000000001 is not between 1 and 1,000,000,000"),
        ("machine learning", "frequency 'learning' is not a whole number above 0"),
        ("New York 5 n", "'New York 5 n' has 4 parts, at most 3; a word has no blanks: jieba splits there"),
        ("云", "'云' is one character: that is a word without being listed"),
        ("云 5 n", "'云' is one character: that is a word without being listed"),
        ("约翰·史密斯 5", "'约翰·史密斯' is never found: jieba splits text at '·'"),
        ("𠮷野家", "'𠮷野家' is never found: jieba splits text at '𠮷'"),
    ],
)
def test_bad_lines(line, reason):
    assert parse_entries(f"石墨烯\n{line}\n".encode()) == ([("石墨烯", None)], [(2, reason)])


def test_all_bad_lines_are_counted_and_five_shown(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes("石墨烯\n云\n".encode() + "云计算 x1\n".encode() * 5 + "云计算".encode("gb18030") + b"\n")
    with pytest.raises(BuildError) as raised:
        read_user_dictionary(str(path), lambda name: path.read_bytes())
    assert str(raised.value).split("\n") == [
        f"--user-dict {path}: 7 bad lines",
        "line 2: '云' is one character: that is a word without being listed",
        *(f"line {number}: frequency 'x1' is not a whole number above 0" for number in (3, 4, 5, 6)),
        "and 2 more",
        "write a line as WORD FREQUENCY TAG or WORD FREQUENCY or WORD, in UTF-8; a word has no blanks, a frequency is a whole number",
    ]
    entries, bad = parse_entries("云计算".encode("gb18030"))
    assert (entries, bad[0][1].startswith("byte 1 is not UTF-8: b'")) == ([], True)


def test_a_file_without_words_or_without_itself_is_refused():
    with pytest.raises(BuildError, match=r"--user-dict words.txt holds no word\nwrite a line as WORD"):
        dictionary("# nothing", "")

    def missing(path: str) -> bytes:
        raise FileNotFoundError(2, "No such file or directory", path)

    with pytest.raises(BuildError, match=r"--user-dict words.txt: No such file or directory\ngive a file of words, one a line"):
        read_user_dictionary("words.txt", missing)


@given(st.binary(max_size=60) | st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_words_or_bad_lines(content):
    entries, bad = parse_entries(content)
    assert len(entries) + len(bad) <= len(content.splitlines())
    for word, frequency in entries:
        assert len(word) > 1
        assert frequency is None or frequency > 0


def test_what_travels_has_a_frequency_for_each_word_and_pickles():
    words_read = dictionary("石墨烯 50 n", "云计算中心", "石墨烯 60", "今天 9")
    assert list(words_read.words()) == [("石墨烯", 60), ("云计算中心", 1), ("今天", 9)]
    assert words_read.num_words == 3
    assert words_read.overlap == new_jieba().FREQ["今天"]
    assert words_read.sha256 == hashlib.sha256("石墨烯 50 n\n云计算中心\n石墨烯 60\n今天 9".encode()).hexdigest()
    assert pickle.loads(pickle.dumps(words_read)) == words_read
    assert "石墨烯" not in repr(words_read)


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_word_of_the_user_is_one_word(name):
    text = "他在云计算中心用5G网络和C++11写石墨烯程序"
    mine = Segmenter(name, dictionary("云计算中心", "5G网络", "C++11", "石墨烯 9 n"))
    assert words(mine, text) == ["他", "在", "云计算中心", "用", "5G网络", "和", "C++11", "写", "石墨烯", "程序"]
    assert words(Segmenter(name), text) == ["他", "在", "云", "计算中心", "用", "5G", "网络", "和", "C++", "11", "写", "石墨", "烯", "程序"]
    assert words(Segmenter(name, dictionary("石墨烯 9 n")), text)[1:4] == ["在", "云", "计算中心"]


@pytest.mark.parametrize("name", LIBRARIES)
def test_words_are_found_in_traditional_text_in_either_form(name):
    assert words(Segmenter(name, dictionary("量子電腦網")), "買了量子電腦網的書") == ["買", "了", "量子電腦網", "的", "書"]
    assert words(Segmenter(name, dictionary("量子电脑网")), "買了量子電腦網的書") == ["買", "了", "量子電腦網", "的", "書"]
    assert words(Segmenter(name, dictionary("量子電腦網")), "买了量子电脑网的书") == ["买", "了", "量子电脑网", "的", "书"]


def _neighbours(lines: list[str], count: int) -> list[str]:
    """Words that jieba does not have: the most frequent pairs of neighbours, Latin ones with their signs among them."""
    pairs: Counter[str] = Counter()
    for line in lines:
        pairs.update(map("".join, itertools.pairwise(words(Segmenter(), line))))
    return [word for word, _ in pairs.most_common() if re.fullmatch(r"[\u4E00-\u9FD5a-zA-Z0-9+#&._%\-]{2,}", word)][:count]


def test_both_libraries_and_load_userdict_agree_on_real_lines():
    """None of 30,463 lines differed with 3,000 such words; here 1,500 lines with 600.

    One has a tie: 的免费 and 免费的, listed without frequencies, get the same one, and the last bit of a logarithm decides between
    的免费 + 的 and 的 + 免费的.
    """
    lines = real_lines(60)[:1500]
    forms = ("{} {}", "{} {} n", "{}", "{} nz")
    mine = [forms[i % 4].format(word, i + 1) for i, word in enumerate(_neighbours(lines, 600))]
    theirs = new_jieba()
    theirs.load_userdict(io.BytesIO("\n".join(mine).encode()))
    rjieba, jieba = (Segmenter(name, dictionary(*mine)) for name in LIBRARIES)
    expected = [theirs.lcut(line) for line in lines]
    differing = [line for line, wanted in zip(lines, expected, strict=True) if words(rjieba, line) != wanted]
    assert ["的免费的" in line for line in differing] in ([], [True])
    assert [line for line, wanted in zip(lines, expected, strict=True) if words(jieba, line) != wanted] == []
    assert sum(words(Segmenter(), line) != wanted for line, wanted in zip(lines, expected, strict=True)) > 500


def test_words_that_the_dictionary_has_weigh_the_same_in_both_libraries():
    """Whole or in two is decided by the total of all frequencies: jieba's still counts what they had before."""
    parts, whole = 10**9, 396_010_000
    total = new_jieba().total + 2 * parts + whole
    overlap = sum(new_jieba().FREQ[word] for word in ("今天", "天气", "今天天气"))
    while whole * total <= parts**2:
        whole, total = whole + 100, total + 100
    assert whole * (total - overlap) < parts**2  # as rjieba would have it
    mine = dictionary(f"今天 {parts}", f"天气 {parts}", f"今天天气 {whole}")
    assert mine.overlap == overlap
    assert [words(Segmenter(name, mine), "今天天气") for name in LIBRARIES] == [["今天天气"]] * 2


def test_the_manifest_names_the_dictionary_by_its_digest():
    def config(words_read: UserDictionary | None) -> InstancesConfig:
        return InstancesConfig(vocabulary=VOCABULARY, user_dictionary=words_read)

    mine = dictionary("石墨烯", "云计算 5")
    parameters = pickle.loads(pickle.dumps(config(mine))).parameters()
    assert parameters["user_dictionary"] == {"sha256": hashlib.sha256("石墨烯\n云计算 5".encode()).hexdigest(), "words": 2}
    assert "石墨烯" not in str(parameters)
    assert config(None).parameters()["user_dictionary"] is None
    with pytest.raises(BuildError, match="--user-dict means nothing without a segmenter"):
        InstancesConfig(vocabulary=VOCABULARY, user_dictionary=mine, segmenter="none")
