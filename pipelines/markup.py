"""What is not text in a text: HTML, Markdown, wiki syntax, code, URLs, and the brackets that the removal of all this leaves empty.

All are linear in the text, whatever it holds: no pattern can run over the same characters again from every place where it starts. They
expect blanks to be squeezed (`normalization.squeeze_blanks`), so that one optional space is all the white space there is between words.
"""

import re
from collections.abc import Callable

from pipelines.html_markup import strip_html, unescape_entities
from pipelines.markdown import drop_code_fences, drop_front_matter, strip_markdown
from pipelines.wiki_markup import strip_wiki

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
