"""albert-data vocab as a user meets it."""

import json
import sys

import pytest

from albert_core.tokenization import SPECIAL_TOKENS, Tokenizer
from cli.data import main
from tests.samples import NEWS

ENTRIES = [*SPECIAL_TOKENS, "[unused1]", "[unused2]", "[unused3]", "今", "天"]


@pytest.fixture
def vocab(monkeypatch, capsys):
    """Runs the command in this process; returns exit code, standard output and standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["albert-data", "vocab", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return left.value.code or 0, captured.out, captured.err

    return call


@pytest.fixture
def released(tmp_path):
    """A small vocabulary with three slots."""
    path = tmp_path / "vocab.txt"
    path.write_text("".join(f"{entry}\n" for entry in ENTRIES), "utf-8")
    return path


def test_what_was_learned_is_told(vocab, tmp_path):
    arguments = ["--corpus", NEWS, "--size", 1500, "--min-count", 1, "--limit", 30, "--output", tmp_path / "vocab.txt"]
    code, out, err = vocab(*arguments)
    assert (code, err) == (0, "")
    assert "documents   31 read, 30 kept" in out
    assert "such as     ， 的 。 一" in out
    assert "the rest is [UNK]" in out
    told = json.loads(vocab(*arguments, "--json")[1])
    assert told["entries"] == Tokenizer.load(tmp_path / "vocab.txt").size == sum(told["kinds"].values())
    assert told["kinds"]["pieces"] >= 20
    assert told["coverage"]["unknown_share"] < 0.01


def test_entries_are_added_and_listed(vocab, released, tmp_path):
    (tmp_path / "more.txt").write_text("docker\n", "utf-8")
    arguments = ["--extend", released, "--add", "“", "--add-file", tmp_path / "more.txt", "--output", tmp_path / "new.txt"]
    code, out, err = vocab(*arguments)
    assert (code, err) == (0, "")
    assert out.splitlines()[1].split() == ["“", "→", "5", "[unused1]"]
    assert "2 entries added in" in out
    assert "1 [unused…] slots are left" in out
    told = json.loads(vocab(*arguments, "--json")[1])
    assert told["added"][1] == {"token": "docker", "id": 6, "replaced": "[unused2]", "count": None}
    assert (tmp_path / "new.txt").read_text("utf-8").split("\n")[5:8] == ["“", "docker", "[unused3]"]


def test_the_most_frequent_characters_that_are_lacking(vocab, released, tmp_path):
    told = json.loads(vocab("--extend", released, "--corpus", NEWS, "--count", 2, "--output", tmp_path / "new.txt", "--json")[1])
    assert [row["token"] for row in told["added"]] == ["，", "的"]
    assert told["added"][0]["count"] > told["added"][1]["count"] > 100
    assert told["slots_left"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--add", "x"], "--add means nothing without --extend"),
        (["--corpus", NEWS, "--count", 3], "--count means nothing without --extend"),
        (["--extend", "VOCAB", "--add", "x", "--size", 900], "--size means nothing beside --extend"),
        (["--extend", "VOCAB", "--add", "“", "--limit", 3], "--limit with --extend: --corpus and --count N belong together"),
        (["--extend", "VOCAB", "--corpus", NEWS], "--corpus with --extend: --corpus and --count N belong together"),
        (["--extend", "VOCAB"], "nothing to add"),
        (["--extend", "VOCAB", "--add", "今"], "'今' is there already, id 8"),
        (["--extend", "VOCAB", "--add", "“”—…"], "4 entries do not fit into the 3 [unused…] slots"),
        (["--extend", "VOCAB", "--add-file", "none.txt"], "--add-file none.txt cannot be read"),
        (["--extend", "none.txt", "--add", "“"], "--extend none.txt cannot be read"),
        (["--corpus", NEWS, "--character-coverage", 1.5], "--character-coverage 1.5 is not in (0, 1]"),
    ],
)
def test_a_mistake_is_two_lines_and_exit_code_2(vocab, released, tmp_path, arguments, message):
    code, out, err = vocab(
        *(str(released) if argument == "VOCAB" else argument for argument in arguments), "--output", tmp_path / "new.txt"
    )
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 2
    assert not (tmp_path / "new.txt").exists()
