"""Files of tasks as they are published, read into records: TSV, CSV, JSON, JSON Lines, columns; compressed or not.

A record knows where it stands, so that what is wrong with it can be said: `train.tsv, line 17`.
"""

import bz2
import codecs
import csv
import gzip
import io
import json
import lzma
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from albert_core.errors import AlbertError
from albert_core.tasks import CLASSIFY, SPAN, TAG, Task

OPENERS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.decompress, ".xz": lzma.decompress, ".bz2": bz2.decompress}
SPLITS = {"train": ("train", "trial"), "dev": ("dev", "valid", "validation"), "test": ("test",)}
ENDINGS = (".tsv", ".csv", ".json", ".jsonl", ".txt", ".conll", ".bmes", ".char")
MANY_FIELDS = 64  # columns; more is another kind of file
KEYWORDS_JOINED_BY = "；"


class Entity(NamedTuple):
    """Characters [start, end) of a text."""

    start: int
    end: int
    type: str


class Record(NamedTuple):
    """One example of a file. What a kind does not need is empty; `label` None where the file has none.

    classify: texts = (a,) or (a, b).   choice: texts = the text and the question, choices; label = the number of the right one.
    span: texts = (question, context), answers; label unused.   tag: texts = (a,), entities.
    """

    where: str
    identifier: str
    texts: tuple[str, ...]
    label: str | None = None
    choices: tuple[str, ...] = ()
    answers: tuple[str, ...] | None = None
    answer_start: int | None = None
    entities: tuple[Entity, ...] | None = None


def find_file(data: str | Path, split: str, *, needed: bool = True) -> Path | None:
    """The file of a split in a folder of a task: `train.tsv`, `cmrc2018_dev.json`, `test_public.json.xz` and so on.

    Raises:
      AlbertError: there is none, or several.
    """
    folder = Path(data)
    if not folder.is_dir():
        raise AlbertError(f"--data {folder} is no folder\ngive the folder with {SPLITS[split][0]}.tsv, .csv, .json, .jsonl or .txt in it")
    found = [path for path in sorted(folder.iterdir()) if _is_of(path, split)]
    exact = [path for path in found if path.name.split(".")[0].lower() == split]
    if len(found) > 1:
        found = exact or found
    if len(found) > 1:
        raise AlbertError(
            f"{folder} has {len(found)} files for {split}: {', '.join(path.name for path in found)}\nname the one: --{split}-file"
        )
    if not found and needed:
        there = ", ".join(path.name for path in sorted(folder.iterdir())[:8]) or "nothing"
        raise AlbertError(
            f"{folder} has no file for {split}: there is {there}\n"
            f"call it {split}.tsv, .csv, .json, .jsonl or .txt, or name it: --{split}-file"
        )
    return found[0] if found else None


def _is_of(path: Path, split: str) -> bool:
    name = path.name.lower()
    for suffix in OPENERS:
        name = name.removesuffix(suffix)
    stem, dot, ending = name.rpartition(".")
    words = re.split(r"[^a-z0-9]+", stem)
    return f"{dot}{ending}" in ENDINGS and "answer" not in words and any(word in words for word in SPLITS[split])


def read_records(path: str | Path, task: Task) -> list[Record]:
    """All records of a file.

    Raises:
      AlbertError: it cannot be read, is not of the task's layout, or a record lacks a field or has an empty text; file and line are named.
    """
    path = Path(path)
    text = _read_text(path)
    records = list(LAYOUTS[task.layout](path, text, task))
    if not records:
        raise AlbertError(f"{path} holds no record\ngive a file with at least one")
    for record in records:
        empty = [name for name, text in zip(task.text_names, record.texts, strict=True) if not text.strip()]
        needed = task.kind == CLASSIFY and record.label is not None  # CMRC 2018 has a question without words
        if len(empty) == len(record.texts) or (empty and needed) or (task.kind == SPAN and "text" in empty):
            raise AlbertError(f"{record.where}: the {empty[0]} is empty\nfill it, or remove the record")
    return records


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
        if path.suffix in OPENERS:
            content = OPENERS[path.suffix](content)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise AlbertError(f"{path} cannot be read: {error}\ngive a file that is whole") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        encoding = "UTF-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "GB18030"
        fix = f"it is probably {encoding}, convert it: iconv -f {encoding} -t UTF-8 {path.name} > {path.stem}-utf8{path.suffix}"
        raise AlbertError(f"{path}, line {line}: byte {error.start} is not UTF-8\n{fix}") from error


