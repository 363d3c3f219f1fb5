"""What is not text in a text: HTML, Markdown, wiki syntax, code, URLs. Pure functions `text → text`.

All are linear in the text, whatever it holds: no pattern can run over the same characters again from every place where it starts.
They expect blanks to be squeezed (`rules.squeeze_blanks`), so that one optional space is all the white space there is between words.
"""

import html
import re
from collections.abc import Callable

# --- HTML ---

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
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text) if "&" in text else text


def drop_enclosed(text: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    """`text` without what stands from each `opening` to the next `closing`; an opening that is never closed stays."""
    kept: list[str] = []
    position = 0
    while (begin := opening.search(text, position)) and (end := closing.search(text, begin.end())):
        kept.append(text[position : begin.start()])
        position = end.end()
    return "".join(kept) + text[position:] if kept else text


# --- Markdown ---

_FRONT_MATTER = re.compile(r"\s*---\n(?=[\w-]+ ?:)(?:[^\n]*\n){1,100}?(?:---|\.\.\.)(?:\n|$)")
_FENCE = re.compile(r"\n ?(?:> ?)*(`{3,}|~{3,})([^`\n]*)(?=\n|$)")  # with its newline in front, a search for it is quick
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_LETTER = re.compile(r"[A-Za-z0-9]")
_TARGET = r"\((?: ?(?:<[^<>\n]*>|[^\s()]*(?:\([^\s()]*\)[^\s()]*)*)(?: [\"'][^\"'\n]*[\"'])? ?)\)"
_IMAGE = re.compile(rf"!\[[^\[\]\n]*\](?:{_TARGET}|\[[^\[\]\n]*\])")
_LINK = re.compile(rf"\[([^\[\]\n]*)\]({_TARGET}| ?\[[^\[\]\n]*\])")
_CITATION = re.compile(r"\[\^?[0-9]{1,3}\](?<![A-Za-z0-9_]\[[0-9]\])(?:\[\^?[0-9]{1,3}\])*")  # `a[1]` is an element of an array
_LINE_BEGINNINGS = frozenset(" #>=-*_~+•●◆■▪►➤◦|[0123456789")
_DEFINITION = re.compile(r"\[[^\[\]]+\]: ?(?:<?[A-Za-z]+:|[/#.]|www\.)|\[#\]:")
_RULE = re.compile(r"[=\-*_~# ]{3,}$")
_LINE_SYNTAX = re.compile(
    r"(?:> ?)*"  # quotation
    r"(?:#{1,6} |#{2,6}(?=[^#\s])"  # heading
    r"|(?:[-*+] |[•●◆■▪►➤◦] ?|[0-9]{1,3}[.)] )(?:\[[ xX]\] )?"  # list item, task
    r"|\[\^[^\[\]]+\]: ?"  # footnote
    r")?"
)
_HEADING_END = re.compile(r" ?##+$| #$", re.MULTILINE)
_STRONG = re.compile(r"\*\*\*?(?=\S)([^*\n]{1,500}?)(?<=\S)\*\*\*?")
_STRUCK = re.compile(r"~~(?=\S)([^~\n]{1,500}?)(?<=\S)~~")
_STARS = re.compile(r"\*(?<![A-Za-z0-9*\\]\*)(?=[^\s*])([^*\n]{1,500})(?<=\S)\*(?![A-Za-z0-9*])")
_UNDERSCORES = re.compile(r"_(?<![A-Za-z0-9_]_)_?(?=[^\s_])([^_\n]{1,500})(?<=\S)__?(?![A-Za-z0-9_])")
_CODE = re.compile(r"``?([^`\n]+)``?")
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+.!<>|~-])")
MIN_FENCED_HAN_SHARE = 0.5


def drop_front_matter(text: str) -> str:
    """Without the `key: value` block between two `---` that opens a post of a static site."""
    return text[match.end() :] if (match := _FRONT_MATTER.match(text)) else text


