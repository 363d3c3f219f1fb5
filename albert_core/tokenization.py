"""BERT WordPiece, identical to the reference tokenizer, at the speed of a table.

    text     今天用了Python3，真好        code points
    table    今 天 用 了 ———————— ， 真 好   Han and punctuation: one look-up, one token each
    runs                 Python3              the rest: the `tokenizers` library, once per distinct run
    tokens   今 天 用 了 python ##3 ， 真 好

Han characters and punctuation always stand alone in BERT, so each is decided by its code point. What is left are runs of letters and
digits, few and repetitive: those go through the `tokenizers` library and are remembered. The library differs from the reference in one
thing, mended here: it drops private-use and unassigned characters where the reference gives `[UNK]`.
"""

import functools
import hashlib
import threading
import unicodedata
from pathlib import Path

import numba
import numpy as np
import tokenizers
from tokenizers import models, normalizers, pre_tokenizers

from albert_core.errors import AlbertError

MAX_VOCABULARY = 1 << 16  # token ids travel as uint16
MAX_RUN = 200  # characters; a longer word is [UNK] in the reference (google-research/bert tokenization.py)
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

# What BERT calls a Chinese character (google-research/bert tokenization.py, _is_chinese_char).
HAN_RANGES = (
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)  # fmt: skip
# Where single-character punctuation of Chinese text lives; what the library does not split off stays in its run.
PUNCTUATION_RANGES = ((0x21, 0x7E), (0xA1, 0xBF), (0x2010, 0x205E), (0x3001, 0x303F), (0x30FB, 0x30FB), (0xFE10, 0xFE6B), (0xFF01, 0xFF65))
SEPARATOR, RUN = -1, -2  # classes of the code-point table beside token ids


def is_han(character: str) -> bool:
    """Whether BERT treats `character` as a Chinese character, a token of its own."""
    point = ord(character)
    return any(first <= point <= last for first, last in HAN_RANGES)


