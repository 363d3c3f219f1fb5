"""Files for uploading, byte for byte as CLUE's notes on submission have them."""

import json

import pytest

from albert_core.submissions import submission_name, write_submission
from albert_core.task_answers import Answer
from albert_core.task_files import Entity, Record
from albert_core.tasks import TASKS


def written(path, name, records, values):
    write_submission(path / "out.json", TASKS[name], records, [Answer(value, 0.5) for value in values])
    return (path / "out.json").read_text("utf-8")


@pytest.mark.parametrize("name", ["afqmc", "tnews", "iflytek", "ocnli", "csl", "cmnli"])
def test_labels_are_strings_a_line_each_in_the_order_of_the_file(tmp_path, name):
    records = [Record("f", str(number), ("花",)) for number in (0, 2, 1)]
    assert written(tmp_path, name, records, ["0", "1", "109"]) == (
        '{"id": 0, "label": "0"}\n{"id": 2, "label": "1"}\n{"id": 1, "label": "109"}\n'
    )


def test_pronouns_say_true_or_false(tmp_path):
    assert written(tmp_path, "cluewsc", [Record("f", "0", ("花",))], ["true"]) == '{"id": 0, "label": "true"}\n'


def test_answers_in_a_text_are_one_object(tmp_path):
    records = [Record("f", f"TEST_0_QUERY_{at}", ("问", "文")) for at in range(2)]
    text = written(tmp_path, "cmrc2018", records, ["第二艘", ""])
    assert json.loads(text) == {"TEST_0_QUERY_0": "第二艘", "TEST_0_QUERY_1": ""}
    assert "第二艘" in text  # no escapes


def test_choices_are_numbers(tmp_path):
    records = [Record("f", "7", ("文", "问"), None, ("甲", "乙"))]
    assert written(tmp_path, "c3", records, ["1"]) == '{"id": 7, "label": 1}\n'
    assert json.loads(written(tmp_path, "chid", [Record("f", "#idiom000378#", ("文",))], ["9"])) == {"#idiom000378#": 9}


def test_entities_by_type_and_name_with_the_last_character_included(tmp_path):
    found = (Entity(0, 2, "name"), Entity(3, 5, "address"), Entity(6, 8, "name"))
    text = written(tmp_path, "cluener", [Record("f", "0", ("老桂在北京见老桂",)), Record("f", "1", ("天",))], [found, ()])
    first, second = (json.loads(line) for line in text.splitlines())
    assert first == {"id": 0, "label": {"name": {"老桂": [[0, 1], [6, 7]]}, "address": {"北京": [[3, 4]]}}}
    assert second == {"id": 1, "label": {}}


def test_names_of_files():
    names = [submission_name(TASKS[name]) for name in ("afqmc", "tnews", "cluewsc", "c3", "chid", "cmrc2018", "cluener")]
    assert names == [
        "afqmc_predict.json", "tnews11_predict.json", "cluewsc11_predict.json", "c311_predict.json", "chid11_predict.json",
        "cmrc2018_predict.json", "cluener_predict.json",
    ]  # fmt: skip
