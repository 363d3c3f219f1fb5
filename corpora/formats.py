"""The catalogue: every format by name, with its reader."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from corpora.catalogue import FROM_MEMORY, PUBLIC_CORPORA, PublicCorpus
from corpora.columnar import read_parquet
from corpora.common_crawl import read_warc
from corpora.errors import CorpusError
from corpora.feeds import read_feed
from corpora.fields import Fields
from corpora.files import CorpusSpec
from corpora.html import read_html
from corpora.json_arrays import read_json
from corpora.json_lines import read_json_lines
from corpora.markdown import read_markdown
from corpora.plain_text import read_blank_line, read_lines, read_text
from corpora.records import Event
from corpora.sections import Section
from corpora.subtitles import read_subtitles
from corpora.tables import read_csv, read_tsv
from corpora.tagged import read_tagged
from corpora.wiki_dump import read_wiki_dump
from corpora.wikiextractor import read_wikiextractor

Reader = Callable[[Section], Iterator[Event]]


@dataclass(frozen=True, slots=True)
class Format:
    """A format on disk.

    Attributes:
      name: what stands before `=` in `--corpus`.
      description: one line for the catalogue.
      example: a `--corpus` value.
      read: its reader.
      splittable: whether an uncompressed file can be read in byte ranges.
      fields: where its records have their text, unless the user says.
    """

    name: str
    description: str
    example: str
    read: Reader
    splittable: bool
    fields: Fields | None = None


FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format("text", "plain text, one document a file", "text=books/**/*.txt", read_text, splittable=False),
        Format(
            "blank_line",
            "plain text, documents separated by blank lines, one sentence or paragraph a line (BERT's and albert_zh's own layout)",
            "blank_line=news_zh_*.txt",
            read_blank_line,
            splittable=True,
        ),
        Format("line", "plain text, one document a line", "line=CLUECorpusSmall.txt", read_lines, splittable=True),
        Format(
            "jsonl",
            "JSON Lines: an object a line, with a field text, content or 正文, or whichever is named",
            "jsonl=gs://bucket/*.jsonl.gz",
            read_json_lines,
            splittable=True,
            fields=Fields(),
        ),
        Format(
            "json",
            "JSON: arrays of objects, also inside of one object, and objects over many lines",
            "json=exports/*.json",
            read_json,
            splittable=False,
            fields=Fields(),
        ),
        Format("csv", "a table, with or without a header; commas, tabs, semicolons, bars", "csv=reviews.csv", read_csv, splittable=False),
        Format("tsv", "a table with tabs, with or without a header", "tsv=cnews.train.txt", read_tsv, splittable=False),
        Format("parquet", "Parquet: a document a row", "parquet=s3://bucket/*.parquet", read_parquet, splittable=False),
        Format("markdown", "Markdown: an article, or the items of a digest", "markdown=posts/**/*.md", read_markdown, splittable=False),
        Format("html", "web pages: the main text of each", "html=site/**/*.html", read_html, splittable=False),
        Format("feed", "RSS and Atom feeds, exported blogs: a document a post", "feed=blogs/*.xml", read_feed, splittable=False),
        Format("mediawiki_xml", "dumps of a wiki", "mediawiki_xml=zhwiki-latest-pages-articles.xml.bz2", read_wiki_dump, splittable=True),
        Format(
            "wikiextractor",
            "articles in <doc id url title>, as wikiextractor writes",
            "wikiextractor=A?/wiki_*",
            read_wikiextractor,
            splittable=True,
        ),
        Format("wet", "Common Crawl: text of web pages", "wet=CC-MAIN-*.warc.wet.gz", read_warc, splittable=False),
        Format("warc", "web archives: the main text of each page", "warc=*.warc.gz", read_warc, splittable=False),
        Format("subtitles", "subtitles: SubRip, WebVTT, SubStation Alpha", "subtitles=talks/*.srt", read_subtitles, splittable=False),
        Format("tagged", "documents in <doc> with an element for each field", "tagged=news.dat", read_tagged, splittable=True),
    )
}


def _format_of(corpus: PublicCorpus) -> Format:
    """The format of a public corpus: that of its files, with the fields of its records."""
    base = FORMATS[corpus.format]
    return replace(base, name=corpus.name, description=corpus.description, example=f"{corpus.name}={corpus.files}", fields=corpus.fields)


FORMATS |= {corpus.name: _format_of(corpus) for corpus in PUBLIC_CORPORA}


def describe_formats() -> list[dict[str, Any]]:
    """The catalogue, to be printed: formats first, then public corpora with what their authors published about them."""
    corpora = {corpus.name: corpus for corpus in PUBLIC_CORPORA}
    described: list[dict[str, Any]] = []
    for name, entry in FORMATS.items():
        described.append({"name": name, "description": entry.description, "splittable": entry.splittable, "corpus": entry.example})
        if corpus := corpora.get(name):
            described[-1] |= {
                "format": corpus.format,
                "size": corpus.size,
                "licence": corpus.licence,
                "record": corpus.record,
                "checked": name not in FROM_MEMORY,
            }
    return described


def parse_corpus(value: str) -> CorpusSpec:
    """The meaning of one `--corpus [FORMAT=]GLOB`. What stands before `=` is a format only if the catalogue has it; paths may hold `=` too.

    >>> parse_corpus("jsonl=data/*.json"), parse_corpus("date=2024/*.json")
    (CorpusSpec(format='jsonl', pattern='data/*.json'), CorpusSpec(format=None, pattern='date=2024/*.json'))
    """
    name, equals, pattern = value.partition("=")
    spec = CorpusSpec(name, pattern) if equals and name in FORMATS else CorpusSpec(None, value)
    if not spec.pattern:
        raise CorpusError(f"--corpus '{value}' names no file\ngive it as [FORMAT=]GLOB, for example {FORMATS['wiki2019zh'].example}")
    return spec
