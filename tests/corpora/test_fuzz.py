"""Every reader of the catalogue on whatever bytes there may be: none raises, all end, and the result depends on nothing but the bytes."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from unittest import mock

import pyarrow as pa
import pyarrow.parquet
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpora.catalogue import PUBLIC_CORPORA
from corpora.files import SPLITTABLE_ENCODINGS, CorpusFile, FileRange
from corpora.formats import FORMATS
from corpora.reading import read_range
from corpora.records import BadRecord, DamagedFile, Document, Event, FileStart, RangeEnd
from tests.corpora.reading import damaged, read_file, texts

SENTENCE = "今天的天气很好，我们一起去公园里散步。"


def parquet_file() -> bytes:
    out = io.BytesIO()
    pa.parquet.write_table(pa.table({"text": [SENTENCE, "", "二"], "title": ["题", None, "t"]}), out)
    return out.getvalue()


def web_archive(kind: str, content: str, body: str) -> bytes:
    payload = body.encode()
    header = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: http://a/\r\nContent-Type: {content}\r\nContent-Length: {len(payload)}\r\n\r\n"
    )
    return (header.encode() + payload + b"\r\n\r\n") * 2


PAGE = f"<!DOCTYPE html><html><head><title>题</title></head><body><nav><a href='/'>主页</a></nav><p>{SENTENCE * 5}</p></body></html>"
LINES = [{"title": "题", "text": SENTENCE, "content": "甲\ud83d"}, {"text": 3}, {"content": "乙"}]
TEXT = f"<text>'''{SENTENCE}''' [[甲|乙]] {{{{模板}}}}\n</text>"
ARTICLE = f"<page>\n<title>题</title>\n<ns>0</ns>\n<id>1</id>\n<revision>{TEXT}</revision>\n</page>"
SAMPLES = {
    "text": f"{SENTENCE}\n{SENTENCE}\n".encode(),
    "blank_line": f"{SENTENCE}\n第二句。\n\n第三句。\r\n\r\n\u3000\n第四句。".encode(),
    "line": f"{SENTENCE}\n\n第二行\r\n第三行".encode(),
    "jsonl": "\n".join(map(json.dumps, LINES)).encode(),
    "json": json.dumps({"data": LINES}, indent=1).encode(),
    "csv": f'title,text\n题,"{SENTENCE}\n第二行，""引""。"\n题二,{SENTENCE}\n'.encode(),
    "tsv": f"体育\t{SENTENCE}\n财经\t{SENTENCE}\n科技\t短\n".encode(),
    "parquet": parquet_file(),
    "markdown": f"# 一日\n\n## 第一条新闻的标题\n\n{SENTENCE}\n\n## 第二条新闻的标题\n\n```\ncode\n```\n{SENTENCE}\n".encode(),
    "html": PAGE.encode(),
    "feed": f"<rss><channel><item><title>题</title><description>{SENTENCE}</description></item></channel></rss>".encode(),
    "mediawiki_xml": f'<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/">\n{ARTICLE}\n{ARTICLE}\n</mediawiki>\n'.encode(),
    "wikiextractor": f'<doc id="1" url="u" title="题">\n题\n\n{SENTENCE}\n</doc>\n<doc id="2" url="v" title="二">\n短。\n</doc>\n'.encode(),
    "wet": web_archive("conversion", "text/plain", f"题\n{SENTENCE}\n"),
    "warc": web_archive(
        "response", "application/http; msgtype=response", f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{PAGE}"
    ),
    "subtitles": f"1\n00:00:01,000 --> 00:00:02,000\n{SENTENCE}\n\n2\n00:00:03,000 --> 00:00:04,000\n- 好。\n".encode(),
    "tagged": f"<doc>\n<url>u</url>\n<contenttitle>题</contenttitle>\n<content>{SENTENCE}</content>\n</doc>\n".encode() * 2,
}
NAMES = sorted(set(FORMATS) - {corpus.name for corpus in PUBLIC_CORPORA})
STREAMS = sorted(set(NAMES) - {"parquet"})
NASTY = [b"", b"\n", b"\r", b"\0", b"\xff", b"\xed\xa0\xbd", b'"', b"<", b"\\ud83d", b"{", b"\n\n", b"\xef\xbb\xbf", b"\xc2\x85", b"9" * 30]
PACK = {
    "gz": lambda data: gzip.compress(data, mtime=0),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor().compress,
}
ENCODINGS = [None, "utf-8", "gb18030", "big5hkscs", "utf-16-le", "utf-32-be", "hz", "unknown"]


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """A valid file, cut short, with pieces of it moved, lost or overwritten."""
    found = bytearray(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(found)))
        stop = draw(st.integers(start, min(len(found), start + 40)))
        found[start:stop] = draw(st.sampled_from(NASTY) | st.binary(max_size=8) | st.just(bytes(found[stop : stop + 40])))
    return bytes(found)


def read(data: bytes, name: str, encoding: str | None = None, range_bytes: int | None = None, block_bytes: int = 1 << 20) -> list[Event]:
    file = CorpusFile("a", len(data), name, None, encoding)
    parts = [FileRange(file)]
    if range_bytes is not None:
        parts = [FileRange(file, start, min(start + range_bytes, len(data))) for start in range(0, len(data), range_bytes)]
    with mock.patch("corpora.byte_ranges.BLOCK_BYTES", block_bytes):
        return [event for part in parts for event in read_range(part, lambda path: io.BytesIO(data), max_record_bytes=1 << 16)]


def records(found: list[Event]) -> list[Event]:
    return [event for event in found if not isinstance(event, FileStart | RangeEnd)]


def check(found: list[Event]) -> None:
    """What holds for any events: an end, offsets that ascend in each file, and nothing that UTF-8 cannot hold."""
    assert isinstance(found[-1], RangeEnd)
    last = -1
    for event in found:
        match event:
            case FileStart():
                last = -1
            case Document(offset, size, title, text, url, _):
                assert offset > last
                assert size >= 0
                "".join((title, text, url or "")).encode()
                last = offset
            case BadRecord(offset, size, _, message, excerpt, _):
                assert offset > last
                assert size >= 0
                (message + excerpt).encode()
                last = offset
            case DamagedFile(path, error):
                (path + error).encode()
                assert error


def test_every_format_has_a_sample_that_it_reads():
    assert set(SAMPLES) == set(NAMES), "a new format needs a sample here"
    for name, data in SAMPLES.items():
        found = read(data, name)
        check(found)
        assert SENTENCE[:-1] in "".join(texts(found))
        assert damaged(found) == {}


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_bytes_make_a_reader_fail(name, data):
    content = data.draw(mutated(SAMPLES[name]) | st.binary(max_size=200))
    check(read(content, name, data.draw(st.sampled_from(ENCODINGS))))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_blocks_change_nothing(name, data):
    content = data.draw(mutated(SAMPLES[name]))
    encoding = data.draw(st.sampled_from(["utf-8", "gb18030", "utf-16-le"]))
    assert read(content, name, encoding, block_bytes=data.draw(st.integers(1, 60))) == read(content, name, encoding)


@pytest.mark.parametrize("name", [name for name in NAMES if FORMATS[name].splittable])
@settings(max_examples=100, deadline=None)
@given(st.data())
def test_ranges_change_nothing(name, data):
    content = data.draw(mutated(SAMPLES[name]))
    encoding = data.draw(st.sampled_from(sorted(SPLITTABLE_ENCODINGS)))
    size = data.draw(st.integers(1, len(content) + 1))
    whole = [event for event in records(read(content, name, encoding)) if not is_not_text(event)]
    if content and len(whole) == len(records(read(content, name, encoding))):
        assert records(read(content, name, encoding, range_bytes=size)) == whole


def is_not_text(event: Event) -> bool:
    """What is decided of a file as a whole, before it is split."""
    return (isinstance(event, BadRecord) and event.reason == "not_text") or isinstance(event, DamagedFile)


@pytest.mark.parametrize("name", STREAMS)
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_archives_and_compression_change_nothing(name, data):
    content = data.draw(mutated(SAMPLES[name]))
    kind = data.draw(st.sampled_from(sorted(PACK)))
    plain = read_file(content, "a", format_name=name)
    nested = read_file(PACK[kind](zip_of(tar_of(content))), "a", format_name=name)
    wanted = [comparable(event) for event in records(plain)]
    assert [comparable(event) for event in records(read_file(PACK[kind](content), "a", format_name=name))] == wanted
    assert [comparable(event) for event in records(nested)] == wanted


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_bytes_make_an_archive_fail(data):
    name = data.draw(st.sampled_from(NAMES))
    content = SAMPLES[name]
    packed = data.draw(st.sampled_from([zip_of(content), tar_of(content), zip_of(tar_of(content)), PACK["gz"](tar_of(zip_of(content)))]))
    content = data.draw(mutated(packed))
    if data.draw(st.booleans()):
        content = data.draw(mutated(PACK[data.draw(st.sampled_from(sorted(PACK)))](content)))
    check(read_file(content, data.draw(st.sampled_from(["a", "a.zip", "a.tar", "a.tgz", "a.txt"]))))


@pytest.mark.parametrize("name", NAMES)
def test_lines_of_five_megabytes_end_and_are_counted(name):
    sample = SAMPLES[name]
    middle = len(sample) // 2
    found = read(sample[:middle] + b"x" * (5 << 20) + sample[middle:], name, "utf-8")
    check(found)
    assert sum(event.size for event in found if isinstance(event, Document | BadRecord)) > 5 << 20 or damaged(found)


def zip_of(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("m"), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def tar_of(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("m")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def comparable(event: Event) -> Event:
    """An event without what an archive or compression may change: the name of the file, and the stored size of what is no text."""
    if isinstance(event, DamagedFile):
        return event._replace(file=event.file.removesuffix("#m#m"))
    return event._replace(size=0) if is_not_text(event) else event
