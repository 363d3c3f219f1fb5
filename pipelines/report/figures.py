"""The pictures of `albert-data report`."""

from collections.abc import Mapping, Sequence

from albert_core.pages.svg import FONT_SIZE, INK, Axes, draw_svg, percent_label, series

MOST_BARS = 60
"""More stand so close that the gaps between them would be all one sees: a filled outline then."""
MOST_VALUES_NAMED = 8
"""Bars with their value above, so that the values do not touch."""


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
        axes.yaxis.set_major_formatter(percent_label)

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
        axes.yaxis.set_major_formatter(percent_label)

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
