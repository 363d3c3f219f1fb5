"""What the build does to some pieces of a corpus, done here: the same functions, in this process, on one core, each stage timed.

pieces ─▶ line rules ─▶ exact copies ─▶ repeated lines ─▶ document rules ─▶ comparison ─▶ Parquet ─▶ tokens, words ─▶ shards
"""

import contextlib
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba.core.event import Event, Listener, install_listener

from pipelines.apply_rules import ApplyDocumentRules, ApplyLineRules
from pipelines.batches import CLEANED_SCHEMA, ArrowBatchCoder, PackedBatchCoder
from pipelines.candidate_pairs import bucket_rows
from pipelines.cleaning import CleaningConfig
from pipelines.compact import COMPACT_SCHEMA
from pipelines.decontaminate import FindEvaluationText
from pipelines.instances import InstancesConfig, SegmentAndTokenize, WriteShard
from pipelines.line_frequencies import count_documents
from pipelines.planning.corpus_sample import Piece
from pipelines.repeated_lines import RemoveLines, RepeatedLinesConfig
from pipelines.write_documents import write_part
from pipelines.write_shards import ShardPlan

MIN_LINE_PIECES = 3
"""A line that the sample has in fewer documents is not taken for boilerplate, however large its share."""
WARM_UP_ROWS = 20


@dataclass(slots=True)
class PieceOutcome:
    """What became of a piece.

    Attributes:
      piece: which.
      kept: its documents that are left, CLEANED_SCHEMA.
      rejected: its records that are not, by reason.
      instances: that its documents give, all copies.
      shard_bytes: that these take.
      lined_bytes: of documents that are left after the rules for lines, and go where their copies go.
      bucket_bytes: that are shuffled to find near duplicates.
      compact_bytes: that its documents take in the shuffle before the shards.
      packed_bytes: of `kept`, as engines carry it that are paid by the byte.
      packed_compact_bytes: the same of what goes to the shards, a document at a time.
    """

    piece: Piece
    kept: pa.RecordBatch
    rejected: Counter[str] = field(default_factory=Counter)
    instances: int = 0
    shard_bytes: int = 0
    lined_bytes: int = 0
    bucket_bytes: int = 0
    compact_bytes: int = 0
    packed_bytes: int = 0
    packed_compact_bytes: int = 0

    @property
    def kept_bytes(self) -> int:
        """Of clean text, in UTF-8."""
        return int(pc.sum(pc.binary_length(self.kept.column("text"))).as_py() or 0)


@dataclass(slots=True)
class SampleOutcome:
    """What became of all pieces, and what it cost.

    Attributes:
      pieces: one by one.
      parquet_bytes: that the documents take, of each source.
      line_bytes: that are shuffled to find repeated lines, of each source.
      seconds: of CPU by stage.
      startup_seconds: of CPU until the first document was through: dictionaries and vocabulary, which every worker loads once. What numba
        compiled for it is left out.
      fixed_seconds: of CPU for a shard without documents; it is not a part of `seconds`.
    """

    pieces: list[PieceOutcome]
    parquet_bytes: dict[str, int]
    line_bytes: dict[str, int]
    seconds: dict[str, float]
    startup_seconds: float
    fixed_seconds: float


class _Compilations(Listener):
    """Seconds of CPU in which numba compiled: it keeps the kernels, so that the next process, the build's, need not."""

    def __init__(self) -> None:
        self.seconds, self._depth, self._started = 0.0, 0, 0.0

    def on_start(self, event: Event) -> None:
        if not self._depth:
            self._started = time.process_time()
        self._depth += 1

    def on_end(self, event: Event) -> None:
        self._depth -= 1
        if not self._depth:
            self.seconds += time.process_time() - self._started


