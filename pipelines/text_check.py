"""Is an instance the text that the index says? Documents are tokenized again and compared with what stands in the shards.

    document   … 今天天气很好。| 我们去公园。 | 晚上回家。 …        the index: tokens [first_token, first_token + num_tokens)
    instance   [CLS] 我 [MASK] 去 公 园 。 [SEP] 今 天 天 气 很 好 。 [SEP]      label 1: B came first

With the labels put back and the segments in their first order, an instance is that stretch, token for token: both segments are of one
document, adjacent, and nothing is lost between them. Where words can be had again: no mask splits one, and the segments meet at a sentence.
"""

import dataclasses
import hashlib
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from albert_core.drawing import SENTENCE_START, WORD_START, below, mix
from albert_core.errors import AlbertError
from albert_core.shards import (
    INPUT_IDS,
    INPUT_MASK,
    MANIFEST,
    MASKED_LM_IDS,
    MASKED_LM_POSITIONS,
    MASKED_LM_WEIGHTS,
    NEXT_SENTENCE_LABELS,
    SEGMENT_IDS,
    Dataset,
)
from pipelines import storage
from pipelines.compact import DocumentTokenizer
from pipelines.document_index import Stretches
from pipelines.fingerprints import instances_fingerprint
from pipelines.output_folder import DOCUMENTS
from pipelines.tracing import read_stretches
from pipelines.words import Segmenter

SAMPLED = 8  # instances of a file that are compared when not all are
GROUP_BYTES = 256 << 20  # of documents that are held as tokens at a time; each group reads the documents once
SAMPLED_SHARDS = 1000  # files in a group when few instances of each are compared


@dataclasses.dataclass(frozen=True)
class DocumentTokens:
    """A document as it is tokenized now. `flags` is None where words cannot be had as they were."""

    token_ids: np.ndarray  # uint16 [T]
    flags: np.ndarray | None  # uint8 [T]


