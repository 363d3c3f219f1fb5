"""The pictures of `albert-data report`: matplotlib draws them as SVG that stands in an HTML page.

A picture holds numbers only. Words stand beside it in HTML: they wrap, are translated, and need no font while the picture is drawn.
Colours are variables of the page's style sheet (light, dark, print), put in where matplotlib wrote a placeholder.
"""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lxml import etree

from pipelines.errors import BuildError

WIDTH, HEIGHT = 360, 200  # of the viewBox: a phone shows it one to one, so text keeps its size there
FONT_SIZE = 11
NUM_SERIES = 8
"""Colours `--series-0` … of the style sheet; what comes after them shares the last."""
INK, RULE = "#f000f0", "#f000f1"
SERIES = [f"#f001{number:02x}" for number in range(NUM_SERIES)]
VARIABLES = {INK: "--ink", RULE: "--rule"} | {colour: f"--series-{number}" for number, colour in enumerate(SERIES)}
MOST_BARS = 60
"""More stand so close that the gaps between them would be all one sees: a filled outline then."""
MOST_VALUES_NAMED = 8
"""Bars with their value above, so that the values do not touch."""
SVG = "{http://www.w3.org/2000/svg}"
Axes = Any  # of matplotlib, which is imported only where something is drawn


def draw_lengths(counts: Mapping[str, Mapping[str, int]]) -> str:
    """Instances by length, in per cent of all, one colour for each source.

    Args:
      counts: source → {upper bound in tokens: instances}; all sources have the same bounds.
    """
    bounds = [int(bound) for bound in next(iter(counts.values()))]
    total = max(1, sum(sum(of_source.values()) for of_source in counts.values()))

    def draw(axes: Axes) -> None:
        below, width = [0.0] * len(bounds), bounds[0]
        for number, of_source in enumerate(counts.values()):
            shares = [100 * count / total for count in of_source.values()]
            axes.bar([bound - width / 2 for bound in bounds], shares, 0.86 * width, bottom=below, color=series(number), clip_on=False)
            below = [low + share for low, share in zip(below, shares, strict=True)]
        step = max(1, len(bounds) // 4)
        axes.set_xticks(bounds[step - 1 :: step])
        axes.set_xlim(0, bounds[-1])
        axes.yaxis.set_major_formatter(_percent)

    return draw_svg("lengths", draw)


def draw_asked_and_got(asked: Mapping[str, float], got: Mapping[str, float]) -> str:
    """Two shares side by side for each key, in per cent: what was asked for, what it became."""

    def draw(axes: Axes) -> None:
        for number, shares in enumerate((asked, got)):
            values = [100 * shares.get(key, 0.0) for key in asked]
            bars = axes.bar([place + 0.4 * number - 0.2 for place in range(len(asked))], values, 0.36, color=series(number), clip_on=False)
            if 2 * len(asked) <= MOST_VALUES_NAMED:
                axes.bar_label(bars, [f"{value:.1f}" for value in values], color=INK, padding=2, fontsize=FONT_SIZE - 1)
        axes.set_xticks(range(len(asked)), list(asked))
        axes.set_xlim(-0.6, max(len(asked), 2) - 0.4)  # a lone pair is no wall of colour
        axes.yaxis.set_major_formatter(_percent)

    return draw_svg("asked", draw)


def draw_sizes(megabytes: Sequence[Sequence[float]]) -> str:
    """Sizes of shards in their order, MB, one colour for each group of them."""
    num_shards = sum(map(len, megabytes))

    def draw(axes: Axes) -> None:
        start = 0
        for number, sizes in enumerate(megabytes):
            if num_shards <= MOST_BARS:
                axes.bar(range(start, start + len(sizes)), sizes, 0.8, color=series(number), clip_on=False)
            else:
                edges = [start - 0.5 + place for place in range(len(sizes) + 1)]
                axes.stairs(sizes, edges, fill=True, color=series(number), clip_on=False, linewidth=0)
            start += len(sizes)
        axes.set_xlim(-0.6, max(num_shards, 4) - 0.4)
        axes.set_xticks(range(0, num_shards, -(-num_shards // MOST_VALUES_NAMED)))

    return draw_svg("sizes", draw)


def series(number: int) -> str:
    """The placeholder of a series' colour."""
    return SERIES[min(number, NUM_SERIES - 1)]


def _percent(value: float, position: int) -> str:
    return f"{value:g}%"


def draw_svg(name: str, draw: Callable[[Axes], None]) -> str:
    """What `draw` puts between pale horizontal lines, without a frame, as an `svg` element: the same bytes on every machine.

    Raises:
      BuildError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise missing_library("matplotlib") from error
    file = io.BytesIO()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a user's matplotlibrc is not part of the report
        matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": name, "font.family": ["DejaVu Sans"]})
        figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72), dpi=72, layout="constrained")
        figure.patch.set_visible(False)
        axes = figure.add_subplot()
        axes.patch.set_visible(False)
        axes.spines[:].set_visible(False)
        axes.spines["bottom"].set(visible=True, color=RULE)
        axes.tick_params(length=0, labelsize=FONT_SIZE, labelcolor=INK)
        axes.grid(axis="y", color=RULE, linewidth=0.8, clip_on=False)
        axes.set_axisbelow(True)
        axes.locator_params(axis="y", nbins=5)
        draw(axes)
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return fit_for_page(file.getvalue())


def missing_library(name: str) -> BuildError:
    """The refusal to draw without a library that only the report needs."""
    return BuildError(f"albert-data report needs {name}, which is not installed\ninstall it: pip install '.[data,report]'")


def fit_for_page(svg: bytes) -> str:
    """An SVG file as an element: no ids that would clash with the next picture's, no size and no font of its own, the page's colours."""
    root = etree.fromstring(svg, etree.XMLParser(remove_comments=True, remove_blank_text=True))
    etree.strip_elements(root, f"{SVG}metadata", f"{SVG}style", f"{SVG}defs", with_tail=False)
    for element in root.iter():
        element.attrib.pop("id", None)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    etree.cleanup_namespaces(root)
    text = re.sub(r"font-family: [^;]+; ", "", etree.tostring(root, encoding="unicode"))
    text = text.replace(f' xmlns="{SVG[1:-1]}"', "")  # HTML knows what svg is
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    return text
