"""Whether the lines of a text belong together, or each is a document of its own, which neither name nor layout tells.

Neighbours in a book, an article or a dialogue share words that lines far from each other do not share; lines that have nothing to do with
each other share as little with the next as with any. Measured in two ways, on the first 64 KB: neighbours share 3.7 to 27 times as much as
others in books, 2 to 20 times in articles and news, 0.5 to 1.7 times in CLUECorpusSmall, hotel reviews and shuffled paragraphs; and a pair
of neighbours shares more than 0.60 to 0.85 of the other pairs in books, than 0.39 to 0.56 of them in lines without connection. Both limits
hold for 98 % of samples of CLUECorpusSmall and for one in seventeen long articles, were their blank lines left out.
"""

import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from typing import NamedTuple

MIN_LINES = 20
"""Of so many the measure tells; fewer share words by chance."""
MAX_LINES = 300
MIN_HAN = 15
"""Han characters; shorter lines share nothing."""
MAX_FREQUENCY = 0.2
"""Of the lines: what stands in more is a word of the language or the topic of all."""
MAX_RATIO = 1.7
MAX_RANK = 0.56
MAX_BLANK_SHARE = 0.1
"""Of the lines. Blank lines separate paragraphs, or documents that are not lines."""
MIN_PROSE_SHARE = 0.5
"""Of the lines, those with a sentence mark."""
GIANT_LINE_CHARACTERS = 800
MIN_GIANT_LINES = 5
"""Where most lines are as long, they are documents: nobody's paragraphs are."""

_HAN_RUN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_SENTENCE_MARK = re.compile("[。！？!?…]")


class Cohesion(NamedTuple):
    """How much more neighbours share than lines far from each other.

    Attributes:
      ratio: of the words that neighbours share to those that others share.
      rank: the share of other pairs than which a pair of neighbours shares more; 0.5 without connection.
    """

    ratio: float
    rank: float


def holds_a_document_a_line(text: str) -> bool:
    """Whether the lines of the beginning of a text are documents. The last one may be cut, and is not looked at."""
    lines = [line.strip() for line in text.split("\n")[:-1]]
    full = [line for line in lines if line]
    if len(full) < max((1 - MAX_BLANK_SHARE) * len(lines), MIN_GIANT_LINES):
        return False
    if sorted(map(len, full))[len(full) // 2] >= GIANT_LINE_CHARACTERS:
        return True
    if sum(1 for line in full if _SENTENCE_MARK.search(line)) < MIN_PROSE_SHARE * len(full):
        return False
    cohesion = measure_cohesion(full)
    return cohesion is not None and cohesion.ratio <= MAX_RATIO and cohesion.rank <= MAX_RANK


def measure_cohesion(lines: list[str]) -> Cohesion | None:
    """Compares lines with the next and with some far away; None if too few have enough Han characters, or none shares anything."""
    words = [pairs for line in lines[:MAX_LINES] if (pairs := _pairs(line))]
    num_lines = len(words)
    if num_lines < MIN_LINES:
        return None
    frequency = Counter(pair for pairs in words for pair in pairs)
    rare = {pair for pair, count in frequency.items() if 2 <= count <= max(2, MAX_FREQUENCY * num_lines)}
    words = [pairs & rare for pairs in words]
    near = [_shared(words[i], words[i + 1]) for i in range(num_lines - 1)]
    distances = (num_lines // 3, 2 * num_lines // 5, num_lines // 2)
    far = sorted(_shared(words[i], words[(i + distance) % num_lines]) for distance in distances for i in range(num_lines))
    if not far[-1]:
        return Cohesion(math.inf, 1.0) if any(near) else None
    rank = sum(bisect_left(far, value) + bisect_right(far, value) for value in near) / (2 * len(far) * len(near))
    return Cohesion((sum(near) / len(near)) / (sum(far) / len(far)), rank)


def _pairs(line: str) -> set[str]:
    """Pairs of neighbouring Han characters, which stand for words; none if the line has too few."""
    runs = _HAN_RUN.findall(line)
    if sum(map(len, runs)) < MIN_HAN:
        return set()
    return {run[i : i + 2] for run in runs for i in range(len(run) - 1)}


def _shared(one: set[str], other: set[str]) -> float:
    shorter = min(len(one), len(other))
    return len(one & other) / shorter if shorter else 0.0
