"""`predict` with a pretrained model, from arguments, files and pipes."""

import json
import subprocess
import sys

import numpy as np
import pytest

from albert_core.model_directory import write_description, write_weights
from albert_core.modeling import Albert
from tests.albert_core.test_model_directory import CONFIG, CONTENT

TEXTS = ["春天来了。", "花开了。", "天黑了。"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    write_description(folder, CONFIG, CONTENT, {"lower_case": True})
    write_weights(folder, Albert(CONFIG, seed=1))
    return folder


def test_the_nearest_lines_of_a_list(albert_train, model, tmp_path):
    (tmp_path / "list").write_text("\n\n".join(TEXTS) + "\n", "utf-8")
    asked = ("predict", "--model", model, "--nearest", tmp_path / "list", "--cache", tmp_path / "kept.npz", "--top-k", 2)
    code, out, err = albert_train(*asked, "花开了。", "--json")
    assert code == 0, err
    found = json.loads(out)["nearest"]
    assert (len(found), found[0]["line"], found[0]["text"], found[0]["part"]) == (2, 3, "花开了。", "花开了。")
    assert found[0]["similarity"] == pytest.approx(1, abs=1e-5)
    kept = (tmp_path / "kept.npz").stat().st_mtime_ns
    assert albert_train(*asked, "花开了。", "--json")[1] == out
    assert (tmp_path / "kept.npz").stat().st_mtime_ns == kept
    (tmp_path / "list").write_text(TEXTS[0] + "\n", "utf-8")
    assert json.loads(albert_train(*asked, "花开了。", "--json")[1])["nearest"][0]["text"] == TEXTS[0]
    assert (tmp_path / "kept.npz").stat().st_mtime_ns > kept
    assert albert_train(*asked, "春天来了。")[1] == "春天来了。\n   1.000   line 1      春天来了。\n"


def test_vectors_are_rows_for_lines(albert_train, model, tmp_path):
    (tmp_path / "list").write_text("\n".join(TEXTS) + "\n", "utf-8")
    asked = ("predict", "--model", model, "--file", tmp_path / "list", "--embed")
    code, out, err = albert_train(*asked, tmp_path / "v.npy")
    assert (code, out) == (0, f"{tmp_path}/v.npy: 3 vectors of 8\n"), err
    assert albert_train(*asked, tmp_path / "v.jsonl")[0] == 0
    lines = [json.loads(line) for line in (tmp_path / "v.jsonl").read_text("utf-8").splitlines()]
    assert [line["text"] for line in lines] == TEXTS
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), np.array([line["vector"] for line in lines], np.float32))
    (tmp_path / "list").write_text("花\n\n天\n", "utf-8")
    refused = albert_train(*asked, tmp_path / "w.npy")
    assert (refused[0], "list, line 2: “” has no tokens" in refused[2]) == (2, True)
    assert not (tmp_path / "w.npy").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--order", "--similarity", "a", "b"), "--order and --similarity exclude each other"),
        (("--similarity", "--task", "lcqmc", "a", "b"), "--similarity and --task exclude each other"),
        (("--cache", "x.npz", "a"), "--cache keeps the vectors of a list: add --nearest FILE"),
        (("--similarity", "a", "b", "c"), "--similarity takes 2 texts each, and 3 were given"),
    ],
)
def test_options_that_do_not_go_together(albert_train, options, message):
    code, out, err = albert_train("predict", "--model", "nowhere", *options)
    assert (code, out, message in err) == (2, "", True)


@pytest.mark.parametrize(
    ("option", "content", "message"),
    [
        ((), "花[MASK]\n天\n", "lines, line 2: no [MASK] in “天”"),
        (("--order",), "花\t天\n花\t \n", "lines, line 2: a segment of the pair"),
        (("--similarity",), "花\t天\n\t天\n", "lines, line 2: “” has no tokens"),
    ],
)
def test_what_is_wrong_names_file_and_line(albert_train, model, tmp_path, option, content, message):
    (tmp_path / "lines").write_text(content, "utf-8")
    code, out, err = albert_train("predict", "--model", model, "--file", tmp_path / "lines", *option)
    assert (code, out, message in err, len(err.splitlines())) == (2, "", True, 2), err


@pytest.mark.integration
@pytest.mark.slow
def test_a_reader_that_leaves_is_no_error(model):
    """`predict … | head -1`: quiet, whatever the input still holds."""
    command = [sys.executable, "-c", "from cli.train import main; main()", "predict", "--model", str(model)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write("花[MASK]了。\n".encode())
    process.stdin.flush()
    assert process.stdout.readline().startswith("花".encode())
    process.stdout.close()
    process.stdin.write("花[MASK]了。\n".encode() * 3)
    process.stdin.close()
    assert process.wait(60) == 1
    assert b"Traceback" not in process.stderr.read()
