import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.shingles import distinct, find_place, find_similar, hash_shingles, is_space, jaccard, make_table
from tests.pipelines.ngrams import five_grams, true_jaccard

TEXTS = st.text(alphabet="甲乙ab，𠀀 \n\u3000", max_size=30)


def hashes_of(text: str) -> list[int]:
    content = np.frombuffer(text.encode(), np.uint8)
    hashes = np.zeros(len(content) + 1, np.uint64)
    return hashes[: hash_shingles(content, 0, len(content), hashes)].tolist()


def test_white_space_is_what_python_calls_so():
    assert [point for point in range(sys.maxunicode + 1) if is_space(point)] == [
        point for point in range(sys.maxunicode + 1) if chr(point).isspace()
    ]


@given(TEXTS, TEXTS)
def test_hashes_are_equal_where_5_grams_are(one, other):
    grams = [gram for text in (one, other) for gram in five_grams(text)]
    hashes = [value for text in (one, other) for value in hashes_of(text)]
    assert len(hashes) == len(grams)
    assert len(dict.fromkeys(zip(grams, hashes, strict=True))) == len(set(grams)) == len(set(hashes))


@pytest.mark.parametrize(
    ("text", "count"), [("", 0), (" \n\u3000", 0), ("一", 1), ("一二三四", 1), ("一二三四五", 1), ("一二三 四五六", 2)]
)
def test_a_text_of_fewer_than_five_characters_is_one_shingle(text, count):
    assert len(hashes_of(text)) == count


def test_shingles_of_short_texts_differ():
    assert len({hashes_of(text)[0] for text in ("一", "二", "一二", "二一", "一一", "一二三", "一二三四", "一二三四五")}) == 8


@given(st.lists(st.integers(1, 2**64 - 1), max_size=50).map(lambda values: values + values[::3]))
def test_a_table_holds_each_value_once(values):
    hashes, table = np.array(values, np.uint64), make_table(len(values))
    count = distinct(hashes, table)
    assert hashes[:count].tolist() == list(dict.fromkeys(values))
    assert sorted(value for value in table.tolist() if value) == sorted(set(values))
    assert all(table[find_place(table, np.uint64(value))] == value for value in values)


def test_values_of_one_place_move_on():
    table = make_table(1)
    colliding = np.array([16, 32, 48, 15 + 16, 31 + 16], np.uint64)
    assert distinct(colliding, table) == 5
    assert (len(table), [int(table[i]) for i in (0, 1, 2, 15, 3)]) == (16, [16, 32, 48, 31, 47])


def test_similarity_of_nothing():
    empty = np.zeros(0, np.uint64)
    assert jaccard(make_table(0), 0, empty) == 0.0


@given(st.lists(TEXTS, min_size=1, max_size=4), st.lists(TEXTS, min_size=1, max_size=4), st.floats(0.05, 1), st.booleans())
def test_the_first_similar_candidate_is_found(texts, others, threshold, large):
    pairs = [(row, other) for row in range(len(texts)) for other in range(len(others) - 1, -1, -1)]
    column = pa.array(others, pa.large_string() if large else pa.string())
    rows, other_rows = np.array(pairs, np.int64).T
    found, similarities = find_similar(pa.array(texts, pa.string()), column, rows, other_rows, threshold)
    for row, text in enumerate(texts):
        alike = [(other, true_jaccard(text, others[other])) for one, other in pairs if one == row]
        expected = next(((other, value) for other, value in alike if value >= threshold), (-1, 0.0))
        assert (found[row], similarities[row]) == expected
