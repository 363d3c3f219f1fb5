import bz2
import gzip
import lzma

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.compression import DamagedStreamError, decompress, detect_compression, strip_compression_suffix
from tests.corpora.reading import damage, events, texts

COMPRESS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard.ZstdCompressor().compress}
KINDS = sorted(COMPRESS)


@pytest.mark.parametrize("kind", KINDS)
def test_magic_bytes_decide_before_the_name(kind):
    assert detect_compression("a.txt", COMPRESS[kind](b"hello")[:16]) == kind
    assert detect_compression(f"a.{kind}", b"not compressed") == kind  # the name's promise: reading will say that it is broken
    assert detect_compression("a.txt", b"not compressed") is None


def test_text_that_begins_like_bzip2_is_text():
    assert detect_compression("a.txt", b"BZh9 is a name") is None
    assert detect_compression("a.bz2", bz2.compress(b"")[:16]) == "bz2"


def test_suffixes():
    assert strip_compression_suffix("a.jsonl.ZST") == "a.jsonl"
    assert strip_compression_suffix("a.txt") == "a.txt"


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4), st.integers(1, 50))
def test_members_follow_each_other_whatever_the_blocks(kind, members, size):
    stream = b"".join(map(COMPRESS[kind], members))
    blocks = [stream[i : i + size] for i in range(0, len(stream), size)]
    assert b"".join(decompress(blocks, kind)) == b"".join(members)


@pytest.mark.parametrize("kind", KINDS)
def test_output_comes_in_bounded_pieces(kind, monkeypatch):
    monkeypatch.setattr("corpora.compression.ZSTD_INPUT_BYTES", 16)  # four blocks of 128 KiB
    text = bytes(5 << 20)
    pieces = list(decompress([COMPRESS[kind](text)], kind))
    assert b"".join(pieces) == text
    assert max(map(len, pieces)) <= 2 << 20


@pytest.mark.parametrize("kind", KINDS)
def test_output_of_exactly_one_piece_is_whole(kind):
    text = bytes(1 << 20)
    assert b"".join(decompress([COMPRESS[kind](text)], kind)) == text


@pytest.mark.parametrize("kind", KINDS)
def test_zero_bytes_after_a_member_are_padding(kind):
    assert b"".join(decompress([COMPRESS[kind](b"a"), bytes(8)], kind)) == b"a"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stream", [b"", b"plain text, no magic bytes at all"])
def test_nothing_and_something_else_are_damaged(kind, stream):
    with pytest.raises(DamagedStreamError, match=kind):
        list(decompress([stream], kind))


@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_file_gives_what_was_whole_and_says_so(kind):
    lines = [f"第{i}行，{i * 7919 % 1000003}。" for i in range(20_000)]
    stream = COMPRESS[kind]("\n".join(lines).encode())
    found = events(stream[: len(stream) * 2 // 3], "line", compression=kind)
    kept = texts(found)
    assert damage(found) == [f"the {kind} stream is cut off"]
    assert kept == lines[: len(kept)]
    assert kind == "bz2" or len(kept) > 1000  # bzip2 decodes blocks of 900 kB: all or nothing here


@pytest.mark.parametrize("kind", KINDS)
def test_rubbish_after_a_member_is_damage_not_the_end(kind):
    found = events(COMPRESS[kind]("一行。\n".encode()) + b"rubbish that is long enough", "line", compression=kind)
    assert texts(found) == ["一行。"]
    assert len(damage(found)) == 1
    assert kind in damage(found)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_is_never_silent(kind):
    text = "\n".join(f"第{i}行。" for i in range(3000)).encode()
    stream = bytearray(COMPRESS[kind](text))
    stream[len(stream) // 2] ^= 0x10
    found = events(bytes(stream), "line", compression=kind)
    # zstandard's frames carry no checksum unless asked for: then the text itself may differ.
    assert damage(found) or (kind == "zst" and texts(found) != text.decode().split("\n"))
