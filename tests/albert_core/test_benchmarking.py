import subprocess
import sys
from importlib.util import find_spec

import pytest

from albert_core.benchmarking import benchmark
from albert_core.errors import AlbertError
from albert_core.form_comparison import compare_forms
from albert_core.litert import LiteRtModel, export_litert
from albert_core.model_directory import write_description, write_weights
from albert_core.modeling import Albert
from albert_core.parameters import Heads
from albert_core.task_files import Record
from albert_core.task_model import TaskModel, write_task
from albert_core.tasks import TASKS
from tests.albert_core.small_dataset import SENTENCES, VOCABULARY
from tests.albert_core.small_run import MODEL


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmark") / "model"
    write_description(folder, MODEL, "".join(f"{token}\n" for token in VOCABULARY).encode(), {"lower_case": True})
    write_weights(folder, Albert(MODEL, heads=Heads(masked_words=False, sentence_order=False, num_labels=2), seed=1))
    write_task(folder, TASKS["afqmc"], ("0", "1"), 16)
    return folder


@pytest.mark.slow
def test_every_form_at_every_length_has_a_row(folder):
    phone = folder.parent / "phone"
    export_litert(folder, phone)
    result = benchmark([str(folder), str(phone)], lengths=(8, 32), batch_size=4, repeats=5)
    assert [(row["form"], row["tokens"], row["batch_size"]) for row in result["rows"]] == [
        ("float32", 8, 4), ("float32", 32, 4), ("bfloat16", 8, 4), ("bfloat16", 32, 4), ("litert", 16, 1),
    ]  # fmt: skip
    for row in result["rows"]:
        assert 0 < row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"]
        assert row["sequences_per_second"] > 0
        assert row["bytes"] > 4 * 10_000
    assert [row["peak_mb"] is None for row in result["rows"]] == [True] * 4 + [not find_spec("ai_edge_litert")]


@pytest.mark.slow
def test_forms_are_held_against_the_first(folder):
    phone, other = folder.parent / "phone2", folder.parent / "other"
    export_litert(folder, phone)
    write_description(other, MODEL, (folder / "vocab.txt").read_bytes(), {"lower_case": True})
    write_weights(other, Albert(MODEL, heads=Heads(masked_words=False, sentence_order=False, num_labels=2), seed=2))
    write_task(other, TASKS["afqmc"], ("0", "1"), 16)
    forms = {str(folder): TaskModel.load(folder), str(phone): LiteRtModel.load(phone), str(other): TaskModel.load(other)}
    texts = [(a, b) for a in SENTENCES for b in SENTENCES]
    records = [
        Record("", "", pair, label=answer.value)
        for pair, answer in zip(texts, forms[str(folder)].answer([Record("", "", pair) for pair in texts]), strict=True)
    ]
    first, same, otherwise = compare_forms(forms, records, repeats=2)["forms"]
    assert (first["accuracy"], first["same_answers"], first["largest_difference"], first["tokens"]) == (1.0, 1.0, 0.0, 16)
    assert (same["accuracy"], same["same_answers"], same["form"]) == (1.0, 1.0, "litert")
    assert 0 <= same["largest_difference"] < 1e-5 < otherwise["largest_difference"]
    assert otherwise["accuracy"] == otherwise["same_answers"] < 1


def test_longer_than_the_model_is_refused(folder):
    with pytest.raises(AlbertError, match="--max-seq-length 64 is more than the 32 positions"):
        benchmark([str(folder)], lengths=(8, 64))


@pytest.mark.slow
def test_a_command_times_and_says_threads(albert_train, folder):
    command = ("benchmark", "--model", str(folder), "--max-seq-length", "8", "--repeats", "2", "--threads", "1")
    program = (sys.executable, "-c", "from cli.train import main; main()")  # its own process: threads are set before TensorFlow starts
    done = subprocess.run([*program, *command], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "threads: 1" in done.stdout
    unknown = albert_train("benchmark", "--model", "tinny")
    assert (unknown[0], "tinny" in unknown[2]) == (2, True)
