"""Subtitles: SubRip (.srt), WebVTT (.vtt) and SubStation Alpha (.ass, .ssa). A file is a document, what is said in it.

A cue is a part of a sentence, and in Chinese rarely has a mark at its end. So cues that follow each other at once make one line of text,
with a blank where no mark is, and a pause ends the line.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from corpora.mixed_encodings import decode_record
from corpora.records import BadRecord, Document, Event
from corpora.sections import Section

PAUSE_SECONDS = 3.0
"""Between the end of a cue and the start of the next: another scene, or another speaker."""
MAX_LINE_CHARACTERS = 300
"""A talk without pauses is cut at a cue."""
MIN_CHINESE_SHARE = 0.2
"""Of the cues. In a file with that many Chinese ones, the other language of a cue is dropped."""

_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_ARROW = re.compile(rf"[ \t]*{_TIME}[ \t]*-->[ \t]*{_TIME}")
_ASS_TIME = re.compile(r"(\d{1,4}):(\d{1,2}):(\d{1,2})[.,](\d{1,3})")
_OVERRIDE = re.compile(r"\{[^{}\n]*\}")
_DRAWING = re.compile(r"\\p[1-9]")
_TAG = re.compile(r"</?[A-Za-z0-9:][^<>\n]*>")
_SPEAKER_DASH = re.compile(r"^[ \t]*[-–—－]+[ \t]*(?=\S)")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_KANA = re.compile(r"[\u3041-\u30ff]")
_ENDS = tuple("。！？；，、：…—,.!?;:”’」』）》")
_BLANKS = re.compile(r"[ \t\xa0\u3000]+")
_SUBRIP = re.compile(rf"\s*(?:\d{{1,6}}[ \t]*\r?\n)?{_ARROW.pattern}")
_ASS = re.compile(r"\s*(?:;[^\n]*\n\s*)*\[Script Info\]|[^\[]{0,300}\[(?:V4\+? Styles|Events)\]", re.IGNORECASE)


class Cue(NamedTuple):
    """What is shown from `start` to `end`, in seconds; `text` may have several lines."""

    start: float
    end: float
    text: str


def looks_like_subtitles(text: str) -> bool:
    """Whether a file begins as one of the three formats does."""
    return text.startswith("WEBVTT") or _SUBRIP.match(text) is not None or _ASS.match(text) is not None


def read_subtitles(section: Section) -> Iterator[Event]:
    """The whole file as one document."""
    data = section.whole()
    if isinstance(data, BadRecord):
        yield data
        return
    if not data.strip():
        return
    text = decode_record(section, 0, data)
    if isinstance(text, BadRecord):
        yield text
        return
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    cues = parse_ass(text) if _ASS.match(text) else parse_arrows(text)
    if cues:
        yield Document(0, len(data), "", join_cues(cues))
    else:
        yield BadRecord(0, len(data), "no_cues", "no line of the file is a time code", section.excerpt(data))


def parse_arrows(text: str) -> list[Cue]:
    """Cues of SubRip and WebVTT: a line `00:01.000 --> 00:02.000`, and the text below it to the next empty line."""
    cues: list[Cue] = []
    times: tuple[float, float] | None = None
    lines: list[str] = []
    for line in [*text.split("\n"), ""]:
        if arrow := _ARROW.match(line):
            # A file without empty lines: the number of the next cue is the last line of this one.
            if times and lines and lines[-1].strip().isdigit():
                lines.pop()
            _close(cues, times, lines)
            times, lines = (_seconds(*arrow.groups()[:4]), _seconds(*arrow.groups()[4:])), []
        elif line.strip():
            lines.append(line)
        else:
            _close(cues, times, lines)
            times, lines = None, []
    return cues


def _close(cues: list[Cue], times: tuple[float, float] | None, lines: list[str]) -> None:
    if times and lines:
        cues.append(Cue(*times, "\n".join(lines)))


def parse_ass(text: str) -> list[Cue]:
    r"""Cues of SubStation Alpha in the order of time: lines `Dialogue: …`, whose last field is the text, with `\N` for its line ends."""
    fields = 10
    cues: list[Cue] = []
    for line in text.split("\n"):
        kind, _, rest = line.partition(":")
        if kind == "Format" and "Text" in rest:
            fields = rest.count(",") + 1
        elif kind == "Dialogue" and not any(map(_DRAWING.search, _OVERRIDE.findall(line))):
            values = rest.split(",", fields - 1)
            times = [_ASS_TIME.match(value.strip()) for value in values[1:3]]
            if len(values) == fields and len(times) == 2 and times[0] and times[1]:
                shown = values[-1].replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " ")
                cues.append(Cue(_seconds(*times[0].groups()), _seconds(*times[1].groups()), shown))
    return sorted(cues, key=lambda cue: cue.start)


def join_cues(cues: list[Cue]) -> str:
    """What is said, a line from pause to pause; a line that stays from one cue to the next once."""
    plain = [cue._replace(text="\n".join(_plain_lines(cue.text))) for cue in cues]
    num_chinese = sum(1 for cue in plain if _HAN.search(cue.text))
    if num_chinese >= MIN_CHINESE_SHARE * len(plain):
        plain = [cue._replace(text=_chinese_lines(cue.text)) for cue in plain]
    lines: list[str] = []
    shown: list[str] = []  # by the cue before
    end = 0.0
    for cue in plain:
        new = [line for line in cue.text.split("\n") if line and line not in shown]
        if said := " ".join(new):
            if lines and cue.start - end < PAUSE_SECONDS and len(lines[-1]) + len(said) < MAX_LINE_CHARACTERS:
                lines[-1] += said if lines[-1].endswith(_ENDS) else " " + said
            else:
                lines.append(said)
        shown = cue.text.split("\n")
        end = max(end, cue.end)
    return "\n".join(lines)


def _plain_lines(text: str) -> list[str]:
    text = _TAG.sub("", _OVERRIDE.sub("", text)) if "{" in text or "<" in text else text
    lines = (_BLANKS.sub(" ", _SPEAKER_DASH.sub("", line)).strip() for line in text.split("\n"))
    return [line for line in lines if line]


def _chinese_lines(text: str) -> str:
    """The lines of a cue that are Chinese: those with Han characters, and without kana where there are such."""
    lines = [line for line in text.split("\n") if _HAN.search(line)]
    return "\n".join([line for line in lines if not _KANA.search(line)] or lines)


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int(fraction) / 10 ** len(fraction)
