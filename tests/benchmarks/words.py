"""Whether rjieba, as we use it, has the words of jieba: on every cleaned line of the benchmark corpus and of the news.

python -m tests.benchmarks.words               both archives, every line, about ten minutes
python -m tests.benchmarks.words --limit 300   of each, the lines of so many documents
"""

import itertools
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from pipelines.segmenters import new_jieba
from pipelines.simplified_shadow import simplified_shadow
from pipelines.words import Segmenter
from tests.shared_data import ROOT

ARCHIVES = ("bench_wiki2019zh.jsonl.xz", "cctv_news_md.tar.xz")
SHOWN = 5  # differing lines of an archive that are printed


def cleaned_lines(archive: Path, limit: int | None) -> Iterator[str]:
    """The lines of the documents that are kept of an archive with the default rules."""
    from apache_beam.options.pipeline_options import PipelineOptions

    from corpora.sources import source_of
    from pipelines.cleaning import CleaningConfig, run_clean
    from pipelines.near_duplicates import NearDuplicatesConfig

    with tempfile.TemporaryDirectory() as folder:
        unlike = NearDuplicatesConfig(min_jaccard=0)
        run_clean(
            CleaningConfig(output=folder, sources=(source_of(str(archive)),), near_duplicates=unlike, limit=limit), PipelineOptions([])
        )
        for path in sorted(Path(folder, "documents").glob("*.parquet")):
            for text in pq.read_table(path, columns=["text"]).column("text").to_pylist():
                yield from text.split("\n")


def compare(archive: Path, limit: int | None) -> str:
    """The row of an archive; differing lines are printed as they are found."""
    rjieba, jieba, plain = Segmenter("rjieba"), Segmenter("jieba"), new_jieba()
    num_lines = num_characters = num_differing = num_shadowed = 0
    for line in cleaned_lines(archive, limit):
        ours, theirs = rjieba.word_starts(line), jieba.word_starts(line)
        num_lines, num_characters = num_lines + 1, num_characters + len(line)
        if simplified_shadow(line) != line:
            num_shadowed += 1
        elif theirs.tolist() != [start for _, start, _ in plain.tokenize(line)]:
            raise AssertionError(f"--segmenter jieba is not jieba: {line}")
        if not np.array_equal(ours, theirs):
            num_differing += 1
            if num_differing <= SHOWN:
                print(f"rjieba  {_shown(line, ours)}\njieba   {_shown(line, theirs)}", file=sys.stderr)
    return f"| {archive.name} | {num_lines:,} | {num_characters:,} | {num_differing:,} | {num_shadowed:,} |"


def _shown(line: str, starts: np.ndarray) -> str:
    return " ".join(line[first:end] for first, end in itertools.pairwise([*starts.tolist(), len(line)]))


def main() -> None:
    """Prints the table."""
    limit = int(sys.argv[2]) if sys.argv[1:2] == ["--limit"] else None
    print("| archive | lines | characters | lines that differ | lines with a shadow |\n|---|---|---|---|---|")
    for name in ARCHIVES:
        print(compare(ROOT / "data/corpora" / name, limit), flush=True)


if __name__ == "__main__":
    main()