class TextCheck:
    """Compares instances with the documents that lie beside the shards; the files have to come in the order of the manifest."""

    def __init__(self, dataset: Dataset, *, thorough: bool, folder: str | None = None) -> None:
        """`thorough`: every instance, not SAMPLED of each file. `folder`: the output folder with the documents, if it is another.

        Raises:
          AlbertError: the folder holds other documents than those the dataset was made of.
        """
        self.dataset, self.thorough = dataset, thorough
        self._paths = documents_of(dataset, folder)
        self.has_words = bool(self._paths) and knows_words(dataset, self._paths)
        self._clause_marks = dataset.tables.clause_marks
        self._by_word = dataset.options.mask_unit == "word"
        self._shards: dict[str, tuple[Stretches, np.ndarray]] = {}
        self._documents: dict[bytes, DocumentTokens] = {}
        self.num_compared = 0

    @property
    def is_on(self) -> bool:
        """Whether there is an index, and the documents to compare with."""
        return bool(self._paths) and all("documents" in shard for shard in self.dataset.manifest["shards"])

    def describe(self) -> str:
        """What was compared, for people."""
        if not self.is_on:
            return "instances were not compared with text: the documents or the index beside the shards are not here"
        words = "words and sentences too" if self.has_words else "not their words: another version built them, or with a dictionary"
        return f"{self.num_compared:,} instances were compared with the text of their documents, {words}"

    def check(self, shard: dict[str, Any], first: int, features: dict[str, np.ndarray]) -> Iterator[tuple[int, str]]:
        """Rows of a block, whose first instance has the number `first`, that are not the text of their documents, with what differs."""
        if shard["name"] not in self._shards:
            self._load(shard)
        stretches, rows = self._shards[shard["name"]]
        here = rows[np.searchsorted(rows, first) : np.searchsorted(rows, first + len(features[INPUT_IDS]))]
        for row in here.tolist():
            self.num_compared += 1
            document = self._documents.get(stretches.id_of(row))
            if document is None:
                yield row - first, f"is of document {stretches.id_of(row).hex()}, which {DOCUMENTS} does not hold"
            elif what := self._compare(features, row - first, document, int(stretches.first_token[row]), int(stretches.num_tokens[row])):
                yield row - first, f"{what} (document {stretches.id_of(row).hex()}, from token {stretches.first_token[row]:,})"

    def _load(self, shard: dict[str, Any]) -> None:
        """Tokenizes the documents of a shard, and of those behind it as far as they fit."""
        shards = self.dataset.manifest["shards"]
        first = next(i for i, entry in enumerate(shards) if entry["name"] == shard["name"])
        size = SAMPLED_SHARDS
        if self.thorough:
            kept = self.dataset.manifest["account"].get("bytes.kept", 0)
            size = max(1, GROUP_BYTES * len(shards) // max(1, kept))
        self._shards = {}
        wanted: set[bytes] = set()
        for entry in shards[first : first + size]:
            try:
                stretches = read_stretches(self.dataset, entry)
            except AlbertError:  # said where the index is checked; this shard is not compared
                stretches = Stretches([], *(np.zeros(0, np.int64) for _ in range(3)))
            rows = np.arange(len(stretches.document)) if self.thorough else choose_rows(entry["sha256"], len(stretches.document))
            self._shards[entry["name"]] = (stretches, rows)
            wanted.update(stretches.document_ids[number] for number in np.unique(stretches.document[rows]))
        self._documents = dict(tokenize_documents(self.dataset, self._paths, wanted))

    def _compare(
        self, features: dict[str, np.ndarray], row: int, document: DocumentTokens, first_token: int, num_tokens: int
    ) -> str | None:
        """What differs, if anything."""
        end = first_token + num_tokens
        if end > len(document.token_ids):
            return f"ends at token {end:,} of {len(document.token_ids):,}"
        ids = features[INPUT_IDS][row].astype(np.int64)
        length, segments = int(features[INPUT_MASK][row].sum()), features[SEGMENT_IDS][row]
        positions = features[MASKED_LM_POSITIONS][row, : int(features[MASKED_LM_WEIGHTS][row].sum())]
        ids[positions] = features[MASKED_LM_IDS][row, : len(positions)]
        junction = int(segments.argmax())
        parts = [slice(1, junction - 1), slice(junction, length - 1)]
        if features[NEXT_SENTENCE_LABELS][row, 0]:
            parts.reverse()
        if not np.array_equal(np.concatenate([ids[part] for part in parts]), document.token_ids[first_token:end]):
            return "is not the text of its document"
        if document.flags is None:
            return None
        split = first_token + parts[0].stop - parts[0].start
        if what := misplaced(document, first_token, split, end, self._clause_marks):
            return what
        masked = np.zeros(len(ids), np.bool_)
        masked[positions] = True
        starts = document.flags[first_token:end] & WORD_START != 0
        if self._by_word and any(
            splits_word(masked[part], words) for part, words in zip(parts, np.split(starts, [split - first_token]), strict=True)
        ):
            return "has a mask that splits a word"
        return None


def misplaced(document: DocumentTokens, first: int, split: int, end: int, clause_marks: np.ndarray) -> str | None:
    """Whether an instance [first, end) is cut elsewhere than the law says, or its segments meet elsewhere, at `split`.

    Whole sentences, which meet where one begins; or one sentence or a part of it, whose parts meet behind a clause mark.
    """
    assert document.flags is not None, "asked for only where words are known"
    begins = document.flags & SENTENCE_START != 0
    if begins[first + 1 : end].any():
        if not begins[first] or (end < len(begins) and not begins[end]):
            return "begins or ends inside a sentence"
        return None if begins[split] else "has segments that do not meet at a sentence start"
    return None if clause_marks[document.token_ids[split - 1]] else "has segments that do not meet behind a clause mark"


def splits_word(masked: np.ndarray, starts: np.ndarray) -> bool:
    """Whether a word of a segment is masked in part. Both bool [T]; the first token begins a word in any case."""
    return bool(((masked[1:] != masked[:-1]) & ~starts[1:]).any())


def choose_rows(key: str, num_instances: int) -> np.ndarray:
    """int64: at most SAMPLED numbers below `num_instances`, ascending; the same for the same key."""
    if num_instances <= SAMPLED:
        return np.arange(num_instances)
    bits = np.uint64(int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little"))
    return np.unique([below(np.uint64(mix(bits, np.uint64(i))), num_instances) for i in range(SAMPLED)])


def documents_of(dataset: Dataset, folder: str | None = None) -> list[str]:
    """The Parquet files of the documents that a dataset was made of; none if it is a copy of the shards alone.

    Args:
      dataset: the dataset.
      folder: the output folder in which they lie, if it is not the dataset's own.

    Raises:
      AlbertError: that folder holds other documents.
    """
    output = folder or dataset.path
    path = storage.join(output, DOCUMENTS, MANIFEST)
    try:
        manifest = dict(storage.read_json(path)) if storage.exists(path) else {}
    except (ValueError, TypeError):  # said where the manifest is checked
        manifest = {}
    if manifest and folder and manifest.get("fingerprint") != dataset.manifest.get("documents_fingerprint"):
        raise AlbertError(f"{folder} holds other documents than {dataset.path} was made of\nname the folder that its build cleaned into")
    return [storage.join(output, DOCUMENTS, part["name"]) for part in manifest.get("parts", ())]


def tokenize_documents(dataset: Dataset, paths: list[str], wanted: Collection[bytes]) -> Iterator[tuple[bytes, DocumentTokens]]:
    """The documents with some ids and their tokens; the text of the others is not read where a row group holds none of them.

    `paths`: the files, from `documents_of`.
    """
    if not paths or not wanted:
        return
    has_words = knows_words(dataset, paths)
    segmenter = Segmenter(dataset.parameters["segmenter"] if has_words else "none")
    tokenizer = DocumentTokenizer(dataset.tokenizer, segmenter, dataset.options.max_tokens)
    ids = pa.array(sorted(wanted), pa.binary(16))
    for path in paths:
        with storage.open_file(path) as file:
            parquet = pq.ParquetFile(file)
            for group in range(parquet.num_row_groups):
                found = parquet.read_row_group(group, columns=["document_id"])["document_id"].combine_chunks()
                rows = np.flatnonzero(pc.is_in(found, ids))
                if len(rows):
                    texts = parquet.read_row_group(group, columns=["text"])["text"].take(pa.array(rows)).to_pylist()
                    tokens = tokenizer.tokenize(texts)
                    for i, document_id in enumerate(found.take(pa.array(rows)).to_pylist()):
                        stretch = slice(tokens.offsets[i], tokens.offsets[i + 1])
                        yield document_id, DocumentTokens(tokens.token_ids[stretch], tokens.flags[stretch] if has_words else None)


def knows_words(dataset: Dataset, paths: list[str]) -> bool:
    """Whether the words and sentences of a dataset can be had again: this code and these libraries made it, which its fingerprint tells.

    Not with a dictionary of the user's own: the dataset has only its digest.
    """
    if dataset.parameters.get("user_dictionary"):
        return False
    documents = storage.read_json(storage.join(paths[0].rsplit("/", 1)[0], MANIFEST))
    own = {name: value for name, value in dataset.parameters.items() if name not in documents["parameters"]}
    return bool(dataset.manifest["fingerprint"] == instances_fingerprint(own, documents, dataset.vocab_sha256))