def drop_code_fences(text: str) -> str:
    """Without fenced code; where a fence holds prose (as many Han characters as letters and digits), only the fence goes."""
    if "```" not in text and "~~~" not in text:
        return text
    text = "\n" + text
    kept: list[str] = []
    position = 0
    opened: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opened is None:
            opened = fence
        elif fence[1].startswith(opened[1]) and not fence[2].strip():
            inside = text[opened.end() : fence.start()]
            kept.append(text[position : opened.start()])
            kept.append(inside if _is_prose(inside) else "")
            position, opened = fence.end(), None
    kept.append(text[position:])
    return "".join(kept)[1:]


def _is_prose(text: str) -> bool:
    num_han = len(_HAN.findall(text))
    return num_han > 0 and num_han >= MIN_FENCED_HAN_SHARE * (num_han + len(_LETTER.findall(text)))


def strip_markdown(text: str) -> str:
    """Without Markdown's marks: links keep their text, images and definitions go, so do the marks of headings, lists, quotes, emphasis."""
    if "[" in text:
        text = _LINK.sub(_link_text, _IMAGE.sub("", text))
    text = "\n".join([_strip_line(line) if line[:1] in _LINE_BEGINNINGS else line for line in text.split("\n")])
    if "[" in text:
        text = _CITATION.sub("", text)
    if "#" in text:
        text = _HEADING_END.sub("", text)
    if "`" in text:
        text = _CODE.sub(r"\1", text)
    if "*" in text:
        text = _STARS.sub(r"\1", _STRONG.sub(r"\1", text))
    if "_" in text:
        text = _UNDERSCORES.sub(_emphasized, text)
    if "~~" in text:
        text = _STRUCK.sub(r"\1", text)
    return _ESCAPE.sub(r"\1", text) if "\\" in text else text


def _emphasized(mark: re.Match[str]) -> str:
    """What stands between underscores; `__init__` is a name."""
    return mark[0] if mark[1].isidentifier() and mark[1].isascii() else mark[1]


def _strip_line(line: str) -> str:
    """A line without what marks it as a part of the page: quotation, heading, list item, table row; nothing of a rule or a definition."""
    line = line.strip(" ")
    if _RULE.match(line) or _DEFINITION.match(line):
        return ""
    if line.startswith("|"):
        return " ".join(line.split("|"))
    match = _LINE_SYNTAX.match(line)
    return line[match.end() :] if match else line


def _link_text(link: re.Match[str]) -> str:
    """The text of a link; nothing for a citation `[1][2]`; all of it where the target is just a remark in brackets, `[注](见下文)`."""
    label, target = link[1], link[2]
    if target.startswith("(") and _HAN.search(target) and not any(mark in target for mark in "/.#"):
        return link[0]
    return "" if label.strip("^ ").isdigit() else label


# --- Wiki ---

_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}")
_TABLE = re.compile(r"^\{\|", re.MULTILINE), re.compile(r"^\|\}", re.MULTILINE)
_MEDIA = "File|Image|Category|文件|檔案|档案|图像|圖像|分类|分類"
_WIKI_LINK = re.compile(rf"\[\[(?!(?:{_MEDIA}):)(?:[^\[\]|\n]*\|)?([^\[\]|\n]*)\]\]", re.IGNORECASE)
_WIKI_MEDIA = re.compile(rf"\[\[(?:{_MEDIA}):[^\[\]]*\]\]", re.IGNORECASE)
_EXTERNAL_LINK = re.compile(r"\[(?:https?:|ftp:)?//[^\s\[\]]+ ?([^\[\]\n]*)\]")
_WIKI_HEADING = re.compile(r"^(={2,6}) ?([^=\n]+?) ?\1 ?$", re.MULTILINE)
_WIKI_EMPHASIS = re.compile("'{2,5}")
_VARIANT = re.compile(r"-\{([^{}\n]*)\}-")
_SWITCH = re.compile(r"__(?:NO|FORCE|NEW)?(?:TOC|EDITSECTION|SECTIONLINK|GALLERY|INDEX|CC|TC)__")
MAX_TEMPLATE_DEPTH = 8


