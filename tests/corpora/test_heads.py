import gzip
import io
import lzma

import pytest

from corpora.compression import DamagedStreamError
from corpora.heads import look, read_head

BOOK = "医家之书，不可不读也。".encode("gb18030")


def test_a_head_tells_compression_archive_and_encoding():
    head, blocks = look("a.txt.xz", iter([lzma.compress(BOOK)]))
    assert (head.compression, head.archive, head.encoding, head.sample) == ("xz", None, "gb18030", BOOK)
    assert head.text == "医家之书，不可不读也。"
    assert b"".join(blocks) == BOOK


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_all_blocks_come_again_however_they_are_cut(size):
    data = gzip.compress(BOOK * 100)
    head, blocks = look("a", iter([data[i : i + size] for i in range(0, len(data), size)]))
    assert head.compression == "gz"
    assert b"".join(blocks) == BOOK * 100


def test_an_ascii_head_makes_the_sample_longer():
    data = b"a" * (64 << 10) + BOOK
    assert read_head("a", lambda path: io.BytesIO(data)).encoding == "gb18030"


def test_a_few_characters_beyond_ascii_make_the_sample_longer_too():
    data = "©".encode() + b"a" * (64 << 10) + b"\n" + BOOK * 10
    assert len(read_head("a", lambda path: io.BytesIO(data)).sample) == len(data)
    assert len(read_head("a", lambda path: io.BytesIO(BOOK * 10_000)).sample) == 64 << 10


def test_a_long_ascii_head_makes_other_places_count():
    data = b"plain text\n" * 100_000 + (BOOK + b"\n") * 100_000
    assert read_head("a", lambda path: io.BytesIO(data), len(data)).encoding == "gb18030"
    plain = b"plain text\n" * 200_000
    assert read_head("a", lambda path: io.BytesIO(plain), len(plain)).encoding == "utf-8"


def test_damage_in_the_head_comes_up_again_where_the_file_is_read():
    head, blocks = look("a.gz", iter([gzip.compress(BOOK)[:-4]]))
    assert head.sample == BOOK
    assert next(blocks) == BOOK
    with pytest.raises(DamagedStreamError, match="the gz stream is cut off"):
        next(blocks)


def test_names_promise_archives():
    assert look("a.tar", iter([bytes(1024)]))[0].archive == "tar"
    assert look("a.tgz", iter([gzip.compress(bytes(1024))]))[0].archive == "tar"
    assert look("a.ZIP", iter([b"cut"]))[0].archive == "zip"
    assert look("a.txt", iter([b"PK\5\6"]))[0].archive == "zip"
    assert look("a.txt", iter([b"text"]))[0].archive is None
