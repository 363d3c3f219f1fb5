import random
import tarfile

import pytest

from corpora.cohesion import MIN_LINES, Cohesion, holds_a_document_a_line, measure_cohesion
from tests.shared_data import shared

# Words of two characters: each line has some of its topic, and some of the language.
WORDS = [chr(0x4E00 + 2 * i) + chr(0x4E01 + 2 * i) for i in range(2000)]


def lines(topics: list[int]) -> list[str]:
    rng = random.Random(1)
    return ["".join(rng.choices(WORDS[topic * 15 :][:15], k=5) + rng.choices(WORDS[1500:], k=15)) + "。" for topic in topics]


def test_lines_that_belong_together_share_words_with_the_next():
    found = measure_cohesion(lines([i // 5 for i in range(100)]))
    assert found.ratio > 3
    assert found.rank > 0.6


def test_lines_without_connection_share_as_much_with_any():
    found = measure_cohesion(lines(RANDOM_TOPICS))
    assert found.ratio == pytest.approx(1, abs=0.5)
    assert found.rank == pytest.approx(0.5, abs=0.06)


def test_too_few_or_too_short_lines_tell_nothing():
    assert measure_cohesion(lines([0] * MIN_LINES)[:-1]) is None
    assert isinstance(measure_cohesion(lines([0] * MIN_LINES)), Cohesion)
    assert measure_cohesion(["短。"] * 100) is None
    assert measure_cohesion([]) is None


def text(topics: list[int], separator: str = "\n") -> str:
    return separator.join(lines(topics)) + "\n"


RANDOM_TOPICS = [random.Random(i).randrange(40) for i in range(200)]


def test_documents_a_line():
    assert holds_a_document_a_line(text(RANDOM_TOPICS))
    assert not holds_a_document_a_line(text([i // 5 for i in range(150)]))


def test_blank_lines_and_lines_without_marks_are_something_else():
    assert not holds_a_document_a_line(text(RANDOM_TOPICS, "\n\n"))
    assert not holds_a_document_a_line(text(RANDOM_TOPICS).replace("。", ""))


def test_giant_lines_are_documents():
    assert holds_a_document_a_line(("字" * 800 + "\n") * 5)
    assert not holds_a_document_a_line(("字" * 799 + "\n") * 5)
    assert not holds_a_document_a_line(("字" * 800 + "\n") * 4)
    assert not holds_a_document_a_line("")


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ("clue_corpus_small/CLUECorpusSmall_sampled.txt", True),
        ("clue_corpus_small/CLUECorpusSmall_bert_sampled.txt", False),
        ("sentence_per_line/albert_zh_news_zh_1.txt", False),
    ],
)
def test_real_corpora(member, expected):
    with tarfile.open(shared("data/corpora/formats.tar.xz")) as archive:
        name = next(name for name in archive.getnames() if name.endswith(member))
        head = archive.extractfile(name).read(64 << 10)
    assert holds_a_document_a_line(head.decode(errors="replace")) == expected
