import codecs
import tarfile
from pathlib import PurePosixPath

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from corpora.decoding import decide_encoding, detect_encoding, drop_lone_surrogates, log_likelihoods, transcode
from tests.corpora.reading import bad, events, texts
from tests.samples import ENCYCLOPEDIA
from tests.shared_data import shared

SIMPLIFIED = "今天的天气很好，我们一起去公园里散步。他说这是一个不错的主意，大家都同意了。\n"
TRADITIONAL = "今天的天氣很好，我們一起去公園裡散步。他說這是一個不錯的主意，大家都同意了。\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (SIMPLIFIED, "utf-8"), (SIMPLIFIED, "gb18030"), (TRADITIONAL, "utf-8"), (TRADITIONAL, "gb18030"), (TRADITIONAL, "big5hkscs"),
        *((text, f"utf-{width}-{order}e") for text in (SIMPLIFIED, TRADITIONAL) for width in (16, 32) for order in "lb"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("cut", [0, 1])
def test_encodings_by_evidence_even_when_the_sample_ends_inside_a_character(text, encoding, cut):
    data = text.encode(encoding)
    assert detect_encoding(data[: len(data) - cut]) == encoding


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [(codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF32_LE, "utf-32-le"),
     (codecs.BOM_UTF32_BE, "utf-32-be"), (b"\x84\x31\x95\x33", "gb18030")],
)  # fmt: skip
def test_a_byte_order_mark_decides_and_is_not_text(mark, encoding):
    data = mark + SIMPLIFIED.encode(encoding)
    assert detect_encoding(data) == encoding
    assert texts(events(data, "line", encoding=encoding)) == [SIMPLIFIED.strip()]


def test_ascii_and_nothing_are_utf8():
    assert detect_encoding(b"plain ASCII\n") == "utf-8"
    assert detect_encoding(b"") == "utf-8"


def test_a_few_invalid_bytes_do_not_make_another_encoding():
    assert detect_encoding(SIMPLIFIED.encode() * 5 + b"\xff\xfe\xc3(" + SIMPLIFIED.encode()) == "utf-8"


def test_big5_decodes_as_gb18030_without_error_but_scores_worse():
    data = TRADITIONAL.encode("big5hkscs")
    data.decode("gb18030")  # no error: this is why a score is needed
    found = log_likelihoods(data)
    assert found["big5hkscs"] - found["gb18030"] > 200
    assert decide_encoding(data) == ("big5hkscs", 1.0)


@given(st.binary(max_size=300))
def test_any_bytes_get_a_python_codec(data):
    codecs.lookup(detect_encoding(data))


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
    st.sampled_from(["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]),
    st.integers(1, 7),
)
def test_wide_text_is_transcoded_whatever_the_blocks(text, encoding, size):
    data = text.encode(encoding)
    blocks = [data[i : i + size] for i in range(0, len(data), size)]
    assert b"".join(transcode(blocks, encoding)) == text.encode()


def test_a_newline_byte_inside_a_wide_character_is_no_line_end():
    assert b"\n" in "上".encode("utf-16-be")
    assert texts(events("上海\n北京\n".encode("utf-16-be"), "line", encoding="utf-16-be")) == ["上海", "北京"]


def test_invalid_units_reject_their_record_only():
    data = "好\n".encode("utf-16-le") + b"\x00\xd8" + "坏\n".encode("utf-16-le") + "好\n".encode("utf-16-le")
    found = events(data, "line", encoding="utf-16-le")
    assert texts(found) == ["好", "好"]
    assert bad(found) == [(4, "invalid_encoding")]


def test_lone_surrogates_are_dropped_and_pairs_kept():
    assert drop_lone_surrogates("a\ud83db😀") == "ab😀"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("一些", "gb18030"),
        ("联通", "gb18030"),
        ("中国", "gb18030"),
        ("中國", "big5hkscs"),
        ("你好，世界", "utf-16-le"),
        ("你好，世界", "utf-8"),
    ],
)
def test_a_few_characters_are_enough(text, encoding):
    assert detect_encoding(text.encode(encoding)) == encoding


