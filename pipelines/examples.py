"""Fine-tuning data at scale: the texts of a task through tensorflow-transform, by the very function that a served model has inside.

files of a task ─▶ batches of records ─▶ AnalyzeAndTransformDataset ─▶ batches of token ids ─▶ shards, in the order of the file
                                          └ GraphEncoder: strings → [CLS] a [SEP] b [SEP]  └▶ transform/, the same as a graph

`albert-train finetune --data OUTPUT` reads them as if it read the files.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions

from albert_core.shards import MANIFEST, SHARD_SUFFIX, shard_name
from albert_core.task_features import NO_LABEL, Encoder
from albert_core.task_files import Record, check_labels, find_file, list_labels, read_records
from albert_core.tasks import CLASSIFY, Task
from albert_core.tfrecord import frame
from albert_core.tokenization import Tokenizer
from pipelines import storage
from pipelines.errors import BuildError
from pipelines.fingerprints import fingerprint
from pipelines.manifest import dataset_digest
from pipelines.output_folder import finished_manifest, lock
from pipelines.runners import run_job
from pipelines.spread import Spread

SPLITS = ("train", "dev")
SPLIT, FIRST, SECOND = "split", "first", "second"  # columns beside those of the examples
LEAST = 5  # tokens: [CLS] a [SEP] b [SEP]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExamplesConfig:
    """Which task's files become examples of at most `max_seq_length` tokens; None: as the task has it."""

    task: Task
    data: str
    vocabulary: str
    output: str
    max_seq_length: int | None = None
    lower_case: bool = True
    train_file: str | None = None
    dev_file: str | None = None
    records_at_once: int = 2048  # through the graph
    records_per_shard: int = 16_384

    def __post_init__(self) -> None:
        """Refuses what cannot be made."""
        if self.task.kind != CLASSIFY:
            raise BuildError(
                f"--task {self.task.name} is of kind {self.task.kind}: examples are made of tasks with labels\n"
                "albert-train finetune reads the files of the others itself"
            )
        if self.length < LEAST:
            raise BuildError(f"--max-seq-length {self.max_seq_length} is too short for texts with labels\ngive {LEAST} or more")

    @property
    def length(self) -> int:
        """Most tokens of an example."""
        return self.task.max_seq_length if self.max_seq_length is None else self.max_seq_length


