"""Text and oracles for the tests of words, sentences and tokens: slow, obvious, one document at a time."""

import functools
import itertools
import json
import lzma
import re

import jieba
from hypothesis import strategies as st

from albert_core.drawing import CLAUSE_MARKS, SENTENCE_START, WORD_START
from albert_core.tokenization import Tokenizer
from pipelines.sentences import sentence_starts
from pipelines.simplified_shadow import simplified_shadow
from pipelines.user_dictionary import UserDictionary, read_user_dictionary
from pipelines.words import Segmenter
from tests.shared_data import shared

SIMPLIFIED = "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后学电脑网络书龙马"
TRADITIONAL = "這個們來為國說時會對過發後學電腦網絡書龍馬聽讀寫話"
UNKNOWN_TO_JIEBA = "㐂㒸𠮷鿖\ud800\udfff"  # rare characters and lone surrogates
OTHERS = "abcXYZ0189+#&._%- ,!?·—…。，！“”\t\n\u3000😀👍🏽\u200dé"

texts = st.lists(
    st.text(SIMPLIFIED, max_size=8)
    | st.text(TRADITIONAL, max_size=5)
    | st.text(UNKNOWN_TO_JIEBA, max_size=2)
    | st.text(OTHERS, max_size=8),
    max_size=10,
).map("".join)

LONG_LINE = "天气很好，我们去公园玩。The weather is fine today.今天。" * 72_000  # 3 MB in UTF-8
UGLY = {
    "one character": "天",
    "only Latin": "Attention is all you need. See arXiv.org/abs/1706.03762v5, p. 3-5!" * 3,
    "only emoji": "😀👍🏽👨‍👩‍👧🇨🇳" * 5,
    "only blanks": " \t\u3000\n\n  \n",
    "newlines": "\n\n\n",
    "lone surrogates": "今天\ud83d很\udc00好",
    "nothing": "",
}


def words(segmenter: Segmenter, text: str) -> list[str]:
    """The words of a text."""
    starts = segmenter.word_starts(text).tolist()
    return [text[start:end] for start, end in itertools.pairwise([*starts, len(text)])]


def real_lines(documents: int) -> list[str]:
    """The lines of the first articles of the benchmark corpus; skips the calling test where it is missing."""
    with lzma.open(shared("data/corpora/bench_wiki2019zh.jsonl.xz"), "rt", encoding="utf-8") as file:
        return [line for row in itertools.islice(file, documents) for line in json.loads(row)["text"].splitlines() if line]


def dictionary(*lines: str) -> UserDictionary:
    """The user dictionary of a file with these lines."""
    return read_user_dictionary("words.txt", lambda _: "\n".join(lines).encode())


@functools.cache
def _plain_jieba() -> jieba.Tokenizer:
    return jieba.Tokenizer()


def slow_flags(text: str, tokenizer: Tokenizer, max_tokens: int, *, language: str = "chinese") -> list[int]:
    """The flags of a document's tokens, one after the other: jieba.tokenize on every line, then a look at each token."""
    ids, offsets = (array.tolist() for array in tokenizer.encode_offsets(text))
    tokens = [tokenizer.vocab[index] for index in ids]
    flags = [0] * len(tokens)
    word_places = set(_slow_word_starts(text)) if language == "chinese" else set(range(len(text)))
    sentence_places = set(sentence_starts(text).tolist())
    for t, token in enumerate(tokens):
        places = set(range(offsets[t - 1] + 1 if t else 0, offsets[t] + 1))
        if t == 0 or places & sentence_places:
            flags[t] = SENTENCE_START | WORD_START
        elif places & word_places and not token.startswith("##"):
            flags[t] = WORD_START
    sentences = [t for t, flag in enumerate(flags) if flag & SENTENCE_START]
    for first, end in itertools.pairwise([*sentences, len(tokens)]):
        if end - first > max_tokens:
            for cut in _slow_cuts(tokens, flags, first, end, max(1, max_tokens // 2)):
                flags[cut] = SENTENCE_START | WORD_START
    return flags


def _slow_word_starts(text: str) -> list[int]:
    starts, before = [], 0
    for line in text.split("\n"):
        shadow = re.sub("[\ud800-\udfff]", "□", simplified_shadow(line))
        starts += [before + start for _, start, _ in _plain_jieba().tokenize(shadow)] + [before + len(line)]
        before += len(line) + 1
    return starts


def _slow_cuts(tokens: list[str], flags: list[int], first: int, end: int, most: int) -> list[int]:
    """Where a long sentence is cut: pieces of at most `most`, behind the last clause mark, else at the last word, else hard."""
    cuts = []
    while end - first > most:
        places = range(first + most, first, -1)
        behind_marks = [t for t in places if tokens[t - 1] and tokens[t - 1] in CLAUSE_MARKS]
        at_words = [t for t in places if flags[t] & WORD_START]
        first = [*behind_marks, *at_words, first + most][0]
        cuts.append(first)
    return cuts
