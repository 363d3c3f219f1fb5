"""Whether the vocabulary fits the corpus: too many [UNK] are said before the shards are made, and again in the manifest."""

import contextlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import storage
from pipelines.accounts import Account, add_accounts
from pipelines.compact import DocumentTokenizer
from pipelines.instances import InstancesConfig
from pipelines.statistics import summarize
from pipelines.unknown_characters import MissingCharacters, count_tokens, readable
from pipelines.words import Segmenter

MAX_UNKNOWN_SHARE = 0.05
"""Of the tokens of a source. Real Chinese text has 0.2 to 1.5 % with BERT's vocabulary; masks avoid words that hold an [UNK]."""
SAMPLE_CHARACTERS = 400_000  # less than a second
DOCUMENT_CHARACTERS = 10_000  # that are looked at of a document: books must not fill the sample
MIN_SAMPLE_TOKENS = 500  # of a source: a short poem in the sample says nothing
ROWS = 64  # documents read at a time
MAX_NAMED = 5  # sources and
MAX_SHOWN = 8  # characters in a message
QUOTES = "‘’“”"


def vocabulary_warning(statistics: Mapping[str, Any], sample: str = "") -> str | None:
    """What is to be said of the statistics of a manifest: the sources with too many [UNK], the characters and the fix; or None.

    `sample`: what the statistics are of, if not of the whole.
    """
    sources = statistics["sources"]
    too_many = (name for name, source in sources.items() if source["document_unknown_share"] > MAX_UNKNOWN_SHARE)
    bad = sorted(too_many, key=lambda name: (-sources[name]["document_unknown_share"], name))
    if not bad:
        return None
    named = ", ".join(f"{name} {sources[name]['document_unknown_share']:.1%}" for name in bad[:MAX_NAMED])
    others = f" and {len(bad) - MAX_NAMED} other sources" if len(bad) > MAX_NAMED else ""
    found = sources[bad[0]]["unknown_characters"][:MAX_SHOWN]
    shares = ", ".join(f"{readable(entry['text'])} {entry['share']:.1%}" for entry in found)
    wanted = "".join(entry["text"] for entry in found if len(entry["text"]) == 1 and readable(entry["text"]) == entry["text"])
    extend = f", put them into this one (albert-data vocab --extend FILE --add {shlex.quote(wanted)})" if wanted else ""
    fold = ", fold quotes (--rule fold_quotes=true)" if set(wanted) & set(QUOTES) else ""
    return (
        f"[UNK] is more than {MAX_UNKNOWN_SHARE:.0%} of the tokens{sample}: {named}{others}; there most often {shares}\n"
        f"the vocabulary does not fit this text: give another --vocab, learn one (albert-data vocab){extend}{fold}"
    )


def misfit_of_sample(paths: Sequence[str], sources: Sequence[str], config: InstancesConfig) -> str | None:
    """The warning for a sample of the cleaned documents in `paths`, before hours are spent on a vocabulary that does not fit."""
    counts = sample_counts(paths, config)
    read = [name for name in sources if counts.get(f"document_tokens@{name}", 0) >= MIN_SAMPLE_TOKENS]
    num_tokens = sum(counts[f"document_tokens@{name}"] for name in read)
    return vocabulary_warning(summarize(counts, config.drawing, read), f" of a sample ({num_tokens:,})")


def sample_counts(paths: Sequence[str], config: InstancesConfig) -> Account:
    """Tokens and [UNK] of the first documents of the files. They lie there by their hash, so the first are as good as any."""
    tokenizer = config.tokenizer
    documents, missing = DocumentTokenizer(tokenizer, Segmenter("none"), config.drawing.max_tokens), MissingCharacters(tokenizer)
    accounts, left = [], SAMPLE_CHARACTERS
    for sources, texts in _first_documents(paths):
        tokenized = documents.tokenize(texts)
        accounts.append(count_tokens(tokenized.token_ids, tokenized.offsets, tokenized.unknown, sources, missing))
        left -= sum(map(len, texts))
        if left <= 0:
            break
    return add_accounts(accounts)


def _first_documents(paths: Sequence[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Sources and beginnings of documents, a few at a time. A file that cannot be read is left to the job, which will name it."""
    for path in paths:
        with contextlib.suppress(pa.ArrowException, OSError), storage.open_file(path) as file:
            for batch in pq.ParquetFile(file).iter_batches(ROWS, columns=["source", "text"]):
                yield batch.column("source").to_pylist(), [text[:DOCUMENT_CHARACTERS] for text in batch.column("text").to_pylist()]
