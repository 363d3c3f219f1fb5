"""How a CSV file is written, which no standard says: decided by what its first rows look like."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from corpora.fields import TEXT_NAMES, TITLE_NAMES, URL_NAMES, Fields, alternatives, has_text

DELIMITERS = (",", "\t", ";", "|", "\x01", "_!_")
"""In the order of preference. Hive writes U+0001, the Toutiao data set `_!_`."""
NO_DELIMITER = "\x01"
MIN_REGULAR_SHARE = 0.6
"""Of the lines of the sample, those in rows of the most frequent number of columns; if no delimiter cuts as many, a row is one cell."""
MAX_CUT_OFF_SHARE = 0.2
"""Of those lines, the last may be in a quoted row that goes on behind the sample."""
MIN_HEADER_RATIO, MIN_ROWS_BELOW_HEADER = 2, 20
"""The cells of the text column are so many times longer than its name, in so many rows, if nothing else tells."""
MAX_NAME_CHARACTERS = 40
KNOWN_NAMES = frozenset(
    {
        *TEXT_NAMES,
        *TITLE_NAMES,
        *URL_NAMES,
        "id",
        "idx",
        "label",
        "labels",
        "category",
        "class",
        "date",
        "time",
        "标签",
        "类别",
        "分类",
        "日期",
    }
)

_IDENTIFIER = re.compile(r"[A-Za-z_][\w .()/-]*", re.ASCII)
_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How rows are written.

    Attributes:
      delimiter: what is between two cells.
      quotes: whether cells may be in double quotes, and then hold delimiters and newlines.
      escapes: whether a quote inside of a quoted cell has a backslash before it; else it is doubled.
      num_columns: of a good row.
    """

    delimiter: str
    quotes: bool
    escapes: bool
    num_columns: int = 1

    def parse_quoted(self, lines: Iterable[str]) -> list[str]:
        """The cells of the row that begins with the first of `lines`, each with its newline; takes no more lines than it has.

        Raises:
          csv.Error: the quotes do not fit, or do not end.
        """
        escape = "\\" if self.escapes else None
        reader = csv.reader(lines, delimiter=self.delimiter, doublequote=not self.escapes, escapechar=escape, strict=True)
        return next(reader, [])

    def leaves_open(self, line: bytes) -> bool:
        """Whether a line opens a quote that it does not close, or closes one. No encoding read by lines has `"` inside a character."""
        num_quotes = line.count(b'"')
        return (num_quotes - line.count(b'\\"') if self.escapes else num_quotes) % 2 == 1

    def cut(self, line: str) -> list[str]:
        """The cells of a line, whatever quotes are in it."""
        return line.rstrip("\r").split(self.delimiter)


def decide_dialect(lines: Sequence[str], delimiters: Sequence[str]) -> Dialect:
    """The dialect that makes the most regular rows of the first lines of a file; if no delimiter does well, a row is one cell."""
    best, best_share = None, MIN_REGULAR_SHARE
    for quotes, escapes in ((True, False), (False, False), (True, True)):
        for delimiter in delimiters:
            if quotes and len(delimiter) > 1:
                continue
            num_columns, num_lines = _most_regular(Dialect(delimiter, quotes, escapes), lines)
            share = num_lines / max(1, len(lines))
            if num_columns > 1 and (share > best_share or (share == best_share and best is None)):
                best, best_share = Dialect(delimiter, quotes, escapes, num_columns), share
    if best is not None:
        return best
    quoted, plain = (_most_regular(Dialect(NO_DELIMITER, quotes, escapes=False), lines)[1] for quotes in (True, False))
    return Dialect(NO_DELIMITER, quoted >= plain, escapes=False)


