"""The cleaning rules for lines (`text → text`) and whole documents (`text → reason to drop it | None`): pure functions.

    characters   normalize_characters, squeeze_blanks (normalization.py)
    paragraphs   join_wrapped_lines (reflow.py)
    markup       HTML, Markdown, wiki syntax, URLs (markup.py)
    lines        drop_short_lines, drop_foreign_lines, drop_boilerplate_lines
    documents    too_few_han, low_han_share, too_much_kana, too_much_hangul, garbled,
                 too_many_symbols, bullet_lines, ellipsis_lines, repeated_lines, top_ngram, repeated_ngrams (repetition.py)
    optional     personal_data.py, variants.py, word_lists.py

A clean text has one paragraph a line, no blank lines, and no blanks at the ends of lines. Thresholds are constants here, with their source,
and fields of `CleanConfig`, whose recipe (recipe.py) has the rules in order.
"""

import re
from collections import Counter
from functools import lru_cache

import numba
import numpy as np

from pipelines.characters import (
    LINE_CHARACTERS,
    LINE_HAN,
    LINE_LENGTH,
    LINE_LETTERS,
    LINE_MARKS,
    count_characters,
    count_lines,
    keep_lines,
    pick_lines,
)

MIN_LINE_CHARACTERS = 10
"""A line without any sentence mark and with fewer characters is a menu, a button, a heading. C4 (Raffel et al. 2020, §2.2) asks every line
for a final mark and five words; Chinese pages have good lines without a final mark, so here one mark anywhere, or length, is enough."""
MIN_LINE_HAN_SHARE = 0.15
"""Of a line's Han characters, letters and digits. Chinese technical prose full of English names has 0.3 and more, code and logs less."""
BOILERPLATE_WORDS = (
    "版权所有", "版权声明", "未经授权", "未经许可", "转载请注明", "转载须注明", "免责声明", "保留所有权利", "保留一切权利", "ICP备",
    "公网安备", "Copyright ©", "All rights reserved", "All Rights Reserved", "原创翻译", "原创编译", "荣誉推出", "扫描二维码", "扫一扫",
    "微信公众号", "关注我们", "分享到", "点击查看", "点击这里", "点击下载", "返回顶部", "返回首页", "相关阅读", "相关推荐", "热门推荐",
    "查看原文", "阅读原文", "阅读全文", "加入收藏", "设为首页", "用户登录", "免费注册", "发表评论", "网友评论", "举报投诉",
)  # fmt: skip
"""Words of page furniture, as C4 (§2.2) drops lines with "terms of use" and the like; these were seen in Chinese corpora."""
BOILERPLATE_LABELS = (
    "作者", "译者", "校对", "编辑", "责任编辑", "责编", "选题", "审校", "记者", "通讯员", "摄影", "来源", "稿源", "原文", "原文链接",
    "本文链接", "链接", "网址", "标签", "分类", "关键词", "关键字", "发布时间", "更新时间", "上一篇", "下一篇", "上一页", "下一页",
    "电话", "传真", "邮箱", "推荐人", "via",
)  # fmt: skip
"""What a colon follows at the beginning of a by-line."""
MAX_BOILERPLATE_LINE_CHARACTERS = 60
"""A longer line is prose that mentions such a word."""

MIN_HAN = 20
"""Han characters; a document with less is a stub (CLUECorpus2020 §3 drops short paragraphs). Of the Han characters of a sample of
CLUECorpusSmall, a third of whose documents are short reviews, 20 keeps 98.7 %, 30 keeps 98.0 % and 50 keeps 96.4 %."""
MIN_HAN_SHARE = 0.3
"""Of all characters but white space, as ChineseWebText (arXiv:2311.01149) filters by the proportion of Chinese characters."""
MAX_KANA_SHARE = 0.2
"""Of Han and kana: Japanese has 0.5 and more, a Chinese article about Japan less than 0.1."""
MAX_HANGUL_SHARE = 0.2
"""Of Han and Hangul."""
MAX_REPEATED_SHARE = 0.2
"""Of the characters of a document, those in lines that stood before in it (Gopher, Rae et al. 2021, table A1). Gopher's other limit, 0.3 of
the lines, is not used: it dropped 40 of 10,099 articles, and those that were read were good ones with a short label before each example."""
MAX_SYMBOL_SHARE = 0.15
"""Of all characters but white space. Gopher (table A1) has 0.1 of the words for `#` and for `…`; here all symbols count together, and
articles with LaTeX formulas reach 0.09."""
MAX_BULLET_LINE_SHARE = 0.9
"""Gopher (table A1). Only what Markdown's list marks, which go before, have left."""
MAX_ELLIPSIS_LINE_SHARE = 0.3
"""Gopher (table A1): teasers of other pages, which end with `...` or one `…`; the two of `……` are how a Chinese sentence trails off."""
MIN_LINES = 10
"""Fewer lines are no list, whatever they begin or end with."""
MAX_GARBLED_SHARE = 0.02
"""U+FFFD, boxes that stand for characters somebody did not have, and the famous 锟斤拷 (U+FFFD in UTF-8 read as GBK)."""

# --- Lines ---


def drop_short_lines(text: str, *, minimum: int = MIN_LINE_CHARACTERS) -> str:
    """Without lines that have fewer than `minimum` characters and no sentence mark."""
    return keep_lines(text, _long_or_marked(count_lines(text), minimum))


@numba.njit(cache=True, nogil=True)
def _long_or_marked(counts: np.ndarray, minimum: int) -> np.ndarray:
    return (counts[LINE_CHARACTERS] >= minimum) | (counts[LINE_MARKS] > 0)


