import gzip
import io
import json
import lzma
import tarfile

import pytest

from corpora.errors import CorpusError
from corpora.files import CorpusFile, CorpusSpec
from corpora.formats import FORMATS, list_files, parse_corpus
from corpora.guessing import separates_documents_by_blank_lines
from corpora.sections import read_head

WIKI = json.dumps({"id": "1", "url": "u", "title": "t", "text": "正文"}, ensure_ascii=False).encode() + b"\n"
BLOCKS = "第一句。\n第二句。\n\n第三句。\n第四句！\n第五句？\n\n第六句。\n第七句。\n\n".encode()


def listing(files: dict[str, bytes], value: str = "*") -> list[CorpusFile]:
    """The files that `--corpus value` lists in a file system that holds just these."""
    return list_files(
        parse_corpus(value), lambda pattern: [(name, len(data)) for name, data in files.items()], lambda path: io.BytesIO(files[path])
    )


def kind(name: str, data: bytes) -> str:
    (file,) = listing({name: data})
    return file.format


def test_a_format_counts_only_if_the_catalogue_has_it():
    assert parse_corpus("wiki2019zh=a/*.json") == CorpusSpec("wiki2019zh", "a/*.json")
    assert parse_corpus("date=2024/*.json") == CorpusSpec(None, "date=2024/*.json")
    assert parse_corpus("text=a=b.txt") == CorpusSpec("text", "a=b.txt")


@pytest.mark.parametrize("value", ["", "jsonl="])
def test_a_corpus_without_files_is_refused(value):
    with pytest.raises(CorpusError, match="names no file\ngive it as"):
        parse_corpus(value)


@pytest.mark.parametrize("name", FORMATS)
def test_the_examples_of_the_catalogue_parse(name):
    assert FORMATS[name].name == name
    assert parse_corpus(FORMATS[name].example).format == name


def test_json_lines_by_content_and_by_name():
    assert kind("wiki_00", WIKI) == "wiki2019zh"
    assert kind("a.txt", b'{"title": "t", "content": "c"}\n') == "jsonl"
    assert kind("a.jsonl", b"") == "jsonl"
    assert kind("a.json", b"not an object\n") == "jsonl"
    assert kind("a.txt", b"{{Infobox}} text") == "text"


def test_an_object_longer_than_the_sample_is_known_by_its_first_fields():
    long = json.dumps({"id": "1", "url": "u", "title": "t", "text": "正" * 100_000}, ensure_ascii=False).encode()
    assert kind("wiki_00", long) == "wiki2019zh"


def test_blocks_of_sentences_are_documents_and_paragraphs_are_not():
    assert kind("a.txt", BLOCKS) == "blank_line"
    assert kind("a.txt", "一段文字。\n\n又一段文字。\n\n再一段文字。\n\n".encode()) == "text"
    assert kind("a.txt", "第一句。\n第二句。\n第三句。\n".encode()) == "text"
    assert kind("a.txt", b"") == "text"


def test_verse_and_hard_wrapped_lines_are_not_documents():
    verse = "床前明月光，\n疑是地上霜。\n\n举头望明月，\n低头思故乡。\n\n红豆生南国，\n春来发几枝。\n\n"
    assert not separates_documents_by_blank_lines(verse)
    assert separates_documents_by_blank_lines(verse.replace("，", "。"))


def test_a_text_too_long_for_one_document_is_one_a_line():
    class Big(io.BytesIO):
        pass

    (file,) = list_files(CorpusSpec(None, "a"), lambda pattern: [("a", 65 << 20)], lambda path: Big("很长。\n".encode() * 100))
    assert file.format == "line"


def test_compression_and_encoding_are_decided_too():
    files = listing({"b.jsonl.xz": lzma.compress(WIKI), "a.txt.gz": gzip.compress("医家之书，不可不读也。".encode("gb18030"))})
    assert files == [
        CorpusFile("a.txt.gz", len(gzip.compress("医家之书，不可不读也。".encode("gb18030"))), "text", "gz", "gb18030"),
        CorpusFile("b.jsonl.xz", len(lzma.compress(WIKI)), "wiki2019zh", "xz", "utf-8"),
    ]


def test_a_given_format_overrides_the_guess():
    assert [file.format for file in listing({"a": WIKI}, "line=*")] == ["line"]


def test_a_damaged_file_is_listed_and_its_inner_name_counts():
    (file,) = listing({"a.jsonl.gz": b"rubbish"})
    assert (file.format, file.compression) == ("jsonl", "gz")


def tar_xz() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:xz") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"), io.BytesIO(b""))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("a.parquet", b"PAR1....", "a Parquet file"),
        ("a.zip", b"PK\x03\x04....", "a zip archive"),
        ("a.tar.xz", tar_xz(), "a tar archive"),
        ("a.json", b'[{"text": "a"}]', "a JSON array"),
    ],
)
def test_containers_are_refused_by_name(name, data, what):
    with pytest.raises(CorpusError, match=f"{name} is {what}, which no reader takes\n"):
        listing({name: data})


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
    with pytest.raises(CorpusError, match="unknown format 'html'\nknown: text"):
        list_files(CorpusSpec("html", "*"), lambda pattern: [("a", 1)], lambda path: io.BytesIO())


def test_a_folder_is_refused_with_the_glob_to_use(tmp_path):
    with pytest.raises(CorpusError, match=r"is a folder\nname its files: .*/\*, or .*/\*\*"):
        list_files(CorpusSpec(None, str(tmp_path)), lambda pattern: [(pattern, 4096)], lambda path: open(path, "rb"))  # noqa: SIM115


def test_of_many_files_a_sample_is_looked_at():
    opened: list[str] = []

    def open_file(path: str) -> io.BytesIO:
        opened.append(path)
        return io.BytesIO(WIKI if path.endswith(".json") else BLOCKS)

    found = [(f"{i:04}.{suffix}", 100) for suffix in ("json", "txt") for i in range(1000)]
    files = list_files(CorpusSpec(None, "*"), lambda pattern: found, open_file)
    assert len(opened) < 50
    assert [file.path for file in files] == sorted(path for path, _ in found)
    assert {(file.path[-4:], file.format) for file in files} == {("json", "wiki2019zh"), (".txt", "blank_line")}
    assert {file.encoding for file in files} == {None, "utf-8"}


def test_of_many_files_that_differ_each_is_looked_at():
    def open_file(path: str) -> io.BytesIO:
        return io.BytesIO(WIKI if int(path) % 2 else BLOCKS)

    files = list_files(CorpusSpec(None, "*"), lambda pattern: [(f"{i:04}", 100) for i in range(1500)], open_file)
    assert [file.format for file in files] == ["blank_line", "wiki2019zh"] * 750


def test_an_ascii_head_makes_the_sample_longer():
    data = b"a" * (64 << 10) + "医家之书，不可不读也。".encode("gb18030")
    assert read_head("a", lambda path: io.BytesIO(data)).encoding == "gb18030"
