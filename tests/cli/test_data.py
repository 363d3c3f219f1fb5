"""albert-data as a user meets it: what is printed, where, and with which exit code."""

import json
import lzma
import sys

import pytest

from cli.data import main
from tests.samples import ENCYCLOPEDIA, NEWS, write_vocabulary

SMALL = ["--max-seq-length", "64", "--dupe-factor", "1"]


@pytest.fixture
def albert_data(monkeypatch, capsys):
    """Runs the command in this process; returns exit code, standard output and standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["albert-data", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return left.value.code or 0, captured.out, captured.err

    return call


def test_a_build_says_what_became_of_the_corpus(albert_data, tmp_path):
    vocab, output = write_vocabulary(tmp_path), tmp_path / "shards"
    code, out, err = albert_data("build", "--corpus", NEWS, "--corpus", ENCYCLOPEDIA, "--vocab", vocab, "--output", output, *SMALL)
    assert code == 0, err
    assert err == ""
    assert "documents   94 read, 93 kept, 1 rejected" in out
    assert "1  exact_duplicate" in out
    assert f"look at it  albert-data inspect {output}" in out
    code, out, _ = albert_data("build", "--corpus", NEWS, "--corpus", ENCYCLOPEDIA, "--vocab", vocab, "--output", output, *SMALL, "--json")
    manifest = json.loads(out)
    assert manifest["documents"]["kept"] == 93
    code, out, _ = albert_data("inspect", output, "-n", 2)
    assert out.count("A  ") == 2
    assert "→[MASK]】" in out
    code, out, _ = albert_data("inspect", output, "-n", 2, "--json")
    assert [set(json.loads(line)) for line in out.splitlines()] == [{"swapped", "segment_a", "segment_b", "num_tokens", "masks"}] * 2
    assert albert_data("verify", output)[:2] == (0, f"{output}: everything is as the manifest says\n")
    shard = output / "train-00000-of-00001.tfrecord"
    shard.write_bytes(shard.read_bytes()[:-1])
    code, out, _ = albert_data("verify", output, "--json")
    assert code == 1
    assert not json.loads(out)["ok"]


def test_predictions_follow_length_and_probability(albert_data, tmp_path):
    vocab = write_vocabulary(tmp_path)
    settings = ["--corpus", NEWS, "--vocab", vocab, "--masking", "dynamic", "--json"]
    first = json.loads(albert_data("build", *settings, "--output", tmp_path / "a")[1])["parameters"]
    assert (first["max_seq_length"], first["max_predictions_per_seq"], first["max_ngram"], first["dupe_factor"]) == (512, 51, 3, 1)
    second = json.loads(albert_data("build", *settings, "--output", tmp_path / "b", "--max-seq-length", 128, "--mask-unit", "token")[1])
    assert (second["parameters"]["max_predictions_per_seq"], second["parameters"]["max_ngram"]) == (13, 1)


def test_too_few_predictions_warn(albert_data, tmp_path):
    vocab = write_vocabulary(tmp_path)
    code, _, err = albert_data(
        "build",
        "--corpus",
        NEWS,
        "--vocab",
        vocab,
        "--output",
        tmp_path / "a",
        *SMALL,
        "--masked-lm-prob",
        "0.15",
        "--max-predictions-per-seq",
        6,
    )
    assert code == 0
    assert "warning: --max-predictions-per-seq 6 holds less than the 10 that --masked-lm-prob 0.15 asks for" in err


BAD = {
    "missing file": (["--corpus", "none/at/all.txt"], "there is no file 'none/at/all.txt'"),
    "empty glob": (["--corpus", "none/*.txt"], "no file matches 'none/*.txt'"),
    "no corpus": ([], "no --corpus"),
    "short sequences": (["--corpus", NEWS, "--max-seq-length", 4], "--max-seq-length 4 is not between 8 and"),
    "many predictions": (
        ["--corpus", NEWS, "--max-seq-length", 64, "--max-predictions-per-seq", 80],
        "--max-predictions-per-seq 80 does not fit",
    ),
    "misspelt option": (["--corpus", NEWS, "--max-predictons-per-seq", 20], "no such option: --max-predictons-per-seq"),
    "misspelt option of Beam": (["--corpus", NEWS, "--diretc_num_workers=2"], "did you mean --direct_num_workers?"),
    "no number": (["--corpus", NEWS, "--dupe-factor", "ten"], "'ten' is not a valid integer"),
    "no copies": (["--corpus", NEWS, "--dupe-factor", 0], "--dupe-factor 0 is not between"),
    "no words": (["--corpus", NEWS, "--max-ngram", 0], "--max-ngram 0 is not between"),
    "unknown kind": (["--corpus", NEWS, "--masking", "magic"], "'magic' is not one of 'static', 'dynamic'"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_two_lines_and_exit_code_2(albert_data, tmp_path, name):
    arguments, message = BAD[name]
    output = tmp_path / "shards"
    code, out, err = albert_data("build", "--vocab", write_vocabulary(tmp_path), "--output", output, *arguments)
    assert code == 2
    assert out == ""
    assert message in err
    assert err.startswith("albert-data: ")
    assert len(err.splitlines()) >= 2
    assert "Traceback" not in err
    assert not output.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory"),
        (b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n", "lacks [MASK]"),
        (b"\xff\xfe", "byte 0 is not UTF-8"),
        (b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n" + b"\n".join(b"%d" % i for i in range(70_000)), "at most 65,536"),
    ],
)
def test_a_vocabulary_that_cannot_serve_stops_a_build_at_once(albert_data, tmp_path, content, message):
    vocab = tmp_path / "vocab.txt"
    if content is not None:
        vocab.write_bytes(content)
    code, _, err = albert_data("build", "--corpus", NEWS, "--vocab", vocab, "--output", tmp_path / "shards")
    assert code == 2
    assert message in err
    assert not (tmp_path / "shards").exists()


def test_a_truncated_file_is_named_and_nothing_looks_whole(albert_data, tmp_path):
    packed = tmp_path / "news.txt.xz"
    packed.write_bytes(lzma.compress(NEWS.read_bytes())[:-2000])
    output = tmp_path / "shards"
    arguments = ["build", "--corpus", packed, "--vocab", write_vocabulary(tmp_path), "--output", output, *SMALL]
    code, _, err = albert_data(*arguments)
    assert code == 2
    assert "news.txt.xz" in err
    assert "--allow-damaged-files" in err
    assert not (output / "manifest.json").exists()
    code, out, _ = albert_data(*arguments, "--allow-damaged-files", "--json")
    assert code == 0
    assert json.loads(out)["files"] == {"read": 1, "damaged": 1}


def test_an_output_that_cannot_be_written_is_named(albert_data, tmp_path):
    (tmp_path / "file").write_text("in the way")
    code, _, err = albert_data("build", "--corpus", NEWS, "--vocab", write_vocabulary(tmp_path), "--output", tmp_path / "file" / "shards")
    assert code == 2
    assert "cannot be written" in err


def test_help_is_quick_and_has_examples(albert_data):
    for command in ("build", "inspect", "verify", "vocab"):
        code, out, _ = albert_data(command, "--help")
        assert code == 0
        assert "Example" in out


def test_what_is_no_dataset_is_refused(albert_data, tmp_path):
    for command in ("inspect", "verify"):
        code, _, err = albert_data(command, tmp_path)
        assert code == 2
        assert "manifest.json" in err
