import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.decoding import detect_encoding, drop_lone_surrogates, score_encodings, transcode
from tests.corpora.reading import bad, events, texts
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
    scores = score_encodings(data)
    assert scores["big5hkscs"] > 0.7 > 0.3 > scores["gb18030"]


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


def test_real_files_in_many_encodings(tmp_path):
    import tarfile

    with tarfile.open(shared("data/corpora/formats.tar.xz")) as archive:
        members = [member for member in archive.getmembers() if member.isfile() and "/encodings/" in f"/{member.name}"]
        wrong = []
        for member in members:
            folder = member.name.split("/")[-2].lower().replace("-", "_")
            wanted = {"gb2312": "gb18030", "gb18030": "gb18030", "big5": "big5hkscs", "utf_8": "utf-8", "utf_8_sig": "utf-8"}.get(folder)
            if folder.startswith(("utf_16_", "utf_32_")):
                wanted = folder.replace("_", "-")
            stream = archive.extractfile(member)
            if wanted and stream and (found := detect_encoding(stream.read(1 << 16))) != wanted:
                wrong.append((member.name, wanted, found))
    assert len(members) > 60
    assert wrong == []
