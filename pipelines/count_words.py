"""The words of a corpus, counted: what a vocabulary is learned from, and what an existing one lacks.

corpus ─▶ clean (each source by itself) ─▶ words, as BERT parts them ─▶ tft.vocabulary ─▶ word, count
"""

import contextlib
import dataclasses
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.options.pipeline_options import PipelineOptions
from tokenizers import normalizers, pre_tokenizers

from corpora.files import CorpusFile
from corpora.sources import Source
from pipelines import storage
from pipelines.accounts import Account, SumAccounts
from pipelines.clean import Choice, CleanDocuments, text_bytes
from pipelines.deduplicate import num_partitions
from pipelines.engine_names import runner_name
from pipelines.errors import BuildError
from pipelines.manifest import documents_account
from pipelines.read import ReadCorpus, list_sources
from pipelines.recipe import CleanConfig
from pipelines.repeated_lines import RepeatedLinesConfig
from pipelines.runners import LOCAL_RUNNERS, check_engine, run_job
from pipelines.sampling import KeepSmallest

COUNTS = "word_counts"
ACCOUNT = "account.json"
WORDS = "words"
WORDS_SCHEMA = pa.schema([(WORDS, pa.list_(pa.binary()))])
MAX_WORD = 50  # characters; longer "words" are addresses and encoded data
MAX_COUNTED = 5_000_000  # most frequent words that are looked at


class WordCounts(NamedTuple):
    """Words with counts, most frequent first, ties in code-point order; and what became of the documents."""

    words: list[tuple[str, int]]
    account: Account


@dataclasses.dataclass(frozen=True, kw_only=True)
class CountingConfig:
    """Which words are counted: those of the clean documents of some sources, lower-cased or not."""

    sources: tuple[Source, ...]
    lower_case: bool = True
    clean: CleanConfig = dataclasses.field(default_factory=CleanConfig)
    repeated_lines: RepeatedLinesConfig = dataclasses.field(default_factory=RepeatedLinesConfig)
    sample: float = 1.0
    limit: int | None = None
    allow_damaged_files: bool = False

    def __post_init__(self) -> None:
        """Refuses what cannot be counted, naming value and limit."""
        if not self.sources:
            raise BuildError("no --corpus\ngive at least one, for example --corpus 'texts/*.txt'")
        if not 0 < self.sample <= 1:
            raise BuildError(f"--sample {self.sample} is not in (0, 1]\nit is the share of the records that is taken, such as 0.01")
        if self.limit is not None and self.limit < 1:
            raise BuildError(f"--limit {self.limit} is less than 1\nit is the most records that are taken")

    def choice(self) -> Choice:
        """Which records are taken."""
        caps = {source.name: source.cap for source in self.sources if source.cap is not None}
        return Choice(sample=self.sample, limit=self.limit, caps=caps)


def count_words(config: CountingConfig, output: str, options: PipelineOptions) -> WordCounts:
    """Counts the words of a corpus. `output`: a file in a folder that all workers can write to, which holds what they count meanwhile.

    Raises:
      BuildError: damaged files, no document is left, or the folder cannot be written.
    """
    check_engine(options, reads=[spec.pattern for source in config.sources for spec in source.corpora], output=folder_of(output))
    files = list_sources(config.sources)
    with _working_folder(output, options) as folder:
        run_job(lambda pipeline: _wire(pipeline, files, config, folder), options)
        told = storage.read_json(storage.join(folder, ACCOUNT))
        _check(told["account"], told["damaged"], config.allow_damaged_files)
        return WordCounts(_read_counts(folder), told["account"])


@contextlib.contextmanager
def _working_folder(output: str, options: PipelineOptions) -> Iterator[str]:
    """A folder for what is counted, beside the output; a local one where the workers are of this machine and the output is not.

    TensorFlow Transform also writes with TensorFlow's own file systems, which cannot reach every store that Beam can.

    Raises:
      BuildError: the output cannot be written, or the workers of an engine could not write what they count.
    """
    beside = storage.join(folder_of(output), storage.TEMPORARY, f"words-{uuid.uuid4().hex}")
    engine = runner_name(options)
    is_remote, is_local = "://" in output, engine in LOCAL_RUNNERS
    if is_remote and not is_local and not output.startswith("gs://"):
        raise BuildError(
            f"--output {output}: workers of {engine} count with TensorFlow Transform, which reaches gs:// and shared folders"
            "\ngive such an --output and copy the file, or count on this machine (leave --runner out)"
        )
    try:
        storage.write(beside, "begun", b"")  # before hours of counting: whether there is a place for the file at all
    except OSError as error:
        raise BuildError(f"--output {output} cannot be written: {error}\nchoose a file in a folder that can be written") from error
    try:
        if is_remote and is_local:
            with tempfile.TemporaryDirectory() as folder:
                yield folder
        else:
            yield beside
    finally:
        storage.remove_folder(beside)
        storage.remove_temporary(folder_of(output))


def folder_of(path: str) -> str:
    """The folder of a file.

    >>> folder_of("gs://bucket/vocab.txt"), folder_of("vocab.txt")
    ('gs://bucket', '.')
    """
    return path.rpartition("/")[0] or ("/" if path.startswith("/") else ".")


