import gzip
import io
import lzma
import tarfile

import pytest

from corpora.errors import CorpusError
from corpora.files import CorpusFile, CorpusSpec
from corpora.formats import parse_corpus
from corpora.listing import list_files
from tests.corpora.test_guessing import WIKI

BOOK = "医家之书，不可不读也。".encode("gb18030")


def listing(files: dict[str, bytes], value: str = "*") -> list[CorpusFile]:
    """The files that `--corpus value` lists in a file system that holds just these."""
    return list_files(
        parse_corpus(value), lambda pattern: [(name, len(data)) for name, data in files.items()], lambda path: io.BytesIO(files[path])
    )


def tar_xz() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:xz") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"), io.BytesIO(b""))
    return out.getvalue()


def test_format_compression_and_encoding_are_decided():
    packed, book = lzma.compress(WIKI), gzip.compress(BOOK)
    first, second = listing({"b.jsonl.xz": packed, "a.txt.gz": book})
    assert first == CorpusFile("a.txt.gz", len(book), "text", "gz", "gb18030", confidence=first.confidence)
    assert 0.99 < first.confidence <= 1
    assert second == CorpusFile("b.jsonl.xz", len(packed), "wiki2019zh", "xz", "utf-8", confidence=second.confidence)


def test_of_an_archive_the_members_are_decided_on_later():
    files = listing({"a.tar.xz": tar_xz(), "b": b"PK\5\6".ljust(22, b"\0")})
    assert [(file.format, file.compression, file.archive, file.encoding) for file in files] == [
        (None, "xz", "tar", None),
        (None, None, "zip", None),
    ]
    (named,) = listing({"a.tar.xz": tar_xz()}, "line=*")
    assert named.format == "line"


def test_a_given_format_overrides_the_guess():
    assert [file.format for file in listing({"a": WIKI}, "line=*")] == ["line"]


def test_a_damaged_file_is_listed_and_its_inner_name_counts():
    (file,) = listing({"a.jsonl.gz": b"rubbish"})
    assert (file.format, file.compression) == ("jsonl", "gz")


@pytest.mark.parametrize("value", ["*", "text=*"])
@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("a.7z", b"7z\xbc\xaf\x27\x1c\0\4", "a 7z archive"),
        ("a.rar", b"Rar!\x1a\x07\x01\0", "a rar archive"),
        ("a.pdf", b"%PDF-1.4", "a PDF file"),
        ("a.doc.gz", gzip.compress(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", mtime=0), "an old Office document"),
    ],
)
def test_containers_that_no_reader_takes_are_refused_by_name(name, data, what, value):
    with pytest.raises(CorpusError, match=f"{name} is {what}, which no reader takes\nunpack or convert it"):
        listing({name: data}, value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("nothing/*.txt", "no file matches 'nothing/\\*.txt'\ncheck the path"),
        ("missing.txt", "there is no file 'missing.txt'\n"),
        ("wiki=*.txt", "no file matches 'wiki=\\*.txt'\n'wiki' is no format; known: text, blank_line"),
    ],
)
def test_an_empty_listing_says_what_to_do(value, message):
    with pytest.raises(CorpusError, match=message):
        listing({}, value)


def test_an_unknown_format_is_refused():
    with pytest.raises(CorpusError, match="unknown format 'docbook'\nknown: text"):
        list_files(CorpusSpec("docbook", "*"), lambda pattern: [("a", 1)], lambda path: io.BytesIO())


def test_a_folder_is_refused_with_the_glob_to_use(tmp_path):
    with pytest.raises(CorpusError, match=r"is a folder\nname its files: .*/\*, or .*/\*\*"):
        list_files(CorpusSpec(None, str(tmp_path)), lambda pattern: [(pattern, 4096)], lambda path: open(path, "rb"))  # noqa: SIM115


def test_a_file_that_cannot_be_opened_is_named():
    def refuse(path: str) -> io.BytesIO:
        raise PermissionError("not yours")

    with pytest.raises(CorpusError, match="a cannot be read: not yours\nmend its permissions"):
        list_files(CorpusSpec(None, "a"), lambda pattern: [("a", 1)], refuse)


def test_of_many_files_some_and_all_large_ones_are_looked_at():
    opened: list[str] = []

    def open_file(path: str) -> io.BytesIO:
        opened.append(path)
        return io.BytesIO(WIKI)

    found = [(f"{i:05}", 32 << 20 if i == 4321 else 100) for i in range(10_000)]
    files = list_files(CorpusSpec(None, "*"), lambda pattern: found[::-1], open_file)
    assert sorted(opened) == sorted({*(f"{i:05}" for i in range(0, 10_000, 10)), "04321"})
    assert [file.path for file in files] == [path for path, _ in found]
    assert [file.path for file in files if file.format == "wiki2019zh"] == sorted(opened)
    assert files[1] == CorpusFile("00001", 100, None)  # the worker decides
