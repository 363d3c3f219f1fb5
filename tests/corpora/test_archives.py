import bz2
import gzip
import io
import lzma
import struct
import tarfile
import warnings
import zipfile
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from corpora.archive_members import names_encoding, shown_name
from corpora.records import BadRecord, FileStart, RangeEnd
from corpora.tar_members import is_tar, read_tar
from corpora.zip_members import read_zip
from tests.corpora.reading import damaged, located, read_file, texts

SENTENCE = "今天的天气很好，我们一起去公园里散步。"
FILES = {f"folder/{i}.txt": f"第{i}篇。{SENTENCE}".encode() for i in range(5)}


def tar_of(files: dict[str, bytes], mode: str = "w", **options: object) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, **options) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zip_of(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, **options: object) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method, **options) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def expected(files: dict[str, bytes]) -> list[tuple[str, str]]:
    return [(f"a#{name}", data.decode()) for name, data in files.items()]


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.ZstdCompressor().compress])
@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_of_a_tar_are_files_of_their_own(kind, compress):
    assert located(read_file(compress(tar_of(FILES, format=kind)))) == expected(FILES)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_of_a_zip_are_files_of_their_own(method):
    assert located(read_file(zip_of(FILES, method))) == expected(FILES)


def test_a_zip_inside_a_stream_is_read_too():
    assert located(read_file(gzip.compress(zip_of(FILES)))) == expected(FILES)


def test_members_are_read_as_the_same_files_outside():
    files = {
        "news.jsonl": b'{"title": "t", "content": "\xe5\xa5\xbd"}\n{"content": 3}\n',
        "book.txt": (SENTENCE + "\n").encode("gb18030") * 3,
        "poem.txt.xz": lzma.compress(SENTENCE.encode("utf-16")),
        "blocks.txt": "第一句。\n第二句。\n\n第三句。\n第四句！\n第五句？\n\n第六句。\n第七句。\n\n".encode(),
    }
    for archive in (tar_of(files), zip_of(files)):
        found = read_file(archive)
        starts = [event for event in found if isinstance(event, FileStart)]
        alone = [event for name, data in files.items() for event in read_file(data, name)]
        assert starts == [event._replace(path=f"a#{event.path}") for event in alone if isinstance(event, FileStart)]
        assert texts(found) == texts(alone)
        assert [event for event in found if isinstance(event, BadRecord)] == [event for event in alone if isinstance(event, BadRecord)]
        assert found[-1] == RangeEnd(sum(event.num_bytes for event in alone if isinstance(event, RangeEnd)))


def test_a_named_format_holds_for_every_member():
    found = read_file(zip_of({"a.txt": b"one\ntwo\n", "b.txt": b"three\n"}), format_name="line")
    assert texts(found) == ["one", "two", "three"]


def test_archives_in_archives_are_read_to_a_depth():
    inner = zip_of({"a.txt": b"deep"})
    one = tar_of({"x.zip": inner})
    two = gzip.compress(tar_of({"y.tar": one}))
    three = zip_of({"z.tgz": two, "b.txt": b"flat"})
    found = read_file(two)
    assert located(found) == [("a#y.tar#x.zip#a.txt", "deep")]
    found = read_file(three)
    assert located(found) == [("a#b.txt", "flat")]
    assert damaged(found) == {"a#z.tgz#y.tar#x.zip": "an archive in 3 archives, one inside the other; deeper ones are not read"}


