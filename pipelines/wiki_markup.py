"""What MediaWiki dumps and their extractors leave in a text: templates, tables, links, headings, variants. `text → text`."""

import re

from pipelines.html_markup import drop_enclosed

_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}")
_TABLE = re.compile(r"^\{\|", re.MULTILINE), re.compile(r"^\|\}", re.MULTILINE)
_MEDIA = "File|Image|Category|文件|檔案|档案|图像|圖像|分类|分類"
_WIKI_LINK = re.compile(rf"\[\[(?!(?:{_MEDIA}):)(?:[^\[\]|\n]*\|)?([^\[\]|\n]*)\]\]", re.IGNORECASE)
_WIKI_MEDIA = re.compile(rf"\[\[(?:{_MEDIA}):[^\[\]]*\]\]", re.IGNORECASE)
_EXTERNAL_LINK = re.compile(r"\[(?:https?:|ftp:)?//[^\s\[\]]+ ?([^\[\]\n]*)\]")
_WIKI_HEADING = re.compile(r"\n(={2,6}) ?([^=\n]++)\1 ?(?=\n|\Z)")
_WIKI_EMPHASIS = re.compile("'{2,5}")
_VARIANT = re.compile(r"-\{([^{}\n]*)\}-")
_SWITCH = re.compile(r"__(?:NO|FORCE|NEW)?(?:TOC|EDITSECTION|SECTIONLINK|GALLERY|INDEX|CC|TC)__")
MAX_TEMPLATE_DEPTH = 8


def strip_wiki(text: str) -> str:
    """Without what MediaWiki dumps and their extractors leave: templates, tables, media, link and heading marks, `-{zh-hans:…}-`."""
    if "{" in text:
        text = _strip_braces(text)
    if "[" in text and "[[" in text:
        text = _WIKI_LINK.sub(r"\1", text)
        text = _WIKI_MEDIA.sub("", text)
    if "[" in text and "//" in text:
        text = _EXTERNAL_LINK.sub(r"\1", text)
    if "=" in text and "==" in text:
        text = _WIKI_HEADING.sub(lambda heading: "\n" + heading[2].rstrip(" "), f"\n{text}")[1:]
    if "'" in text and "''" in text:
        text = _WIKI_EMPHASIS.sub("", text)
    return _SWITCH.sub("", text) if "_" in text and "__" in text else text


def _strip_braces(text: str) -> str:
    if "-{" in text:
        text = _VARIANT.sub(_choose_variant, text)
    if "{|" in text:
        text = drop_enclosed(text, *_TABLE)
    if "{{" in text:
        for _ in range(MAX_TEMPLATE_DEPTH):  # the innermost first
            text, num_dropped = _TEMPLATE.subn("", text)
            if not num_dropped:
                break
    return text


def _choose_variant(conversion: re.Match[str]) -> str:
    """One wording of `-{zh-hans:计算机;zh-hant:電腦}-`: the simplified one if there is one, else the first."""
    choices = [choice.partition(":")[::2] for choice in conversion[1].split(";") if choice.strip()]
    for wanted in ("zh-hans", "zh-cn"):
        for name, wording in choices:
            if name.strip().lower() == wanted:
                return wording
    return "" if not choices else choices[0][1] or choices[0][0]
