"""From labelled lines to answers by the commands alone."""

import json

import pytest

from albert_core.model_directory import write_description, write_weights
from albert_core.modeling import Albert
from tests.albert_core.small_dataset import VOCABULARY
from tests.albert_core.small_run import MODEL

LINES = [("花开了", "花开了"), ("天黑了", "天黑了"), ("花开了", "天黑了"), ("天黑了", "花开了")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finetuning")
    write_description(folder / "model", MODEL, "".join(f"{token}\n" for token in VOCABULARY).encode(), {"lower_case": True})
    write_weights(folder / "model", Albert(MODEL, seed=1))
    (folder / "data").mkdir()
    rows = "".join(f"{first},{second},{'same' if first == second else 'other'}\n" for first, second in LINES * 20)
    for split in ("train", "dev"):
        (folder / "data" / f"{split}.csv").write_text("question,asked before,is it\n" + rows, encoding="utf-8")
    (folder / "data" / "test.csv").write_text("question,asked before\n花开了,天黑了\n", encoding="utf-8")
    return folder


@pytest.mark.slow
def test_from_labelled_lines_to_answers(albert_train, folder):
    model = str(folder / "same")
    task = ("--task", "pair", "--columns", "question,asked before,is it", "--data", str(folder / "data"))
    options = ("--learning-rate", "3e-3", "--num-train-epochs", "3", "--max-seq-length", "32")
    trained = albert_train("finetune", *task, "--model", str(folder / "model"), "--output", model, *options)
    assert trained[0] == 0, trained[2]
    assert "\nbest: rate-" in trained[1]
    found = albert_train("evaluate", "--task", "--model", model, "--data", str(folder / "data"), "--json")
    best = json.loads((folder / "same" / "finetuning.json").read_text())["best"]["dev"]
    assert json.loads(found[1])["accuracy"] == pytest.approx(best)
    shown = albert_train("evaluate", "--task", "--model", model, "--data", str(folder / "data"))
    assert "right \\ said" in shown[1]
    written = folder / "answers.json"
    test = albert_train(
        "evaluate", "--task", "--model", model, "--data", str(folder / "data"), "--split", "test", "--predictions", str(written)
    )
    assert "none of which has a label" in test[1]
    assert json.loads(written.read_text())["label"] in ("same", "other")
    asked = albert_train("predict", "--model", model, "花开了", "花开了", "--json")
    assert set(json.loads(asked[1])["scores"]) == {"same", "other"}
    wrong = albert_train("predict", "--model", model, "花开了")
    assert (wrong[0], "pair takes 2 texts each, and 1 were given" in wrong[2]) == (2, True)
    head = albert_train("predict", "--model", model, "花[MASK]了", "花开了")
    assert (head[0], "has no masked-word head" in head[2]) == (2, True)


def test_similarity_of_a_text_to_itself_and_to_another(albert_train, folder):
    done = albert_train(
        "predict", "--model", str(folder / "model"), "--similarity", "花开了。", "花开了。", "花开了。", "天黑了。", "--json"
    )
    same, other = (json.loads(line)["similarity"] for line in done[1].splitlines())
    assert same == pytest.approx(1, abs=1e-5)
    assert -1 <= other < same


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("finetune", "--task", "lcqcm", "--data", "a", "--model", "b", "--output", "c"), "--task lcqcm is unknown"),
        (
            ("finetune", "--task", "lcqmc", "--grid", "--learning-rate", "1", "--data", "a", "--model", "b", "--output", "c"),
            "exclude each other",
        ),
        (("evaluate", "--data", "a", "--model", "b", "--split", "dev"), "--split dev is of a task: add --task"),
        (("evaluate", "--data", "a", "--model", "b", "--predictions", "c"), "--predictions is of a task: add --task"),
        (("predict", "--model", "b", "--similarity", "一", "二", "三"), "--similarity takes 2 texts each, and 3 were given"),
    ],
)
def test_mistakes_are_said_in_two_lines(albert_train, arguments, message):
    done = albert_train(*arguments)
    assert done[:2] == (2, "")
    assert message in done[2]
    assert "Traceback" not in done[2]
