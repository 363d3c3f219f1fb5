import json

import pytest
from click.testing import CliRunner

from cli.train import train


def invoke(*arguments):
    result = CliRunner().invoke(train, ["plan", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_plan_as_people_read_it():
    text = invoke("--model", "base", "--tpu", "v3-256", "--train-batch-size", "4096")
    assert text.startswith("base, 512 tokens, batch 4,096 on v3-256: 256 devices, 128 chips\n")
    assert "  weights               0.046 GB" in text
    assert "that a step can have: fits" in text
    assert "125,000 steps     6.3 hours, $1,604" in text


def test_a_plan_for_scripts():
    plan = json.loads(
        invoke("--model", "tiny", "--tpu", "v5e-4", "--max-seq-length", "128", "--num-train-steps", "1000", "--price", "10", "--json")
    )
    assert plan["batch"] == 4 * plan["greatest_batch_per_device"]
    assert plan["dollars"] == pytest.approx(plan["hours"] * 10)
    assert plan["compiled"] is None


def test_a_table_of_all_sizes():
    rows = [line.split() for line in invoke("--tpu", "titan-x", "--fine-tuning").splitlines()]
    assert rows[2] == ["tokens", "64", "128", "256", "320", "384", "512"]
    assert [row[0] for row in rows[3:9]] == ["tiny", "small", "base", "large", "xlarge", "xxlarge"]
    table = json.loads(invoke("--tpu", "titan-x", "--fine-tuning", "--json"))
    assert rows[5][1:] == [f"{count:,}" for count in table["base"].values()]


def test_help_has_examples():
    assert "albert-train plan --tpu titan-x --fine-tuning" in invoke("--help")
