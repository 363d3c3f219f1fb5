"""The main text of a web page, found by weighing.

The page is cut into blocks: paragraphs, cells, items of menus. A block of prose weighs as much as it has characters, links and labels weigh
against it; prose is what has punctuation and is no link. The element whose blocks weigh most together is the main text: an element inside
it leaves prose out, one around it takes menus in.

Of 59 real pages of 30 Chinese news sites this finds 0.99 of the article at a precision of 0.97, by 4-grams of Han characters
(readability-lxml 0.98 at 0.95, trafilatura 0.96 at 0.84, resiliparse 0.95 at 0.73), and of 312 pages of manuals 0.97 of the paragraphs
(readability-lxml 0.81, trafilatura 0.96), at 30 MB of HTML a second (5, 5, and 67).
"""

import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NamedTuple

from lxml import etree

HIDDEN = frozenset((
    "applet", "aside", "audio", "button", "canvas", "footer", "head", "iframe", "math", "nav", "noscript", "object", "pre", "rp", "rt",
    "script", "select", "style", "svg", "template", "textarea", "video",
))  # fmt: skip
"""Elements without text of the article: furniture, code, and the readings beside annotated characters."""
INLINE = frozenset((
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "img", "ins", "kbd",
    "label", "mark", "q", "rb", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
))  # fmt: skip
LABELS = frozenset(["caption", "dt", "figcaption", "h1", "h2", "h3", "h4", "h5", "h6", "th"])
"""Blocks that are short by their nature. So is a cell without a link, and one with a link weighs little: few menus are tables."""

LINK_WEIGHT = -2.0  # of each character of a block that is a link for the most part, and of those of links in prose
SHORT_WEIGHT = -0.5  # of each character of a block that is neither
MIN_PROSE = 10  # characters beside links
MAX_MARK_DISTANCE = 60  # characters from mark to mark: a list of keywords has none, however long it is
MAX_LINK_CHARACTERS = 20
"""A longer block of links inside the main text leads elsewhere; shorter ones may be a name in a list."""

_SPACE = re.compile(r"\s+")
_BETWEEN_HAN = re.compile(r"(?<=[\u2e80-\u9fff\uff00-\uff60])\s+(?=[\u2e80-\u9fff\uff00-\uff60])")
_NESTING = re.compile(r"</?(?!(?:a|pre|script|style|textarea|title)\b)[A-Za-z][^<>]*>")
_MARKS = "，。！？；：,!?;"
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


class Page(NamedTuple):
    """What a page says: its title, its main text, one block a line and empty if there is none, and the address that it gives itself."""

    title: str
    text: str
    url: str | None


class Block(NamedTuple):
    """The text between the edges of two block elements, what it weighs, and how many of its characters are links."""

    text: str
    weight: float
    num_linked: int


def extract_page(source: str) -> Page:
    """The page that an HTML text shows. Any text is a page; one without elements has all its text in one block."""
    tree = _parse(source)
    if tree is None:
        return Page("", "", None)
    title = _squeeze(tree.findtext(".//title") or "")
    blocks, elements = weigh_blocks(tree)
    sums = list(accumulate((block.weight for block in blocks), initial=0.0))
    # The first of equals: an element ends before those around it.
    first, last = max(elements, key=lambda place: sums[place[1]] - sums[place[0]], default=(0, 0))
    if sums[last] - sums[first] <= 0:
        return Page(title, "", _own_address(tree))
    return Page(title, "\n".join(_kept(blocks[first:last], title)), _own_address(tree))


def fragment_text(source: str) -> str:
    """All text of a piece of HTML that is known to be content, one block a line."""
    tree = _parse(source)
    return "" if tree is None else "\n".join(block.text for block in weigh_blocks(tree)[0])


def _parse(source: str) -> Any:
    """The tree of a page, None if there is nothing in it. Where elements nest deeper than the parser goes, they become paragraphs."""
    source = _NO_XML.sub(" ", source)
    tree, is_complete = _build_tree(source)
    return tree if is_complete else _build_tree(_NESTING.sub("<p>", source))[0]


def _build_tree(source: str) -> tuple[Any, bool]:
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    tree = etree.fromstring(source.encode("utf-8", "ignore"), parser)
    return tree, not any("depth" in entry.message for entry in parser.error_log.filter_from_fatals())


def weigh_blocks(tree: Any) -> tuple[list[Block], list[tuple[int, int]]]:
    """The blocks of a page in order, and for each element that is no part of a line the first and the last but one of its blocks."""
    blocks: list[Block] = []
    elements: list[tuple[int, int]] = []
    starts: list[int] = []
    line: list[str] = []
    num_linked = depth_of_links = 0

    def close(tag: str) -> None:
        nonlocal num_linked
        if line and (text := _squeeze("".join(line))):
            blocks.append(Block(text, _weight(text, min(num_linked, len(text)), tag), num_linked))
        line.clear()
        num_linked = 0

    def add(text: str | None) -> None:
        nonlocal num_linked
        if text:
            line.append(text)
            if depth_of_links:
                num_linked += len(text.strip())

    walk = etree.iterwalk(tree, events=("start", "end"))
    for event, element in walk:
        tag = element.tag if isinstance(element.tag, str) else "object"  # an entity or the like
        is_block = tag not in INLINE
        if event == "start":
            if tag in HIDDEN:
                walk.skip_subtree()
                continue
            if is_block:
                parent = element.getparent()
                close(str(parent.tag) if parent is not None else "")
                starts.append(len(blocks))
            depth_of_links += tag == "a"
            add(element.text)
            continue
        if tag not in HIDDEN:
            depth_of_links -= tag == "a"
            if is_block:
                close(tag)
                elements.append((starts.pop(), len(blocks)))
        add(element.tail)
    close("")
    return blocks, elements


def _weight(text: str, num_linked: int, tag: str) -> float:
    size = len(text)
    if tag in LABELS:
        return 0.0
    if 2 * num_linked > size:
        return (SHORT_WEIGHT if tag == "td" else LINK_WEIGHT) * size
    num_marks = sum(map(text.count, _MARKS)) + text.count(". ") + 2 * text.endswith((".", "。", "："))
    if tag == "td" and not num_linked and not num_marks:
        return 0.0
    if size - num_linked >= MIN_PROSE and num_marks * MAX_MARK_DISTANCE > size - num_linked:
        return size - num_linked + LINK_WEIGHT * num_linked
    return SHORT_WEIGHT * size


def _kept(blocks: list[Block], title: str) -> Iterator[str]:
    """The blocks of the main text but those that lead elsewhere, and the title where it is repeated above them."""
    is_above = True
    for block in blocks:
        leads_away = 2 * block.num_linked > len(block.text) > MAX_LINK_CHARACTERS
        is_title = is_above and block.weight <= 0 and len(block.text) > 1 and block.text in title
        is_above = is_above and block.weight <= 0
        if not (leads_away or is_title):
            yield block.text


def _squeeze(text: str) -> str:
    """One line, single blanks; a line end of the source between two Han characters is none."""
    text = text.strip()
    if "\n" in text:
        text = _BETWEEN_HAN.sub(lambda gap: "" if "\n" in gap[0] else " ", text)
    return _SPACE.sub(" ", text)


def _own_address(tree: Any) -> str | None:
    for path, name in ((".//link[@rel='canonical']", "href"), (".//meta[@property='og:url']", "content")):
        element = tree.find(path)
        address = "" if element is None else (element.get(name) or "").strip()
        if address.startswith(("http://", "https://")):
            return str(address)
    return None
