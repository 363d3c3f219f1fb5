import os
import threading

import click
import pytest

from albert_core.errors import AlbertError
from cli.text_lines import MAX_LINE, count_lines, group_texts, read_blocks


def entries(path, size=1, **options):
    return [entry for block in read_blocks(str(path), size, "--order", **options) for entry in block]


def test_lines_know_where_they_stand(tmp_path):
    (tmp_path / "lines").write_bytes("\ufeff花\r\n\n 天\tb\n最后".encode())
    assert [(each.where, each.line, each.texts) for each in entries(tmp_path / "lines")] == [
        (f"{tmp_path}/lines, line 1", 1, ("花",)),
        (f"{tmp_path}/lines, line 3", 3, (" 天\tb",)),
        (f"{tmp_path}/lines, line 4", 4, ("最后",)),
    ]
    assert [each.texts for each in entries(tmp_path / "lines", keep_empty=True)] == [("花",), ("",), (" 天\tb",), ("最后",)]
    assert count_lines(str(tmp_path / "lines")) == 3  # ends of lines


def test_a_file_larger_than_a_block_is_read_whole_and_block_by_block(tmp_path, monkeypatch):
    monkeypatch.setattr("cli.text_lines.BLOCK", 100)
    lines = [f"{number} " + "花" * (number % 50) for number in range(1000)]
    (tmp_path / "lines").write_text("\n".join(lines) + "\n", "utf-8")
    blocks = list(read_blocks(str(tmp_path / "lines"), 1, ""))
    assert [entry.texts[0] for block in blocks for entry in block] == lines
    assert len(blocks) > 500
    assert max(len(block) for block in blocks) < 40


def test_a_slow_pipe_is_answered_line_by_line(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    answered = threading.Event()

    def write():
        with open(tmp_path / "pipe", "wb", buffering=0) as pipe:
            pipe.write("花\n天".encode())
            assert answered.wait(10)  # the first line was read while the pipe was open
            pipe.write("黑\n".encode())

    writer = threading.Thread(target=write)
    writer.start()
    blocks = read_blocks(str(tmp_path / "pipe"), 1, "")
    assert [entry.texts for entry in next(blocks)] == [("花",)]
    answered.set()
    assert [entry.texts for block in blocks for entry in block] == [("天黑",)]
    writer.join()
    assert count_lines(str(tmp_path / "pipe")) is None


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (
            "花\n天\n".encode("gb18030"),
            AlbertError,
            "lines, line 1: byte 0 of it is not UTF-8\nconvert it first: iconv -f GB18030 -t UTF-8 ",
        ),
        ("花\n天\n".encode("utf-16"), AlbertError, "line 1: byte 0 of it is not UTF-8"),
        (b"x" * (MAX_LINE + 1), AlbertError, "has a line of more than 16 MiB"),
        (b" \n\n", click.UsageError, "no text to read"),
        ("花\t天\n花\n".encode(), click.UsageError, "line 2 has 0 tabs: --order wants A, one tab, B"),
    ],
)
def test_files_that_hold_no_such_lines(tmp_path, content, error, message):
    (tmp_path / "lines").write_bytes(content)
    with pytest.raises(error) as refused:
        entries(tmp_path / "lines", 2 if "tabs" in message else 1)
    assert message in str(refused.value)


def test_arguments_come_out_even():
    assert [each.texts for each in group_texts(list("abcd"), 2, "--order")] == [("a", "b"), ("c", "d")]
    assert [each.texts for each in group_texts(list("abc"), 0, "c3")] == [("a", "b", "c")]
    with pytest.raises(click.UsageError, match="lcqmc takes 2 texts each, and 3 were given"):
        group_texts(list("abc"), 2, "lcqmc")
    with pytest.raises(click.UsageError, match="x takes 3 texts each, and 4 were given"):
        group_texts(list("abcd"), 3, "x")
