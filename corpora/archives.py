"""Archives as files one after the other.

Nothing is unpacked to disk and nothing is held: a member is a stream of blocks. Left out without a word are folders, links and devices, and
the notes of file managers (`archive_members.NOT_CORPUS`). Every other member is read, rejected as no text, or named as damaged.
"""

from collections.abc import Iterator
from typing import BinaryIO

from corpora.archive_members import Member, is_left_out
from corpora.tar_members import read_tar
from corpora.zip_members import read_zip

MAX_DEPTH = 3
"""Archives in archives in an archive; what lies deeper is named as damaged."""


def read_members(kind: str, blocks: Iterator[bytes], file: BinaryIO | None) -> Iterator[Member]:
    """The members of a "tar", which is read as a stream of `blocks`, or of a "zip", which must be a seekable `file`.

    Raises:
      DamagedStreamError: when the stream that the archive comes in breaks between two members.
    """
    if kind == "tar":
        found = read_tar(blocks)
    else:
        assert file is not None, "a zip is read here and there"
        found = read_zip(file)
    return (member for member in found if member.name is None or not is_left_out(member.name))
