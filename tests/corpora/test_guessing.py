import json

import pytest

from corpora.guessing import guess_format, separates_documents_by_blank_lines
from corpora.heads import look

WIKI = json.dumps({"id": "1", "url": "u", "title": "t", "text": "正文"}, ensure_ascii=False).encode() + b"\n"
BLOCKS = "第一句。\n第二句。\n\n第三句。\n第四句！\n第五句？\n\n第六句。\n第七句。\n\n".encode()


def kind(name: str, data: bytes, size: int | None = None) -> str:
    return guess_format(name, look(name, iter([data]))[0], len(data) if size is None else size)


def test_json_lines_by_content_and_by_name():
    assert kind("wiki_00", WIKI) == "wiki2019zh"
    assert kind("a.txt", b'{"title": "t", "content": "c"}\n') == "jsonl"
    assert kind("a.jsonl", b"") == "jsonl"
    assert kind("a.txt", b"{{Infobox}} text") == "text"


def test_json_arrays_and_parquet_by_content():
    assert kind("a.json", b'[{"text": "a"}]') == "json"
    assert kind("a", b"PAR1....") == "parquet"


def test_an_object_longer_than_the_sample_is_known_by_its_first_fields():
    long = json.dumps({"id": "1", "url": "u", "title": "t", "text": "正" * 100_000}, ensure_ascii=False).encode()
    assert kind("wiki_00", long) == "wiki2019zh"


def test_the_name_inside_an_archive_and_compression_counts():
    assert kind("a.zip#b/news.md.gz", "# 标题\n正文。\n".encode()) == kind("news.md", "# 标题\n正文。\n".encode()) == "markdown"


def test_blocks_of_sentences_are_documents_and_paragraphs_are_not():
    assert kind("a.txt", BLOCKS) == "blank_line"
    assert kind("a.txt", "一段文字。\n\n又一段文字。\n\n再一段文字。\n\n".encode()) == "text"
    assert kind("a.txt", "第一句。\n第二句。\n第三句。\n".encode()) == "text"
    assert kind("a.txt", b"") == "text"


def test_the_guess_does_not_depend_on_the_encoding():
    for encoding in ("gb18030", "big5hkscs", "utf-16", "utf-8-sig"):
        assert kind("a.txt", BLOCKS.decode().encode(encoding)) == "blank_line"
        assert kind("wiki_00", WIKI.decode().encode(encoding)) == "wiki2019zh"


def test_verse_and_hard_wrapped_lines_are_not_documents():
    verse = "床前明月光，\n疑是地上霜。\n\n举头望明月，\n低头思故乡。\n\n红豆生南国，\n春来发几枝。\n\n"
    assert not separates_documents_by_blank_lines(verse)
    assert separates_documents_by_blank_lines(verse.replace("，", "。"))


def test_a_text_too_long_for_one_document_is_one_a_line():
    data = "很长。\n".encode() * 100
    assert kind("a.txt", data, 64 << 20) == "text"
    assert kind("a.txt", data, (64 << 20) + 1) == "line"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.txt", "WARC/1.0\r\nWARC-Type: warcinfo\r\n\r\nWARC/1.0\r\nWARC-Type: conversion\r\n", "wet"),
        ("a.warc.gz", "WARC/1.0\r\nWARC-Type: response\r\n", "warc"),
        ("a", '<mediawiki xmlns="x">\n<page>', "mediawiki_xml"),
        ("wiki_00", '<doc id="1" url="u" title="题">\n题\n', "wikiextractor"),
        ("a.txt", "1\n00:00:01,000 --> 00:00:02,000\n你好\n", "subtitles"),
        ("a", "WEBVTT\n\n00:01.000 --> 00:02.000\n你好\n", "subtitles"),
        ("a.ass", "[Script Info]\nTitle: 题\n", "subtitles"),
        ("a", "<!DOCTYPE html>\n<html>", "html"),
        ("a.htm", "<div>文</div>", "html"),
        ("a.xml", '<?xml version="1.0"?>\n<rss version="2.0">', "feed"),
        ("a.xml", '<?xml version="1.0"?>\n<book>文</book>', "text"),
        ("a.MD", "正文。\n", "markdown"),
        ("a.txt", "# 标题\n正文。\n", "text"),
    ],
)
def test_pages_and_subtitles(name, content, expected):
    assert kind(name.removesuffix(".gz"), content.encode()) == expected


def test_lines_without_connection_are_documents():
    assert kind("a.txt", ("字" * 800 + "。\n").encode() * 6) == "line"
    assert kind("a.txt", ("字" * 700 + "。\n").encode() * 6) == "text"
