import json

import numpy as np
from click.testing import CliRunner

from cli.train import train
from tests.albert_core.test_model_source import numbers, write_checkpoint
from tests.albert_core.test_modeling import SMALL, with_random_weights


def invoke(*arguments):
    return CliRunner().invoke(train, ["import", *map(str, arguments)], catch_exceptions=False).output


def released(folder):
    extra = {"cls/squad/output_bias": np.zeros(2, np.float32), "global_step": np.int64(3)}
    extra |= {f"bert/pooler/dense/{name}/adam_{slot}": np.zeros(1, np.float32) for name in ("bias", "kernel") for slot in "mv"}
    return write_checkpoint(folder, numbers(with_random_weights(SMALL)) | extra, SMALL.to_json())


def test_the_report(tmp_path):
    lines = invoke(released(tmp_path / "m"), "--output", tmp_path / "out", "--extend-positions", 12).splitlines()
    assert lines[0] == f"{tmp_path}/out: brightmart format, 4 layers of 12, from the TF1 checkpoint {tmp_path}/m/albert_model.ckpt"
    assert "  word embeddings                 1 variables             240 values" in lines
    assert "  optimizer slot                  4 variables: bert/pooler/dense/bias/adam_m, bert/pooler/dense/bias/adam_v and 2 more" in lines
    assert "  counter of the training         1 variables: global_step" in lines
    assert "  head of another task            1 variables: cls/squad/output_bias" in lines
    assert "  10 positions extended to 12 by repeating them: train on before long texts are trusted to it" in lines
    assert "missing" not in "\n".join(lines)


def test_json_has_the_exact_lists(tmp_path):
    report = json.loads(invoke(released(tmp_path / "m"), "--output", tmp_path / "out", "--json"))
    assert report["taken"] == sorted(numbers(with_random_weights(SMALL)))
    assert len(report["skipped"]) == 6
    assert (report["missing"], report["notes"], report["variant"], report["format"]) == ([], [], "brightmart", "TF1 checkpoint")
    assert report["parameters"] == sum(value.size for value in numbers(with_random_weights(SMALL)).values())
    assert "albert-train import " in invoke("--help")
