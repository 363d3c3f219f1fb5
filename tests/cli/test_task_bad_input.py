"""What people give to tasks by mistake: two lines that name file, line, value and fix, exit code 2, never a traceback."""

import pytest

from albert_core.model_directory import write_description, write_weights
from albert_core.modeling import Albert
from albert_core.parameters import Heads
from albert_core.task_model import write_task
from albert_core.tasks import TASKS
from tests.albert_core.small_dataset import VOCABULARY
from tests.albert_core.small_run import MODEL

GOOD = "花开了\t花开了\t1\n天黑了\t花开了\t0\n"
FINETUNE = ("finetune", "--task", "afqmc", "--num-train-epochs", "1", "--max-seq-length", "16")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A pretrained model, and one of AFQMC."""
    folder = tmp_path_factory.mktemp("models")
    for name, heads in (("pretrained", Heads()), ("afqmc", Heads(masked_words=False, sentence_order=False, num_labels=2))):
        write_description(folder / name, MODEL, "".join(f"{token}\n" for token in VOCABULARY).encode(), {"lower_case": True})
        write_weights(folder / name, Albert(MODEL, heads=heads, seed=1))
    write_task(folder / "afqmc", TASKS["afqmc"], ("0", "1"), 16)
    return folder


def refused(done, *parts):
    code, out, err = done
    assert (code, out) == (2, ""), err
    assert "Traceback" not in err
    assert len(err.splitlines()) == 2, err
    for part in parts:
        assert part in err


@pytest.mark.parametrize(
    ("split", "content", "parts"),
    [
        ("train", "sentence1\tlabel\n花\t1\n", ["train.tsv, line 2: there is no sentence2", "add the column, or give --columns"]),
        ("train", "花\t1\n天\t0\n", ["train.tsv, line 1: neither this record nor any after it has a label", "give a column label"]),
        ("train", GOOD + "花\t花\n", ["train.tsv, line 3: 2 columns, the first line has 3", "add what is missing"]),
        ("dev", GOOD + "花\t天\t2\n", ["dev.tsv, line 3: label '2' is unknown", "known from training: 0, 1"]),
        ("train", GOOD + " \t\t1\n", ["train.tsv, line 3: the first is empty", "fill it, or remove the record"]),
        ("dev", GOOD + "花\t \t1\n", ["dev.tsv, line 3: the second is empty", "fill it, or remove the record"]),
        ("train", GOOD + "😀🎉\t❤️\t1\n", ["train.tsv, line 3: “😀🎉 | ❤️” has no character that the vocabulary knows", "--extend"]),
        ("dev", GOOD + "😀🎉\t❤️\t1\n", ["dev.tsv, line 3: “😀🎉 | ❤️” has no character that the vocabulary knows", "--extend"]),
        ("train", "花\t花\t1\n" * 3, ["train.tsv has only the label '1'", "two classes at least"]),
        ("train", GOOD.encode("gb18030"), ["train.tsv, line 1: byte 0 is not UTF-8", "iconv -f GB18030 -t UTF-8 train.tsv"]),
        ("train", GOOD.encode("utf-16"), ["train.tsv, line 1: byte 0 is not UTF-8", "iconv -f UTF-16 -t UTF-8 train.tsv"]),
    ],
    ids=[
        "column",
        "no label",
        "short row",
        "label in dev",
        "empty",
        "empty second",
        "emoji",
        "emoji in dev",
        "one class",
        "gb18030",
        "utf16",
    ],
)
def test_data_that_cannot_be_trained_on(albert_train, models, tmp_path, split, content, parts):
    for name in ("train", "dev"):
        text = content if name == split else GOOD
        (tmp_path / f"{name}.tsv").write_bytes(text if isinstance(text, bytes) else text.encode())
    refused(albert_train(*FINETUNE, "--data", tmp_path, "--model", models / "pretrained", "--output", tmp_path / "out"), *parts)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "options", "parts"),
    [
        ("sentence1\tlabel\n花\t1\n", (), ["test.tsv, line 2: there is no sentence2", "add the column"]),
        ("sentence1\tsentence2\n花\t天\n", (), ["test.tsv has no labels: there is nothing to measure", "--predictions FILE"]),
        (GOOD + "花\t天\t2\n", (), ["test.tsv, line 3: label '2' is unknown"]),
        (GOOD + "花\t \t1\n", (), ["test.tsv, line 3: the second is empty"]),
        (GOOD + "😀\t🎉\t1\n", (), ["test.tsv, line 3: “😀 | 🎉” has no character"]),
        (GOOD.encode("gb18030"), (), ["test.tsv, line 1: byte 0 is not UTF-8"]),
        (GOOD, ("--predictions", "no/such/folder.json"), ["no/such/folder.json cannot be written: there is no folder no/such"]),
        (GOOD, ("--mistakes", "."), [". is a folder", "give the name of a file in it"]),
    ],
)
def test_data_that_cannot_be_measured(albert_train, models, tmp_path, content, options, parts):
    (tmp_path / "test.tsv").write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(albert_train("evaluate", "--task", "--data", tmp_path / "test.tsv", "--model", models / "afqmc", *options), *parts)


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("花\t天\n花\t \n", ["lines, line 2: ", "the second is empty", "give a text"]),
        ("花\t天\n😀\t🎉\n", ["lines, line 2: ", "“😀 | 🎉” has no character that the vocabulary knows"]),
        ("花\t天\n".encode("gb18030"), ["lines, line 1: byte 0 of it is not UTF-8", "iconv -f GB18030"]),
    ],
)
def test_texts_that_cannot_be_asked_about(albert_train, models, tmp_path, content, parts):
    (tmp_path / "lines").write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(albert_train("predict", "--model", models / "afqmc", "--file", tmp_path / "lines"), *parts)


def test_a_pair_of_emoji_is_not_called_alike(albert_train, models):
    refused(
        albert_train("predict", "--model", models / "pretrained", "--similarity", "😀", "🎉"), "“😀” has no character that the vocabulary"
    )


@pytest.mark.parametrize(
    ("command", "parts"),
    [
        (
            ("evaluate", "--task", "--data", "x.tsv", "--model", "pretrained"),
            ["pretrained was not fine-tuned on a task: it has no task.json"],
        ),
        (
            ("predict", "--task", "lcqmc", "花", "天", "--model", "pretrained"),
            ["has no head for a task, --task lcqmc has 2: 0, 1", "finetune"],
        ),
        (("serve", "--task", "lcqmc", "--port", "0", "--model", "pretrained"), ["has no head for a task, --task lcqmc has 2: 0, 1"]),
        (("serve", "--task", "xnli", "--port", "0", "--model", "afqmc"), ["has a head of 2 labels, --task xnli has 3: contradiction"]),
        (("serve", "--task", "tnews", "--port", "0", "--model", "afqmc"), ["--task tnews does not say which labels the head has"]),
        (("serve", "--port", "0", "--model", "nothing"), ["no model"]),
        (("predict", "--order", "花", "天", "--model", "afqmc"), ["has no sentence-order head"]),
    ],
)
def test_models_without_the_head_for_it(albert_train, models, command, parts):
    *words, name = command
    refused(albert_train(*words, models / name), *parts)


def test_texts_of_a_hundred_kilobytes_are_cut_and_it_is_said(albert_train, models, tmp_path, caplog):
    (tmp_path / "test.tsv").write_text(GOOD + "花" * 35_000 + "\t花\t1\n", "utf-8")
    caplog.set_level("WARNING")  # a Beam job in this process would have raised it
    done = albert_train("evaluate", "--task", "--data", tmp_path / "test.tsv", "--model", models / "afqmc", "--json")
    assert done[0] == 0, done[2]
    assert "1 of 3 records have more than 16 tokens, and are cut; the longest, line 3, has 35,001 characters" in caplog.text
    (tmp_path / "lines").write_text("花" * 35_000 + "\t花\n", "utf-8")
    done = albert_train("predict", "--model", models / "afqmc", "--file", tmp_path / "lines")
    assert done[0] == 0, done[2]
    assert len(done[1]) < 500  # the terminal is not flooded


def test_a_fine_tuned_checkpoint_of_another_program(albert_train, models, tmp_path):
    """No task.json: --task says what its labels mean, at once or written down by import."""
    checkpoint = tmp_path / "tf1"
    assert albert_train("export", "--model", models / "afqmc", "--format", "tf1", "--output", checkpoint)[0] == 0
    asked = ("predict", "花开了", "天黑了", "--json", "--model")
    expected = albert_train(*asked, models / "afqmc")[1]
    assert albert_train(*asked, checkpoint, "--task", "lcqmc")[1] == expected
    done = albert_train("import", checkpoint, "--task", "lcqmc", "--output", tmp_path / "same")
    assert done[0] == 0, done[2]
    assert albert_train(*asked, tmp_path / "same")[1] == expected
    refused(albert_train("import", checkpoint, "--task", "xnli", "--output", tmp_path / "other"), "a head of 2 labels, --task xnli has 3")
    assert not (tmp_path / "other").exists()
