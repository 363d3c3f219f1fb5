import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.document_index import Stretches, decode_stretches, describe, encode_stretches

IDS = [bytes([number]) + bytes(15) for number in (3, 7, 9)]


def stretches(rows: list[tuple[int, int, int]]) -> Stretches:
    return Stretches(IDS, *(np.array([row[i] for row in rows], np.int64) for i in range(3)))


def rows_of(index: Stretches) -> list[tuple[bytes, int, int]]:
    return [(index.id_of(row), int(index.first_token[row]), int(index.num_tokens[row])) for row in range(len(index.document))]


def test_rows_come_back_in_their_order_and_documents_without_instances_do_not():
    index = decode_stretches(encode_stretches(stretches([(2, 0, 506), (0, 506, 498), (2, 506, 12)])))
    assert index.document_ids == [IDS[0], IDS[2]]
    assert rows_of(index) == [(IDS[2], 0, 506), (IDS[0], 506, 498), (IDS[2], 506, 12)]
    assert rows_of(index.take(np.array([2, 1]))) == [(IDS[2], 506, 12), (IDS[0], 506, 498)]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2**31 - 1), st.integers(2, 65_535)), max_size=40))
def test_any_rows_come_back(rows):
    encoded = encode_stretches(stretches(rows))
    assert rows_of(decode_stretches(encoded)) == rows_of(stretches(rows))
    assert encode_stretches(decode_stretches(encoded)) == encoded


def test_an_index_is_small():
    rng = np.random.default_rng(0)
    ids = sorted(rng.bytes(16) for _ in range(1000))
    document = rng.integers(0, 1000, 40_000)
    index = Stretches(ids, document, rng.integers(0, 1 << 12, 40_000), rng.integers(380, 510, 40_000))
    assert len(encode_stretches(index)) < 16 * 1000 + 5 * 40_000


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet"])
def test_what_is_no_index_is_refused(content):
    with pytest.raises(ValueError, match=r"Parquet|parquet|file size"):
        decode_stretches(content)


def test_the_description_has_size_and_digest():
    assert describe("a.documents.parquet", b"abc") == {
        "name": "a.documents.parquet",
        "bytes": 3,
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    }
