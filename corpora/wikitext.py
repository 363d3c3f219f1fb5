"""Wikitext as text: what a reader of the article sees in its paragraphs.

Templates, tables, files, categories, references, formulas, headings and the sections that only list sources go; of a link its label stays,
and of templates that mark up words of a sentence the words. `-{zh-hans:…;zh-hant:…}-` stays for the cleaning, which chooses. One pass over
the brackets with a stack, so that the time is linear whatever is left open. (mwparserfromhell leaves the options of images, the lists of
sources and the cells of tables in, and the foreign names in `{{lang|en|…}}` out; it was measured at 2.7 MB/s, this at 25.)
"""

import re

_COMMENTS = re.compile("<!--"), re.compile("-->")
_HIDDEN_NAMES = (
    "ref", "math", "chem", "gallery", "timeline", "syntaxhighlight", "source", "pre", "score", "graph", "imagemap", "templatedata",
    "mapframe", "maplink", "hiero", "references", "inputbox", "script", "style",
)  # fmt: skip
_HIDDEN = {
    name: (re.compile(rf"<{name}(?=[\s/>])[^<>]*>", re.IGNORECASE), re.compile(rf"</{name}\s{{0,9}}>", re.IGNORECASE))
    for name in _HIDDEN_NAMES
}
_BREAK = re.compile(r"<(?:br|hr|p|/p|div|/div|blockquote|/blockquote|center|/center|poem|/poem)(?=[\s/>])[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9]{0,20}(?:[\s/][^<>]*)?>")

_TOKEN = re.compile(r"\{\{|\}\}|\[\[|\]\]|^[ :*]{0,9}\{\|(?!\})|^[ :*]{0,9}\|\}(?!\})", re.MULTILINE)
_CLOSES = {"}}": "{{", "]]": "[[", "|}": "{|"}

MAX_DEPTH = 40
"""Of brackets in brackets. Real pages have ten; without a limit each level would copy what is in it once more."""

_NO_TEXT = re.compile(
    r"(?i:file|image|media|category|template|special|文件|檔案|档案|图像|圖像|图片|圖片|媒体|媒體|分类|分類|模板|特殊)\s?:"
    r"|[a-z]{2,3}(?:-[a-z]{2,10}){0,2}:"  # CSI: is no language
)
"""Beginnings of links that show no words: files, categories, other languages."""
_FIRST = frozenset(["nowrap", "nobr", "small", "big", "le", "link-en", "nihongo", "zh-hans", "zh-hant", "lj", "red", "blue", "green"])
_SECOND = frozenset({"lang", "color", "font color", "colored link", "rtl-lang", "zhi", "ruby-zh-b"})
_THIRD = frozenset({"tsl", "internal link helper", "ilh"})

_HEADING = re.compile(r"^(={1,6})(?!=)([^\n]*)$", re.MULTILINE)
_LISTS_OF_SOURCES = re.compile(
    r"参考|參考|引用|来源$|來源$|脚注|腳註|注释|註釋|註解|注解|备注|備註|文献$|文獻$|外部|相关条目|相關條目|参见|參見|参看|參看|另见|另見|延伸阅读|延伸閱讀|扩展阅读|擴展閱讀|"
    r"资料来源|關聯項目|画廊|畫廊|图集|圖集"
)
_TABLE_LINE = re.compile(r"^[ \t]?[|!][^\n]*", re.MULTILINE)
_LIST_ITEM = re.compile(r"^[*#:;]+[ \t]*", re.MULTILINE)
_EXTERNAL = re.compile(r"\[(?:https?:|ftp:|mailto:)?//[^\s\[\]]{1,2000}[ \t]?([^\[\]\n]*)\]")
_EMPHASIS = re.compile("'{2,5}")
_SWITCH = re.compile(r"__[A-Z]{2,20}__")
_BLANK_LINES = re.compile(r"\n\s*\n")


