"""What is no text, known by its first bytes: pictures and programs, and containers whose documents no reader takes."""

import re

from corpora.decoding import WIDTHS, Decision

MAX_CONTROL_SHARE = 0.05
"""Of the bytes of a sample: text has none to speak of, other data a tenth or more."""

PACKED = {
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a rar archive",
    b"\x04\x22\x4d\x18": "an lz4 file",
    b"\x1f\x9d": "a compress (.Z) file",
    b"LZIP\x01": "an lzip file",
    b"MSCF\0\0\0\0": "a cabinet archive",
    b"\x60\xea": "an arj archive",
    b"\xce\xb2\xcf\x81": "a LevelDB file",
    b"ARROW1\0\0": "an Arrow file",
    b"Obj\x01": "an Avro file",
    b"SQLite format 3\0": "an SQLite database",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array",
}
"""What may hold many documents, none of which is read."""
DOCUMENTS = {
    b"%PDF-": "a PDF file",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Office document",
    b"{\\rtf": "an RTF document",
    b"ITSF\x03\0\0\0": "a CHM help file",
    b"AT&TFORM": "a DjVu file",
}
"""What holds one document that is laid out, not written down."""
OTHERS = {
    b"\x89PNG\r\n\x1a\n": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF87a": "a GIF picture",
    b"GIF89a": "a GIF picture",
    b"II*\0": "a TIFF picture",
    b"MM\0*": "a TIFF picture",
    b"\0\0\x01\0": "an icon",
    b"ID3\x03": "a sound",
    b"ID3\x04": "a sound",
    b"OggS\0": "a sound",
    b"fLaC\0": "a sound",
    b"\x7fELF": "a program",
    b"MZ\x90\0": "a program",
    b"\xca\xfe\xba\xbe": "a program",
    b"\0asm": "a program",
    b"\0\x01\0\0\0": "a font",
    b"OTTO\0": "a font",
    b"wOFF": "a font",
    b"wOF2": "a font",
    b"\0\x05\x16\x07": "a note of a file manager",
}
_MEDIA = re.compile(rb"RIFF.{4}(?:WAVE|WEBP|AVI )|.{4}ftyp[\w ]{4}|BM.{4}\0{4}", re.DOTALL)
_OFFICE = re.compile(rb"PK\x03\x04.{26}(?:\[Content_Types\]\.xml|_rels/|docProps/|word/|xl/|ppt/)", re.DOTALL)
_MOBI = slice(60, 68), b"BOOKMOBI"
_CONTROL = bytes(byte for byte in range(0x20) if byte not in b"\t\n\v\f\r\x0e\x0f\x1a\x1b") + b"\x7f"


def packed_kind(sample: bytes) -> str | None:
    """What container of documents, which no reader takes, a file begins like, else None."""
    return next((kind for magic, kind in PACKED.items() if sample.startswith(magic)), None)


def document_kind(sample: bytes) -> str | None:
    """What laid-out document a file begins like, else None."""
    if _OFFICE.match(sample):
        return "an Office document"
    if sample[_MOBI[0]] == _MOBI[1]:
        return "an e-book for Kindle"
    return next((kind for magic, kind in DOCUMENTS.items() if sample.startswith(magic)), None)


def other_kind(sample: bytes) -> str | None:
    """What picture, sound, program or the like a file begins like, else None."""
    if _MEDIA.match(sample):
        return "a picture, sound or film"
    return next((kind for magic, kind in OTHERS.items() if sample.startswith(magic)), None)


def is_binary(sample: bytes, decision: Decision) -> bool:
    """Whether a file of no known kind holds so many control characters that it is no text."""
    if decision.encoding in WIDTHS:
        return False
    return len(sample) - len(sample.translate(None, _CONTROL)) > MAX_CONTROL_SHARE * len(sample)