def test_what_is_no_document_is_counted_or_left_out_by_name():
    files = {
        "a.txt": b"text", "__MACOSX/._a.txt": b"\0\5\x16\7", ".DS_Store": b"\0\0\0\1Bud1", "empty.txt": b"", "dir/": b"",
        "p.png": b"\x89PNG\r\n\x1a\n123", "d.pdf": b"%PDF-1.4", "n.bin": bytes(range(256)) * 4,
        "w.docx": zip_of({"[Content_Types].xml": b"<x/>"}),
    }  # fmt: skip
    for archive in (tar_of(files), zip_of(files)):
        found = read_file(archive)
        names = ["a.txt", "empty.txt", "p.png", "d.pdf", "n.bin", "w.docx"]
        assert [event.path for event in found if isinstance(event, FileStart)] == [f"a#{name}" for name in names]
        assert texts(found) == ["text"]
        rejects = [(event.reason, event.message, event.is_error) for event in found if isinstance(event, BadRecord)]
        kinds = ["a PNG picture", "a PDF file", "binary data", "an Office document"]
        assert rejects == [("not_text", kind, False) for kind in kinds]
        assert damaged(found) == {}


def test_what_may_hold_documents_that_no_reader_takes_is_damage():
    found = read_file(tar_of({"b.7z": b"7z\xbc\xaf\x27\x1c\0\4", "a.txt": b"text"}))
    assert texts(found) == ["text"]
    assert damaged(found) == {"a#b.7z": "a 7z archive, which is not read"}


# Names


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_names_in_an_old_zip_are_decoded_by_evidence(encoding):
    data = zip_of({"XXXXXXXXXXXX": b"text"}).replace(b"XXXXXXXXXXXX", "中国小说".encode(encoding).ljust(12, b"!"))
    assert located(read_file(data)) == [("a#" + "中国小说".encode(encoding).ljust(12, b"!").decode(encoding), "text")]


def test_the_names_of_an_archive_are_decoded_together():
    assert names_encoding(["红楼梦/第一回.txt".encode("gb18030"), "读我.txt".encode("gb18030")]) == "gb18030"
    assert names_encoding(["紅樓夢/第一回.txt".encode("big5"), "說明.txt".encode("big5")]) == "big5hkscs"
    assert names_encoding([b"a.txt"]) == "utf-8"


def test_names_do_no_harm():
    assert shown_name("../../etc/passwd") == "../../etc/passwd"
    assert shown_name("a\nb\r\x1b[31m\u202e.txt") == "a\\nb\\r\\x1b[31m\\u202e.txt"
    files = {"../up.txt": b"one", "/root.txt": b"two"}
    assert located(read_file(tar_of(files))) == [("a#../up.txt", "one"), ("a#/root.txt", "two")]


def test_long_names_of_all_kinds():
    long = "很长的名字" * 60 + ".txt"
    for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        assert located(read_file(tar_of({long: b"text", "b.txt": b"next"}, format=kind))) == [(f"a#{long}", "text"), ("a#b.txt", "next")]
    prefixed = "folder/" * 20 + "a.txt"
    assert located(read_file(tar_of({prefixed: b"text"}, format=tarfile.USTAR_FORMAT))) == [(f"a#{prefixed}", "text")]


# Tar


def header(name: bytes, size: int, kind: bytes = b"0", magic: bytes = b"") -> bytes:
    block = bytearray(struct.pack("100s8s8s8s12s12s8s1s100s8s", name, b"644", b"0", b"0", b"%o" % size, b"0", b" " * 8, kind, b"", magic))
    block += bytes(512 - len(block))
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def test_a_tar_of_the_first_kind_is_known_by_its_checksum():
    data = header(b"a.txt", 3, b"\0") + b"abc".ljust(512, b"\0") + bytes(1024)
    assert located(read_file(data)) == [("a#a.txt", "abc")]
    assert not is_tar(b"a" * 512)
    assert not is_tar(header(b"a.txt", 3).replace(b"a.txt", b"b.txt"))


def test_folders_links_and_devices_are_passed_over():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind in (("d", tarfile.DIRTYPE), ("l", tarfile.SYMTYPE), ("h", tarfile.LNKTYPE), ("p", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = "a"
            archive.addfile(info)
        info = tarfile.TarInfo("a.txt")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"text"))
    found = read_file(out.getvalue())
    assert texts(found) == ["text"]
    assert damaged(found) == {}


