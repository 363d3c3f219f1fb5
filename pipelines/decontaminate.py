"""Documents that hold text of evaluation files: they go, and name the file and the line, or a model would be tested on what it has read."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.typehints.decorators import no_annotations

from corpora.compression import DamagedStreamError
from pipelines import storage
from pipelines.errors import BuildError
from pipelines.evaluation_runs import ANCHOR, MIN_RUN, EvaluationIndex, SharedRun, find_runs, make_index
from pipelines.evaluation_text import read_texts
from pipelines.read import match_files, open_file
from pipelines.rejects import RejectOutput, reject_rows

STAGE = "decontaminate"
FOLDER = "evaluation"  # of copies, in the output folder
MAX_BYTES = 256 << 20
"""Of all evaluation files as they are stored: every worker holds their texts."""
SHOWN_CHARACTERS = 60

Copies = tuple[tuple[str, str], ...]
"""Paths of evaluation files, each with that of a copy."""


@dataclass(frozen=True, slots=True)
class EvaluationFile:
    """A file as it was when the job was launched."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class DecontaminationConfig:
    """Whose text documents must not hold; without files nothing is looked for."""

    files: tuple[EvaluationFile, ...] = ()
    min_run: int = MIN_RUN
    """Characters in a row, punctuation and blanks not counted, that a document may not share; all of a text that has fewer."""

    def __post_init__(self) -> None:
        """Refuses runs that cannot be found."""
        if self.min_run < ANCHOR:
            raise BuildError(f"min_run {self.min_run} is less than {ANCHOR}\nshorter runs are common phrases; the default is {MIN_RUN}")

    @classmethod
    def of(cls, patterns: Sequence[str]) -> "DecontaminationConfig":
        """The files that some globs mean, by path.

        Raises:
          BuildError: a glob that means none, a file that cannot be read, too much of them, or nothing in them to look for.
        """
        found: dict[str, int] = {}
        for pattern in patterns:
            matches = {entry.path: entry.size_in_bytes for entry in match_files(pattern)}
            if not matches:
                raise BuildError(
                    f"--decontaminate {pattern} matches no file\ncheck the path; quote a glob so that the shell leaves it alone"
                )
            found |= matches
        total = sum(found.values())
        if total > MAX_BYTES:
            raise BuildError(
                f"--decontaminate names {total:,} bytes of files, more than {MAX_BYTES:,}"
                "\nevery worker holds their texts: give test sets, not corpora"
            )
        config = cls(
            files=tuple(EvaluationFile(path, size, hashlib.sha256(_read(path)).hexdigest()) for path, size in sorted(found.items()))
        )
        if config.is_on and not len(load_index(config).bounds) > 1:
            raise BuildError(
                f"--decontaminate: no text of {ANCHOR} Han characters in {', '.join(file.path for file in config.files[:3])}"
                "\ngive evaluation files: JSON, JSON Lines, TSV, CSV or plain lines, compressed or not"
            )
        return config

    @property
    def is_on(self) -> bool:
        """Whether anything is looked for."""
        return bool(self.files)

    def fingerprint(self) -> list[str]:
        """What decides the result: the contents of the files, whatever they are called."""
        return [str(self.min_run), *(file.sha256 for file in self.files)]


def _read(path: str) -> bytes:
    try:
        with open_file(path) as file:
            return file.read()
    except OSError as error:
        raise BuildError(f"--decontaminate: {path} cannot be read: {error}\nmend its permissions or leave it out of the glob") from error


def copy_for_workers(config: DecontaminationConfig, output: str) -> Copies:
    """Copies of the files that lie on this machine, beside an output that does not: workers elsewhere can read only those."""
    if "://" not in output:
        return ()
    folder = storage.join(output, FOLDER)
    copies = []
    for file in config.files:
        if "://" not in file.path:
            storage.copy(file.path, folder, file.sha256)
            copies.append((file.path, storage.join(folder, file.sha256)))
    return tuple(copies)


@lru_cache(maxsize=1)
def load_index(config: DecontaminationConfig, copies: Copies = ()) -> EvaluationIndex:
    """The texts of all files, once a process. `copies`: where some of them are to be read in place of their paths.

    Raises:
      BuildError: a file that is not what it was when the job was launched, or whose text cannot be had.
    """
    texts: list[tuple[int, int, str]] = []
    for number, file in enumerate(config.files):
        content = _read(dict(copies).get(file.path, file.path))
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise BuildError(f"--decontaminate: {file.path} has changed since the job was launched\nstart it again")
        try:
            texts.extend((number, line, text) for line, text in read_texts(file.path, content))
        except (DamagedStreamError, ValueError, RecursionError) as error:
            raise BuildError(f"--decontaminate: {file.path} cannot be read: {error}\nget it anew, or leave it out of the glob") from error
    return make_index(texts, config.min_run)


class WithoutEvaluationText(NamedTuple):
    """What `DropEvaluationText` gives: every document is in one of the two."""

    kept: beam.PCollection  # of CLEANED_SCHEMA
    rejects: beam.PCollection  # of REJECT_SCHEMA


class DropEvaluationText(beam.PTransform):
    """Batches of documents → those that share no long run of characters with an evaluation file."""

    def __init__(self, config: DecontaminationConfig, copies: Copies = ()) -> None:
        """`copies`: see `copy_for_workers`."""
        super().__init__()
        self.config, self.copies = config, copies

    @no_annotations
    def expand(self, documents: beam.PCollection) -> WithoutEvaluationText:
        """Each batch by itself; no work at all without evaluation files."""
        compared = documents | "FindEvaluationText" >> beam.ParDo(FindEvaluationText(self.config, self.copies)).with_outputs(
            "rejects", main="kept"
        )
        return WithoutEvaluationText(compared.kept, compared.rejects)


class FindEvaluationText(beam.DoFn):
    """A batch → its documents without evaluation text; rejects as tagged output."""

    def __init__(self, config: DecontaminationConfig, copies: Copies = ()) -> None:
        self.config, self.copies = config, copies

    def setup(self) -> None:
        """The evaluation texts."""
        self.index = load_index(self.config, self.copies) if self.config.is_on else None

    def process(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch | RejectOutput]:
        """The batch itself if nothing is found."""
        runs = find_runs(batch.column("text"), self.index, self.config.min_run) if self.index is not None else []
        if not runs:
            yield batch
            return
        rows = [run.row for run in runs]
        if len(rows) < batch.num_rows:
            yield batch.take(pa.array(np.delete(np.arange(batch.num_rows), rows)))
        messages = [self._describe(run) for run in runs]
        rejects = reject_rows(batch.take(pa.array(rows)), STAGE, ["evaluation_text"] * len(rows), messages)
        yield beam.pvalue.TaggedOutput("rejects", rejects)

    def _describe(self, run: SharedRun) -> str:
        file, line = self.index.places[run.text] if self.index is not None else (0, 0)
        shown = run.characters[:SHOWN_CHARACTERS] + "…" * (len(run.characters) > SHOWN_CHARACTERS)
        return f"{len(run.characters)} characters as in {self.config.files[file].path}:{line}: {shown}"
