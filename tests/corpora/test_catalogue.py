import io
import json
import tarfile

import pytest

from corpora.catalogue import FROM_MEMORY, PUBLIC_CORPORA, corpus_with
from corpora.formats import FORMATS, describe_formats, parse_corpus
from corpora.listing import list_files
from corpora.records import Document
from tests.corpora.reading import events, texts
from tests.shared_data import shared

CORPORA = {corpus.name: corpus for corpus in PUBLIC_CORPORA}
SAMPLES = {
    "news2016zh": {"news_id": "1", "keywords": "k", "title": "题", "desc": "述", "source": "s", "time": "t", "content": "文"},
    "webtext2019zh": {"qid": 1, "title": "题", "desc": "述", "topic": "t", "star": 3, "content": "文", "answer_id": 1},
    "baike2018qa": {"qid": "q", "category": "c", "title": "题", "desc": "", "answer": "文"},
    "translation2019zh": {"english": "text", "chinese": "文"},
    "mc4_zh": {"text": "文", "timestamp": "2019-01-01T00:00:00Z", "url": "u"},
    "chinese_webtext": {"title": "题", "score": 0.75, "text": "文", "url": "u", "source_type": "s"},
    "chinese_webtext2": {"text": "文", "domain": {"single_label": "news"}, "toxicity": {"label": 0, "score": 0.1}, "quality_score": 0.75},
    "mnbvc": {"文件名": "题", "是否待查文件": False, "段落数": 2, "段落": [{"行号": 1, "内容": "文"}, {"行号": 2, "内容": "章"}]},
    "wikiextractor_json": {"id": "1", "revid": "2", "url": "u", "title": "题", "text": "文"},
    "weixin": {"name": "n", "account": "a", "title": "题", "content": "文"},
    "alpaca": {"instruction": "问", "input": "", "output": "答"},
    "wudao": {"id": 1, "uniqueKey": "k", "titleUkey": "u", "dataType": "百科", "title": "题", "content": "文"},
    "chinese_poetry": {"author": "李白", "paragraphs": ["床前明月光，", "疑是地上霜。"], "title": "静夜思"},
}
READ = {
    "news2016zh": ("题", "文", None, None),
    "webtext2019zh": ("题", "述\n文", None, None),
    "baike2018qa": ("题", "文", None, None),
    "translation2019zh": ("", "文", None, None),
    "mc4_zh": ("", "文", "u", None),
    "chinese_webtext": ("题", "文", "u", 0.75),
    "chinese_webtext2": ("", "文", None, 0.75),
    "mnbvc": ("题", "文\n章", None, None),
    "wikiextractor_json": ("题", "文", "u", None),
    "weixin": ("题", "文", None, None),
    "alpaca": ("", "问\n答", None, None),
    "wudao": ("题", "文", None, None),
    "chinese_poetry": ("静夜思", "床前明月光，\n疑是地上霜。", None, None),
}


def guessed(name: str, data: bytes) -> str | None:
    (file,) = list_files(parse_corpus(name), lambda pattern: [(pattern, len(data))], lambda path: io.BytesIO(data))
    return file.format


@pytest.mark.parametrize("name", SAMPLES)
def test_a_record_of_a_public_corpus_is_known_and_read(name):
    value = [SAMPLES[name]] if CORPORA[name].format == "json" else SAMPLES[name]
    data = json.dumps(value, ensure_ascii=False).encode() + b"\n"
    assert guessed("a.json", data) == name
    (found,) = events(data, name)
    assert isinstance(found, Document)
    assert (found.title, found.text, found.url, found.quality) == READ[name]


def test_the_corpus_that_asks_for_the_most_keys_is_chosen():
    assert corpus_with(frozenset({"id", "url", "title", "text"})) == CORPORA["wiki2019zh"]
    assert corpus_with(frozenset({"id", "revid", "url", "title", "text"})) == CORPORA["wikiextractor_json"]
    assert corpus_with(frozenset({"id", "text"})) is None
    asked = [corpus.keys for corpus in PUBLIC_CORPORA if corpus.keys]
    assert len(set(asked)) == len(asked)


def test_toutiao_and_thucnews_lines():
    headlines = (
        "6551_!_101_!_news_culture_!_京城最值得你来场文化之旅的博物馆_!_保利集团,马未都\n6552_!_101_!_news_culture_!_发酵床的垫料种类_!_\n"
    )
    assert texts(events(headlines.encode(), "toutiao")) == ["京城最值得你来场文化之旅的博物馆", "发酵床的垫料种类"]
    lines = "".join(f"体育\t马晓旭意外受伤让国奥警惕，第{i}次。\n" for i in range(6))
    assert guessed("cnews.train.txt", lines.encode()) == "tsv"
    assert texts(events(lines.encode(), "tsv"))[0] == "马晓旭意外受伤让国奥警惕，第0次。"


@pytest.mark.parametrize("corpus", PUBLIC_CORPORA, ids=lambda corpus: corpus.name)
def test_every_corpus_is_a_format_whose_line_can_be_used(corpus):
    entry = FORMATS[corpus.name]
    assert entry.read == FORMATS[corpus.format].read
    assert entry.fields == corpus.fields
    assert parse_corpus(entry.example).format == corpus.name
    assert parse_corpus(entry.example).pattern == corpus.files
    assert all((corpus.description, corpus.size, corpus.licence, corpus.record))


def test_the_catalogue_can_be_printed():
    described = {row["name"]: row for row in describe_formats()}
    assert list(described) == list(FORMATS)
    assert described["jsonl"].keys() == {"name", "description", "splittable", "corpus"}
    assert described["wiki2019zh"] == {
        "name": "wiki2019zh",
        "description": "Chinese Wikipedia of February 2019 (nlp_chinese_corpus)",
        "splittable": True,
        "corpus": "wiki2019zh=wiki_zh/*/wiki_*",
        "format": "jsonl",
        "size": "1,043,224 articles, 1.6 GB",
        "licence": "not stated by its authors; Wikipedia's texts are CC BY-SA",
        "checked": True,
        "record": "id, url, title, text",
    }
    json.dumps(describe_formats())


def test_every_real_sample_is_known_and_read_whole():
    counts = {}
    with tarfile.open(shared("data/corpora/formats.tar.xz")) as archive:
        for member in archive:
            if member.isfile() and member.name.endswith((".json", ".jsonl")):
                data = archive.extractfile(member).read()
                name = guessed(member.name, data)
                found = events(data, name, limit=64 << 20)
                counts[member.name.rsplit("/", 1)[1]] = (name, len(texts(found)), len(found) - len(texts(found)))
    assert counts == {
        "translation2019zh_valid.sample.json": ("translation2019zh", 500, 0),
        "search.test.json": ("dureader", 477, 0),
        "sample.json": ("weixin", 20, 0),
        "baike2018qa.readme_example.jsonl": ("baike2018qa", 1, 0),
        "webtext2019zh.readme_example.jsonl": ("webtext2019zh", 1, 0),
        "wiki2019zh.readme_example.jsonl": ("wiki2019zh", 1, 0),
        "translation2019zh.readme_example.jsonl": ("translation2019zh", 1, 0),
        "news2016zh.readme_example.jsonl": ("news2016zh", 1, 0),
    }


def test_facts_from_memory_are_marked():
    assert {corpus.name for corpus in PUBLIC_CORPORA} > FROM_MEMORY
    checked = {entry["name"]: entry["checked"] for entry in describe_formats() if "checked" in entry}
    assert checked["wiki2019zh"]
    assert not checked["weixin"]