def test_a_sparse_file_and_a_volume_are_named_and_the_next_member_is_read():
    sparse = header(b"s", 512, b"S") + b"x" * 512
    volume = header(b"v", 512, b"M") + b"x" * 512
    found = read_file(header(b"0.txt", 0) + sparse + volume + tar_of({"a.txt": b"text"}))
    assert texts(found) == ["text"]
    assert damaged(found) == {"a#s": "a sparse file, which is not read", "a#v": "continues a file of another volume"}


def test_a_tar_cut_off_anywhere_says_so_and_gives_what_was_whole():
    data = tar_of(FILES)
    end = len(FILES) * 1024  # after it come the end mark and padding
    for size in (*range(1, end, 97), 1024, 2048, end):
        found = read_file(data[:size], "a.tar")
        assert len(damaged(found)) == 1
        whole = [text for text, start in zip(expected(FILES), range(512, end, 1024), strict=True) if start + len(text[1].encode()) <= size]
        assert [(path.replace("a.tar", "a"), text) for path, text in located(found)][: len(whole)] == whole
    assert damaged(read_file(data[: end + 512])) == {}


def test_a_cut_off_member_is_named():
    assert damaged(read_file(tar_of(FILES)[: 1024 + 520])) == {"a#folder/1.txt": "the tar is cut off in this member"}
    assert damaged(read_file(tar_of(FILES)[:2048])) == {"a": "the tar has no end mark: it is cut off"}


def test_after_a_corrupt_header_reading_goes_on_at_the_next():
    data = bytearray(tar_of(FILES))
    data[1024] ^= 1
    found = read_file(bytes(data))
    assert located(found) == [pair for i, pair in enumerate(expected(FILES)) if i != 1]
    assert damaged(found) == {"a": "the tar header at byte 1024 is corrupt or cut off"}


def test_tars_one_after_the_other_are_one():
    assert located(read_file(tar_of({"a.txt": b"one"}) + tar_of({"b.txt": b"two"}))) == [("a#a.txt", "one"), ("a#b.txt", "two")]


def test_a_compressed_tar_cut_off_is_told_once():
    data = gzip.compress(tar_of({f"{i}.txt": bytes(zlib.crc32(b"%d" % i) % 26 + 97 for _ in range(3000)) for i in range(200)}))
    found = read_file(data[: len(data) // 2])
    assert set(damaged(found).values()) == {"the gz stream is cut off"}
    assert len(texts(found)) > 20


@given(st.integers(1, 3000))
def test_a_tar_does_not_depend_on_how_blocks_are_cut(size):
    data = tar_of(FILES)
    blocks = [data[i : i + size] for i in range(0, len(data), size)]
    assert [(member.name, b"".join(member.blocks)) for member in read_tar(blocks)] == list(FILES.items())


def test_members_that_nobody_reads_are_passed_over():
    assert [member.name for member in read_tar([tar_of(FILES)])] == list(FILES)
    assert [member.name for member in read_zip(io.BytesIO(zip_of(FILES)))] == list(FILES)


# Zip


def test_an_encrypted_member_is_named_and_the_others_are_read():
    data = bytearray(zip_of({"a.txt": b"one", "b.txt": b"two"}))
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(magic) + place] |= 1
    found = read_file(bytes(data))
    assert texts(found) == ["two"]
    assert damaged(found) == {"a#a.txt": "is encrypted"}


def test_a_method_that_is_not_read_is_named():
    data = bytearray(zip_of({"a.txt": b"one", "b.txt": b"two"}))
    for magic, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.find(magic) + place] = 9
    assert damaged(read_file(bytes(data))) == {"a#a.txt": "is packed by method deflate64, which is not read"}


def test_zstandard_members_are_read():
    packed = zstandard.ZstdCompressor().compress(b"text")
    data = zip_of({"a.txt": packed}, zipfile.ZIP_STORED)
    data = data.replace(zlib.crc32(packed).to_bytes(4, "little"), zlib.crc32(b"text").to_bytes(4, "little"))
    fixed = bytearray(data)
    for magic, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        fixed[data.find(magic) + place] = 93
    found = read_file(bytes(fixed))
    assert texts(found) == ["text"]
    assert damaged(found) == {}


