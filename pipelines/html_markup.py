"""HTML in a text: comments, scripts, tags, entities. Pure functions `text → text`."""

import html
import re

from pipelines.normalization import normalize_characters

_HIDDEN_ELEMENTS = ("script", "style", "rt", "rp", "svg")  # rt and rp: the readings beside annotated characters
_HIDDEN = {
    name: (re.compile(rf"<{name}(?:\s[^<>]*)?>", re.IGNORECASE), re.compile(rf"</{name}\s?>", re.IGNORECASE)) for name in _HIDDEN_ELEMENTS
}
_COMMENT = re.compile("<!--"), re.compile("-->")
_BLOCK_NAMES = (
    "address|article|aside|blockquote|body|br|caption|center|dd|details|dir|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h1|h2"
    "|h3|h4|h5|h6|head|header|hr|html|iframe|legend|li|link|main|meta|nav|ol|optgroup|option|p|pre|section|select|source|summary|table|tbody|td"
    "|textarea|tfoot|th|thead|title|tr|ul"
)
_INLINE_NAMES = (
    "a|abbr|acronym|applet|area|audio|b|base|bdi|bdo|big|button|canvas|cite|code|col|colgroup|data|datalist|del|dfn|em|embed|font|i|img|input|ins"
    "|kbd|label|map|mark|math|meter|noscript|object|output|param|picture|progress|q|rb|rp|rt|ruby|s|samp|script|small|span|strike|strong|style"
    "|sub|sup|svg|template|time|track|tt|u|var|video|wbr"
)
_WIKI_NAMES = "doc|gallery|includeonly|noinclude|nowiki|onlyinclude|poem|ref|references|syntaxhighlight|templatestyles"
_BLOCK_ELEMENTS = frozenset(_BLOCK_NAMES.split("|"))
_TAG = re.compile(rf"</?({_BLOCK_NAMES}|{_INLINE_NAMES}|{_WIKI_NAMES})(?:[\s/][^<>]*)?>|<!doctype[^<>]*>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def strip_html(text: str) -> str:
    """Without comments, scripts, styles and tags; a block element ends a line. Only real elements are tags: `<username>` stays."""
    if "<" not in text:
        return text
    text = drop_enclosed(text, *_COMMENT)
    for opening, closing in _HIDDEN.values():
        text = drop_enclosed(text, opening, closing)
    return _TAG.sub(_replace_tag, text)


def _replace_tag(tag: re.Match[str]) -> str:
    if tag.string[tag.start() - 1 : tag.start()] == "`":  # Markdown code: the text is about the tag
        return tag[0]
    return "\n" if (tag[1] or "").lower() in _BLOCK_ELEMENTS else ""


def unescape_entities(text: str) -> str:
    """`&lt;` → `<`. Only with the semicolon: `?a=1&copy=2` is no copyright sign."""
    return _ENTITY.sub(_unescape, text) if "&" in text else text


def _unescape(entity: re.Match[str]) -> str:
    return normalize_characters(html.unescape(entity[0]))  # `&nbsp;` and `&zwj;` are what that rule is about


def drop_enclosed(text: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    """`text` without what stands from each `opening` to the next `closing`; an opening that is never closed stays."""
    kept: list[str] = []
    position = 0
    while (begin := opening.search(text, position)) and (end := closing.search(text, begin.end())):
        kept.append(text[position : begin.start()])
        position = end.end()
    return "".join(kept) + text[position:] if kept else text
