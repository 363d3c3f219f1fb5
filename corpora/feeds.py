"""News feeds and exported blogs (RSS, Atom): a post is a document."""

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from corpora.main_text import fragment_text
from corpora.mixed_encodings import decode_record
from corpora.records import BadRecord, Document, Event
from corpora.sections import Section

POSTS = frozenset({"item", "entry"})
BODIES = ("encoded", "content", "description", "summary")
"""Elements with the text of a post, the fullest first; it is HTML, most often as text."""

_FEED = re.compile(r"\s*(?:<\?[^>]*>\s*+|<!--(?>.{0,2000}?-->)\s*+)*+<(?:rss|feed|rdf:RDF)\b", re.DOTALL)
_DECLARATION = re.compile(r"\s*<\?xml[^>]*>")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def looks_like_feed(text: str) -> bool:
    """Whether a file begins as a feed."""
    return _FEED.match(text) is not None


def read_feed(section: Section) -> Iterator[Event]:
    """Each post as one document, whose offset is its number in the feed. What is not XML is read as far as it can be understood."""
    data = section.whole()
    text = data if isinstance(data, BadRecord) else decode_record(section, 0, data)
    if isinstance(text, BadRecord):
        yield text
        return
    # Entities stay closed: a feed can define none that grow.
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    source = _DECLARATION.sub("", _NOT_XML.sub(" ", text), count=1)
    root = etree.fromstring(source.encode("utf-8", "ignore"), parser) if source.strip() else None
    posts = [] if root is None else [element for element in root.iter("{*}item", "{*}entry") if _parent_is_no_post(element)]
    if source.strip() and not posts:
        yield BadRecord(0, len(text), "no_posts", "no <item> or <entry> in the file", text[:200])
    for number, post in enumerate(posts):
        yield _read_post(number, post)


def _parent_is_no_post(element: Any) -> bool:
    return not any(etree.QName(parent).localname in POSTS for parent in element.iterancestors())


def _read_post(number: int, post: Any) -> Document:
    fields: dict[str, str] = {}
    for child in post.iterchildren("{*}*"):
        text = "".join(child.itertext()) or child.get("href") or ""
        fields.setdefault(etree.QName(child).localname, text)
    body = next((fields[name] for name in BODIES if fields.get(name, "").strip()), "")
    address = fields.get("link", "").strip()
    url = address if address.startswith(("http://", "https://")) else None
    return Document(number, len(body.encode()), fragment_text(fields.get("title", "")).replace("\n", " "), fragment_text(body), url)
