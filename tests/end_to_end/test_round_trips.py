"""A released model goes through every form and comes back the same, by the commands that a user types."""

import json

import pytest
from click.testing import CliRunner

from albert_core.checkpoints import read_bundle
from cli.train import train
from tests.shared_data import shared


def run(*arguments):
    result = CliRunner().invoke(train, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize(("variant", "checkpoint"), [(v, c) for v in ("brightmart_postln", "google") for c in ("trained", "classifier")])
def test_tf1_to_ours_to_hugging_face_to_ours_to_tf1(tmp_path, variant, checkpoint):
    prefix = shared(f"data/goldens/{variant}/{checkpoint}.ckpt.index").with_suffix("")
    tokens = shared("data/vocab.txt").read_text("utf-8").split("\n")  # not splitlines: U+2028 is a token
    (tmp_path / "vocab.txt").write_text("".join(f"{token}\n" for token in tokens[:512]), "utf-8")  # the goldens have 512 rows
    report = run("import", prefix, "--vocab", tmp_path / "vocab.txt", "--output", tmp_path / "ours", "--json")
    run("export", "--model", tmp_path / "ours", "--format", "huggingface", "--output", tmp_path / "theirs", "--json")
    run("import", tmp_path / "theirs", "--output", tmp_path / "back", "--json")
    checks = run("export", "--model", tmp_path / "back", "--format", "tf1", "--output", tmp_path / "tf1", "--json")["checks"]
    assert all(check["largest_difference"] == 0 for check in checks)
    before, after = read_bundle(prefix), read_bundle(tmp_path / "tf1" / "albert_model.ckpt", with_slots=True)
    assert sorted(after) == report["taken"] == sorted(before)
    assert {name: value.tobytes() for name, value in after.items()} == {name: value.tobytes() for name, value in before.items()}
    assert (tmp_path / "tf1" / "vocab.txt").read_bytes() == (tmp_path / "vocab.txt").read_bytes()
    config = json.loads((tmp_path / "tf1" / "albert_config.json").read_text())
    original = json.loads((prefix.parent / "config.json").read_text())
    assert {key: config[key] for key in original} == original
