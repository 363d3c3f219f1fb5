"""Markdown's marks in a text: front matter, code fences, links, headings, lists, tables, emphasis. Pure functions `text → text`.

Linear in the text whatever it holds: a pattern either begins with a character that it cannot pass, or never gives back what it has taken.
"""

import re
from collections.abc import Iterator
from operator import itemgetter

from pipelines.characters import count_characters

_FRONT_MATTER = re.compile(r"---\n(?=[\w-]+ ?:)(?:[^\n]*\n){1,100}?(?:---|\.\.\.)(?:\n|$)")
_FENCES = [re.compile(rf"({mark}{mark}{mark}{mark}*+)([^`\n]*)(?=\n|\Z)") for mark in "`~"]
_FENCE_INDENT = re.compile(r"\n ?(?:> ?){0,8}\Z")
_MAX_FENCE_INDENT = 20
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_TARGET = r"\((?: ?(?:<[^<>\n]*>|[^\s()]*(?:\([^\s()]*\)[^\s()]*)*)(?: [\"'][^\"'\n]*[\"'])? ?)\)"
_IMAGE = re.compile(rf"!\[[^\[\]\n]*\](?:{_TARGET}|\[[^\[\]\n]*\])")
_LINK = re.compile(rf"\[([^\[\]\n]*)\]({_TARGET}| ?\[[^\[\]\n]*\])")
_CITATION = re.compile(r"\[\^?[0-9]{1,3}\](?<![A-Za-z0-9_]\[[0-9]\])(?:\[\^?[0-9]{1,3}\])*")  # `a[1]` is an element of an array
_LINE_SYNTAX = re.compile(
    r"\n(?=[ >#*+•●◆■▪►➤◦\[0-9=_~-]) ?(?:"  # with the newline in front, which `re` finds quicker than `^`
    r"[=\-*_~#][=\-*_~# ]{2,}(?=\n|\Z)"  # a rule goes whole
    r"|\[(?:[^\[\]\n]+\]: ?(?:<?[A-Za-z]+:|[/#.]|www\.)|#\]:)[^\n]*"  # so does the definition of a link
    r"|(?:> ?)*"  # quotation
    r"(?:#{1,6} |#{2,6}(?=[^#\s])"  # heading
    r"|(?:[-*+] |[•●◆■▪►➤◦] ?|[0-9]{1,3}[.)] )(?:\[[ xX]\] )?"  # list item, task
    r"|\[\^[^\[\]\n]+\]: ?"  # footnote
    r")?)"
)
_TABLE_ROW = re.compile(r"\n ?\|[^\n]*")
_HEADING_END = re.compile(r"#(?<!##)#*(?=\n|\Z)")  # the first of the marks that end a line
_STRONG = re.compile(r"(\*\*\*?)(?=\S)([^*\n]{1,500}+)(?<=\S)(?:\*\*\*?(?!\*)|\1)")
_LOOSE_STRONG = re.compile(r"\*\*(?<![A-Za-z0-9*]\*\*)\*{0,4}+([^*\n]{1,500}+)\*\*+")
_BROKEN_STRONG = re.compile(r"\*\*+(?:(?=[\u2018-\u201f\u3000-\u9fff\uff00-\uff5e])|(?<=[\u2018-\u201f\u3000-\u9fff\uff00-\uff5e]\*\*))")
_STRUCK = re.compile(r"~~(?=\S)([^~\n]{1,500}+)(?<=\S)~~")
_STARS = re.compile(r"\*(?<![A-Za-z0-9*\\]\*)(?=[^\s*])([^*\n]{1,500}+)(?<=\S)\*(?![A-Za-z0-9*])")
_UNDERSCORES = re.compile(r"_(?<![A-Za-z0-9_]_)_?(?=[^\s_])([^_\n]{1,500}+)(?<=\S)__?(?![A-Za-z0-9_])")
_CODE = re.compile(r"``?([^`\n]++)``?")
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+.!<>|~-])")
MIN_FENCED_HAN_SHARE = 0.5
_inside = itemgetter(1)  # of a match; a template would be expanded in Python for each


