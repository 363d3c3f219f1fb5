import itertools
from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipelines.line_frequencies import Lines, add_counts, count_documents, find, voting_lines, without_lines
from pipelines.utf8 import utf8_rows

TEXTS = st.lists(st.text(alphabet="甲乙a𠀀\n", max_size=30), max_size=8)


def lines_of(texts: list[str], *, minimum: int = 0, maximum: int = 100, edge: int = 100) -> tuple[Lines, np.ndarray, np.ndarray]:
    content, offsets = utf8_rows(pa.array(texts, pa.string()))
    return voting_lines(content, offsets, min_characters=minimum, max_characters=maximum, edge_lines=edge), content, offsets


def as_text(lines: Lines, content: np.ndarray) -> list[tuple[int, str]]:
    triples = zip(lines.rows.tolist(), lines.starts, lines.ends, strict=True)
    return [(row, content[start:end].tobytes().decode()) for row, start, end in triples]


def test_only_lines_of_the_right_length_at_the_edges_count():
    lines, content, _ = lines_of(["一\n二二\n三三三\n四四\n五五", "六六六六"], minimum=2, maximum=3, edge=2)
    assert as_text(lines, content) == [(0, "二二"), (0, "四四"), (0, "五五")]
    assert lines_of(["二二\n三三三"], minimum=3, maximum=3)[0].rows.tolist() == [0]


@given(TEXTS, st.integers(0, 3), st.integers(0, 8), st.integers(0, 4))
def test_lines_are_those_of_split(texts, minimum, maximum, edge):
    lines, content, _ = lines_of(texts, minimum=minimum, maximum=maximum, edge=edge)
    expected = []
    for row, text in enumerate(texts):
        parts = text.split("\n")
        places = [i for i in range(len(parts)) if i < edge or i >= len(parts) - edge]
        expected += [(row, parts[i]) for i in places if minimum <= len(parts[i]) <= maximum]
    found = as_text(lines, content)
    assert found == expected
    by_text = dict(zip((text for _, text in found), lines.hashes, strict=True))
    assert [by_text[text] for _, text in found] == list(lines.hashes)
    assert len(set(by_text.values())) == len(by_text)


def test_a_hash_knows_the_order_of_characters():
    lines, _, _ = lines_of(["甲乙", "乙甲", "甲乙"])
    assert lines.hashes[0] == lines.hashes[2] != lines.hashes[1]


@given(TEXTS)
def test_a_line_counts_once_a_document(texts):
    lines, content, _ = lines_of(texts)
    hashes, counts = count_documents(lines.rows, lines.hashes)
    expected = Counter(line for text in texts for line in set(text.split("\n")))
    by_hash = dict(zip(lines.hashes.tolist(), (text for _, text in as_text(lines, content)), strict=True))
    assert {by_hash[key]: count for key, count in zip(hashes.tolist(), counts.tolist(), strict=True)} == expected


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 5))))
def test_counts_of_equal_hashes_add_up(pairs):
    hashes, counts = np.array([h for h, _ in pairs], np.uint64), np.array([n for _, n in pairs], np.int64)
    expected: Counter[int] = Counter()
    for key, count in pairs:
        expected[key] += count
    keys, sums = add_counts(hashes, counts)
    assert list(zip(keys.tolist(), sums.tolist(), strict=True)) == sorted(expected.items())


@given(st.sets(st.integers(0, 2**64 - 1)), st.lists(st.integers(0, 2**64 - 1)))
def test_find_says_where_or_minus_one(known, others):
    values = sorted(known)
    asked = [*values[::2], *others]
    places = find(np.array(asked, np.uint64), np.array(values, np.uint64))
    assert places.tolist() == [values.index(value) if value in known else -1 for value in asked]


@given(TEXTS, st.sets(st.sampled_from(["", "甲", "乙", "甲乙", "a", "𠀀"])))
def test_what_is_left_is_the_other_lines(texts, unwanted):
    lines, content, offsets = lines_of(texts)
    drop = np.array([line in unwanted for _, line in as_text(lines, content)], bool)
    rows, found = without_lines(content, offsets, Lines(*(column[drop] for column in lines)))
    expected = {row: text for row, text in enumerate(texts) if set(text.split("\n")) & unwanted}
    assert rows.tolist() == list(expected)
    kept = ["\n".join(line for line in text.split("\n") if line not in unwanted) for text in expected.values()]
    assert [text.decode() for text in found] == kept


def test_a_slice_of_a_column_and_an_empty_one():
    column = pa.array(["零", "一\n二", "三"], pa.string()).slice(1)
    content, offsets = utf8_rows(column)
    assert [content[a:b].tobytes().decode() for a, b in itertools.pairwise(offsets)] == ["一\n二", "三"]
    for nothing in (pa.array([], pa.string()), pa.array(["", ""], pa.string())):
        content, offsets = utf8_rows(nothing)
        assert (len(offsets), int(offsets[-1])) == (len(nothing) + 1, 0)