def _rows(path: Path, text: str, task: Task) -> Iterator[tuple[str, Any]]:
    """(where, fields) of each record of a TSV, CSV, JSON or JSON Lines file."""
    if text.lstrip()[:1] in ("{", "["):
        yield from _json_rows(path, text)
        return
    comma = ".csv" in path.suffixes
    lines = csv.reader(io.StringIO(text, newline=""), strict=True) if comma else (line.split("\t") for line in text.split("\n"))
    header: list[str] | None = None
    number = width = 0
    try:
        for number, cells in enumerate(lines, 1):
            cells = [cell.strip("\r") for cell in cells]
            if not any(cells):
                continue
            if header is None:
                header, width = _header(cells, task), len(cells)
                if header is not None:
                    continue
                header = list(task.order)
            line = lines.line_num if comma else number  # type: ignore[union-attr]
            where = f"{path}, line {line}"
            if not width <= len(cells) <= max(len(header), MANY_FIELDS):
                raise AlbertError(f"{where}: {len(cells)} columns, the first line has {width}\nadd what is missing, or remove the line")
            yield where, dict(zip(header, cells, strict=False))
    except csv.Error as error:
        raise AlbertError(f"{path}, line {number + 1}: {error}\nquote fields that hold commas or quotes") from error


def _header(cells: list[str], task: Task) -> list[str] | None:
    """The names of the columns, if a first line holds them: one of a text's and no text that would be one."""
    names = {*task.first, *task.second, *task.label, *task.order}
    found = [cell.strip() for cell in cells]
    return found if len(set(found) & names) >= min(2, len(cells)) else None


