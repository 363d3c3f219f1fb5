"""A dataset of a few hundred short instances, made by the real drawing and shard code without the pipeline."""

import hashlib
import io
import json
from pathlib import Path

import numpy as np

from albert_core.drawing import SENTENCE_START, WORD_START, DrawingOptions, DrawingTables, Instances
from albert_core.input import splitmix64
from albert_core.shards import BLOCK_INSTANCES, INDEX_SUFFIX, SHARD_SUFFIX, Dataset, encode_block, shard_name
from albert_core.tokenization import SPECIAL_TOKENS, Tokenizer

SENTENCES = (
    "春天来了。",
    "花开了。",
    "我们去公园看花。",
    "天黑了。",
    "我们回家吃饭。",
    "妈妈做了很多菜。",
    "大家都很高兴。",
    "明天还要上学。",
)
WORD_STARTS = ("1011", "111", "1011011", "111", "1011011", "1011111", "101111", "1011101")  # the mark at the end is a word too
OPTIONS = DrawingOptions(max_seq_length=32, max_predictions_per_seq=4, masked_lm_prob=0.15)
VOCABULARY = [*SPECIAL_TOKENS, *sorted(set("".join(SENTENCES)))]


def write_dataset(
    folder: Path,
    *,
    kind: str = "static",
    num_train: int = 300,
    num_eval: int = 40,
    num_shards: int = 1,
    seed: int = 5,
    vocabulary: list[str] = VOCABULARY,
    options: DrawingOptions = OPTIONS,
) -> Dataset:
    """Each instance is three or four sentences that follow each other in SENTENCES, which is a circle."""
    folder.mkdir(parents=True, exist_ok=True)
    content = "".join(f"{token}\n" for token in vocabulary).encode()
    (folder / "vocab.txt").write_bytes(content)
    tables = DrawingTables.of(Tokenizer.from_bytes(content))
    shards = []
    for split, count in [("train", num_train), ("eval", num_eval)]:
        for shard, keys in enumerate(np.array_split(np.arange(count) + (10_000 if split == "eval" else 0), num_shards)):
            shards.append(
                _write_shard(folder, shard_name(split, shard, num_shards), _instances(keys, vocabulary), kind, options, tables, seed)
            )
    manifest = {
        "schema_version": 1,
        "kind": kind,
        "parameters": {"seed": seed, **vars(options)},
        "vocabulary": {"sha256": hashlib.sha256(content).hexdigest(), "size": len(vocabulary)},
        "normalization": {"lower_case": True},
        "shards": shards,
        "digest": hashlib.sha256("".join(str(shard["sha256"]) for shard in shards).encode()).hexdigest(),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return Dataset.open(folder)


def _instances(keys: np.ndarray, vocabulary: list[str]) -> Instances:
    ids, flags, ends = [], [], []
    for key in keys.tolist():
        for sentence in range(key, key + 3 + key % 2):
            text, words = SENTENCES[sentence % len(SENTENCES)], WORD_STARTS[sentence % len(SENTENCES)]
            ids += [vocabulary.index(character) for character in text]
            flags += [WORD_START * int(words[at : at + 1] or 1) | SENTENCE_START * (at == 0) for at in range(len(text))]
        ends.append(len(ids))
    return Instances(
        token_ids=np.array(ids, np.uint16),
        flags=np.array(flags, np.uint8),
        starts=np.array([0, *ends[:-1]], np.int64),
        ends=np.array(ends, np.int64),
        keys=splitmix64(keys.astype(np.uint64)),
        sources=np.zeros(len(keys), np.uint16),
    )


def _write_shard(
    folder: Path, name: str, instances: Instances, kind: str, options: DrawingOptions, tables: DrawingTables, seed: int
) -> dict[str, object]:
    starts = range(0, len(instances), BLOCK_INSTANCES)
    blocks = [encode_block(kind, instances.take(slice(at, at + BLOCK_INSTANCES)), options, tables, seed) for at in starts]  # type: ignore[arg-type]
    content = b"".join(block.content for block in blocks)
    index = io.BytesIO()
    np.save(index, np.cumsum([0, *(len(block.content) for block in blocks)], dtype=np.int64))
    (folder / f"{name}{SHARD_SUFFIX}").write_bytes(content)
    (folder / f"{name}{INDEX_SUFFIX}").write_bytes(index.getvalue())
    name, digest = f"{name}{SHARD_SUFFIX}", hashlib.sha256(content).hexdigest()
    return {"name": name, "instances": len(instances), "bytes": len(content), "sha256": digest}