def test_confidence_is_lower_where_readings_compete():
    sure, unsure = decide_encoding(SIMPLIFIED.encode("gb18030")), decide_encoding("罡".encode("gb18030"))
    assert sure == ("gb18030", 1.0)
    assert 0 < unsure.confidence < 0.9
    invalid = decide_encoding(SIMPLIFIED.encode() * 5 + b"\xff" * 20)
    assert invalid.encoding == "utf-8"
    assert 0.8 < invalid.confidence < 0.95


def test_classical_text_of_rare_characters():
    text = "丸治疳積羸瘦腹脹，青黛、黃連、蘆薈、夜明砂各等分，右為末，粟米糊丸，黍米大。\n" * 3
    for encoding in ("gb18030", "big5hkscs", "utf-16-be"):
        assert detect_encoding(text.encode(encoding)) == encoding


def test_hz_of_the_newsgroups_is_read():
    data = SIMPLIFIED.encode("hz") + b"plain\n"
    assert detect_encoding(data) == "hz"
    assert texts(events(data, "line", encoding="hz")) == [SIMPLIFIED.strip(), "plain"]
    assert detect_encoding(b'(format t "~{~a~}" list)') == "utf-8"


ISO_2022_CN = b"\x1b$)A\x0eJG5DL?\x0f\n"
EUC_TW = bytes.fromhex("c4e3c8d5f0c3e3e2d9aae9bad8a3d1b2e4eed6c2e2c6dfe5c4a8e8b5f1f0eac0dbc5e3c7d9b5e6b7") * 3


@pytest.mark.parametrize("data", [ISO_2022_CN, EUC_TW])
def test_an_encoding_that_no_codec_reads_is_unknown_and_never_mojibake(data):
    assert detect_encoding(data) == "unknown"
    found = events(b"plain\n" + data + b"\n", "line", encoding="unknown")
    assert texts(found) == ["plain"]
    assert [reason for _, reason in bad(found)] == ["unknown_encoding"]


def test_lines_beyond_ascii_are_looked_for_in_a_long_sample():
    sample = b"plain ASCII\n" * 10_000 + SIMPLIFIED.encode("gb18030")
    assert len(sample) > 64 << 10
    assert decide_encoding(sample) == ("gb18030", 1.0)


def test_utf8_with_a_tail_in_another_encoding_is_utf8():
    assert detect_encoding(SIMPLIFIED.encode() * 20 + SIMPLIFIED.encode("gb18030") * 3) == "utf-8"


ENCODINGS = ("utf-8", "gb18030", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


@given(st.data())
def test_any_ten_characters_of_real_text_are_enough(data):
    """The sample corpus, which had no part in the model."""
    text = ENCYCLOPEDIA.read_text("utf-8")
    start = data.draw(st.integers(0, len(text) - 40))
    piece = text[start : start + 40]
    assume(sum("\u4e00" <= character <= "\u9fff" for character in piece) >= 10)
    encoding = data.draw(st.sampled_from(ENCODINGS))
    assert detect_encoding(piece.encode(encoding)) == encoding


REAL = {"gb2312": "gb18030", "big5": "big5hkscs", "euc_tw": "unknown", "utf_8_sig": "utf-8"}


def wanted_encoding(path: PurePosixPath) -> str:
    folder = path.parent.name.lower().replace("-", "_")
    order = path.stem[-2:] if folder in ("utf_16", "utf_32") else ""
    return REAL.get(folder) or "-".join(filter(None, (*folder.split("_"), order))).replace("gb18030-", "gb18030")


def test_real_files_in_many_encodings():
    wrong = []
    count = 0
    with tarfile.open(shared("data/corpora/formats.tar.xz")) as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            stream = archive.extractfile(member) if member.isfile() and "encodings" in path.parts else None
            if stream is not None:
                count += 1
                found = decide_encoding(stream.read(1 << 16))
                if found.encoding != wanted_encoding(path):
                    wrong.append((member.name, found))
    assert count > 80
    assert wrong == []


def test_real_books_in_gb18030():
    with tarfile.open(shared("data/corpora/gb18030_books.tar.xz")) as archive:
        found = [decide_encoding(stream.read(1 << 16)) for member in archive if (stream := archive.extractfile(member))]
    assert len(found) > 20
    assert set(found) == {("gb18030", 1.0)}
