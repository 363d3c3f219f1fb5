import gzip
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.common_crawl import looks_like_warc
from corpora.records import BadRecord, Document
from tests.corpora.reading import bad, damage, events, texts
from tests.shared_data import shared

PROSE = "今天上午，会议在北京举行，与会代表讨论了有关的问题。"
PAGE = f"<html><head><title>甲</title></head><body><p>{PROSE}</p></body></html>".encode()


def record(kind: str, block: bytes, *, url: str = "http://a.cn/1", length: object = None, kind_of_block: str = "text/plain") -> bytes:
    headers = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nContent-Type: {kind_of_block}\r\n"
    return f"{headers}Content-Length: {len(block) if length is None else length}\r\n\r\n".encode() + block + b"\r\n\r\n"


def response(body: bytes, headers: str = "Content-Type: text/html", status: str = "200 OK", **options) -> bytes:
    return record(
        "response", f"HTTP/1.1 {status}\r\n{headers}\r\n\r\n".encode() + body, kind_of_block="application/http; msgtype=response", **options
    )


INFO = record("warcinfo", b"software: x\r\n")
WET = INFO + b"".join(record("conversion", f"第{i}页。\n下一行。\n".encode(), url=f"http://a.cn/{i}") for i in range(3))


def only(data: bytes, name: str = "warc", **options):
    (event,) = events(data, name, **options)
    return event


def test_a_conversion_is_a_document():
    found = events(WET, "wet")
    assert texts(found) == [f"第{i}页。\n下一行。" for i in range(3)]
    assert [event.url for event in found] == [f"http://a.cn/{i}" for i in range(3)]
    assert [WET[event.offset : event.offset + 10] for event in found] == [b"WARC/1.0\r\n"] * 3


def test_a_member_of_gzip_a_record():
    data = b"".join(gzip.compress(b"WARC/1.0" + part) for part in WET.split(b"WARC/1.0")[1:])
    assert events(data, "wet", compression="gz") == events(WET, "wet")


def test_the_main_text_of_an_answer():
    assert only(response(PAGE, url="<http://a.cn/1>")) == Document(0, len(response(PAGE)) - 2, "甲", PROSE, "http://a.cn/1")
    assert only(response(PAGE.decode().encode("gb18030"))).text == PROSE
    assert only(response(PAGE, "content-type: TEXT/HTML;charset=GBK")).text == PROSE
    assert only(response(PROSE.encode(), "Content-Type: text/plain")).text == PROSE
    assert only(record("resource", PAGE, kind_of_block="text/html")).text == PROSE


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (gzip.compress(PAGE), "Content-Encoding: gzip"),
        (PAGE, "Content-Encoding: gzip"),  # the crawler undid it
        (b"%x\r\n%b\r\n5;x\r\n<!-- \r\n0\r\n\r\n" % (len(PAGE), PAGE), "Transfer-Encoding: chunked"),
        (PAGE, "Transfer-Encoding: chunked"),
    ],
)
def test_how_a_body_was_sent_is_undone(body, headers):
    assert only(response(body, f"Content-Type: text/html\r\n{headers}")).text == PROSE


@pytest.mark.parametrize(
    ("data", "reason", "is_error"),
    [
        (response(b"", status="404 Not Found"), "no_answer", False),
        (response(b"", status=""), "no_answer", False),
        (response(b"\x89PNG", "Content-Type: image/png"), "not_html", False),
        (record("revisit", b""), "not_a_page", False),
        (response("<a href='/'>首页</a>".encode()), "no_main_text", False),
        (response(b"\x1f\x8b\x08 no", "Content-Type: text/html\r\nContent-Encoding: gzip"), "unreadable_body", True),
        (response(gzip.compress(b"a" * 2_000_000), "Content-Type: text/html\r\nContent-Encoding: gzip"), "unreadable_body", True),
        (response(b"\x01\x02", "Content-Type: text/html\r\nContent-Encoding: br"), "unreadable_body", True),
        (record("conversion", b"\xff" * 9), "invalid_encoding", True),
    ],
)
def test_what_is_no_page(data, reason, is_error):
    event = only(data)
    assert (event.reason, event.is_error) == (reason, is_error)


@pytest.mark.parametrize("length", ["", "x", "-1", "²", 3, 200, 10**15, 10**20])
def test_a_wrong_length_costs_one_record(length):
    found = events(INFO + record("conversion", b"a" * 50 + b"\r\n", length=length) + WET, "wet")
    assert texts(found) == [f"第{i}页。\n下一行。" for i in range(3)]
    (reject,) = (event for event in found if isinstance(event, BadRecord))
    assert reject.reason in ("malformed_record", "record_too_long")
    assert reject.offset == len(INFO)


def test_text_between_records_is_a_reject():
    assert bad(events(b"x\ny\n" + WET, "wet")) == [(0, "malformed_record")]
    assert len(texts(events(b"x\ny\n" + WET, "wet"))) == 3


def test_a_cut_file_is_damaged_after_its_whole_records():
    for cut in (20, len(WET) - WET.rindex(b"WARC/") - 12):
        found = events(WET[:-cut], "wet")
        assert texts(found) == [f"第{i}页。\n下一行。" for i in range(2)]
        assert damage(found) == [f"the file ends inside the record that begins at byte {WET.rindex(b'WARC/')}"]
    assert events(WET[:-4], "wet") == events(WET, "wet")


def test_a_record_over_the_limit_is_skipped():
    data = record("conversion", b"a" * 300) + record("conversion", b"b")
    assert bad(events(data, "wet", limit=299)) == [(0, "record_too_long")]
    assert texts(events(data, "wet", limit=299)) == ["b"]
    assert len(texts(events(data, "wet", limit=300))) == 2


def test_by_content():
    assert looks_like_warc(WET.decode()) == "wet"
    assert looks_like_warc((INFO + response(b"")).decode()) == "warc"
    assert looks_like_warc("WARC") is None


def test_a_shared_archive_is_read():
    with tarfile.open(shared("data/corpora/formats.tar.xz")) as archive:
        member = next(entry for entry in archive if entry.name.endswith("zh_sample.warc.wet"))
        data = archive.extractfile(member).read()
    found = events(data, "wet")
    assert len(texts(found)) == data.count(b"\nWARC-Type: conversion")
    assert bad(found) == []


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_mutated_archive_ends_and_loses_no_more_than_it_says(data):
    whole = WET + response(PAGE)
    position = data.draw(st.integers(0, len(whole)))
    piece = data.draw(st.sampled_from([b"", b"\r\n", b"\r\n\r\n", b"WARC/1.0\r\n", b"9", b"\xff", b":"]))
    mutated = whole[:position] + piece + whole[position + data.draw(st.integers(0, 60)) :]
    if not mutated.startswith(b"WARC"):
        return
    found = events(mutated, "warc")
    # A change inside one record, or over the border of two, spoils no others.
    assert len(texts(found)) >= 2
    offsets = [event.offset for event in found if isinstance(event, Document | BadRecord)]
    assert offsets == sorted(set(offsets))
