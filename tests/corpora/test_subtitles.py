import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.records import Document
from corpora.subtitles import Cue, join_cues, looks_like_subtitles, parse_arrows, parse_ass
from tests.corpora.reading import bad, events, texts

SRT = """1
00:00:01,000 --> 00:00:02,500
{\\an8}<i>你好</i>

2
00:00:02,600 --> 00:00:04,000
- 我是小明
今天天气真好。

3
00:01:00,000 --> 00:01:02,000
走吧！
"""
VTT = """WEBVTT - 题目

NOTE 这是注释
00:00 不是时间

STYLE
::cue { color: red }

a
00:01.000 --> 00:02.500 align:start position:0%
<v 小明>你好<00:00:01.500><c>啊</c>

01:00:00.000 --> 01:00:02.000
走吧！
"""
ASS = """[Script Info]
Title: 甲

[V4+ Styles]
Format: Name, Fontname

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:05.00,0:00:06.00,中,,0,0,0,,{\\pos(1,2)}后说的，有逗号
Dialogue: 0,0:00:01.00,0:00:02.50,中,,0,0,0,,先说的\\NHello\\hthere
Comment: 0,0:00:01.00,0:00:02.50,中,,0,0,0,,注释
Dialogue: 0,0:00:01.00,0:00:02.50,图,,0,0,0,,{\\p1}m 0 0 l 1 1{\\p0}
"""


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (SRT, "你好 我是小明 今天天气真好。\n走吧！"),
        (SRT.replace("\n\n", "\n"), "你好 我是小明 今天天气真好。\n走吧！"),
        (SRT.replace("\n", "\r\n"), "你好 我是小明 今天天气真好。\n走吧！"),
        (VTT, "你好啊\n走吧！"),
        (ASS, "先说的 后说的，有逗号"),
    ],
)
def test_a_file_is_what_is_said_in_it(source, text):
    data = source.encode()
    assert events(data, "subtitles") == [Document(0, len(data), "", text)]


def test_wide_encodings():
    assert texts(events(SRT.encode("utf-16"), "subtitles", encoding="utf-16-le")) == ["你好 我是小明 今天天气真好。\n走吧！"]


def test_a_file_without_cues_is_a_reject():
    assert bad(events("没有时间\n".encode(), "subtitles")) == [(0, "no_cues")]
    assert events(b"\n", "subtitles") == []


def test_times_and_texts():
    assert parse_arrows(SRT)[0] == Cue(1.0, 2.5, "{\\an8}<i>你好</i>")
    assert [cue.start for cue in parse_arrows(VTT)] == [1.0, 3600.0]
    assert [(cue.start, cue.text) for cue in parse_ass(ASS)] == [(1.0, "先说的\nHello there"), (5.0, "{\\pos(1,2)}后说的，有逗号")]


def said(*texts_and_starts: tuple[str, float]) -> str:
    return join_cues([Cue(start, start + 1, text) for text, start in texts_and_starts])


def test_a_pause_of_three_seconds_ends_a_line():
    assert said(("甲", 0), ("乙", 3.9)) == "甲 乙"
    assert said(("甲", 0), ("乙", 4.0)) == "甲\n乙"


def test_no_blank_after_a_mark():
    assert said(("甲，", 0), ("乙", 1)) == "甲，乙"


def test_of_two_languages_chinese_stays():
    assert said(("你好\nHello", 0), ("Bye\n再见", 1), ("こんにちは\n您好", 2), ("OK", 3)) == "你好 再见 您好"
    assert said(("Hello", 0), ("Bye.", 1)) == "Hello Bye."
    assert said(("漢字かな", 0), ("你好", 1)) == "漢字かな 你好"


def test_lines_that_roll_up_are_said_once():
    assert said(("第一行", 0), ("第一行\n第二行", 1), ("第二行\n第三行", 2), ("第三行", 3)) == "第一行 第二行 第三行"


def test_a_line_has_a_limit():
    lines = said(*((f"{i:03}号说了一句话", i) for i in range(100))).split("\n")
    assert len(lines) > 1
    assert max(map(len, lines)) <= 301


def test_by_content():
    assert all(map(looks_like_subtitles, (SRT, VTT, ASS)))
    assert looks_like_subtitles("; 注释\n" + ASS)
    assert not looks_like_subtitles("1\n正文。\n")
    assert not looks_like_subtitles("箭头 --> 这里")


@given(st.text(max_size=200) | st.text(alphabet="0123:,.-> \n{}<>\\N[]甲ADialogue", max_size=300))
def test_any_text_gives_cues(source):
    join_cues(parse_arrows(source))
    join_cues(parse_ass("[Script Info]\n" + source))
