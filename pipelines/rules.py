"""The cleaning rules. Each is a pure function: `text → text`, or `text → reason to drop the document | None`.

    characters   normalize_characters, squeeze_blanks
    markup       HTML, Markdown, wiki syntax, URLs (markup.py)
    lines        drop_short_lines, drop_foreign_lines, drop_boilerplate_lines
    documents    too_few_han, low_han_share, too_much_kana, too_much_hangul, repeated_lines, garbled

A clean text has one paragraph a line, no blank lines, and no blanks at the ends of lines. Thresholds are constants here, with their source,
and fields of `CleanConfig`.
"""

import re
from collections import Counter
from functools import lru_cache
from itertools import compress

import numpy as np

from pipelines.characters import code_points, count_characters, count_lines
from pipelines.markup import MARKUP_RULES

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
MAX_GARBLED_SHARE = 0.02
"""U+FFFD, boxes that stand for characters somebody did not have, and the famous 锟斤拷 (U+FFFD in UTF-8 read as GBK)."""

# --- Characters ---

_NEWLINES = "\r\v\f\x85\u2028\u2029"
_BLANKS = "\t\xa0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_INVISIBLE_RANGES = (
    (0x00, 0x08), (0x0E, 0x1F), (0x7F, 0x84), (0x86, 0x9F),  # control characters but white space
    (0xAD, 0xAD), (0x180E, 0x180E), (0x200B, 0x200D), (0x2060, 0x2064),  # hyphenation, zero width
    (0x61C, 0x61C), (0x200E, 0x200F), (0x202A, 0x202E), (0x2065, 0x206F),  # direction
    (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB), (0xE0000, 0xE007F),  # byte order mark, annotation anchors, tags
    (0xD800, 0xDFFF), (0xFDD0, 0xFDEF), (0xFFFE, 0xFFFF),  # surrogates, and what is no character
)  # fmt: skip
_REPLACEMENTS = (
    {chr(point): "" for first, last in _INVISIBLE_RANGES for point in range(first, last + 1)}
    | dict.fromkeys(_BLANKS, " ")
    | dict.fromkeys(_NEWLINES, "\n")
)
_TO_REPLACE = np.zeros(0x110000, bool)
_TO_REPLACE[[ord(character) for character in _REPLACEMENTS]] = True


def normalize_characters(text: str) -> str:
    """Every line end is a newline, every blank a space; what is invisible, or no character, is gone.

    Private-use characters stay: the tokenizer makes them `[UNK]`, as the reference does.
    """
    points = code_points(text)
    found = np.unique(points[_TO_REPLACE[points]])
    if 0x0D in found:
        text = text.replace("\r\n", "\n")
    for character in map(chr, found):
        text = text.replace(character, _REPLACEMENTS[character])
    return text


_BLANK_RUNS = re.compile(" {2,}")
_BLANKS_AT_PUNCTUATION = re.compile(" (?:(?=[，。！？；：、）】」』》〉”…])|(?<=[，。！？；：、（【「『《〈“…] ))")


def squeeze_blanks(text: str) -> str:
    """No blank lines, no blanks at the ends of lines or beside full-width punctuation, single ones elsewhere."""
    if "  " in text:
        text = _BLANK_RUNS.sub(" ", text)
    if " " in text:
        text = _BLANKS_AT_PUNCTUATION.sub("", text)
    return "\n".join([bare for line in text.split("\n") if (bare := line.strip(" "))])


TEXT_RULES = (normalize_characters, squeeze_blanks, *MARKUP_RULES, normalize_characters, squeeze_blanks)
"""In this order. The second round is for what entities and tags leave."""

# --- Lines ---


def drop_short_lines(text: str, *, minimum: int = MIN_LINE_CHARACTERS) -> str:
    """Without lines that have fewer than `minimum` characters and no sentence mark."""
    counts = count_lines(text)
    return _keep_lines(text, (counts.characters >= minimum) | (counts.marks > 0))


def drop_foreign_lines(text: str, *, minimum: float = MIN_LINE_HAN_SHARE) -> str:
    """Without lines that hold no Han character, or fewer than the share `minimum` of Han characters, letters and digits; 0 keeps all."""
    if minimum == 0:
        return text
    counts = count_lines(text)
    return _keep_lines(text, (counts.han > 0) & (counts.han >= minimum * (counts.han + counts.letters)))


def drop_boilerplate_lines(
    text: str,
    *,
    words: tuple[str, ...] = BOILERPLATE_WORDS,
    labels: tuple[str, ...] = BOILERPLATE_LABELS,
    maximum: int = MAX_BOILERPLATE_LINE_CHARACTERS,
) -> str:
    """Without lines of at most `maximum` characters that hold one of `words`, or begin with one of `labels` and a colon."""
    found = tuple(word for word in words if word in text)
    beginnings = _with_colon(labels)
    return "\n".join(
        [
            line
            for line in text.split("\n")
            if len(line) > maximum or not (line.startswith(beginnings) or (found and any(word in line for word in found)))
        ]
    )


@lru_cache(maxsize=1)
def _with_colon(labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(label + colon for label in labels for colon in ("：", ":"))


def _keep_lines(text: str, keep: np.ndarray) -> str:
    return text if keep.all() else "\n".join(compress(text.split("\n"), keep))


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


def garbled(text: str, *, maximum: float = MAX_GARBLED_SHARE) -> str | None:
    """Reason to drop a document that lost characters on its way."""
    counts = count_characters(text)
    return _above("replacement characters", counts.garbled + 3 * text.count("锟斤拷"), counts.characters, maximum)


def _above(what: str, count: int, total: int, maximum: float) -> str | None:
    return f"{what}: {count} of {total}, more than {maximum:g}" if count > maximum * total else None


def _below(what: str, count: int, total: int, minimum: float) -> str | None:
    return f"{what}: {count} of {total}, less than {minimum:g}" if count < minimum * total else None
