"""Several tasks in one go, and the table of them."""

import json
import shlex

import pytest

from albert_core.errors import AlbertError
from albert_core.finetuning_recipe import FinetuningConfig
from albert_core.model_directory import write_description, write_weights
from albert_core.modeling import Albert
from albert_core.task_table import choose_tasks, finetune_table, to_markdown
from albert_core.tasks import TASKS
from tests.albert_core.small_dataset import VOCABULARY
from tests.albert_core.small_run import MODEL


@pytest.fixture
def folder(tmp_path):
    write_description(tmp_path / "model", MODEL, "".join(f"{token}\n" for token in VOCABULARY).encode(), {"lower_case": True})
    write_weights(tmp_path / "model", Albert(MODEL, seed=1))
    for name, rows in {
        "afqmc": [{"sentence1": "花开了", "sentence2": "天黑了", "label": str(number % 2)} for number in range(32)],
        "cluener": [{"text": "我们去看花", "label": {"good": {"花": [[4, 4]]}}}] * 32,
    }.items():
        (tmp_path / "data" / name).mkdir(parents=True)
        for split in ("train", "dev"):
            (tmp_path / "data" / name / f"{split}.json").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    return tmp_path


def config(folder, **changes):
    values = {"task": TASKS["afqmc"], "learning_rates": (1e-3, 3e-3), "seeds": (0, 1), "num_train_epochs": 1, "train_batch_size": 16}
    values |= {"data": str(folder / "data"), "model": str(folder / "model"), "output": str(folder / "out"), "max_seq_length": 16}
    return FinetuningConfig(**values | {"restarts": 0} | changes)


def test_which_tasks_a_list_means(folder):
    data = str(folder / "data")
    assert [task.name for task in choose_tasks("all", data)] == ["afqmc", "cluener"]
    assert [task.name for task in choose_tasks("cluener, afqmc", data)] == ["cluener", "afqmc"]
    with pytest.raises(AlbertError, match="has no folder tnews"):
        choose_tasks("afqmc,tnews", data)
    with pytest.raises(AlbertError, match="--task nothing is unknown"):
        choose_tasks("afqmc,nothing", data)
    with pytest.raises(AlbertError, match="has no folder with the name of a task"):
        choose_tasks("all", str(folder / "model"))


def test_a_command_says_what_is_not_the_default(folder):
    words = shlex.split(config(folder, bucketing=False, class_weights=True).command())
    assert words[:4] == ["albert-train", "finetune", "--task", "afqmc"]
    assert words.count("--learning-rate") == words.count("--seed") == 2
    assert {"--no-bucketing", "--class-weights"} < set(words)
    assert "--optimizer" not in words
    with pytest.raises(AlbertError, match="--class-weights is for tasks with labels"):
        config(folder, class_weights=True, task=TASKS["cluener"])


@pytest.mark.slow
def test_the_table_has_mean_deviation_gain_and_commands(folder):
    tasks = choose_tasks("all", str(folder / "data"))
    table = finetune_table(config(folder), tasks, with_scratch=True)
    assert table["finished"]
    assert [row["task"] for row in table["rows"]] == ["afqmc", "cluener"]
    for row in table["rows"]:
        scores = {start: row[start]["mean"] for start in ("pretrained", "from_scratch")}
        assert row["gain"] == pytest.approx(scores["pretrained"] - scores["from_scratch"])
        assert row["pretrained"]["num_seeds"] == 2
        assert "--from-scratch" in row["from_scratch"]["command"]
    assert json.loads((folder / "out" / "table.json").read_text()) == table
    shown = (folder / "out" / "table.md").read_text()
    assert shown == to_markdown(table)
    assert shown.count("albert-train finetune") == 4
    assert "| afqmc | accuracy | 50.0 ± 0.0" in shown  # half of the labels are 1, and the texts do not say which
    assert finetune_table(config(folder), tasks, with_scratch=True) == table  # done runs are not done again


def test_a_fault_in_the_last_task_is_found_before_the_first_is_trained(folder):
    (folder / "data" / "cluener" / "dev.json").unlink()
    with pytest.raises(AlbertError, match="cluener has no file for dev"):
        finetune_table(config(folder), choose_tasks("all", str(folder / "data")))
    assert not (folder / "out").exists()
