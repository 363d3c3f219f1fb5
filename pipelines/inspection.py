"""Instances as a person reads them: of a dataset with their documents and words, and of the TFRecord files of other BERT tools."""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from albert_core.drawing import WORD_START
from albert_core.shards import (
    BLOCK_INSTANCES,
    INPUT_IDS,
    INPUT_MASK,
    MANIFEST,
    MASKED_LM_IDS,
    MASKED_LM_POSITIONS,
    MASKED_LM_WEIGHTS,
    NEXT_SENTENCE_LABELS,
    SEGMENT_IDS,
    SHARD_SUFFIX,
    VOCABULARY,
    Dataset,
    Split,
    unpack_block,
)
from albert_core.tokenization import Tokenizer
from pipelines import storage
from pipelines.compact import DocumentTokenizer
from pipelines.errors import BuildError
from pipelines.foreign_records import TOKEN_BOUNDARY, parse_record, read_records
from pipelines.output_folder import DOCUMENTS
from pipelines.shown_instance import Example, Origin, Shown, show
from pipelines.tracing import Stretch, instances_of, parse_document_id, read_stretches
from pipelines.words import Segmenter

Features = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which instances are shown, and how."""

    count: int = 3
    start: int = 0
    """Number in the shard of the first, or of a document's instances."""
    shard: str | None = None
    """File name; the first train shard if left out."""
    document: str | None = None
    """Identity in hexadecimal digits: its instances, wherever they lie."""
    epoch: int = 0
    words: bool = False
    vocab: str | None = None
    """Of a foreign file."""


def inspect(path: str, wanted: Wanted) -> Iterator[Shown]:
    """The wanted instances of a dataset folder, of one of its shards, or of another tool's TFRecord file.

    Raises:
      BuildError: nothing there that can be shown; a foreign file without a vocabulary; an option that does not fit.
      AlbertError: a dataset that is damaged or has not what is asked for.
    """
    folder, _, name = path.rpartition("/")
    if storage.exists(storage.join(path, MANIFEST)):
        yield from _inspect_dataset(Dataset.open(path, storage.KeptOpen()), wanted)
    elif name.endswith(SHARD_SUFFIX) and storage.exists(storage.join(folder or ".", MANIFEST)) and wanted.vocab is None:
        if wanted.shard not in (None, name):
            raise BuildError(f"--shard {wanted.shard} is not {path}\nleave it out, or give the folder: {folder or '.'}")
        yield from _inspect_dataset(Dataset.open(folder or ".", storage.KeptOpen()), dataclasses.replace(wanted, shard=name))
    else:
        yield from _inspect_file(path, name, wanted)


def _inspect_dataset(dataset: Dataset, wanted: Wanted) -> Iterator[Shown]:
    places = _places(dataset, wanted)
    documents = _Documents(dataset, {stretch.document_id for _, _, stretch in places if stretch}, words=wanted.words)
    for shard, row, stretch in places:
        split = Split(dataset, [shard], dataset.length_of(shard))
        block, at = divmod(row, BLOCK_INSTANCES)
        features = split.read_block(block, wanted.epoch)
        example = to_example(features, at)
        if wanted.words:
            if dataset.kind == "dynamic":
                stored = unpack_block(split.read_records(block)[0])
                flags = stored.flags[stored.starts[at] : stored.ends[at]]
            else:
                flags = documents.flags(stretch, example)
            example = example._replace(word_starts=_place_words(flags & WORD_START != 0, example))
        yield show(
            example,
            dataset.tokenizer,
            shard=shard["name"],
            instance=row,
            swapped=bool(example.label),
            length_bin=shard.get("max_seq_length"),
            epoch=wanted.epoch if dataset.kind == "dynamic" else None,
            origin=documents.origin(stretch) if stretch else None,
        )


