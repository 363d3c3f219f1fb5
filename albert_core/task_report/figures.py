"""The pictures of the page: shares as bars, side by side; how sure and how right."""

from collections.abc import Sequence

import numpy as np

from albert_core.pages.svg import FONT_SIZE, INK, Axes, draw_svg, percent_label, series

MOST_VALUES_NAMED = 16  # bars with their value above


def draw_shares(name: str, shares: Sequence[Sequence[float]], ticks: Sequence[str]) -> str:
    """Groups of bars in per cent: `shares` [series][group], 0 … 1; `ticks` below the groups."""

    def draw(axes: Axes) -> None:
        width = 0.8 / len(shares)
        for number, values in enumerate(shares):
            places = [at + width * (number - (len(shares) - 1) / 2) for at in range(len(values))]
            bars = axes.bar(places, [100 * value for value in values], 0.92 * width, color=series(number), clip_on=False)
            if len(shares) * len(ticks) <= MOST_VALUES_NAMED:
                axes.bar_label(bars, [f"{100 * value:.0f}" for value in values], color=INK, padding=2, fontsize=FONT_SIZE - 1)
        axes.set_xticks(range(len(ticks)), list(ticks))
        axes.set_xlim(-0.6, max(len(ticks), 2) - 0.4)
        axes.set_ylim(0, 100)
        axes.yaxis.set_major_formatter(percent_label)

    return draw_svg(name, draw)


def draw_reliability(shares: Sequence[float | None]) -> str:
    """The share of right answers in each of equal steps of probability, None where there is no answer, and the line of equality."""

    def draw(axes: Axes) -> None:
        width = 1 / len(shares)
        for number, share in enumerate(shares):
            if share is not None:
                axes.bar([(number + 0.5) * width], [100 * share], 0.86 * width, color=series(0), clip_on=False)
        axes.plot([0, 1], [0, 100], color=series(1), linewidth=1.5)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 100)
        axes.set_xticks(np.linspace(0, 1, 6).round(1))
        axes.yaxis.set_major_formatter(percent_label)

    return draw_svg("reliability", draw)


def draw_sureness(shares: Sequence[Sequence[float]]) -> str:
    """Answers in each of equal steps of probability, in per cent of all: right ones, and wrong ones on top of them."""

    def draw(axes: Axes) -> None:
        width, below = 1 / len(shares[0]), np.zeros(len(shares[0]))
        for number, values in enumerate(shares):
            heights = 100 * np.asarray(values)
            axes.bar((np.arange(len(values)) + 0.5) * width, heights, 0.86 * width, bottom=below, color=series(number), clip_on=False)
            below += heights
        axes.set_xlim(0, 1)
        axes.set_xticks(np.linspace(0, 1, 6).round(1))
        axes.yaxis.set_major_formatter(percent_label)

    return draw_svg("sureness", draw)
