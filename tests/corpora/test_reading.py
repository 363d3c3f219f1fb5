import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest
import zstandard

from corpora.files import CorpusFile, CorpusSpec, FileRange
from corpora.heads import read_head
from corpora.listing import list_files
from corpora.reading import read_range
from corpora.records import BadRecord, Document, FileStart, RangeEnd
from tests.corpora.reading import damaged, located, read_file, texts

TEXT = "今天的天气很好，我们一起去公园里散步。"


class Counted(io.BytesIO):
    """A file that knows which of its bytes were read how often."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.num_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.num_read += len(data)
        return data


def test_a_file_is_opened_once_and_read_once():
    opened: list[Counted] = []

    def open_file(path: str) -> Counted:
        opened.append(Counted(TEXT.encode("gb18030")))
        return opened[-1]

    found = list(read_range(FileRange(CorpusFile("a.txt", 38, None)), open_file))
    assert texts(found) == [TEXT]
    assert [file.num_read for file in opened] == [38]


def test_the_start_of_a_file_says_what_was_decided():
    found = read_file(TEXT.encode("big5hkscs", "ignore"), "a.txt")
    assert found[0] == FileStart("a.txt", "text", "big5hkscs", found[0].confidence)
    assert found[-1] == RangeEnd(len(TEXT.encode("big5hkscs", "ignore")))


@pytest.mark.parametrize("data", [TEXT.encode("gb18030"), gzip.compress(TEXT.encode(), mtime=0), b'{"text": "a"}\n', b"", b"\xff\xfe"])
def test_what_the_worker_decides_is_what_listing_would_decide(data):
    (file,) = list_files(CorpusSpec(None, "a"), lambda pattern: [("a", len(data))], lambda path: io.BytesIO(data))
    assert list(read_range(FileRange(file), lambda path: io.BytesIO(data))) == read_file(data)


def test_a_range_of_a_file_starts_it_only_once():
    data = "一行。\n二行。\n".encode()
    file = CorpusFile("a", len(data), "line", None, "utf-8", 0.5)
    first, second = (list(read_range(FileRange(file, start, stop), lambda path: io.BytesIO(data))) for start, stop in ((0, 3), (3, 20)))
    assert first == [FileStart("a", "line", "utf-8", 0.5), Document(0, 9, "", "一行。"), RangeEnd(3)]
    assert second == [Document(10, 9, "", "二行。"), RangeEnd(17)]


@pytest.mark.parametrize("format_name", [None, "text"])
def test_a_picture_among_texts_is_counted_as_no_text(format_name):
    found = read_file(b"\xff\xd8\xff\xe0\0\x10JFIF", format_name=format_name)
    reject = BadRecord(0, 10, "not_text", "a JPEG picture", "", is_error=False)
    assert found == [FileStart("a", "not_text", "binary", 1.0), reject, RangeEnd(0)]


def test_text_with_a_few_control_characters_is_text():
    found = read_file((TEXT + "\0\x01").encode() * 3)
    assert [isinstance(event, Document) for event in found if not isinstance(event, FileStart | RangeEnd)] == [True]


def test_a_container_that_was_not_looked_at_is_damage():
    assert damaged(read_file(b"Rar!\x1a\x07\0")) == {"a": "a rar archive, which is not read"}


def pack(files: dict[str, bytes], kind: str) -> bytes:
    out = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(fileobj=out, mode=f"w:{kind}") as archive:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize("kind", ["zip", "", "gz", "bz2", "xz"])
def test_a_hundred_files_give_the_same_documents_in_an_archive(kind):
    """Encyclopedia, news, verse and books as files of their own, in a folder of the archive."""
    lines = [f'{{"id": "{i}", "url": "u{i}", "title": "题{i}", "text": "第{i}条。{TEXT}"}}\n'.encode() for i in range(100)]
    files = {f"wiki_{i:02}": b"".join(lines[i : i + 2]) for i in range(50)}
    files |= {f"book_{i}.txt": f"第{i}章。\n{TEXT * 3}\n".encode("gb18030") for i in range(50)}
    alone = [pair for name, data in files.items() for pair in located(read_file(data, name))]
    assert len(alone) == 150
    assert [(path.removeprefix("a#"), text) for path, text in located(read_file(pack(files, kind)))] == alone


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zstandard.ZstdCompressor().compress])
def test_compression_changes_no_document(compress):
    data = "".join(f"第{i}行。{TEXT}\n" for i in range(100)).encode()
    plain, packed = read_file(data, "a.txt"), read_file(compress(data), "a.txt")
    assert packed == plain


def test_what_decides_is_only_the_head_of_a_long_file():
    data = (TEXT + "\n").encode("gb18030") * 50_000
    file = Counted(data)
    assert read_head("a", lambda path: file, len(data)).encoding == "gb18030"
    assert file.num_read == 1 << 20
