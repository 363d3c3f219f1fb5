"""Which format a file is in, by its name and the beginning of its content, when `--corpus` does not say.

In this order:

1. Parquet is known by its content (and so are archives, whose members are guessed one by one, before this is asked);
2. content that begins with a JSON array, or with an object that does not end in its line, is JSON; with another object, JSON Lines. If the
   first object has the fields of a public corpus, it is a record of that one (`catalogue.py`);
3. a table is known by its name (`.csv`, `.tsv`), or by the same number of tabs in every line; documents in tags by the first of them;
   web archives, wiki dumps, wikiextractor's articles, subtitles and pages by how they begin; Markdown by its name alone;
4. text is `blank_line` if it looks like the layout of BERT's own scripts: blank lines separate blocks, most blocks have several lines,
   and most lines end a sentence. Paragraphs with a blank line after each (Markdown, articles), verse and hard-wrapped lines are not that;
5. any other text is one document a file, or one document a line if its lines have nothing to do with each other (`cohesion.py`), or if it
   is too long to be one document.
"""

import re
from pathlib import PurePosixPath

from corpora.byte_ranges import MAX_RECORD_BYTES
from corpora.cohesion import holds_a_document_a_line
from corpora.common_crawl import looks_like_warc
from corpora.compression import strip_compression_suffix
from corpora.feeds import looks_like_feed
from corpora.heads import Head
from corpora.html import looks_like_html
from corpora.json_arrays import looks_like_json
from corpora.markdown import SUFFIXES as MARKDOWN_SUFFIXES
from corpora.subtitles import looks_like_subtitles
from corpora.tables import looks_like_table
from corpora.tagged import looks_like_tagged
from corpora.wiki_dump import looks_like_wiki_dump
from corpora.wikiextractor import looks_like_wikiextractor

PARQUET_MAGIC = b"PAR1"
MIN_BLOCKS = 3
MIN_SENTENCE_END_SHARE = 0.7
MIN_LINES_PER_BLOCK = 2  # in the median
_SENTENCE_END = re.compile(r"[。！？!?；;…][”’」』）)]*$|(?<=[\u4e00-\u9fff])\.$")


def guess_format(path: str, head: Head, size: int) -> str:
    """The name of the format of a file, or a member of an archive, that begins with `head` and has `size` bytes, as stored."""
    if head.sample.startswith(PARQUET_MAGIC):
        return "parquet"
    text = head.text
    suffix = PurePosixPath(strip_compression_suffix(path)).suffix.lower()
    if (
        kind := looks_like_json(text, suffix)
        or _looks_like_pages(text, suffix)
        or looks_like_tagged(text)
        or looks_like_table(text, suffix)
    ):
        return kind
    if separates_documents_by_blank_lines(text):
        return "blank_line"
    return "text" if size <= MAX_RECORD_BYTES and not holds_a_document_a_line(text) else "line"


def _looks_like_pages(text: str, suffix: str) -> str | None:
    """The format of pages, articles or subtitles that a file begins as."""
    if kind := looks_like_warc(text):
        return kind
    if looks_like_wiki_dump(text):
        return "mediawiki_xml"
    if looks_like_wikiextractor(text):
        return "wikiextractor"
    if looks_like_subtitles(text):
        return "subtitles"
    if suffix in MARKDOWN_SUFFIXES:
        return "markdown"
    if looks_like_feed(text):
        return "feed"
    return "html" if looks_like_html(text, suffix) else None


def separates_documents_by_blank_lines(text: str) -> bool:
    """Whether the beginning of a text looks like documents of one sentence or paragraph a line, separated by blank lines."""
    lines = [line.strip() for line in text.splitlines()[:-1]]  # the last may be cut
    blocks: list[int] = []
    previous = ""
    for line in lines:
        if line:
            if not previous:
                blocks.append(0)
            blocks[-1] += 1
        previous = line
    if len(blocks) < MIN_BLOCKS or sorted(blocks)[len(blocks) // 2] < MIN_LINES_PER_BLOCK:
        return False
    ends = sum(1 for line in lines if _SENTENCE_END.search(line))
    return ends >= MIN_SENTENCE_END_SHARE * sum(blocks)