class _Clock:
    """Seconds of CPU by stage, without those of compilation."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.compilations = _Compilations()

    def now(self) -> float:
        return time.process_time() - self.compilations.seconds

    @contextlib.contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        started = self.now()
        yield
        self.seconds[stage] += self.now() - started


class _Stages:
    """The functions of the build, ready to be called."""

    def __init__(self, cleaning: CleaningConfig, instances: InstancesConfig, folder: str, clock: _Clock) -> None:
        self.cleaning, self.instances, self.folder, self.clock = cleaning, instances, folder, clock
        self.line_rules = ApplyLineRules(cleaning.clean)
        self.document_rules = ApplyDocumentRules(cleaning.clean)
        self.evaluation_text = FindEvaluationText(cleaning.decontamination)
        names = [source.name for source in cleaning.sources]
        plan = ShardPlan(output=folder, num_train=1, num_eval=0, sources=tuple(names), weights=tuple(s.weight for s in cleaning.sources))
        self.plan, self.tokenize, self.write = plan, SegmentAndTokenize(instances), WriteShard(instances)
        self.remove_lines = RemoveLines(cleaning.repeated_lines)
        self.ranks = {name: rank for rank, name in enumerate(cleaning.preferred)}
        self.coder = ArrowBatchCoder()
        for stage in (self.line_rules, self.document_rules, self.evaluation_text, self.tokenize, self.write):
            stage.setup()

    def clean_lines(self, piece: Piece) -> PieceOutcome:
        """The first pass over a piece: everything that can be done without knowing the others."""
        with self.clock("clean"):
            kept, rejected = _split(self.line_rules.process(piece.documents))
        return PieceOutcome(piece, kept, piece.bad + rejected, lined_bytes=kept.nbytes)

    def apply_rules(self, outcome: PieceOutcome, frequent: Sequence[tuple[str, pa.RecordBatch]]) -> None:
        """The second: what depends on the lines that the source repeats, and the rules for documents."""
        with self.clock("clean"):
            plain, rejected = _split(self.remove_lines.process(outcome.kept, frequent))
            outcome.rejected += rejected
            outcome.kept, rejected = _split(self.document_rules.process(plain))
            outcome.rejected += rejected

    def make_instances(self, outcome: PieceOutcome) -> None:
        """The third: what becomes of documents that no other source has."""
        with self.clock("compare"):
            if self.cleaning.near_duplicates.is_on:
                outcome.bucket_bytes = bucket_rows(outcome.kept, self.ranks).nbytes
            outcome.kept, rejected = _split(self.evaluation_text.process(outcome.kept))
            outcome.rejected += rejected
        if not outcome.kept.num_rows:
            return
        with self.clock("shuffle"):
            self.coder.decode(self.coder.encode(outcome.kept))
        with self.clock("segment"):
            compact = [part[1] for part in self.tokenize.process(outcome.kept, self.plan) if isinstance(part, tuple)]
        outcome.compact_bytes = sum(batch.nbytes for batch in compact)
        packed = PackedBatchCoder()
        outcome.packed_bytes = len(packed.encode(outcome.kept))
        outcome.packed_compact_bytes = sum(len(packed.encode(batch.slice(row, 1))) for batch in compact for row in range(batch.num_rows))
        with self.clock("instances"):
            results = list(self.write.process((0, compact), self.plan))
        outcome.instances = sum(result["instances"] for result in results)
        outcome.shard_bytes = sum(result["bytes"] + result["documents"]["bytes"] for result in results)

    def write_documents(self, outcomes: Iterable[PieceOutcome]) -> int:
        """Bytes of the Parquet file of all documents: it packs long columns better than short ones."""
        with self.clock("write documents"):
            return int(write_part(self.folder, 1, ("", 0), [outcome.kept for outcome in outcomes])["bytes"])


def run_stages(pieces: Iterable[Piece], cleaning: CleaningConfig, instances: InstancesConfig, shares: dict[str, float]) -> SampleOutcome:
    """Builds the pieces and throws away what comes out. `shares`: of each source, the part of it that the pieces are."""
    listed, clock = list(pieces), _Clock()
    with tempfile.TemporaryDirectory() as folder, install_listener("numba:compile", clock.compilations):
        started = clock.now()
        stages = _Stages(cleaning, instances, folder, clock)
        for piece in listed[:1]:
            warm = Piece(piece.source, piece.documents.slice(0, WARM_UP_ROWS), 0, 0, Counter())
            stages.make_instances(stages.clean_lines(warm))
        startup = clock.now() - started
        stages.clock.seconds.clear()
        with stages.clock("fixed"):
            list(stages.write.process((0, [pa.RecordBatch.from_pylist([], schema=COMPACT_SCHEMA)]), stages.plan))
        fixed = stages.clock.seconds.pop("fixed")
        outcomes = [stages.clean_lines(piece) for piece in listed]
        drop_copies(outcomes, within_source=True)
        lines = count_lines(outcomes, cleaning.repeated_lines, stages.clock)
        frequent = frequent_lines(lines, cleaning.repeated_lines, shares)
        for outcome in outcomes:
            stages.apply_rules(outcome, frequent)
        drop_copies(sorted(outcomes, key=lambda outcome: stages.ranks[outcome.piece.source]), within_source=False)
        for outcome in outcomes:
            stages.make_instances(outcome)
        parquet = {
            source: stages.write_documents(outcome for outcome in outcomes if outcome.piece.source == source)
            for source in sorted({piece.source for piece in listed})
        }
        seconds = stages.clock.seconds
        seconds["instances"] = max(0.0, seconds["instances"] - fixed * len(outcomes))
    line_bytes = {source: counts.hashes.nbytes + counts.counts.nbytes for source, counts in lines.items()}
    return SampleOutcome(outcomes, parquet, line_bytes, seconds, startup, fixed)


def _split(outputs: Iterable[Any]) -> tuple[pa.RecordBatch, Counter[str]]:
    """Of what a stage yields: the documents that it keeps as one batch, and how many it rejects, by reason."""
    kept: list[pa.RecordBatch] = []
    rejected: Counter[str] = Counter()
    for output in outputs:
        if isinstance(output, pa.RecordBatch):
            kept.append(output)
        elif output.tag == "rejects":
            rejected.update(output.value.column("reason").to_pylist())
    return (pa.concat_batches(kept) if kept else pa.RecordBatch.from_pylist([], schema=CLEANED_SCHEMA)), rejected


def drop_copies(outcomes: Iterable[PieceOutcome], *, within_source: bool) -> None:
    """Of the documents with the same text, as far as they are in the sample, the first stays."""
    seen: set[tuple[str, bytes]] = set()
    for outcome in outcomes:
        keep = []
        for document_id in outcome.kept.column("document_id").to_pylist():
            identity = outcome.piece.source if within_source else "", document_id
            keep.append(identity not in seen)
            seen.add(identity)
        if not all(keep):
            outcome.rejected["exact_duplicate"] += keep.count(False)
            outcome.kept = outcome.kept.filter(pa.array(keep))


class LineCounts(NamedTuple):
    """The lines of a source that count, and in how many of its documents each stands."""

    hashes: np.ndarray  # uint64 [H]
    counts: np.ndarray  # int64 [H]
    num_documents: int


def count_lines(outcomes: Sequence[PieceOutcome], config: RepeatedLinesConfig, clock: _Clock) -> dict[str, LineCounts]:
    """The lines of each source in the sample; none if the rule is off."""
    found = {}
    for source in sorted({outcome.piece.source for outcome in outcomes}) if config.max_line_share else []:
        mine = [outcome.kept for outcome in outcomes if outcome.piece.source == source and outcome.kept.num_rows]
        if mine:
            batch = pa.concat_batches(mine)
            with clock("clean"):
                lines = config.find_lines(batch)
                found[source] = LineCounts(*count_documents(lines.rows, lines.hashes), batch.num_rows)
    return found


def frequent_lines(lines: dict[str, LineCounts], config: RepeatedLinesConfig, shares: dict[str, float]) -> list[tuple[str, pa.RecordBatch]]:
    """For each source the lines that it will be found to repeat: in the sample their share is about that in all documents."""
    frequent = []
    for source, (hashes, counts, num_documents) in lines.items():
        least = max(config.max_line_share * num_documents, config.min_line_documents * min(1.0, shares[source]))
        enough = counts >= max(least, MIN_LINE_PIECES if shares[source] < 1 else 0)
        if enough.any():
            frequent.append((source, pa.record_batch({"hash": hashes[enough], "documents": np.asarray(counts)[enough]})))
    return frequent