def _most_regular(dialect: Dialect, lines: Sequence[str]) -> tuple[int, int]:
    """The number of columns that most lines are in rows of, and the number of these lines."""
    counts: Counter[int] = Counter()
    num_cut_off = at = 0
    while at < len(lines):
        if not dialect.quotes or '"' not in lines[at]:
            counts[len(dialect.cut(lines[at]))] += 1
            at += 1
            continue
        taken: list[str] = []
        try:
            cells = dialect.parse_quoted(_noting(lines, at, taken))
        except csv.Error:
            if at + len(taken) == len(lines) and len(taken) <= MAX_CUT_OFF_SHARE * len(lines):
                num_cut_off = len(taken)
                break
            at += 1  # in no row
        else:
            counts[len(cells)] += len(taken)
            at += len(taken)
    num_columns, num_lines = max(counts.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
    return num_columns, num_lines + num_cut_off


def _noting(lines: Sequence[str], at: int, taken: list[str]) -> Iterator[str]:
    for line in lines[at:]:
        taken.append(line)
        yield line + "\n"


def has_header(rows: Sequence[Sequence[str]], fields: Fields | None) -> bool:
    """Whether the first row has names: those of `fields`, or such as public corpora use; or looks unlike all others."""
    if not rows:
        return False
    first = [cell.strip() for cell in rows[0]]
    if fields is not None and has_text(first, fields):
        return True
    if len(set(first)) < len(first) or any(len(cell) > MAX_NAME_CHARACTERS or _is_number(cell) for cell in first):
        return False
    return any(cell.lower() in KNOWN_NAMES for cell in first) or (len(rows) > 1 and _is_unlike(first, rows[1:]))


def _is_unlike(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Whether a row has a word above numbers; or words that stand nowhere below them, and either all are ASCII, which no text is, or all
    texts of many are much longer. A header that is taken for a row is a short document more, a row that is taken for a header is one lost.
    """
    columns = list(zip(*others, strict=True))
    if any(cell and all(map(_is_number, column)) for cell, column in zip(first, columns, strict=True)):
        return True
    if any(cell in column for cell, column in zip(first, columns, strict=True)):
        return False
    longest, _ = longest_column(others)
    if all(not cell or _IDENTIFIER.fullmatch(cell) for cell in first) and all(map(_beyond_ascii, columns[longest])):
        return len(first) > 1 or len(others) >= MIN_ROWS_BELOW_HEADER
    shortest = min(map(len, columns[longest]))
    return len(others) >= MIN_ROWS_BELOW_HEADER and len(first[longest]) * MIN_HEADER_RATIO <= shortest


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell.strip()) is not None


def column_names(first: Sequence[str]) -> list[str]:
    """Names of columns, each its own: one that is empty, stands twice, or would mean something else in an expression is a number from 1."""
    names = [cell.strip() for cell in first]
    return [
        name if name and names.count(name) == 1 and not any(mark in name for mark in "|+.") else str(i)
        for i, name in enumerate(names, start=1)
    ]


def choose_text(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The column that holds the text when nobody says which: by its name, else the one with the longest cells."""
    known = next((name for name in TEXT_NAMES if name in names), None)
    return known or names[longest_column(rows)[0]]


def longest_column(rows: Sequence[Sequence[str]]) -> tuple[int, float]:
    """Which column has the most characters beyond ASCII (of all characters, if none has any), and how long its cells are on average."""
    totals = [(sum(map(_beyond_ascii, column)), sum(map(len, column))) for column in zip(*rows, strict=True)]
    longest = max(range(len(totals)), key=lambda i: totals[i], default=0)
    return longest, totals[longest][1] / len(rows) if totals else 0.0


def _beyond_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))


def numbered_columns(fields: Fields, names: Sequence[str]) -> dict[str, int]:
    """Columns by number that expressions of `fields` use beside those by name: the number as it is written, and the index of the column."""
    expressions = (fields.text, fields.title, fields.url, fields.quality)
    paths = {path for expression in expressions for alternative in alternatives(expression) for path in alternative}
    numbers = sorted(path for path in paths if path.isascii() and path.isdigit() and path not in names)
    return {number: int(number) - 1 for number in numbers if 0 < int(number) <= len(names)}