@dataclasses.dataclass(frozen=True, kw_only=True)
class Split:
    """The file of a split: read once before the job, so that what is wrong with it is said at once, with its line."""

    path: str
    sha256: str
    num_records: int
    num_labelled: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExamplesPlan:
    """What the job does: splits by name, and the labels in the order of their numbers."""

    config: ExamplesConfig
    splits: dict[str, Split]
    labels: tuple[str, ...]

    def shard_name(self, split: str, number: int) -> str:
        """The file of a shard."""
        count = -(-self.splits[split].num_records // self.config.records_per_shard)
        return f"{shard_name(split, number, count)}{SHARD_SUFFIX}"


def run_examples(config: ExamplesConfig, options: PipelineOptions) -> dict[str, Any]:
    """Writes the examples, unless they are there already; the manifest.

    Raises:
      AlbertError: a file or a record of the task cannot be used: file, line, value and fix are named.
      BuildError: the output folder is in use or holds something else.
    """
    tokenizer = Tokenizer.load(config.vocabulary, lower_case=config.lower_case)
    plan = plan_examples(config, tokenizer)
    described = describe(config, plan, tokenizer)
    with lock(config.output):
        before = finished_manifest(config.output, made_by="examples")
        if before is not None:
            if before["fingerprint"] != described["fingerprint"]:
                raise BuildError(
                    f"--output {config.output} holds a dataset of other files or options\nchoose another --output, or delete the folder"
                )
            return before
        run_job(lambda pipeline: pipeline | "MakeExamples" >> MakeExamples(config, plan, tokenizer, described), options)
        storage.remove_temporary(config.output)
        return dict(storage.read_json(storage.join(config.output, MANIFEST)))


def plan_examples(config: ExamplesConfig, tokenizer: Tokenizer) -> ExamplesPlan:
    """Reads and checks the files."""
    paths = {
        split: str(given or find_file(config.data, split)) for split, given in (("train", config.train_file), ("dev", config.dev_file))
    }
    records = {split: read_records(path, config.task) for split, path in paths.items()}
    labels = list_labels(config.task, [record for record in records["train"] if record.label is not None])
    encoder = Encoder(config.task, tokenizer, labels, config.length)
    for each in records.values():
        check_labels(config.task, each, labels)
        encoder.check_readable([record for record in each if record.label is not None])
    splits = {split: describe_split(path, records[split]) for split, path in paths.items()}
    return ExamplesPlan(config=config, splits=splits, labels=labels)


def describe_split(path: str, records: Sequence[Record]) -> Split:
    """A file and what is in it."""
    labelled = sum(record.label is not None for record in records)
    return Split(path=path, sha256=hashlib.sha256(storage.read(path)).hexdigest(), num_records=len(records), num_labelled=labelled)


def describe(config: ExamplesConfig, plan: ExamplesPlan, tokenizer: Tokenizer) -> dict[str, Any]:
    """The manifest but for the shards."""
    from albert_core.task_examples import KIND, SCHEMA_VERSION  # here: tensorflow takes seconds to import

    decided: dict[str, Any] = {
        "records_per_shard": config.records_per_shard,
        "task": config.task.to_json(),
        "labels": list(plan.labels),
        "max_seq_length": config.length,
        "vocabulary": {"sha256": tokenizer.sha256, "size": tokenizer.size},
        "normalization": {"lower_case": config.lower_case},
    }
    inputs = {name: {"bytes_sha256": split.sha256, "records": split.num_records} for name, split in plan.splits.items()}
    splits = {
        name: {"file": split.path.rpartition("/")[2], "sha256": split.sha256, "records": split.num_records, "labelled": split.num_labelled}
        for name, split in plan.splits.items()
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": KIND,
        **decided,
        "splits": splits,
        "fingerprint": fingerprint(decided, inputs, "pipelines.examples"),
    }


class MakeExamples(beam.PTransform):
    """The files of a task → shards of examples, the transform graph, and the manifest behind them."""

    def __init__(self, config: ExamplesConfig, plan: ExamplesPlan, tokenizer: Tokenizer, described: dict[str, Any]):
        super().__init__()
        from albert_core.graph_encoder import GraphEncoder
        from albert_core.graph_tokenizer import GraphTokenizer

        self.output, self.plan, self.described = config.output, plan, described
        names = (FIRST, SECOND) if config.task.second else (FIRST,)
        self.encode = EncodeTexts(GraphEncoder(GraphTokenizer(tokenizer), config.length), names)

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        """One job, one pass over the texts."""
        import tensorflow_transform.beam as tft_beam
        from tfx_bsl.public.tfxio import TensorAdapterConfig

        from albert_core.task_examples import TRANSFORM

        files = [(split, part.path) for split, part in self.plan.splits.items()]
        schema = record_schema(self.encode.names)
        records = (
            pipeline
            | "Files" >> beam.Create(files, reshuffle=False)
            | "ReadRecords" >> beam.ParDo(ReadRecords(self.plan, schema)).with_output_types(pa.RecordBatch)
            | "SpreadBatches" >> Spread()
        )
        with tft_beam.Context(temp_dir=storage.join(self.output, storage.TEMPORARY, "transform")):
            (encoded, _), graph = (
                records,
                TensorAdapterConfig(schema, {name: _one_each(name) for name in schema.names}),
            ) | "EncodeTexts" >> tft_beam.AnalyzeAndTransformDataset(self.encode, output_record_batches=True)
        written = graph | "WriteGraph" >> tft_beam.WriteTransformFn(storage.join(self.output, TRANSFORM))
        shards = (
            encoded
            | "CutByShard"
            >> beam.FlatMap(lambda batch, size: cut_by_shard(batch[0], size), self.plan.config.records_per_shard).with_output_types(
                tuple[str, pa.RecordBatch]
            )
            | "GroupByShard" >> beam.GroupByKey()
            | "WriteShards" >> beam.ParDo(WriteShard(self.output, self.plan))
        )
        return (
            pipeline
            | "Once" >> beam.Create([self.described], reshuffle=False)
            | "WriteManifest" >> beam.Map(write_manifest, self.output, beam.pvalue.AsList(shards), beam.pvalue.AsList(written))
        )


class EncodeTexts:
    """The `preprocessing_fn`: strings → sequences. It travels to the workers, which trace it anew."""

    def __init__(self, encoder: Any, names: Sequence[str]):
        """`encoder`: a GraphEncoder; `names`: the columns of the texts."""
        self.encoder, self.names = encoder, tuple(names)

    def __call__(self, columns: dict[str, Any]) -> dict[str, Any]:
        """Tensors by name → tensors by name; where a record stands and its label go through."""
        import tensorflow as tf

        from albert_core.task_examples import INPUT_IDS, INPUT_MASK, LABEL, NUMBER, SEGMENT_IDS

        rows = self.encoder.rows([columns[name] for name in self.names])
        ids = tf.cast(rows.input_ids, tf.int64)
        kept = {name: columns[name] for name in (SPLIT, NUMBER, LABEL)}
        return kept | {INPUT_IDS: ids, INPUT_MASK: tf.ones_like(ids), SEGMENT_IDS: tf.cast(rows.segment_ids, tf.int64)}


def record_schema(names: Sequence[str]) -> pa.Schema:
    """Records as tensorflow-transform takes them: every value in a list of its own."""
    from albert_core.task_examples import LABEL, NUMBER

    numbers = [(name, pa.list_(pa.int64())) for name in (SPLIT, NUMBER, LABEL)]
    return pa.schema([*numbers, *((name, pa.list_(pa.binary())) for name in names)])


def _one_each(name: str) -> Any:
    """A column that holds one value a record."""
    from tensorflow_metadata.proto.v0 import schema_pb2

    layout = schema_pb2.TensorRepresentation()
    layout.dense_tensor.column_name = name
    layout.dense_tensor.shape.SetInParent()
    return layout


class ReadRecords(beam.DoFn):
    """(split, path) → batches of its records."""

    def __init__(self, plan: ExamplesPlan, schema: pa.Schema):
        self.plan, self.schema = plan, schema

    def process(self, file: tuple[str, str]) -> Iterator[pa.RecordBatch]:
        """The file as it was checked before."""
        split, path = file
        records = read_records(path, self.plan.config.task)
        if len(records) != self.plan.splits[split].num_records:
            raise BuildError(f"{path} has {len(records):,} records, a moment ago it had {self.plan.splits[split].num_records:,}")
        size = self.plan.config.records_at_once
        for start in range(0, len(records), size):
            yield to_batch(records[start : start + size], SPLITS.index(split), start, self.plan.labels, self.schema)


def to_batch(records: Sequence[Record], split: int, start: int, labels: Sequence[str], schema: pa.Schema) -> pa.RecordBatch:
    """Records of a split from number `start` on as Arrow."""
    from albert_core.graph_tokenizer import to_utf8

    numbers = {label: number for number, label in enumerate(labels)}
    columns: list[list[Any]] = [
        [split] * len(records),
        list(range(start, start + len(records))),
        [NO_LABEL if record.label is None else numbers[record.label] for record in records],
    ]
    columns += [[to_utf8(record.texts[at]) for record in records] for at in range(len(schema) - len(columns))]
    arrays = [pa.array([[value] for value in values], field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def cut_by_shard(batch: pa.RecordBatch, records_per_shard: int) -> Iterator[tuple[str, pa.RecordBatch]]:
    """(split and number of the shard, its part) of a batch of examples."""
    from albert_core.task_examples import NUMBER

    split, number = (flat(batch, name) for name in (SPLIT, NUMBER))
    shards = split * (1 << 32) + number // records_per_shard
    for shard in np.unique(shards).tolist():
        yield f"{SPLITS[shard >> 32]} {shard & 0xFFFFFFFF}", batch.filter(pa.array(shards == shard))


def flat(batch: pa.RecordBatch, name: str) -> np.ndarray:
    """A column of one number a record, int64."""
    return batch.column(batch.schema.get_field_index(name)).flatten().to_numpy(zero_copy_only=False)


class WriteShard(beam.DoFn):
    """(shard, all batches of it) → its file, described."""

    def __init__(self, output: str, plan: ExamplesPlan):
        self.output, self.plan = output, plan

    def process(self, shard: tuple[str, Iterable[pa.RecordBatch]]) -> Iterator[dict[str, Any]]:
        """The examples in the order of their numbers: the same bytes however they came."""
        split, _, number = shard[0].partition(" ")
        content, count = encode_shard(shard[1])
        name = self.plan.shard_name(split, int(number))
        storage.write(self.output, name, content)
        yield {"name": name, "split": split, "records": count, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def encode_shard(batches: Iterable[pa.RecordBatch]) -> tuple[bytes, int]:
    """The file of a shard and the number of its examples."""
    from albert_core.task_examples import LABEL, NUMBER, SEQUENCES, encode_example

    rows = [row for batch in batches for row in batch.select([NUMBER, LABEL, *SEQUENCES]).to_pylist()]
    rows.sort(key=lambda row: int(row[NUMBER][0]))
    return b"".join(frame(encode_example(row)) for row in rows), len(rows)


def write_manifest(described: dict[str, Any], output: str, shards: list[dict[str, Any]], _: list[Any]) -> str:
    """Written when the shards and the graph are."""
    ordered = sorted(shards, key=lambda shard: (SPLITS.index(shard["split"]), shard["name"]))
    storage.write_json(output, MANIFEST, described | {"digest": dataset_digest(ordered), "shards": ordered})
    return storage.join(output, MANIFEST)
