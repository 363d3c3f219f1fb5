import struct

import pytest

from corpora.binaries import document_kind, is_binary, other_kind, packed_kind
from corpora.decoding import decide_encoding


@pytest.mark.parametrize(
    ("sample", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "a picture, sound or film"),
        (b"\0\0\0\x18ftypmp42", "a picture, sound or film"),
        (b"BM" + struct.pack("<II", 1000, 0), "a picture, sound or film"),
        (b"BMW is a car, RIFF a word", None),
        (b"MZ is a name", None),
        (b"ID3 tags", None),
    ],
)
def test_pictures_sounds_and_programs(sample, kind):
    assert other_kind(sample) == kind


def test_containers_and_laid_out_documents():
    assert packed_kind(b"7z\xbc\xaf\x27\x1c") == "a 7z archive"
    assert packed_kind(b"7z is a format") is None
    assert document_kind(b"%PDF-1.7") == "a PDF file"
    assert document_kind(b"PK\x03\x04" + bytes(26) + b"word/document.xml") == "an Office document"
    assert document_kind(b"PK\x03\x04" + bytes(26) + b"words.txt") is None
    assert document_kind(bytes(60) + b"BOOKMOBI") == "an e-book for Kindle"


def test_many_control_characters_are_no_text():
    text = b"x" * 95
    assert not is_binary(text + b"\x01" * 5, decide_encoding(text))
    assert is_binary(text + b"\x01" * 6, decide_encoding(text))
    assert not is_binary(b"\t\r\n\x1b[0m", decide_encoding(text))
    wide = "plain text".encode("utf-16-le")
    assert not is_binary(wide, decide_encoding(wide))
    assert not is_binary(b"", decide_encoding(b""))
