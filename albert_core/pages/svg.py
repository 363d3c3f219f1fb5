"""Pictures of pages: matplotlib draws them as SVG that stands in an HTML page.

A picture holds numbers only. Words stand beside it in HTML: they wrap, are translated, and need no font while the picture is drawn.
Colours are variables of the page's style sheet (light, dark, print), put in where matplotlib wrote a placeholder.
"""

import io
import re
from collections.abc import Callable
from typing import Any

from albert_core.errors import AlbertError

WIDTH, HEIGHT = 360, 200  # of the viewBox: a phone shows it one to one, so text keeps its size there
FONT_SIZE = 11
NUM_SERIES = 8
"""Colours `--series-0` … of the style sheet; what comes after them shares the last."""
INK, RULE = "#f000f0", "#f000f1"
SERIES = [f"#f001{number:02x}" for number in range(NUM_SERIES)]
VARIABLES = {INK: "--ink", RULE: "--rule"} | {colour: f"--series-{number}" for number, colour in enumerate(SERIES)}
SVG = "{http://www.w3.org/2000/svg}"
Axes = Any  # of matplotlib, which is imported only where something is drawn


def series(number: int) -> str:
    """The placeholder of a series' colour."""
    return SERIES[min(number, NUM_SERIES - 1)]


def percent_label(value: float, position: int) -> str:
    """A tick of an axis in per cent, as matplotlib asks for it."""
    return f"{value:g}%"


def draw_svg(name: str, draw: Callable[[Axes], None]) -> str:
    """What `draw` puts between pale horizontal lines, without a frame, as an `svg` element: the same bytes on every machine.

    Raises:
      AlbertError: matplotlib is not installed.
    """
    try:
        import lxml  # noqa: F401
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise missing_library(error.name or "matplotlib") from error
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


def missing_library(name: str) -> AlbertError:
    """The refusal to draw without a library that only pages need."""
    return AlbertError(f"a page with pictures needs {name}, which is not installed\ninstall it: pip install '.[report]'")


def fit_for_page(svg: bytes) -> str:
    """An SVG file as an element: no ids that would clash with the next picture's, no size and no font of its own, the page's colours."""
    from lxml import etree

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