def _places(dataset: Dataset, wanted: Wanted) -> list[tuple[dict[str, Any], int, Stretch | None]]:
    """Shard of the manifest, number in it and stretch of the wanted instances; an older dataset knows no stretches."""
    shards = {shard["name"]: shard for shard in dataset.manifest["shards"]}
    names = [name for name in shards if wanted.shard in (None, name, name.removesuffix(SHARD_SUFFIX))]
    if not names:
        raise BuildError(f"--shard {wanted.shard} is not in {dataset.path}\nit has {next(iter(shards))} to {list(shards)[-1]}")
    if wanted.document is not None:
        found = [place for place in instances_of(dataset, parse_document_id(wanted.document)) if place.shard in names]
        if not found:
            where = wanted.shard or dataset.path
            fix = "another shard, or the whole folder, may have some; identities are 32 hexadecimal digits, as inspect shows them"
            raise BuildError(f"--document {wanted.document} has no instance in {where}\n{fix}")
        return [(shards[place.shard], place.instance, place.stretch) for place in found[wanted.start :][: wanted.count]]
    places: list[tuple[dict[str, Any], int, Stretch | None]] = []
    start = wanted.start
    for name in names:
        shard = shards[name]
        rows = range(min(start, shard["instances"]), min(start + wanted.count - len(places), shard["instances"]))
        stretches = read_stretches(dataset, shard) if rows and "documents" in shard else None
        for row in rows:
            known = stretches and Stretch(stretches.id_of(row), int(stretches.first_token[row]), int(stretches.num_tokens[row]))
            places.append((shard, row, known or None))
        start = max(0, start - shard["instances"])
        if len(places) == wanted.count:
            break
    if not places:
        total = sum(shards[name]["instances"] for name in names)
        raise BuildError(f"--start {wanted.start} is beyond the {total:,} instances\nthey are counted from 0")
    return places


class _Documents:
    """What the documents beside the shards say of some instances: source, title, words. They may have been left behind."""

    def __init__(self, dataset: Dataset, ids: set[bytes], *, words: bool) -> None:
        self.dataset = dataset
        paths = storage.list_files(storage.join(storage.as_pattern(dataset.path), DOCUMENTS, "*.parquet"))
        columns = ["document_id", "source", "title", *(["text"] if words else [])]
        try:
            self._rows = {row["document_id"]: row for path in paths for row in _read_rows(path, ids, columns)}
        except (pa.ArrowException, OSError, KeyError) as error:
            raise BuildError(
                f"the documents in {storage.join(dataset.path, DOCUMENTS)} cannot be read: {error}"
                f"\nsee which: albert-data verify {dataset.path}"
            ) from error

    def origin(self, stretch: Stretch) -> Origin:
        """Where an instance comes from."""
        row = self._rows.get(stretch.document_id, {})
        return Origin(
            document_id=stretch.document_id.hex(),
            first_token=stretch.first_token,
            num_tokens=stretch.num_tokens,
            source=row.get("source"),
            title=row.get("title"),
        )

    def flags(self, stretch: Stretch | None, example: Example) -> np.ndarray:
        """The flags of an instance's tokens, in the order of the document. Its words are those that the segmenter finds now."""
        if stretch is None or stretch.document_id not in self._rows:
            raise BuildError(
                f"{self.dataset.path} does not say where words begin: its records have masks, not words"
                f"\n--words needs {DOCUMENTS}/ and the indexes beside the shards, or a dynamic dataset"
            )
        tokens = self._tokenizer.tokenize([self._rows[stretch.document_id]["text"]])
        part = slice(stretch.first_token, stretch.first_token + stretch.num_tokens)
        if _in_order(example) != tokens.token_ids[part].tolist():
            raise BuildError(
                f"document {stretch.document_id.hex()} is not the text of its instances\ncompare: albert-data verify {self.dataset.path}"
            )
        return tokens.flags[part]

    @functools.cached_property
    def _tokenizer(self) -> DocumentTokenizer:
        parameters = self.dataset.parameters
        if parameters.get("user_dictionary"):
            raise BuildError(
                f"{self.dataset.path} was built with --user-dict, whose words it does not hold"
                "\nleave out --words; dynamic datasets have them"
            )
        return DocumentTokenizer(self.dataset.tokenizer, Segmenter(parameters["segmenter"]), self.dataset.options.max_tokens)