class Tokenizer:
    """A WordPiece vocabulary and the text-to-ids law that goes with it. Not picklable by design: load it where it is used."""

    def __init__(self, vocab: list[str], *, sha256: str = "", lower_case: bool = True):
        """`vocab` in the order of its ids; use `load` for a file."""
        check_vocabulary(vocab)
        self.vocab, self.sha256, self.lower_case = vocab, sha256, lower_case
        self.ids = {token: index for index, token in enumerate(vocab)}
        self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id = (self.ids[token] for token in SPECIAL_TOKENS)
        self._library = _library_tokenizer(self.ids, lower_case)
        self._stand_in = next(chr(point) for point in range(0xA000, 0xA48D) if not any(chr(point) in token for token in vocab))
        self._table = self._code_point_table()
        self._runs = _RunMemory(self._library, self._stand_in)
        self._lock = threading.Lock()  # the memory of runs is shared by the threads that predict

    @classmethod
    def load(cls, path: str | Path, *, lower_case: bool = True) -> "Tokenizer":
        """The tokenizer of a vocabulary file: UTF-8, one token a line, the line number is the id.

        Raises:
          AlbertError: the file is missing, not UTF-8, lacks a special token, repeats one, or holds more than 65,536.
        """
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise AlbertError(f"vocabulary {path}: {error.strerror}\ngive a file with one token a line, as BERT's vocab.txt") from error
        return cls.from_bytes(content, name=str(path), lower_case=lower_case)

    @classmethod
    def from_bytes(cls, content: bytes, *, name: str = "vocabulary", lower_case: bool = True) -> "Tokenizer":
        """The tokenizer of a vocabulary file's content; `name` serves messages."""
        try:
            lines = content.decode("utf-8").split("\n")
        except UnicodeDecodeError as error:
            raise AlbertError(f"vocabulary {name}: byte {error.start} is not UTF-8\nsave the file as UTF-8") from error
        vocab = [line.rstrip("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]
        try:
            return cls(vocab, sha256=hashlib.sha256(content).hexdigest(), lower_case=lower_case)
        except AlbertError as error:
            raise AlbertError(f"vocabulary {name}: {error}") from None

    @property
    def size(self) -> int:
        """Number of entries."""
        return len(self.vocab)

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, without [CLS] and [SEP]. A literal "[MASK]" is three tokens, as in the reference."""
        return self.encode_offsets(text)[0].tolist()

    def tokens(self, text: str) -> list[str]:
        """The tokens as strings.

        >>> Tokenizer([*SPECIAL_TOKENS, "今", "天", "py", "##thon"]).tokens("今天Python明")
        ['今', '天', 'py', '##thon', '[UNK]']
        """
        return [self.vocab[index] for index in self.encode(text)]

    def encode_offsets(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Token ids int32 [T] and, for each token, the code-point offset in `text` where it starts, int32 [T], ascending."""
        classes = self._table[code_points(text)]
        singles, runs = _scan(classes)
        spans = runs.tolist()
        with self._lock:
            which = self._runs.find([text[start:end] for start, end in spans])
            return _merge(classes, singles, runs, which, self._runs.bounds, self._runs.ids, self._runs.starts)

    def decode(self, ids: list[int] | np.ndarray) -> str:
        """Readable text: pieces joined, a space only between two Latin words."""
        text = ""
        for token in (self.vocab[index] for index in ids):
            if token.startswith("##"):
                text += token[2:]
            else:
                space = text and text[-1].isascii() and token[0].isascii() and text[-1].isalnum() and token[0].isalnum()
                text += f" {token}" if space else token
        return text

    @property
    def classes(self) -> np.ndarray:
        """int32 [0x110000]: the token id of a character that always stands alone, SEPARATOR for white space, RUN for the others."""
        return self._table

    def normal_form(self, character: str) -> str:
        """What a character of a run becomes before words are cut into pieces: lower-cased, without accents, nothing if it goes.

        Characters are looked at one by one: none depends on its neighbours. One that makes its word [UNK] becomes one of no token.

        >>> [Tokenizer([*SPECIAL_TOKENS]).normal_form(character) for character in "É한\u200b"]
        ['e', '한', '']
        """
        shown = self._stand_in if _library_drops.__wrapped__(character) else character  # uncached: for a whole table of characters
        return str(self._library.normalizer.normalize_str(shown))

    def parts_words(self, character: str) -> bool:
        """Whether a character is punctuation to BERT, which is a word of its own wherever it stands; blanks do not count."""
        return len(self._library.pre_tokenizer.pre_tokenize_str(f"a{character}a")) == 3

    def _code_point_table(self) -> np.ndarray:
        """int32 [0x110000]: the token id of characters that always stand alone, SEPARATOR for white space, RUN for the others."""
        table = np.full(0x110000, RUN, np.int32)
        table[[point for point in range(0x3001) if chr(point) in "\t\n\r" or unicodedata.category(chr(point)) in ("Zs", "Zl", "Zp")]] = (
            SEPARATOR
        )
        for first, last in HAN_RANGES:
            table[first : last + 1] = self.unk_id
        for token, index in self.ids.items():
            if len(token) == 1 and is_han(token):
                table[ord(token)] = index
        for point in (*range(0xF900, 0xFB00), *range(0x2F800, 0x2FA20)):  # compatibility ideographs: stripping accents decomposes them
            if self.lower_case:
                table[point] = self.ids.get(unicodedata.normalize("NFD", chr(point)), self.unk_id)
        table[[ord(character) for character in self._punctuation()]] = [
            self.ids.get(character, self.unk_id) for character in self._punctuation()
        ]
        return table

    def _punctuation(self) -> str:
        """The characters of PUNCTUATION_RANGES that the library splits off from letters around them, as one token, unchanged."""
        candidates = [chr(point) for first, last in PUNCTUATION_RANGES for point in range(first, last + 1) if not chr(point).isalnum()]
        probes = self._library.encode_batch([f"a{character}a" for character in candidates])
        apart = (c for c, probe in zip(candidates, probes, strict=True) if len(set(probe.word_ids)) == 3)  # a～a may be one word
        kept = (c for c in apart if unicodedata.normalize("NFD", c) == c)
        return "".join(kept)


class _RunMemory:
    """The pieces of every run seen so far, flat, so that a batch of runs is one dictionary look-up each and one gather."""

    LIMIT = 1 << 20  # distinct runs, about 200 MB; then it starts anew, which bounds the memory of a long-lived worker

    def __init__(self, library: tokenizers.Tokenizer, stand_in: str):
        self.library, self.stand_in = library, stand_in
        self.forget()

    def forget(self) -> None:
        """Starts anew."""
        self.index: dict[str, int] = {}
        self.bounds, self.ids, self.starts = np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int32)

    def find(self, runs: list[str]) -> np.ndarray:
        """For each run its number r: its pieces are `ids[bounds[r]:bounds[r + 1]]`, starting at `starts[…]` characters into it."""
        if len(self.index) > self.LIMIT:
            self.forget()
        new = [run for run in dict.fromkeys(runs) if run not in self.index]
        if new:
            self._learn(new)
        index = self.index
        return np.array([index[run] for run in runs], np.int64)

    def _learn(self, runs: list[str]) -> None:
        shown = ["".join(self.stand_in if _library_drops(c) else c for c in run) if not run.isascii() else run for run in runs]
        encodings = self.library.encode_batch(shown)
        self.index.update(zip(runs, range(len(self.index), len(self.index) + len(runs)), strict=True))
        sizes = np.array([len(encoding.ids) for encoding in encodings], np.int64)
        self.bounds = np.concatenate([self.bounds, self.bounds[-1] + np.cumsum(sizes)])
        self.ids = np.concatenate([self.ids, np.array([i for e in encodings for i in e.ids], np.int32)])
        self.starts = np.concatenate([self.starts, np.array([start for e in encodings for start, _ in e.offsets], np.int32)])


def check_vocabulary(vocab: list[str]) -> None:
    """Refuses what cannot serve as a vocabulary.

    Raises:
      AlbertError: a special token is missing, an entry is repeated, or there are too many.
    """
    missing = [token for token in SPECIAL_TOKENS if token not in vocab]
    if missing:
        raise AlbertError(f"lacks {' '.join(missing)}\na BERT vocabulary holds {' '.join(SPECIAL_TOKENS)}, one token a line")
    if len(vocab) > MAX_VOCABULARY:
        raise AlbertError(
            f"holds {len(vocab):,} entries, at most {MAX_VOCABULARY:,} (ids are stored in 16 bits)\nlearn a smaller one: albert-data vocab"
        )
    seen: dict[str, int] = {}
    for line, token in enumerate(vocab, 1):
        if seen.setdefault(token, line) != line:
            raise AlbertError(f"line {line} repeats {token!r} of line {seen[token]}\nremove one of the two lines")


def code_points(text: str) -> np.ndarray:
    """uint32 [characters]; lone surrogates keep their value."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _library_tokenizer(ids: dict[str, int], lower_case: bool) -> tokenizers.Tokenizer:
    library = tokenizers.Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=MAX_RUN))
    library.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=lower_case)
    library.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return library


@functools.cache
def _library_drops(character: str) -> bool:
    """Whether the library removes a character that the reference keeps (it removes Cc and Cf only; the library also Co, Cn and Cs)."""
    if character.isascii() or character == "\ufffd":  # the reference drops the replacement character too
        return False
    category = unicodedata.category(character)
    if category in ("Co", "Cn", "Cs"):
        return True
    # The library's own tables may be older than Python's: what they do not know they drop.
    return (
        category not in ("Cc", "Cf", "Mn")
        and normalizers.BertNormalizer(strip_accents=False, lowercase=False).normalize_str(character) == ""
    )


@numba.njit(cache=True, nogil=True)
def _scan(classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offsets of the characters that are tokens, int64 [S], and of the runs, int64 [R, 2] = start, end."""
    n = len(classes)
    singles = np.empty(n, np.int64)
    runs = np.empty((n // 2 + 1, 2), np.int64)
    num_singles = num_runs = i = 0
    while i < n:
        if classes[i] == RUN:
            start = i
            while i < n and classes[i] == RUN:
                i += 1
            runs[num_runs, 0], runs[num_runs, 1] = start, i
            num_runs += 1
        else:
            if classes[i] >= 0:
                singles[num_singles] = i
                num_singles += 1
            i += 1
    return singles[:num_singles].copy(), runs[:num_runs].copy()


@numba.njit(cache=True, nogil=True)
def _merge(
    classes: np.ndarray,
    singles: np.ndarray,
    runs: np.ndarray,
    which: np.ndarray,
    bounds: np.ndarray,
    piece_ids: np.ndarray,
    piece_starts: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Single-character tokens and the pieces of the runs in the order of the text: ids int32 [T], starts int32 [T]."""
    total = len(singles)
    for r in range(len(runs)):
        total += bounds[which[r] + 1] - bounds[which[r]]
    ids, starts = np.empty(total, np.int32), np.empty(total, np.int32)
    s = t = 0
    for r in range(len(runs)):
        while s < len(singles) and singles[s] < runs[r, 0]:
            ids[t], starts[t] = classes[singles[s]], singles[s]
            s, t = s + 1, t + 1
        for p in range(bounds[which[r]], bounds[which[r] + 1]):
            ids[t], starts[t] = piece_ids[p], runs[r, 0] + piece_starts[p]
            t += 1
    while s < len(singles):
        ids[t], starts[t] = classes[singles[s]], singles[s]
        s, t = s + 1, t + 1
    return ids, starts
