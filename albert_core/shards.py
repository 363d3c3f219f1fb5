"""The contract between the data pipeline and the trainer: files of a dataset, their manifest, blocks read at random.

    OUT/manifest.json                       written last: no manifest, no dataset
    OUT/vocab.txt                           the vocabulary that the ids mean
    OUT/train-00000-of-00012.tfrecord       instances; static: a record each, dynamic: a record a block
    OUT/train-00000-of-00012.index.npy      int64 [blocks + 1]: byte offsets of the blocks of that shard
    OUT/train-00000-of-00012.documents.parquet      which stretch of which document each instance is, in the order of the shard
    OUT/eval-00000-of-00001.tfrecord, …     held-out documents
    OUT/train-128-00000-of-00012.tfrecord, …        with length bins: one file a bin, though it may hold no record

Every BLOCK_INSTANCES instances are a block, the unit of random access for both kinds, so training resumes anywhere without replaying.
"""

import dataclasses
import functools
import io
import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, get_args

import numpy as np

from albert_core.bert_records import (
    FEATURES,
    INPUT_IDS,
    INPUT_MASK,
    MASKED_LM_IDS,
    MASKED_LM_POSITIONS,
    MASKED_LM_WEIGHTS,
    NEXT_SENTENCE_LABELS,
    SEGMENT_IDS,
    decode_records,
    encode_records,
    feature_lengths,
    to_features,
)
from albert_core.blocks import pack_block, unpack_block
from albert_core.drawing import DrawingOptions, DrawingTables, Drawn, Instances, draw
from albert_core.errors import AlbertError
from albert_core.length_bins import bins_of, check_length_bins, options_of_bin, pad_features
from albert_core.tfrecord import DamagedRecordError, frame, read_frames, split_frames
from albert_core.tokenization import Tokenizer

__all__ = [
    "BLOCK_INSTANCES", "DOCUMENTS_SUFFIX", "FEATURES", "INDEX_SUFFIX", "INPUT_IDS", "INPUT_MASK", "MANIFEST", "MASKED_LM_IDS",
    "MASKED_LM_POSITIONS", "MASKED_LM_WEIGHTS", "NEXT_SENTENCE_LABELS", "SCHEMA_VERSION", "SEGMENT_IDS", "SHARD_SUFFIX", "SOURCES",
    "VOCABULARY", "DamagedRecordError", "Dataset", "EncodedBlock", "Kind", "Split", "bins_of", "check_length_bins", "decode_records",
    "encode_block", "feature_lengths", "frame", "options_of_bin", "pack_block", "read_frames", "shard_name", "split_frames",
    "to_features", "unpack_block",
]  # fmt: skip

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
VOCABULARY = "vocab.txt"
SHARD_SUFFIX, INDEX_SUFFIX, DOCUMENTS_SUFFIX = ".tfrecord", ".index.npy", ".documents.parquet"
SHARD_NAME = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.tfrecord")
BLOCK_INSTANCES = 256
SOURCES = "sources"  # beside the features, where asked for
_ONE_HEADER = (
    threading.Lock()
)  # NumPy reads a header by `ast.literal_eval`, which in CPython 3.11 two threads at once can break (SystemError)
Kind = Literal["static", "dynamic"]
OpenFile = Callable[[str], BinaryIO]
"""Opens a path for reading, seekable. OSError where that cannot be."""


def shard_name(split: str, shard: int, num_shards: int, length: int | None = None) -> str:
    """`train-00003-of-00012`, or with length bins `train-128-00003-of-00012`; without a suffix."""
    part = split if length is None else f"{split}-{length}"
    return f"{part}-{shard:05d}-of-{num_shards:05d}"


class EncodedBlock(NamedTuple):
    """A block as it goes into the file, and what was drawn for it (of a dynamic block: for epoch 0, for the statistics)."""

    content: bytes | memoryview
    num_records: int
    drawn: Drawn


def encode_block(kind: Kind, instances: Instances, options: DrawingOptions, tables: DrawingTables, seed: int) -> EncodedBlock:
    """At most BLOCK_INSTANCES instances as framed TFRecords of a shard."""
    drawn = draw(instances, options, tables, seed=seed)
    if kind == "dynamic":
        return EncodedBlock(frame(pack_block(instances)), 1, drawn)
    buffer, _ = encode_records(to_features(drawn, flags=np.uint8))
    return EncodedBlock(buffer.data, len(instances), drawn)