def test_a_corrupt_member_is_named_and_the_others_are_read():
    data = zip_of({"a.txt": b"one", "b.txt": b"two"}, zipfile.ZIP_STORED).replace(b"one", b"eno", 1)
    found = read_file(data)
    assert texts(found) == ["two"]
    assert damaged(found) == {"a#a.txt": "the checksum of this member does not fit"}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_of_a_zip_that_is_cut_off_the_members_before_are_read(method):
    data = zip_of(FILES, method)
    third = data.find(b"folder/2.txt")
    found = read_file(data[: third + 30])
    assert located(found)[:2] == expected(FILES)[:2]
    problems = damaged(found)
    assert problems["a"].startswith("the zip has no directory at its end that can be read (")
    assert set(problems) <= {"a", "a#folder/2.txt"}
    assert len(texts(found)) <= 3


def test_members_that_do_not_say_how_long_they_are_end_by_themselves():
    out = io.BytesIO()

    class Pipe(io.RawIOBase):
        def write(self, data: bytes) -> int:
            return out.write(data)

    with zipfile.ZipFile(Pipe(), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in FILES.items():
            archive.writestr(name, data)
    data = out.getvalue()
    assert located(read_file(data)) == expected(FILES)
    assert located(read_file(data[: data.find(b"PK\x01\x02")])) == expected(FILES)


def test_a_cut_off_zip_tells_what_was_lost_in_the_member():
    data = zip_of({"a.txt": SENTENCE.encode() * 3}, zipfile.ZIP_STORED)
    assert damaged(read_file(data[:60]))["a#a.txt"] == "the zip is cut off in this member"


def test_members_that_share_bytes_are_a_bomb():
    data = zip_of({"a.txt": b"one", "b.txt": b"two"}, zipfile.ZIP_STORED)
    second = data.rfind(b"PK\x01\x02") + 42
    data = data[:second] + struct.pack("<I", 0) + data[second + 4 :]
    found = read_file(data)
    assert texts(found) == []
    assert damaged(found) == {
        "a#a.txt": "shares its bytes with another member: a bomb, not text",
        "a#b.txt": "the checksum of this member does not fit",
    }


def test_a_member_that_grows_beyond_all_measure_is_a_bomb(monkeypatch):
    monkeypatch.setattr("corpora.compression.BOMB_BYTES", 1 << 20)
    data = zip_of({"a.txt": b"\n" * (5 << 20), "b.txt": b"text"})
    assert damaged(read_file(data)) == {"a#a.txt": "it grows to more than 1000 times its size: a bomb, not text"}
    assert located(read_file(data))[-1] == ("a#b.txt", "text")
    inner = bz2.compress(b"\n" * (5 << 20))
    assert damaged(read_file(inner)) == {"a": "it grows to more than 1000 times its size: a bomb, not text"}


def test_a_directory_that_points_anywhere_is_damage():
    data = bytearray(zip_of({"a.txt": b"one", "b.txt": b"two"}))
    place = data.find(b"PK\x01\x02") + 42
    data[place : place + 4] = b"\x05\0\0\0"
    found = read_file(bytes(data))
    assert texts(found) == ["two"]
    assert "a#a.txt" in damaged(found)


def test_two_members_of_one_name_are_two_files():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("a.txt", "one")
            archive.writestr("a.txt", "two")
    assert located(read_file(out.getvalue())) == [("a#a.txt", "one"), ("a#a.txt", "two")]


def test_an_empty_archive_holds_nothing():
    for data in (zip_of({}), tar_of({})):
        found = read_file(data, "a.tar")
        assert texts(found) == []
        assert damaged(found) == {}


def test_a_line_of_any_length_is_bounded():
    found = read_file(zip_of({"a.txt": b"x" * (5 << 20)}), format_name="line", limit=1 << 10)
    assert [(event.reason, event.size) for event in found if isinstance(event, BadRecord)] == [("record_too_long", 5 << 20)]
