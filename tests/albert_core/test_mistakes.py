import json

import pytest

from albert_core.mistakes import judge, worst_first, write_mistakes
from albert_core.task_answers import Answer
from albert_core.task_files import Entity, Record
from albert_core.tasks import TASKS


def record(text, **what):
    return Record(f"dev.tsv, line {text}", text, (text,), **what)


def test_labels_the_surest_mistake_first():
    records = [record("甲", label="0"), record("乙", label="1"), record("丙", label="1"), record("丁")]
    answers = [Answer("1", 0.6), Answer("1", 0.9), Answer("0", 0.8), Answer("1", 1.0)]
    judged = judge(TASKS["tnews"], records, answers)
    assert [each.score for each in judged] == [0, 1, 0]  # the last has no label
    assert [(each.record.identifier, each.right, each.said) for each in worst_first(TASKS["tnews"], judged)] == [
        ("丙", "1", "0"),
        ("甲", "0", "1"),
    ]


def test_choices_are_shown_as_what_they_say():
    choices = Record("f", "1", ("春天", "花"), "1", ("开了", "谢了"))
    (each,) = judge(TASKS["c3"], [choices], [Answer("0", 0.5)])
    assert (each.right, each.said, each.score) == ("谢了", "开了", 0)
    assert each.to_json()["choices"] == ["开了", "谢了"]


def test_answers_by_what_they_have_in_common():
    span = Record("f", "q", ("谁", "光荣和ω-force"), answers=("光荣和ω-force", "光荣"))
    judged = judge(TASKS["cmrc2018"], [span, span, span], [Answer("光荣和", 0.2), Answer("光荣", 0.9), Answer("谁", 0.4)])
    assert [each.score for each in judged] == [pytest.approx(0.857142857), 1, 0]
    assert [each.said for each in worst_first(TASKS["cmrc2018"], judged)] == ["谁", "光荣和"]
    assert judged[0].right == "光荣和ω-force / 光荣"


def test_entities_missed_and_spurious(tmp_path):
    gold = (Entity(0, 2, "name"), Entity(3, 5, "address"))
    found = (Entity(0, 2, "name"), Entity(3, 4, "address"), Entity(4, 5, "game"))
    texts = [record("老桂在北京", entities=gold), record("老桂在北京", entities=gold), record("天", entities=())]
    judged = judge(TASKS["cluener"], texts, [Answer(found, 0.5), Answer((), 0.5), Answer((), 0.5)])
    assert [each.score for each in judged] == [0.4, 0, 1]
    assert (judged[0].missed, judged[0].spurious) == ((Entity(3, 5, "address"),), found[1:])
    assert [len(each.missed) + len(each.spurious) for each in worst_first(TASKS["cluener"], judged)] == [3, 2]
    write_mistakes(tmp_path / "m.jsonl", worst_first(TASKS["cluener"], judged))
    first, second = (json.loads(line) for line in (tmp_path / "m.jsonl").read_text("utf-8").splitlines())
    assert first["missed"] == [{"text": "北京", "type": "address", "start": 3, "end": 5}]
    assert [entity["text"] for entity in first["spurious"]] == ["北", "京"]
    assert (second["said"], second["right"]) == ("", "老桂 (name); 北京 (address)")