def _check(account: Account, damaged: Sequence[dict[str, Any]], allow_damaged_files: bool) -> None:
    if damaged and not allow_damaged_files:
        raise BuildError(
            f"{len(damaged):,} files or members of archives are damaged: {damaged[0]['file']}: {damaged[0]['error']}\n"
            "replace them, or go on without what they lost with --allow-damaged-files"
        )
    if account.get("documents.kept", 0) == 0:
        documents = documents_account(account)
        reasons = ", ".join(f"{name} {count:,}" for name, count in documents["rejected"].items()) or "the files hold no document"
        raise BuildError(
            f"no document is left of {documents['read']:,}: {reasons}\nsee what the rules do: albert-data clean --explain --corpus …"
        )


def _wire(pipeline: beam.Pipeline, files: Sequence[CorpusFile], config: CountingConfig, folder: str) -> None:
    """Words and counts as a text file below `folder`, and the account of the documents."""
    choice = config.choice()
    raw = pipeline | "ReadCorpus" >> ReadCorpus(files, sample=choice.sample)
    batches, accounts = raw.batches, [raw.accounts]
    if choice.limit is not None or choice.caps:
        chosen = batches | "KeepSmallest" >> KeepSmallest(choice.limit, choice.caps)
        batches, accounts = chosen.batches, [raw.accounts, chosen.accounts]
    clean = CleanDocuments(config.clean, config.repeated_lines, partitions=num_partitions(text_bytes(files)))
    cleaned = batches | "CleanDocuments" >> clean
    words = cleaned.kept | "SplitWords" >> beam.ParDo(SplitWords(config.lower_case)).with_output_types(pa.RecordBatch)
    _count(words, folder)
    rejects = (raw.rejects, cleaned.rejects) | "FlattenRejects" >> beam.Flatten()
    rejected = rejects | "CountRejects" >> beam.Map(count_rejects).with_output_types(Account)
    kept = cleaned.kept | "CountKept" >> beam.Map(count_kept).with_output_types(Account)
    everything = [*accounts, rejected, kept] | "FlattenAccounts" >> beam.Flatten()
    _ = everything | "SumAccounts" >> SumAccounts() | "WriteAccount" >> beam.Map(write_account, folder, beam.pvalue.AsList(raw.damaged))


def count_rejects(batch: pa.RecordBatch) -> Account:
    """Documents of a batch of rejects by reason."""
    return {f"documents.rejected.{row['values']}": row["counts"] for row in pc.value_counts(batch.column("reason")).to_pylist()}


def count_kept(batch: pa.RecordBatch) -> Account:
    """Documents of a batch."""
    return {"documents.kept": batch.num_rows}


def write_account(account: Account, folder: str, damaged: list[dict[str, Any]]) -> None:
    """The account of the job, and the files that were damaged, where the launcher looks for them."""
    ordered = sorted(damaged, key=lambda file: (file["file"], file["error"]))
    storage.write_json(folder, ACCOUNT, {"account": account, "damaged": ordered})


def _count(words: beam.PCollection, folder: str) -> None:
    import tensorflow_transform as tft  # here: slow to import, and the other commands do without
    import tensorflow_transform.beam as tft_beam
    from tensorflow_metadata.proto.v0 import schema_pb2
    from tfx_bsl.public.tfxio import TensorAdapterConfig

    def count(features: dict[str, Any]) -> dict[str, Any]:
        tft.vocabulary(features[WORDS], top_k=MAX_COUNTED, vocab_filename=COUNTS, store_frequency=True)
        return features

    layout = schema_pb2.TensorRepresentation()
    layout.varlen_sparse_tensor.column_name = WORDS
    with tft_beam.Context(temp_dir=storage.join(folder, "analysis")):
        counted = (words, TensorAdapterConfig(WORDS_SCHEMA, {WORDS: layout})) | "CountWords" >> tft_beam.AnalyzeDataset(count)
    counted | "WriteCounts" >> tft_beam.WriteTransformFn(storage.join(folder, COUNTS))


class SplitWords(beam.DoFn):
    """Batches of documents → batches of words: normalised and split as BERT does before WordPiece, a Han character a word."""

    def __init__(self, lower_case: bool):
        self.lower_case = lower_case

    def setup(self) -> None:
        """Makes the library's objects, which do not travel."""
        self.normalizer = normalizers.BertNormalizer(lowercase=self.lower_case)
        self.splitter = pre_tokenizers.BertPreTokenizer()

    def process(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """One row of words for each document."""
        rows = [self.words(text) for text in batch.column("text").to_pylist()]
        yield pa.RecordBatch.from_arrays([pa.array(rows, WORDS_SCHEMA.field(WORDS).type)], schema=WORDS_SCHEMA)

    def words(self, text: str) -> list[bytes]:
        """The words of a text, in order."""
        split = self.splitter.pre_tokenize_str(self.normalizer.normalize_str(text))
        return [word.encode() for word, _ in split if len(word) <= MAX_WORD]


def _read_counts(folder: str) -> list[tuple[str, int]]:
    """What `tft.vocabulary` wrote: a file of that name in the folder of that name."""
    lines: Iterable[str] = ()
    for path in storage.list_files(storage.join(folder, COUNTS, "**")):
        if path.endswith(f"/{COUNTS}"):
            lines = storage.read(path).decode().split("\n")
    counts = [(word, int(number)) for number, _, word in (line.partition(" ") for line in lines) if word]
    return sorted(counts, key=lambda item: (-item[1], item[0]))
