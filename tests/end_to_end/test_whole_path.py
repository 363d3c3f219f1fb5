"""The installed commands, one after the other, as a user types them: text → vocabulary → shards → model → prediction."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.samples import COMMUNITY, DIRTY, ENCYCLOPEDIA, NEWS

CONFIG = {
    "embedding_size": 16, "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2, "num_hidden_layers": 2,
    "max_position_embeddings": 64, "type_vocab_size": 2, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
}  # fmt: skip


def run(*arguments: object) -> str:
    """Standard output of one of our commands, which must succeed and print nothing on standard error."""
    command = [str(Path(sys.executable).with_name(str(arguments[0]))), *map(str, arguments[1:])]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.parametrize("masking", ["static", "dynamic"])
def test_from_text_to_a_prediction(tmp_path, masking):
    corpora = [part for corpus in (ENCYCLOPEDIA, NEWS, f"{COMMUNITY}/*.txt", DIRTY) for part in ("--corpus", corpus)]
    vocab, shards, model, config = (tmp_path / name for name in ("vocab.txt", "shards", "model", "config.json"))
    run("albert-data", "vocab", *corpora, "--size", 3000, "--min-count", 1, "--output", vocab)
    built = run(
        "albert-data", "build", *corpora, "--vocab", vocab, "--output", shards, "--masking", masking,
        "--max-seq-length", 64, "--eval-fraction", 0.05, "--json",
    )  # fmt: skip
    documents = json.loads(built)["documents"]
    assert documents["read"] == 134
    assert documents["kept"] + sum(documents["rejected"].values()) == 134
    assert run("albert-data", "verify", shards).endswith("everything is as the manifest says\n")
    assert len(run("albert-data", "inspect", shards, "-n", 3, "--json").splitlines()) == 3
    config.write_text(json.dumps(CONFIG | {"vocab_size": len(vocab.read_text("utf-8").splitlines())}))
    run(
        "albert-train", "pretrain", "--data", shards, "--model", config, "--output", model, "--num-train-steps", 12, "--train-batch-size", 8
    )
    steps = [json.loads(line)["step"] for line in (model / "metrics.jsonl").read_text().splitlines()]
    assert [step for step in steps if step is not None][:12] == list(range(1, 13))
    numbers = json.loads(run("albert-train", "evaluate", "--data", shards, "--model", model, "--json"))
    assert 0 <= numbers["masked_lm_accuracy"] <= 1
    assert numbers["num_instances"] > 10
    answer = json.loads(run("albert-train", "predict", "--model", model, "--json", "今天天[MASK]很好。"))
    assert len(answer["masks"]) == 1
    assert json.loads(run("albert-train", "info", model, "--json"))["total"] > 0
