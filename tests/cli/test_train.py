import json

import pytest
from click.testing import CliRunner

from albert_core.model_directory import write_description, write_weights
from albert_core.modeling import Albert
from cli.progress import Progress
from cli.train import main, train
from cli.training_summaries import LossTable
from tests.albert_core.small_dataset import write_dataset
from tests.albert_core.test_model_directory import CONFIG, CONTENT


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    write_description(folder, CONFIG, CONTENT, {"lower_case": True})
    write_weights(folder, Albert(CONFIG, seed=1))
    return str(folder)


def invoke(*arguments, stdin=None):
    result = CliRunner().invoke(train, arguments, input=stdin)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(monkeypatch, capfd, *arguments):
    """What the console script says on standard error; it must leave with 2."""
    monkeypatch.setattr("sys.argv", ["albert-train", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    return capfd.readouterr().err


@pytest.mark.parametrize("command", ["pretrain", "evaluate", "predict", "info"])
def test_every_command_explains_itself_with_examples(command):
    text = invoke(command, "--help")
    assert "Examples:" in text
    assert f"albert-train {command} " in text


def test_masked_words_from_arguments_a_file_and_standard_input(model, tmp_path):
    (tmp_path / "texts").write_text("花[MASK]了。\n\n春[MASK]来了。\n", encoding="utf-8")
    from_file = invoke("predict", "--model", model, "--file", str(tmp_path / "texts"), "--top-k", "2", "--json")
    assert from_file == invoke("predict", "--model", model, "花[MASK]了。", "春[MASK]来了。", "--top-k", "2", "--json")
    assert from_file == invoke("predict", "--model", model, "--top-k", "2", "--json", stdin="花[MASK]了。\n春[MASK]来了。\n")
    answers = [json.loads(line) for line in from_file.splitlines()]
    assert [answer["text"] for answer in answers] == ["花[MASK]了。", "春[MASK]来了。"]
    assert [len(answer["masks"][0]) for answer in answers] == [2, 2]
    assert answers[0]["filled"] == f"花{answers[0]['masks'][0][0]['token']}了。"
    first, second = invoke("predict", "--model", model, "花[MASK]了。", "--top-k", "2").splitlines()
    assert first == answers[0]["filled"]
    assert second.startswith(f"  [MASK] 1   {answers[0]['masks'][0][0]['token']} ")


def test_order_of_pairs(model):
    (answer,) = invoke("predict", "--model", model, "--order", "春天来了。", "花开了。", "--json").splitlines()
    assert json.loads(answer)["second"] == "花开了。"
    assert 0 < json.loads(answer)["in_order"] < 1
    assert answer == invoke("predict", "--model", model, "--order", "--json", stdin="春天来了。\t花开了。\n").strip()
    assert "% in order   春天来了。 | 花开了。" in invoke("predict", "--model", model, "--order", "春天来了。", "花开了。")


def test_pretrain_then_evaluate(tmp_path):
    write_dataset(tmp_path / "data")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG.to_json()))
    data, output = str(tmp_path / "data"), str(tmp_path / "out")
    text = invoke("pretrain", "--data", data, "--model", str(tmp_path / "config.json"), "--output", output, "--num-train-steps", "20")
    rows = [line.split() for line in text.splitlines()[1:11]]
    assert [int(row[0]) for row in rows] == list(range(2, 21, 2))
    assert "held-out data:\n  masked words    loss " in text
    assert f"albert-train predict --model {output}" in text
    numbers = json.loads(invoke("evaluate", "--data", data, "--model", output, "--json"))
    assert numbers["num_instances"] == 40
    assert f"loss {numbers['masked_lm_loss']:.3f}" in text
    assert f"right {numbers['sentence_order_accuracy']:.1%}" in invoke("evaluate", "--data", data, "--model", output)
    assert json.loads(invoke("evaluate", "--data", data, "--model", output, "--split", "train", "--json"))["num_instances"] == 300


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pretrain", "--data", "nowhere", "--model", "tiny", "--output", "o"], "albert-train: nowhere holds no manifest.json"),
        (["pretrain", "--data", "d", "--model", "tiny", "--output", "o", "--train-batch-sise", "3"], "Did you mean '--train-batch-size'?"),
        (["pretrain", "--data", "d", "--model", "tiny", "--output", "o", "--learning-rate", "-1"], "learning_rate -1.0 is not a positive"),
        (["pretrain", "--data", "d", "--model", "tiny", "--output", "o", "--optimizer", "sgd"], "'sgd' is not one of 'lamb'"),
        (["info", "tinny"], 'albert-train: no model is called "tinny"\n              did you mean "tiny"?'),
        (["predict", "--model", "nowhere", "花[MASK]"], "albert-train: no model nowhere"),
        (["predict", "--model", "nowhere", "--order", "花"], "--order takes 2 texts each, and 1 were given"),
    ],
)
def test_mistakes_are_two_lines_and_exit_code_2(monkeypatch, capfd, arguments, message):
    said = refused(monkeypatch, capfd, *arguments)
    assert message in said
    assert said.startswith("albert-train: ")
    assert "Traceback" not in said
    assert len(said.splitlines()) == 2


def test_lines_without_a_tab_are_refused(model):
    result = CliRunner().invoke(train, ["predict", "--model", model, "--order"], input="春天来了。\t花开了。\n天黑了。\n")
    assert result.exit_code == 2
    assert "line 2 has 0 tabs" in result.output


def test_rows_of_the_table_are_means_since_the_row_before(capsys):
    table = LossTable(20, Progress(20, "steps", "pretrain"))
    values = dict.fromkeys(("masked_lm_loss", "masked_lm_accuracy", "sentence_order_loss", "sentence_order_accuracy"), 0.5)
    notes = [table.add(step, {"loss": float(step), "sequences_per_second": 100.0, "input_wait": 0.25, **values}) for step in (1, 2, 3)]
    last = {"share_of_peak": 0.7, "held_out_masked_lm_loss": 2.0, "held_out_masked_lm_accuracy": 0.125}
    last |= {"held_out_sentence_order_loss": 0.5, "held_out_sentence_order_accuracy": 0.75}
    notes.append(table.add(4, {"loss": 4.0, "sequences_per_second": 100.0, "input_wait": 0.25, **values, **last}))
    assert notes[0] == "loss 1.000  words 50.0%  order 50.0%  100 sequences/s"
    assert notes[3].endswith("  100 sequences/s  70% of peak")
    rows = [row.split() for row in capsys.readouterr().out.splitlines()]
    assert [row[:2] for row in rows[:3]] == [["step", "loss"], ["2", "1.500"], ["4", "3.500"]]
    assert rows[2][-1] == "25.0%"
    assert rows[3] == ["held", "out", "2.500", "2.000", "12.5%", "0.500", "75.0%"]