def _read_rows(path: str, ids: set[bytes], columns: list[str]) -> Iterator[dict[str, Any]]:
    """The documents with some identities; the text of row groups that hold none of them is not read."""
    wanted = pa.array(sorted(ids), pa.binary(16))
    with storage.open_file(path) as file:
        parquet = pq.ParquetFile(file)
        for group in range(parquet.num_row_groups):
            found = pc.is_in(parquet.read_row_group(group, columns=["document_id"])["document_id"], wanted)
            if pc.any(found).as_py():
                yield from parquet.read_row_group(group, columns=columns).filter(found).to_pylist()


def to_example(features: Features, row: int) -> Example:
    """An instance of a block of our own features."""
    length = int(features[INPUT_MASK][row].sum())
    count = int(features[MASKED_LM_WEIGHTS][row].sum())
    positions, labels = (features[name][row, :count].tolist() for name in (MASKED_LM_POSITIONS, MASKED_LM_IDS))
    return Example(
        ids=features[INPUT_IDS][row, :length].tolist(),
        first_of_b=int(features[SEGMENT_IDS][row].argmax()),
        originals=dict(zip(positions, labels, strict=True)),
        label=int(features[NEXT_SENTENCE_LABELS][row, 0]),
    )


def _in_order(example: Example) -> list[int]:
    """The ids of the text, masks undone, as the document has them."""
    ids = [example.originals.get(place, index) for place, index in enumerate(example.ids)]
    a, b = ids[1 : example.first_of_b - 1], ids[example.first_of_b : -1]
    return b + a if example.label else a + b


def _place_words(starts: np.ndarray, example: Example) -> np.ndarray:
    """Bool for each token of an example, from those of its text in the order of the document. A segment begins a word."""
    num_a, num_b = example.first_of_b - 2, len(example.ids) - example.first_of_b - 1
    first, second = (starts[num_b:], starts[:num_b]) if example.label else (starts[:num_a], starts[num_a:])
    placed = np.ones(len(example.ids), np.bool_)
    placed[1 : 1 + num_a], placed[example.first_of_b : -1] = first, second
    placed[[1, example.first_of_b]] = True
    return placed


def _inspect_file(path: str, name: str, wanted: Wanted) -> Iterator[Shown]:
    """Records of another tool."""
    if not storage.is_file(path):
        raise BuildError(
            f"{path} holds neither a dataset ({MANIFEST}) nor is it a TFRecord file\ngive the --output folder of a build, or a shard"
        )
    if wanted.document is not None or wanted.shard is not None:
        option = "--document" if wanted.document is not None else "--shard"
        raise BuildError(f"{option} means nothing for a single file that no build made\nleave it out; --start N begins elsewhere")
    if wanted.vocab is None:
        raise BuildError(f"{name or path} does not say which vocabulary its ids mean\ngive it: --vocab {VOCABULARY}")
    tokenizer = Tokenizer.from_bytes(storage.read(wanted.vocab), name=wanted.vocab)
    for number, record in enumerate(read_records(path)):
        if number < wanted.start:
            continue
        if number == wanted.start + wanted.count:
            return
        try:
            found = parse_record(record, tokenizer)
            largest = max((*found.example.ids, *found.example.originals.values()), default=0)
            if largest >= tokenizer.size:
                raise ValueError(f"it has the id {largest:,}, and {wanted.vocab} has {tokenizer.size:,} entries")
        except ValueError as error:
            fix = "inspect reads examples as BERT, ALBERT and ELECTRA write them, with their vocabulary"
            raise BuildError(f"{path}: record {number} is not a BERT example: {error}\n{fix}") from error
        if wanted.words and found.example.word_starts is None:
            raise BuildError(f"{name} does not say where words begin: it has no {TOKEN_BOUNDARY}\nleave out --words")
        example = found.example if wanted.words else found.example._replace(word_starts=None)
        yield show(
            example,
            tokenizer,
            shard=name or path,
            instance=number,
            swapped=None,
            label_name=found.label_name,
            missing=found.missing,
            others=found.others,
        )