def strip_wikitext(source: str) -> str:
    """The text of an article: a paragraph or an item of a list a line.

    >>> strip_wikitext("'''中国'''（{{lang|en|China}}）位于[[亚洲|东亚]]。<ref>书</ref>\\n== 历史 ==\\n* [[长城]]\\n== 参考文献 ==\\n* 书")
    '中国（China）位于东亚。\\n长城'
    """
    text = _drop_hidden(source)
    text = _TAG.sub("", _BREAK.sub("\n", text)) if "<" in text else text
    text = _drop_brackets(text)
    text = _drop_headings(text)
    text = _EXTERNAL.sub(r"\1", text) if "//" in text else text
    text = _EMPHASIS.sub("", text) if "''" in text else text
    text = _SWITCH.sub("", text) if "__" in text else text
    return _BLANK_LINES.sub("\n", _LIST_ITEM.sub("", text)).strip()


def _drop_hidden(text: str) -> str:
    if "<" not in text:
        return text
    text = _drop_enclosed(text, *_COMMENTS)
    for opening, closing in _HIDDEN.values():
        text = _drop_enclosed(text, opening, closing)
    return text


def _drop_enclosed(text: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    """`text` without what stands from each `opening` to the next `closing`, and without an `opening` that ends itself, `<ref name=a />`."""
    kept: list[str] = []
    position = 0
    while begin := opening.search(text, position):
        kept.append(text[position : begin.start()])
        position = begin.end()
        if begin[0].endswith("/>"):
            continue
        end = closing.search(text, position)
        if end is None:  # nor is there one for those after it
            break
        position = end.end()
    return "".join(kept) + text[position:] if kept or position else text


def _drop_brackets(text: str) -> str:
    """Without templates, tables and links but for their words. What is not closed, or not opened, stays as it is."""
    frames: list[tuple[str, list[str]]] = [("", [])]
    num_open = dict.fromkeys(_CLOSES.values(), 0)
    position = 0
    for token in _TOKEN.finditer(text):
        mark = token[0][-2:]
        frames[-1][1].append(text[position : token.start()])
        position = token.end()
        if mark in num_open and len(frames) <= MAX_DEPTH:
            frames.append((mark, []))
            num_open[mark] += 1
        elif num_open.get(_CLOSES.get(mark, "")):
            while (frame := frames.pop())[0] != _CLOSES[mark]:
                num_open[frame[0]] -= 1
                frames[-1][1].append(_left_open(*frame))
            num_open[frame[0]] -= 1
            frames[-1][1].append(_words(frame[0], "".join(frame[1])))
        else:
            frames[-1][1].append(token[0])
    frames[-1][1].append(text[position:])
    while len(frames) > 1:
        frame = frames.pop()
        frames[-1][1].append(_left_open(*frame))
    return "".join(frames[0][1])


def _left_open(mark: str, parts: list[str]) -> str:
    inside = "".join(parts)
    return _TABLE_LINE.sub("", inside.partition("\n")[2]) if mark == "{|" else mark + inside


def _words(mark: str, inside: str) -> str:
    """What a reader sees of a template, a table or a link."""
    if mark == "{|":
        return ""
    if mark == "{{":
        return _template_words(inside)
    if _NO_TEXT.match(inside.lstrip()):
        return ""
    target, bar, label = inside.partition("|")
    return (label if bar else target).strip().removeprefix(":")


def _template_words(inside: str) -> str:
    name, *values = inside.split("|")
    name = name.strip().lower().replace("_", " ")
    given = [value.strip() for value in values if "=" not in value]
    if name in _FIRST or name.startswith(("link-", "lang-")):
        return given[0] if given else ""
    if name in _SECOND:
        return given[1] if len(given) > 1 else ""
    if name in _THIRD:
        return given[2] if len(given) > 2 else ""
    return ""


def _drop_headings(text: str) -> str:
    """Without headings, and without the sections that list sources, links and pictures, down to the next heading of their level."""
    if "=" not in text:
        return text
    kept: list[str] = []
    position = 0
    dropped_level = 0  # of the heading whose section is being dropped
    for heading in _HEADING.finditer(text):
        level, title = len(heading[1]), heading[2].strip()
        if not title.endswith(heading[1]):
            continue
        if not dropped_level:
            kept.append(text[position : heading.start()])
        position = heading.end()
        if not dropped_level or level <= dropped_level:
            dropped_level = level if _LISTS_OF_SOURCES.match(title.strip("= \t")) else 0
    if not dropped_level:
        kept.append(text[position:])
    return "".join(kept)