def _json_rows(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    """Objects one after the other, each on a line or over several, or in one list."""
    decoder, at, line, number = json.JSONDecoder(), 0, 1, 0
    while True:
        blank = re.compile(r"\s*").match(text, at)
        assert blank is not None  # it matches nothing too
        line += text.count("\n", at, blank.end())
        at = blank.end()
        if at == len(text):
            return
        try:
            value, end = decoder.raw_decode(text, at)
        except ValueError as error:
            raise AlbertError(f"{path}, line {line}: not JSON: {error}\ngive JSON Lines, or one list") from error
        where = f"{path}, line {line}"
        many = isinstance(value, list) and (at == 0 or number == 0) and all(isinstance(each, dict | list) for each in value)
        for index, each in enumerate(value) if many else [(None, value)]:
            number += 1
            if not isinstance(each, dict | list):
                raise AlbertError(f"{where}: {str(each)[:20]} is no JSON object\ngive an object a record")
            yield (f"{path}, record {index + 1}" if index is not None else where), each
        line += text.count("\n", at, end)
        at = end


def _pick(where: str, row: dict[str, Any], names: tuple[str, ...]) -> str:
    name = next((name for name in names if row.get(name) is not None), None)
    if name is None:
        raise AlbertError(
            f"{where}: there is no {' or '.join(names)}, only {', '.join(map(str, row)) or 'nothing'}\nadd the column, or give --columns"
        )
    value = row[name]
    return KEYWORDS_JOINED_BY.join(map(str, value)) if isinstance(value, list) else str(value)


def _unfit(where: str, error: Exception, name: str, form: str) -> AlbertError:
    """The refusal of a record of another layout."""
    what = f"there is no {error}" if isinstance(error, KeyError) else str(error)
    return AlbertError(f"{where}: {what}: this is not as {name} has it\ngive {form}, or another --task")


def _fields(path: Path, text: str, task: Task) -> Iterator[Record]:
    aliases = dict(task.aliases)
    for number, (where, row) in enumerate(_rows(path, text, task)):
        _object(where, row)
        texts = [_pick(where, row, task.first)] + ([_pick(where, row, task.second)] if task.second else [])
        label = next((str(row[name]).strip() for name in task.label if row.get(name) is not None), "")
        label = aliases.get(label, label)
        yield Record(where, str(row.get("id", number)), tuple(texts), None if label in task.unlabelled else label)


def _object(where: str, row: Any) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise AlbertError(f"{where}: a list where an object is wanted\ngive one JSON object a record")
    return row


def _cluewsc(path: Path, text: str, task: Task) -> Iterator[Record]:
    """The two places are marked in the text, as the benchmark's own program does: _noun_ and [pronoun]."""
    for number, (where, row) in enumerate(_rows(path, text, task)):
        try:
            target, plain = row["target"], row["text"]
            marks = [(target["span1_index"], target["span1_text"], "_", "_"), (target["span2_index"], target["span2_text"], "[", "]")]
            for start, words, left, right in sorted(marks, reverse=True):
                plain = plain[:start] + left + words + right + plain[start + len(words) :]
        except (KeyError, TypeError) as error:
            raise _unfit(where, error, "CLUEWSC", "text, target (span1_text, span1_index, span2_…) and label") from error
        label = row.get("label")
        yield Record(where, str(row.get("id", number)), (plain,), None if label is None else str(label).lower())


def _questions(path: Path, text: str, task: Task) -> Iterator[Record]:
    """SQuAD's layout, or CMRC 2018's older one (context_text, query_text, answers as texts)."""
    for where, row in _rows(path, text, task):
        try:
            paragraphs = [paragraph for article in row["data"] for paragraph in article["paragraphs"]] if "data" in row else [row]
            for paragraph in paragraphs:
                context = paragraph["context"] if "context" in paragraph else paragraph["context_text"]
                for question in paragraph["qas"]:
                    answers = question.get("answers")
                    texts = None if answers is None else tuple(str(a["text"] if isinstance(a, dict) else a) for a in answers)
                    start = answers[0].get("answer_start") if answers and isinstance(answers[0], dict) else None
                    asked, name = (
                        question[key] if key in question else question[other]
                        for key, other in (("question", "query_text"), ("id", "query_id"))
                    )
                    yield Record(f"{where}, question {name}", str(name), (asked, context), answers=texts, answer_start=start)
        except (KeyError, TypeError, AttributeError) as error:
            raise _unfit(where, error, "SQuAD or CMRC 2018", "context, qas, question, id and answers") from error


def _c3(path: Path, text: str, task: Task) -> Iterator[Record]:
    """[[lines of the text], [{question, choice, answer}], id], in a list."""
    for where, row in _rows(path, text, task):
        try:
            lines, questions, name = row
            for index, question in enumerate(questions):
                choices = tuple(question["choice"])
                answer = question.get("answer")
                label = None if answer is None else str(choices.index(answer))
                number = question.get("id", f"{name}-{index}")
                yield Record(where, str(number), ("\n".join(lines), question["question"]), label, choices)
        except (KeyError, TypeError, ValueError) as error:
            raise _unfit(where, error, "C3", "[[lines], [{question, choice, answer}], id]") from error


IDIOM = re.compile(r"#idiom\d+#")


def _chid(path: Path, text: str, task: Task) -> Iterator[Record]:
    """A blank of each text is an example; the others of the text are hidden as one character. Answers in the file, or beside it."""
    beside = next((p for p in sorted(path.parent.glob(f"{path.name.split('.')[0]}_answer*"))), None)
    answers = json.loads(_read_text(beside)) if beside is not None else {}
    for where, row in _rows(path, text, task):
        try:
            candidates, truth = tuple(row["candidates"]), list(row.get("groundTruth", []))
            contents = row["content"] if isinstance(row["content"], list) else [row["content"]]
            for content in contents:
                for blank in IDIOM.findall(content):
                    right = answers.get(blank, candidates.index(truth.pop(0)) if truth else None)
                    before, after = (IDIOM.sub("…", part) for part in content.split(blank, 1))
                    yield Record(where, blank, (before + "____" + after,), None if right is None else str(right), candidates)
        except (KeyError, TypeError, ValueError) as error:
            raise _unfit(where, error, "ChID", "content and candidates") from error


def _cluener(path: Path, text: str, task: Task) -> Iterator[Record]:
    """{"text", "label": {type: {name: [[first, last]]}}}."""
    for number, (where, row) in enumerate(_rows(path, text, task)):
        entities = None
        try:
            if "label" in row:
                places = ((kind, first, last) for kind, names in row["label"].items() for at in names.values() for first, last in at)
                entities = tuple(sorted(Entity(first, last + 1, kind) for kind, first, last in places))
                if any(not 0 <= entity.start < entity.end <= len(row["text"]) for entity in entities):
                    raise ValueError("an entity outside of its text")
            yield Record(where, str(row.get("id", number)), (row["text"],), entities=entities)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise _unfit(where, error, "CLUENER", "text and label: {type: {name: [[first, last]]}}") from error


def _columns(path: Path, text: str, task: Task) -> Iterator[Record]:
    """A character and its tag a line (BIO, BMES or BIOES), an empty line after each text. Weibo's characters carry a digit: 科0."""
    rows: list[tuple[str, str]] = []
    begun = number = 0

    def close() -> Record:
        characters = "".join(character for character, _ in rows)
        return Record(
            f"{path}, line {begun}",
            str(number),
            (characters,),
            entities=tuple(_entities_of_tags([tag for _, tag in rows], [c for c, _ in rows])),
        )

    for line, content in enumerate(text.split("\n"), 1):
        cells = content.split()
        if not cells:
            if rows:
                yield close()
                rows, number = [], number + 1
            continue
        if len(cells) < 2:
            raise AlbertError(
                f"{path}, line {line}: “{content.strip()}” has one column\ngive a character and its tag, and an empty line between texts"
            )
        begun = begun if rows else line
        character = cells[0][0] if len(cells[0]) == 2 and cells[0][1].isdigit() and not cells[0][0].isascii() else cells[0]
        rows.append((character, cells[-1]))
    if rows:
        yield close()


def _entities_of_tags(tags: list[str], characters: list[str]) -> Iterator[Entity]:
    """Entities of tags in BIO, BMES or BIOES, by character offsets."""
    start, kind, at = 0, "", 0
    for tag, character in zip(tags, characters, strict=True):
        mark, _, found = tag.partition("-")
        if kind and (mark in ("B", "S", "O", "U") or found != kind):
            yield Entity(start, at, kind)
            kind = ""
        if found and not kind:
            start, kind = at, found
        at += len(character)
        if kind and mark in ("E", "S", "U", "L"):
            yield Entity(start, at, kind)
            kind = ""
    if kind:
        yield Entity(start, at, kind)


LAYOUTS: dict[str, Callable[[Path, str, Task], Iterator[Record]]] = {
    "fields": _fields, "cluewsc": _cluewsc, "questions": _questions, "c3": _c3, "chid": _chid, "cluener": _cluener, "columns": _columns,
}  # fmt: skip


def list_labels(task: Task, records: list[Record]) -> tuple[str, ...]:
    """The labels in the order of the head's rows: the task's, else those of the training records; numbers by size.

    Raises:
      AlbertError: there are no training records, or they have fewer than two.
    """
    if task.kind == SPAN:
        return ("start", "end")
    if task.kind == TAG:
        types = sorted({entity.type for record in records for entity in record.entities or ()})
        if not types:
            raise AlbertError(f"{records[0].where.split(', ')[0]} has no entity\ntraining needs records with some")
        return ("O", *(f"{mark}-{name}" for name in types for mark in "BI"))
    if task.kind != CLASSIFY:
        return ("score",)
    found = {record.label for record in records if record.label is not None}
    if len(found) < 2:
        only = f"only the label {next(iter(found))!r}" if found else "no label"
        raise AlbertError(f"{records[0].where.split(', ')[0]} has {only}\ntraining needs records of two classes at least")
    if task.labels:
        return task.labels
    return tuple(sorted(found, key=lambda label: (0, int(label), "") if re.fullmatch(r"-?\d{1,9}", label) else (1, 0, label)))


def check_labels(task: Task, records: list[Record], labels: tuple[str, ...]) -> None:
    """Refuse records whose label the model has no row for.

    Raises:
      AlbertError: the first such record is named.
    """
    types = {label[2:] for label in labels}
    for record in records:
        if task.kind == CLASSIFY and record.label is not None and record.label not in labels:
            shown = ", ".join(labels[:12])
            raise AlbertError(
                f"{record.where}: label {record.label!r} is unknown\nknown from training: {shown}; correct it, or train with it"
            )
        for entity in record.entities or ():
            if task.kind == TAG and entity.type not in types:
                raise AlbertError(
                    f"{record.where}: entity type {entity.type!r} is unknown\nknown from training: {', '.join(sorted(types - {''}))}"
                )
