"""Which format a file is in, by its name and the beginning of its content, when `--corpus` does not say.

In this order:

1. content that is a known container of another kind (Parquet, zip, tar, PDF) is refused by name;
2. content that begins with a JSON object is JSON Lines, and `wiki2019zh` if that object has the fields `id`, `url`, `title` and `text`;
   a name in `.jsonl`, `.ndjson` or `.json` means JSON Lines too, but a JSON *array* is refused;
3. text is `blank_line` if it looks like the layout of BERT's own scripts: blank lines separate blocks, most blocks have several lines,
   and most lines end a sentence. Paragraphs with a blank line after each (Markdown, articles), verse and hard-wrapped lines are not that;
4. any other text is one document a file, or one document a line if it is too long to be one document.
"""

import json
import re
from pathlib import PurePosixPath

from corpora.byte_ranges import MAX_RECORD_BYTES
from corpora.compression import strip_compression_suffix
from corpora.errors import CorpusError
from corpora.sections import Head

CONTAINERS = {b"PAR1": "a Parquet file", b"PK\x03\x04": "a zip archive", b"%PDF-": "a PDF file", b"\x89HDF": "an HDF5 file"}
TAR_MAGIC_OFFSET = 257
JSON_SUFFIXES = frozenset({".jsonl", ".ndjson", ".json"})
WIKI_KEYS = frozenset({"id", "url", "title", "text"})
OVERRIDE = "name the format, as in --corpus text=GLOB (albert-data build --help lists them), or leave the file out of the glob"

MIN_BLOCKS = 3
MIN_SENTENCE_END_SHARE = 0.7
MIN_LINES_PER_BLOCK = 2  # in the median
_SENTENCE_END = re.compile(r"[。！？!?；;…][”’」』）)]*$|(?<=[\u4e00-\u9fff])\.$")
_JSON_OBJECT = re.compile(r"\s*\{\s*[\"}]")


def guess_format(path: str, head: Head, size: int) -> str:
    """The name of the format of a file that begins with `head` and has `size` bytes.

    Raises:
      CorpusError: for a container that no reader takes.
    """
    _refuse_containers(path, head.sample)
    text = head.sample.decode(head.encoding, "replace").lstrip("\ufeff")
    suffix = PurePosixPath(strip_compression_suffix(path)).suffix.lower()
    if _JSON_OBJECT.match(text):
        return "wiki2019zh" if _first_keys(text) >= WIKI_KEYS else "jsonl"
    if suffix in JSON_SUFFIXES:
        if text.lstrip().startswith("["):
            raise CorpusError(f"{path} is a JSON array, which no reader takes\nput one object on each line (jq -c '.[]'), or {OVERRIDE}")
        return "jsonl"
    if separates_documents_by_blank_lines(text):
        return "blank_line"
    return "text" if size <= MAX_RECORD_BYTES else "line"


def separates_documents_by_blank_lines(text: str) -> bool:
    """Whether the beginning of a text looks like documents of one sentence or paragraph a line, separated by blank lines."""
    lines = [line.strip() for line in text.splitlines()[:-1]]  # the last may be cut
    blocks: list[int] = []
    previous = ""
    for line in lines:
        if line:
            if not previous:
                blocks.append(0)
            blocks[-1] += 1
        previous = line
    if len(blocks) < MIN_BLOCKS or sorted(blocks)[len(blocks) // 2] < MIN_LINES_PER_BLOCK:
        return False
    ends = sum(1 for line in lines if _SENTENCE_END.search(line))
    return ends >= MIN_SENTENCE_END_SHARE * sum(blocks)


def _refuse_containers(path: str, sample: bytes) -> None:
    kind = next((kind for magic, kind in CONTAINERS.items() if sample.startswith(magic)), None)
    if sample[TAR_MAGIC_OFFSET : TAR_MAGIC_OFFSET + 5] == b"ustar":
        kind = "a tar archive"
    if kind is not None:
        raise CorpusError(f"{path} is {kind}, which no reader takes\nunpack or convert it, or {OVERRIDE}")


def _first_keys(text: str) -> set[str]:
    """Field names of the object on the first line; of a line longer than the sample, those that can be seen at its beginning."""
    line = text.lstrip().split("\n", 1)[0]
    try:
        return set(json.loads(line))
    except (ValueError, RecursionError):
        return set(re.findall(r'[{,]\s*"(\w+)"\s*:', line))