def drop_foreign_lines(text: str, *, minimum: float = MIN_LINE_HAN_SHARE) -> str:
    """Without lines that hold no Han character, or fewer than the share `minimum` of Han characters, letters and digits; 0 keeps all."""
    if minimum == 0:
        return text
    return keep_lines(text, _chinese(count_lines(text), float(minimum)))


@numba.njit(cache=True, nogil=True)
def _chinese(counts: np.ndarray, minimum: float) -> np.ndarray:
    han = counts[LINE_HAN]
    return (han > 0) & (han >= minimum * (han + counts[LINE_LETTERS]))


def drop_boilerplate_lines(
    text: str,
    *,
    words: tuple[str, ...] = BOILERPLATE_WORDS,
    labels: tuple[str, ...] = BOILERPLATE_LABELS,
    maximum: int = MAX_BOILERPLATE_LINE_CHARACTERS,
) -> str:
    """Without lines of at most `maximum` characters that hold one of `words`, or begin with one of `labels` and a colon."""
    lengths = count_lines(text)[LINE_LENGTH]
    is_short = lengths <= maximum
    short_lines = pick_lines(text, is_short)
    in_line, at_beginning = _boilerplate_patterns(words, labels)
    found = [match.start() for match in in_line.finditer(short_lines)] if words else []
    found += [match.start() for match in at_beginning.finditer(f"\n{short_lines}")] if labels else []
    if not found:
        return text
    keep = np.ones(len(lengths), bool)
    keep[np.flatnonzero(is_short)[np.searchsorted(np.cumsum(lengths[is_short] + 1), found, "right")]] = False
    return keep_lines(text, keep)


@lru_cache(maxsize=1)
def _boilerplate_patterns(words: tuple[str, ...], labels: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What makes a line page furniture, and what does at its beginning: `re` finds the newline before that quicker than `^`."""
    return re.compile("|".join(map(re.escape, words))), re.compile(f"\\n(?:{'|'.join(map(re.escape, labels))})[：:]")


# --- Documents ---


def too_few_han(text: str, *, minimum: int = MIN_HAN) -> str | None:
    """Reason to drop a document that holds fewer than `minimum` Han characters."""
    num_han = count_characters(text).han
    return f"{num_han} Han characters, fewer than {minimum}" if num_han < minimum else None


def low_han_share(text: str, *, minimum: float = MIN_HAN_SHARE) -> str | None:
    """Reason to drop a document whose characters are Han in a share below `minimum`."""
    counts = count_characters(text)
    return _below("Han characters", counts.han, counts.characters, minimum)


def too_much_kana(text: str, *, maximum: float = MAX_KANA_SHARE) -> str | None:
    """Reason to drop a Japanese document, which a share of Han characters lets pass."""
    counts = count_characters(text)
    return _above("kana among kana and Han", counts.kana, counts.kana + counts.han, maximum)


def too_much_hangul(text: str, *, maximum: float = MAX_HANGUL_SHARE) -> str | None:
    """Reason to drop a Korean document."""
    counts = count_characters(text)
    return _above("Hangul among Hangul and Han", counts.hangul, counts.hangul + counts.han, maximum)


def repeated_lines(text: str, *, maximum: float = MAX_REPEATED_SHARE) -> str | None:
    """Reason to drop a document that says the same lines again and again."""
    lines = text.split("\n")
    if len(set(lines)) == len(lines):
        return None
    again = sum((count - 1) * len(line) for line, count in Counter(lines).items())
    return _above("characters in lines that stood before", again, sum(map(len, lines)), maximum)


def too_many_symbols(text: str, *, maximum: float = MAX_SYMBOL_SHARE) -> str | None:
    """Reason to drop a document of rules, arrows, stars and emoji."""
    counts = count_characters(text)
    return _above("symbols", counts.symbols, counts.characters, maximum)


_BULLET_LINE = re.compile(r"\n[-*+•●◆■▪►➤◦○◇□★☆·‧※→><]")
_ELLIPSIS_LINE = re.compile(r"\n(?<=[….\])）】]\n)(?:(?<=[^…]…\n)|(?<=\.{3}\n)|(?<=[^…]…[\])）】]\n)|(?<=\.{3}[\])）】]\n))")


def bullet_lines(text: str, *, maximum: float = MAX_BULLET_LINE_SHARE) -> str | None:
    """Reason to drop a document whose lines are all items of a list."""
    return _lines_above("lines that begin with a bullet", _BULLET_LINE, f"\n{text}", maximum)


def ellipsis_lines(text: str, *, maximum: float = MAX_ELLIPSIS_LINE_SHARE) -> str | None:
    """Reason to drop a document of beginnings that go on elsewhere."""
    return _lines_above("lines that end with an ellipsis", _ELLIPSIS_LINE, f"{text}\n", maximum) if "…" in text or "..." in text else None


def _lines_above(what: str, pattern: re.Pattern[str], text: str, maximum: float) -> str | None:
    num_lines = text.count("\n")
    return None if num_lines < MIN_LINES else _above(what, len(pattern.findall(text)), num_lines, maximum)


def garbled(text: str, *, maximum: float = MAX_GARBLED_SHARE) -> str | None:
    """Reason to drop a document that lost characters on its way."""
    counts = count_characters(text)
    return _above("replacement characters", counts.garbled + 3 * text.count("锟斤拷"), counts.characters, maximum)


def _above(what: str, count: int, total: int, maximum: float) -> str | None:
    return f"{what}: {count} of {total}, more than {maximum:g}" if count > maximum * total else None


def _below(what: str, count: int, total: int, minimum: float) -> str | None:
    return f"{what}: {count} of {total}, less than {minimum:g}" if count < minimum * total else None
