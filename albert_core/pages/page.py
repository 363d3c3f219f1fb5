"""A page with pictures: sections of text, pictures and tables → one HTML file that needs nothing else."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from albert_core.pages.svg import NUM_SERIES, missing_library

TEMPLATE, STYLE = "page.html", "page.css"
MOST_ROWS = 200
"""Of a list that grows with the corpus; the manifest has all."""
Words = Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Bar:
    """A number in a table with a bar behind it, `share` of the cell long."""

    text: str
    share: float

    @property
    def percent(self) -> str:
        """The bar's length, for the style sheet."""
        return f"{100 * min(1.0, max(0.0, self.share)):.2f}%"


@dataclasses.dataclass(frozen=True)
class Term:
    """A name, and below it what it means."""

    text: str
    note: str


@dataclasses.dataclass(frozen=True)
class Heat:
    """A number in a table on a ground that is the darker the greater `share` is; `right` where it counts what is right."""

    text: str
    share: float
    right: bool = False

    @property
    def percent(self) -> str:
        """How dark, for the style sheet."""
        return f"{100 * min(1.0, max(0.0, self.share)):.0f}%"


Cell = str | Bar | Heat | Term


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """A table with headers; the first `left` columns are words, the others numbers."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    left: int = 1
    folded: bool = False
    """Whether it opens only when asked for: long ones, which few read."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figure:
    """A picture, what it shows, and the names of its colours."""

    svg: str
    caption: str
    legend: Sequence[str] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mark:
    """A piece of a text, marked if it has a `kind`: of an instance mask, same or random; of an example right, missed or spurious."""

    text: str
    kind: str = ""
    original: str = ""
    note: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShownInstance:
    """An instance, or an example, as the page shows it."""

    title: str
    order: str
    segments: Sequence[tuple[str, Sequence[Mark]]]
    """Name and pieces of each."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page under a heading of its own."""

    name: str
    """Of the link to it, the same in every language."""
    heading: str
    paragraphs: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    examples: Sequence[ShownInstance] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Page:
    """All that stands on the page."""

    language: str
    title: str
    subtitle: str
    words: Words
    headline: Sequence[tuple[str, str, str]]
    """Name, figure, and what explains it."""
    warnings: Sequence[str]
    sections: Sequence[Section]
    instances: Sequence[ShownInstance] = ()


def render(page: Page) -> str:
    """The page as HTML: every text escaped, no script, nothing loaded from elsewhere.

    Raises:
      AlbertError: jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise missing_library("jinja2") from error
    folder = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["breakable"] = breakable
    values: dict[str, Any] = {"page": page, "style": (folder / STYLE).read_text("utf-8"), "num_series": NUM_SERIES}
    return environment.get_template(TEMPLATE).render(values)


def breakable(text: str) -> Any:
    """The text, escaped, with places where a browser may break long identifiers.

    >>> str(breakable("too_few<i>"))
    'too_<wbr>few&lt;i&gt;'
    """
    from markupsafe import Markup, escape

    return Markup(re.sub(r"[_./-](?=[^\W\d])", r"\g<0><wbr>", str(escape(text))))


def long_table(caption: str, words: Words, columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, left: int = 1) -> Table:
    """A list that grows with the corpus: folded, and cut where it is too long to read."""
    some = words.get(f"{caption}_some", words[caption]).format(count=count(MOST_ROWS), total=count(len(rows)))
    title = some if len(rows) > MOST_ROWS else words[caption]
    return Table(caption=title, columns=columns, rows=rows[:MOST_ROWS], left=left, folded=True)


def count(number: float) -> str:
    """A count with its thousands set apart.

    >>> count(1234567)
    '1,234,567'
    """
    return f"{number:,.0f}"


def percent(share: float) -> str:
    """A share in per cent, two digits behind the point; what is not nothing is not shown as nothing.

    >>> percent(0.18182), percent(0), percent(0.00004), percent(1)
    ('18.18 %', '0 %', '< 0.01 %', '100 %')
    """
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    return "< 0.01 %" if 0 < share < 0.00005 else f"{100 * share:.2f} %"


def size(num_bytes: float) -> str:
    """Bytes in the unit that leaves one to three digits before the point.

    >>> size(999), size(71481101), size(2.5e12)
    ('999 B', '71.5 MB', '2.5 TB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if num_bytes < 1000:
            return f"{num_bytes:.0f} B" if unit == "B" else f"{num_bytes:.1f} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.1f} TB"


def ratio(part: float, whole: float) -> float:
    """A share; 0 of nothing."""
    return part / whole if whole else 0.0
