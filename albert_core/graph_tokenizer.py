"""BERT WordPiece as TensorFlow operations: strings in, token ids out, the same ids as `tokenization.Tokenizer` gives.

    texts      "今天Python3，"                      tf.strings.unicode_decode
    items      今 天 p y t h o n 3 ，               a table look-up a character (graph_tables.py); 今 天 ， are tokens already
    pieces     from every letter the longest one    a walk down the trie, all letters of all texts at once
    tokens     今 天 python ##3 ，                  from each word's first letter, piece by piece; [UNK] where that gets stuck

Only operations of TensorFlow itself, and no resources: what calls it can be saved, served, and traced by tensorflow-transform. Bytes that
are no UTF-8 count for nothing, as U+FFFD does.
"""

import functools
import re
from typing import Any

import tensorflow as tf

from albert_core.graph_tables import ALONE, DEAD, NOTHING, PAGE, GraphTables, make_tables
from albert_core.tokenization import MAX_RUN, Tokenizer

NO_TOKEN = -1

# N texts, I items (characters after normalisation), M letters of words, W words


def to_utf8(text: str) -> bytes:
    """A text as a graph takes it. A lone surrogate has no UTF-8: it makes its word [UNK], so another character stands in that does too."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return re.sub("[\ud800-\udfff]", "\ue000", text).encode()


class GraphTokenizer:
    """The tokenizer of a vocabulary, for graphs. Its tables are constants of one function, which every graph that calls it shares."""

    def __init__(self, tokenizer: Tokenizer):
        self.tables: GraphTables = make_tables(tokenizer)
        self.pad_id, self.unk_id, self.cls_id, self.sep_id = tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id

    @functools.cached_property
    def _traced(self) -> Any:
        return tf.function(self._tokenize, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)

    def __getstate__(self) -> dict[str, Any]:
        """What travels to a worker of tensorflow-transform, which traces anew: the tables."""
        return {name: value for name, value in vars(self).items() if name != "_traced"}

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Token ids int32 [N, tokens] of strings [N], without [CLS] and [SEP]."""
        return self._traced(texts)

    def _tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
        items, rows = self._items(texts)
        tokens = tf.where(items >= ALONE, items - ALONE, NO_TOKEN)
        in_words = (items >= 0) & (items < ALONE)
        goes_on = in_words[:-1] & (rows[1:] == rows[:-1])
        begins = in_words & ~tf.concat([tf.zeros_like(in_words[:1]), goes_on], 0)
        places = tf.where(in_words)
        letters = self._pieces(tf.boolean_mask(items, in_words), tf.boolean_mask(begins, in_words))
        tokens = tf.tensor_scatter_nd_update(tokens, places, letters)
        there = tokens != NO_TOKEN
        return tf.RaggedTensor.from_value_rowids(tf.boolean_mask(tokens, there), tf.boolean_mask(rows, there), tf.size(texts, tf.int64))

    def _items(self, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """What the characters become, int32 [I], and whose text each is of, int64 [I]; a GAP is an item too."""
        points = tf.strings.unicode_decode(texts, "UTF-8", errors="replace")
        pages, table = (tf.constant(values) for values in self.tables.characters)
        places = tf.gather(pages, points.values // PAGE) * PAGE + points.values % PAGE
        items = tf.gather(table, places)
        there = items != NOTHING
        rows = tf.broadcast_to(points.value_rowids()[:, tf.newaxis], tf.shape(items, tf.int64))
        return tf.boolean_mask(items, there), tf.boolean_mask(rows, there)

    def _pieces(self, letters: tf.Tensor, begins: tf.Tensor) -> tf.Tensor:
        """The token that begins at each letter, int32 [M], NO_TOKEN where none does. `begins`: where a word does, bool [M]."""
        words = tf.cumsum(tf.cast(begins, tf.int32)) - 1
        starts = tf.cast(tf.where(begins)[:, 0], tf.int32)
        ends = tf.concat([starts[1:], tf.size(letters)[tf.newaxis]], 0)
        pieces, lengths = self._longest(letters, begins, tf.gather(ends, words))
        chosen, whole = self._follow(lengths, starts, ends)
        unknown = tf.where(begins, self.unk_id, NO_TOKEN)
        return tf.where(tf.gather(whole, words), tf.where(chosen, pieces, NO_TOKEN), unknown)

    def _longest(self, letters: tf.Tensor, begins: tf.Tensor, ends: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The longest piece from each letter on and its length, int32 [M]; 0 where there is none. `ends` int32 [M]: of its word."""
        trie = self.tables.pieces
        piece, has_more, targets = tf.constant(trie.piece), tf.constant(trie.has_more), tf.constant(trie.targets)
        edges = tf.constant(trie.edges)
        nodes = tf.where(begins, tf.gather(tf.constant(trie.first), letters), tf.gather(tf.constant(trie.inner), letters))
        found = tf.gather(piece, nodes)
        lengths = tf.cast(found >= 0, tf.int32)

        def narrow(at: tf.Tensor, nodes: tf.Tensor, length: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            """Those walks that may go on: [still walking], places and nodes."""
            goes_on = tf.gather(has_more, nodes) & (at + length < tf.gather(ends, at))
            return tf.boolean_mask(at, goes_on), tf.boolean_mask(nodes, goes_on)

        def step(
            length: tf.Tensor, at: tf.Tensor, nodes: tf.Tensor, found: tf.Tensor, lengths: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
            keys = tf.cast(nodes, tf.int64) * trie.num_letters + tf.cast(tf.gather(letters, at + length), tf.int64)
            slots = tf.searchsorted(edges, keys)
            nodes = tf.where(tf.gather(edges, slots) == keys, tf.gather(targets, slots), DEAD)
            ids = tf.gather(piece, nodes)
            hits = ids >= 0
            places = tf.boolean_mask(at, hits)[:, tf.newaxis]
            found = tf.tensor_scatter_nd_update(found, places, tf.boolean_mask(ids, hits))
            lengths = tf.tensor_scatter_nd_update(lengths, places, tf.fill([tf.shape(places)[0]], length + 1))
            return (length + 1, *narrow(at, nodes, length + 1), found, lengths)

        one, some = tf.constant(1), tf.TensorShape([None])
        at, nodes = narrow(tf.range(tf.size(letters)), nodes, one)
        _, _, _, found, lengths = tf.while_loop(
            lambda length, at, *rest: tf.size(at) > 0,
            step,
            (one, at, nodes, found, lengths),
            shape_invariants=(tf.TensorShape([]), some, some, some, some),
        )
        return found, lengths

    def _follow(self, lengths: tf.Tensor, starts: tf.Tensor, ends: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Where the pieces of the words begin, bool [M], and which words they make up to their end, bool [W]. Longer ones are not tried."""

        def step(at: tf.Tensor, words: tf.Tensor, chosen: tf.Tensor, whole: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
            steps = tf.gather(lengths, at)
            stuck = tf.boolean_mask(words, steps == 0)[:, tf.newaxis]
            whole = tf.tensor_scatter_nd_update(whole, stuck, tf.zeros_like(stuck[:, 0], tf.bool))
            chosen = tf.tensor_scatter_nd_update(chosen, at[:, tf.newaxis], tf.ones_like(at, tf.bool))
            goes_on = (steps > 0) & (at + steps < tf.gather(ends, words))
            return tf.boolean_mask(at + steps, goes_on), tf.boolean_mask(words, goes_on), chosen, whole

        whole = ends - starts <= MAX_RUN
        some = tf.TensorShape([None])
        begun = (tf.boolean_mask(starts, whole), tf.boolean_mask(tf.range(tf.size(starts)), whole), tf.zeros_like(lengths, tf.bool), whole)
        _, _, chosen, whole = tf.while_loop(lambda at, *rest: tf.size(at) > 0, step, begun, shape_invariants=(some,) * 4)
        return chosen, whole