def drop_front_matter(text: str) -> str:
    """Without the `key: value` block between two `---` that opens a post of a static site."""
    return text[match.end() :] if text.startswith("---") and (match := _FRONT_MATTER.match(text)) else text


def drop_code_fences(text: str) -> str:
    """Without fenced code; where a fence holds prose (as many Han characters as letters and digits), only the fence goes."""
    if "```" not in text and "~~~" not in text:
        return text
    text = "\n" + text
    kept: list[str] = []
    position = 0
    opened: tuple[int, int, str] | None = None
    for start, stop, marks, info in sorted(_fences(text)):
        if opened is None:
            opened = start, stop, marks
        elif marks.startswith(opened[2]) and not info.strip():
            inside = text[opened[1] : start]
            kept += [text[position : opened[0]], inside if _is_prose(inside) else ""]
            position, opened = stop, None
    kept.append(text[position:])
    return "".join(kept)[1:]


def _fences(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Where each line stands that opens or closes code (with the newline before it), its marks and what follows them."""
    for pattern in _FENCES:
        for match in pattern.finditer(text):
            start = match.start() - 1
            if text[start] != "\n":
                begin = max(0, match.start() - _MAX_FENCE_INDENT)
                indent = _FENCE_INDENT.search(text[begin : match.start()])
                if not indent:
                    continue
                start = begin + indent.start()
            yield start, match.end(), match[1], match[2]


def _is_prose(text: str) -> bool:
    counts = count_characters(text)
    return counts.han > 0 and counts.han >= MIN_FENCED_HAN_SHARE * (counts.han + counts.letters)


def strip_markdown(text: str) -> str:
    """Without Markdown's marks: links keep their text, images and definitions go, so do the marks of headings, lists, quotes, emphasis."""
    if "](" in text or "][" in text or "] [" in text:
        text = _LINK.sub(_link_text, _IMAGE.sub("", text))
    text = _strip_lines("\n" + text)[1:]
    if "[" in text:
        text = _CITATION.sub("", text)
    if "#\n" in text or text.endswith("#"):
        text = _HEADING_END.sub(_drop_heading_end, text)
    if "`" in text:
        text = _CODE.sub(_inside, text)
    if "*" in text:
        text = _STARS.sub(_inside, _strip_strong(text) if "**" in text else text)
    if "_" in text:
        text = _UNDERSCORES.sub(_emphasized, text)
    if "~~" in text:
        text = _STRUCK.sub(_inside, text)
    return _ESCAPE.sub(_inside, text) if "\\" in text else text


def _strip_strong(text: str) -> str:
    """Without the marks of strong text, those that an editor could not place too; one lone pair of stars may hide a word."""
    text, num_strong = _STRONG.subn(itemgetter(2), text)
    if "**" in text:
        text, num_loose = _LOOSE_STRONG.subn(lambda loose: loose[1] if _HAN.search(loose[1]) else loose[0], text)
        if num_strong or num_loose:
            text = _BROKEN_STRONG.sub("", text)
    return text


def _drop_heading_end(marks: re.Match[str]) -> str:
    """Nothing of `标题 ##` and `标题 #`; `C#` is a name. The blank before them goes with the others at the ends of lines."""
    return "" if len(marks[0]) > 1 or marks.string[marks.start() - 1 : marks.start()] == " " else marks[0]


def _emphasized(mark: re.Match[str]) -> str:
    """What stands between underscores; `__init__` is a name."""
    return mark[0] if mark[1].isidentifier() and mark[1].isascii() else mark[1]


def _strip_lines(text: str) -> str:
    """Lines without what marks them as parts of a page: quotation, heading, list item, table row; nothing of a rule or a definition."""
    text = _LINE_SYNTAX.sub("\n", text)
    return _TABLE_ROW.sub(_table_cells, text) if "|" in text else text


def _table_cells(row: re.Match[str]) -> str:
    return row[0].replace("|", " ")


def _link_text(link: re.Match[str]) -> str:
    """The text of a link; nothing for a citation `[1][2]`; all of it where the target is just a remark in brackets, `[注](见下文)`."""
    label, target = link[1], link[2]
    if target.startswith("(") and _HAN.search(target) and not any(mark in target for mark in "/.#"):
        return link[0]
    return "" if label.strip("^ ").isdigit() else label
