"""The tokenizer's law as integer tables, for a graph that has neither Python nor the `tokenizers` library.

    characters   code point → up to four items      今 → its token id   É → e   한 → ᄒ ᅡ ᆫ   U+200B → nothing   blank → a gap
    pieces       a trie over the letters of words   p → py → ##thon, from the beginning of a word and from behind one

What a character becomes does not depend on its neighbours, so a table has all of it; it is asked of the `Tokenizer` itself, code point
by code point, and so is equal to it by construction. Only the order of several combining marks is not kept: they go, but for a few marks
that take room of their own (Mc) and are in no vocabulary.
"""

import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from albert_core.tokenization import RUN, SEPARATOR, Tokenizer

PAGE = 256  # code points that are stored together; most pages are alike
NUM_CODE_POINTS = 0x110000
NOTHING, GAP = -1, -2  # items beside letters and tokens
ALONE = 1 << 20  # an item of this or more is a whole token: its id and this
NO_LETTER = 0  # a letter that no piece has: its word is [UNK]
DEAD = 0  # a node of the trie that is no piece's beginning
NO_PIECE = -1


class CharacterTable(NamedTuple):
    """`items[pages[point // PAGE] * PAGE + point % PAGE]` int32 [items of a character], filled up with NOTHING."""

    pages: np.ndarray
    items: np.ndarray


class PieceTrie(NamedTuple):
    """Pieces by their letters. Nodes are numbers from 1; edges are sorted by `node * num_letters + letter`.

    first, inner: int32 [letters], the node of a letter that begins a word, and of one that goes on in it.
    piece: int32 [nodes], the id of the piece that ends in a node, or NO_PIECE.   has_more: bool [nodes], whether it has edges.
    edges, targets: int64 [E] and int32 [E].
    """

    num_letters: int
    first: np.ndarray
    inner: np.ndarray
    piece: np.ndarray
    has_more: np.ndarray
    edges: np.ndarray
    targets: np.ndarray


class GraphTables(NamedTuple):
    """Both, of one tokenizer."""

    characters: CharacterTable
    pieces: PieceTrie


def make_tables(tokenizer: Tokenizer) -> GraphTables:
    """The tables of a tokenizer; under a second."""
    forms = _forms_of_runs(tokenizer)
    characters = set("".join(forms.values()))
    signs = {character: not character.isalnum() and tokenizer.parts_words(character) for character in characters}
    words = {character for character, apart in signs.items() if not apart and character != " "}
    tokens = {id_: token for id_, token in enumerate(tokenizer.vocab) if token and words.issuperset(token.removeprefix("##"))}
    letters = {letter: number for number, letter in enumerate(sorted(set("".join(tokens.values())) & words), 1)}
    return GraphTables(_character_table(tokenizer, forms, signs, letters), _piece_trie(tokens, letters))


def _forms_of_runs(tokenizer: Tokenizer) -> dict[int, str]:
    """What the code points become that are not decided by `Tokenizer.classes`. Unassigned ones, most of them, are left out: no letters."""
    runs = np.flatnonzero(tokenizer.classes == RUN).tolist()
    return {point: tokenizer.normal_form(chr(point)) for point in runs if unicodedata.category(chr(point)) not in ("Cn", "Co", "Cs")}


def _character_table(tokenizer: Tokenizer, forms: dict[int, str], signs: dict[str, bool], letters: dict[str, int]) -> CharacterTable:
    def item(character: str) -> int:
        if character == " ":
            return GAP
        return ALONE + tokenizer.ids.get(character, tokenizer.unk_id) if signs[character] else letters.get(character, NO_LETTER)

    classes = tokenizer.classes
    items = np.full((NUM_CODE_POINTS, max(map(len, forms.values()))), NOTHING, np.int32)
    items[:, 0] = np.where(classes == SEPARATOR, GAP, np.where(classes == RUN, NO_LETTER, classes + ALONE))
    for point, form in forms.items():
        items[point] = NOTHING
        items[point, : len(form)] = [item(character) for character in form]
    contents = [page.tobytes() for page in np.split(items, NUM_CODE_POINTS // PAGE)]
    kept = {content: number for number, content in enumerate(dict.fromkeys(contents))}
    pages = np.array([kept[content] for content in contents], np.int32)
    return CharacterTable(pages, np.frombuffer(b"".join(kept), np.int32).reshape(len(kept) * PAGE, -1))


def _piece_trie(tokens: dict[int, str], letters: dict[str, int]) -> PieceTrie:
    num_letters = len(letters) + 1
    first, inner = (np.full(num_letters, DEAD, np.int32) for _ in range(2))
    piece, edges = [NO_PIECE], dict[int, int]()
    for id_, token in tokens.items():
        roots, spelled = (inner, token[2:]) if token.startswith("##") else (first, token)
        numbers = [letters[letter] for letter in spelled]
        if not numbers:
            continue
        if roots[numbers[0]] == DEAD:
            roots[numbers[0]] = len(piece)
            piece.append(NO_PIECE)
        piece[_descend(int(roots[numbers[0]]), numbers[1:], piece, edges, num_letters)] = id_
    keys = np.array(sorted(edges), np.int64)
    has_more = np.zeros(len(piece), bool)
    has_more[keys // num_letters] = True
    targets = np.array([edges[key] for key in keys.tolist()], np.int32)
    # One more edge, of a node that there is not, so that a search never ends outside.
    keys, targets = np.append(keys, np.iinfo(np.int64).max), np.append(targets, np.int32(DEAD))
    return PieceTrie(num_letters, first, inner, np.array(piece, np.int32), has_more, keys, targets)


def _descend(node: int, numbers: Iterable[int], piece: list[int], edges: dict[int, int], num_letters: int) -> int:
    """The node behind `numbers`, made where it is missing."""
    for number in numbers:
        key = node * num_letters + number
        if key not in edges:
            edges[key] = len(piece)
            piece.append(NO_PIECE)
        node = edges[key]
    return node