def strip_wiki(text: str) -> str:
    """Without what MediaWiki dumps and their extractors leave: templates, tables, media, link and heading marks, `-{zh-hans:…}-`."""
    if "{" in text:
        text = drop_enclosed(_VARIANT.sub(_choose_variant, text), *_TABLE)
        for _ in range(MAX_TEMPLATE_DEPTH):  # the innermost first
            text, num_dropped = _TEMPLATE.subn("", text)
            if not num_dropped:
                break
    if "[" in text:
        text = _WIKI_LINK.sub(r"\1", text)
        text = _WIKI_MEDIA.sub("", text)
        text = _EXTERNAL_LINK.sub(r"\1", text)
    if "==" in text:
        text = _WIKI_HEADING.sub(r"\2", text)
    if "''" in text:
        text = _WIKI_EMPHASIS.sub("", text)
    return _SWITCH.sub("", text) if "__" in text else text


def _choose_variant(conversion: re.Match[str]) -> str:
    """One wording of `-{zh-hans:计算机;zh-hant:電腦}-`: the simplified one if there is one, else the first."""
    choices = [choice.partition(":")[::2] for choice in conversion[1].split(";") if choice.strip()]
    for wanted in ("zh-hans", "zh-cn"):
        for name, wording in choices:
            if name.strip().lower() == wanted:
                return wording
    return "" if not choices else choices[0][1] or choices[0][0]


# --- URLs, and what the removal of all this leaves ---

_URL_CHARACTERS = r"[A-Za-z0-9\-._~:/?#@!$&'*+,;=%]"
_SCHEME = re.compile(r"<?(?:https?|ftp)$", re.IGNORECASE)
_LONGEST_SCHEME = len("<https")
_AFTER_SCHEME = re.compile(rf"{_URL_CHARACTERS}+>?")
_HOST = re.compile(rf"www\.(?<![A-Za-z0-9@./]www\.){_URL_CHARACTERS}+")
_BRACKETS = dict(zip("（【「『《〈“([", "）】」』》〉”)]", strict=True))
_EMPTY_BRACKETS = re.compile(r"[（【「『《〈“(\[][ ，,、；;：:|]*[）】」』》〉”)\]]")
MAX_BRACKET_DEPTH = 3


def drop_urls(text: str) -> str:
    """Without web addresses; they end where their characters end, so `见http://a.cn/b。下文` keeps its sentence."""
    if "www." in text:
        text = _HOST.sub("", text)
    if "://" not in text:
        return text
    kept, *others = text.split("://")
    parts = [kept]
    for part in others:
        scheme = _SCHEME.search(parts[-1][-_LONGEST_SCHEME:])
        address = _AFTER_SCHEME.match(part)
        if scheme and address:
            parts[-1] = parts[-1][: len(parts[-1]) - len(scheme[0])]
            parts.append(part[address.end() :])
        else:
            parts.append("://" + part)
    return "".join(parts)


def drop_empty_brackets(text: str) -> str:
    """Without brackets that hold nothing any more, nested ones too; `main()` stays."""
    for _ in range(MAX_BRACKET_DEPTH):
        shorter = _EMPTY_BRACKETS.sub(_drop_pair, text)
        if len(shorter) == len(text):
            break
        text = shorter
    return text


def _drop_pair(pair: re.Match[str]) -> str:
    opening, closing = pair[0][0], pair[0][-1]
    before = pair.string[pair.start() - 1 : pair.start()]
    is_call = opening in "([" and before.isascii() and (before.isalnum() or before in ("_", "]", ")"))
    return pair[0] if _BRACKETS[opening] != closing or is_call else ""


MARKUP_RULES: tuple[Callable[[str], str], ...] = (
    drop_front_matter,
    drop_code_fences,
    strip_html,
    strip_markdown,
    strip_wiki,
    drop_urls,
    unescape_entities,
    drop_empty_brackets,
)