def open_file(path: str) -> BinaryIO:
    """A local file, or one on an object store through TensorFlow's file systems.

    Raises:
      AlbertError: TensorFlow knows no such file system, as s3://.
    """
    if "://" not in path:
        return open(path, "rb")
    import tensorflow as tf  # here: slow to import, and needed for remote files only

    from albert_core.storage import require_file_system

    require_file_system(path)
    return tf.io.gfile.GFile(path, "rb")


def join(folder: str, name: str) -> str:
    """A file's path in a local or remote folder."""
    return f"{folder.rstrip('/')}/{name}"


def read_file(path: str, opener: OpenFile = open_file) -> bytes:
    """A whole file; FileNotFoundError where it is missing, on an object store too.

    Raises:
      AlbertError: the store does not answer, or not us.
    """
    try:
        with opener(path) as file:
            return file.read()
    except (OSError, ValueError):  # ours, and those of other openers
        raise
    except Exception as error:  # TensorFlow has its own errors for what OSError says
        if type(error).__name__ == "NotFoundError":
            raise FileNotFoundError(f"{path}: {error}") from error
        raise AlbertError(
            f"{path} cannot be read: {str(error).splitlines()[0]}\ncheck the path, and the rights and credentials of this machine"
        ) from error


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A finished dataset, as its manifest describes it."""

    path: str
    manifest: dict[str, Any]
    opener: OpenFile = dataclasses.field(default=open_file, repr=False, compare=False)
    """How its files are opened: through TensorFlow, unless somebody has another way, as the data pipelines have."""

    @classmethod
    def open(cls, path: str | Path, opener: OpenFile = open_file) -> "Dataset":
        """The dataset in a folder.

        Raises:
          AlbertError: there is no manifest, it is not readable, or it is of another schema version.
        """
        folder = str(path)
        try:
            manifest = json.loads(read_file(join(folder, MANIFEST), opener))
        except OSError as error:
            raise AlbertError(
                f"{folder} holds no {MANIFEST}, so it is no finished dataset\nmake one: albert-data build … --output {folder}"
            ) from error
        except ValueError as error:
            raise AlbertError(f"{join(folder, MANIFEST)} is not JSON: {error}\nbuild the dataset again") from error
        if not isinstance(manifest, dict) or manifest.get("schema_version") != SCHEMA_VERSION:
            found = manifest.get("schema_version") if isinstance(manifest, dict) else type(manifest).__name__
            raise AlbertError(f"{folder} has schema version {found}, this toolkit reads {SCHEMA_VERSION}\nbuild it again with this version")
        if manifest.get("kind", "static") not in get_args(Kind):
            raise AlbertError(f"{folder} holds {manifest['kind']}, no data for pretraining\ngive what albert-data build made")
        return cls(folder, manifest, opener)

    @property
    def parameters(self) -> dict[str, Any]:
        """The options that the dataset was built with."""
        return self.manifest["parameters"]

    @property
    def kind(self) -> Kind:
        """Static (drawn once) or dynamic (drawn anew each epoch)."""
        return self.manifest["kind"]

    @property
    def seed(self) -> int:
        """The seed of every draw."""
        return self.parameters["seed"]

    @property
    def max_seq_length(self) -> int:
        """Tokens of an example, specials included."""
        return self.parameters["max_seq_length"]

    @property
    def max_predictions_per_seq(self) -> int:
        """Most masked tokens of an example."""
        return self.parameters["max_predictions_per_seq"]

    @property
    def vocab_sha256(self) -> str:
        """Digest of the vocabulary file."""
        return self.manifest["vocabulary"]["sha256"]

    @property
    def vocab_path(self) -> str:
        """The dataset's own copy of the vocabulary."""
        return join(self.path, VOCABULARY)

    @property
    def normalization(self) -> dict[str, Any]:
        """What the text went through that inference must repeat."""
        return self.manifest["normalization"]

    @property
    def sources(self) -> list[str]:
        """Names of the sources that instances can be told to be of: of dynamic shards those of the corpus, of static ones all in one."""
        named = [source["name"] for source in self.manifest.get("sources", [])]
        return named if named and self.kind == "dynamic" else ["all"]

    @functools.cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the dataset's vocabulary.

        Raises:
          AlbertError: vocab.txt is missing or not the one the dataset was built with.
        """
        try:
            content = read_file(self.vocab_path, self.opener)
        except OSError as error:
            raise AlbertError(f"{self.vocab_path} is missing\nput back the vocabulary the dataset was built with") from error
        tokenizer = Tokenizer.from_bytes(content, name=self.vocab_path, lower_case=self.normalization["lower_case"])
        if tokenizer.sha256 != self.vocab_sha256:
            raise AlbertError(
                f"{self.vocab_path} has SHA-256 {tokenizer.sha256[:12]}…, the dataset was built with {self.vocab_sha256[:12]}…"
                "\nput back the vocabulary the dataset was built with"
            )
        return tokenizer

    @functools.cached_property
    def tables(self) -> DrawingTables:
        """What the drawing law must know of the vocabulary."""
        return DrawingTables.of(self.tokenizer)

    @property
    def options(self) -> DrawingOptions:
        """What the drawing law was asked for."""
        return DrawingOptions(**{field.name: self.parameters[field.name] for field in dataclasses.fields(DrawingOptions)})

    @property
    def lengths(self) -> tuple[int, ...]:
        """The length bins in ascending order, each of which `split` gives alone; without bins the maximal length."""
        return tuple(self.parameters.get("length_bins") or (self.max_seq_length,))

    def split(self, name: str, length: int | None = None) -> "Split":
        """The "train" or "eval" part: all instances at `max_seq_length`, or those of one length bin at the bin's own width.

        A curriculum of lengths trains on `split("train", length=128)`, then on `split("train")`: the first steps are short and cheap and
        the last see every instance; or on each of `lengths` in turn, to see every instance once and pad little.

        Raises:
          AlbertError: the dataset has no instances there, or no such bin.
        """
        if length is not None and length not in self.lengths:
            known = ", ".join(map(str, self.lengths))
            raise AlbertError(f"{self.path} has no length bin {length}, it has {known}\nask for one of these, or build with --length-bins")
        shards = [shard for shard in self.manifest["shards"] if shard["name"].startswith(f"{name}-")]
        self._check_complete([shard["name"] for shard in shards])
        split = Split(self, [shard for shard in shards if length in (None, self.length_of(shard))], length)
        if split.num_instances == 0:
            fix = "build with a larger --eval-fraction" if name == "eval" else "see the counts in its manifest.json"
            raise AlbertError(f"{self.path} holds no {name} instances{'' if length is None else f' of length bin {length}'}\n{fix}")
        return split

    def _check_complete(self, names: list[str]) -> None:
        """Refuse a manifest that lacks a shard which the names of the others count.

        Raises:
          AlbertError: the first one that is missing is named.
        """
        numbered = [match for match in map(SHARD_NAME.fullmatch, names) if match]
        for part, total in sorted({(match[1], match[3]) for match in numbered}):
            there = {int(match[2]) for match in numbered if (match[1], match[3]) == (part, total)}
            if missing := sorted(set(range(int(total))) - there):
                raise AlbertError(
                    f"{join(self.path, MANIFEST)} does not name {part}-{missing[0]:05d}-of-{total}{SHARD_SUFFIX}\n"
                    "put back the manifest that was written with the shards, or build again"
                )

    def length_of(self, shard: dict[str, Any]) -> int:
        """The length bin of a shard of the manifest."""
        return int(shard.get("max_seq_length", self.max_seq_length))


class Split:
    """The blocks of a dataset's train or eval shards, in the order of the shards. Reading is safe from many threads."""

    def __init__(self, dataset: Dataset, shards: list[dict[str, Any]], length: int | None = None):
        """`length`: how wide the instances are made; at least the bins of the shards. `max_seq_length` of the dataset if left out."""
        self.dataset, self.shards = dataset, shards
        self.options = options_of_bin(dataset.options, length or dataset.max_seq_length)
        sizes = [_block_sizes(shard["instances"]) for shard in shards]
        self.block_sizes = np.concatenate(sizes) if sizes else np.zeros(0, np.int32)
        """int32 [num_blocks]: instances in each block."""
        self._first_blocks = np.concatenate([[0], np.cumsum([len(part) for part in sizes])]).astype(np.int64)
        self._indexes: dict[int, np.ndarray] = {}

    @property
    def num_instances(self) -> int:
        """Instances of an epoch."""
        return int(self.block_sizes.sum())

    def read_block(self, block: int, epoch: int = 0, *, with_sources: bool = False) -> dict[str, np.ndarray]:
        """The features of a block's instances (`to_features`).

        Static shards hold one draw, whatever the epoch; of dynamic ones split, order and masks are drawn for `epoch`. `with_sources` adds
        "sources", int32 [N]: of which entry of `Dataset.sources` each instance is; static shards do not say, and give 0.

        Raises:
          AlbertError: the shard is truncated, damaged, missing, or not of the kind that the manifest says.
        """
        records = self.read_records(block)
        dataset = self.dataset
        try:
            if dataset.kind == "static":
                stored = options_of_bin(dataset.options, dataset.length_of(self.shards[self._locate(block)[0]]))
                features = pad_features(decode_records(records, stored.max_seq_length, stored.max_predictions_per_seq), self.options)
                sources = np.zeros(len(records), np.int32)
            else:
                instances = unpack_block(records[0])
                features = to_features(draw(instances, self.options, dataset.tables, seed=dataset.seed, epoch=epoch))
                sources = instances.sources.astype(np.int32)
            return {**features, SOURCES: sources} if with_sources else features
        except ValueError as error:
            self._check_lengths(block, records[0])
            raise self._damaged(block, str(error)) from error

    def _check_lengths(self, block: int, record: bytes) -> None:
        """Refuse a static record of other lengths than the manifest says.

        Raises:
          AlbertError: both are named.
        """
        if self.dataset.kind != "static":
            return
        shard = self.shards[self._locate(block)[0]]
        stored = options_of_bin(self.dataset.options, self.dataset.length_of(shard))
        said = (stored.max_seq_length, stored.max_predictions_per_seq)
        try:
            found = feature_lengths(record)
        except ValueError:
            return
        if found != said:
            raise AlbertError(
                f"{join(self.dataset.path, shard['name'])} has records of {found[0]} tokens and {found[1]} predictions, "
                f"{MANIFEST} says {said[0]} and {said[1]}\nput back the manifest that was written with the shards, or build again"
            )

    def read_records(self, block: int) -> list[bytes]:
        """The serialised records of a block, checksums verified."""
        shard, index = self._locate(block)
        start, end = index
        try:
            with self.dataset.opener(join(self.dataset.path, self.shards[shard]["name"])) as file:
                file.seek(start)
                return split_frames(file.read(end - start))
        except (OSError, DamagedRecordError) as error:
            raise self._damaged(block, str(error)) from error

    def _locate(self, block: int) -> tuple[int, tuple[int, int]]:
        """The shard of a block and its bytes [start, end)."""
        shard = int(np.searchsorted(self._first_blocks, block, side="right")) - 1
        if shard not in self._indexes:
            name = self.shards[shard]["name"].removesuffix(SHARD_SUFFIX) + INDEX_SUFFIX
            try:
                content = io.BytesIO(read_file(join(self.dataset.path, name), self.dataset.opener))
                with _ONE_HEADER:
                    index = np.load(content, allow_pickle=False)
                num_blocks = int(self._first_blocks[shard + 1] - self._first_blocks[shard])
                if index.shape != (num_blocks + 1,) or index[-1] != self.shards[shard]["bytes"] or (np.diff(index) <= 0).any():
                    raise ValueError(f"it is not the index of {num_blocks:,} blocks in {self.shards[shard]['bytes']:,} bytes")
                self._indexes[shard] = index
            except (OSError, ValueError, EOFError) as error:
                raise AlbertError(
                    f"{join(self.dataset.path, name)} cannot be read: {error}\nbuild the dataset again, or copy the file anew"
                ) from error
        at = block - int(self._first_blocks[shard])
        start, end = self._indexes[shard][at : at + 2].tolist()
        return shard, (start, end)

    def _damaged(self, block: int, what: str) -> AlbertError:
        shard = int(np.searchsorted(self._first_blocks, block, side="right")) - 1
        path = join(self.dataset.path, self.shards[shard]["name"])
        return AlbertError(
            f"{path} is damaged: {what}\ncompare: albert-data verify {self.dataset.path}; then copy the shard anew or build again"
        )


def _block_sizes(num_instances: int) -> np.ndarray:
    """All blocks of a shard are full but its last."""
    full, rest = divmod(num_instances, BLOCK_INSTANCES)
    return np.array([BLOCK_INSTANCES] * full + ([rest] if rest else []), np.int32)
