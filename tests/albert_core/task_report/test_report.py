"""The page of made answers, read as a browser reads it: numbers, marks, pictures; nothing from elsewhere, nothing unescaped."""

import pytest
from lxml import html

from albert_core.errors import AlbertError
from albert_core.mistakes import judge
from albert_core.task_answers import Answer
from albert_core.task_files import Entity, Record
from albert_core.task_metrics import measure
from albert_core.task_report.groups import by_probability, by_size, calibration_error, entity_f1
from albert_core.task_report.report import make_report
from albert_core.task_report.words import CHINESE, ENGLISH, LANGUAGES
from albert_core.tasks import TASKS

SCRIPT = "<script>alert(1)</script>"
LABELS = ("好", "坏", "<b>")


def classified():
    """Ten good ones, of which eight were found; four bad ones, called good; one of a class with a nasty name."""
    records = [Record(f"dev.tsv, line {at}", str(at), ("房间" * (at + 1),), "好") for at in range(10)]
    records += [Record(f"dev.tsv, line {at}", str(at), (f"不好{SCRIPT}",), "坏") for at in range(10, 14)]
    records += [Record("dev.tsv, line 14", "14", ("好",), "<b>")]
    said = ["好"] * 8 + ["坏"] * 2 + ["好"] * 4 + ["<b>"]
    return records, [Answer(value, 0.55 + 0.03 * at) for at, value in enumerate(said)]


def page(name, records, answers, labels=(), language="en"):
    task = TASKS[name]
    numbers = measure(task, labels, records, answers)
    text = make_report(task, labels, judge(task, records, answers), numbers, model="m", data="dev.tsv", language=language)
    return text, html.fromstring(text)


def texts(tree, path):
    return [" ".join(element.text_content().split()) for element in tree.xpath(path)]


def test_words_are_there_in_both_languages():
    assert ENGLISH.keys() == CHINESE.keys()
    for key, value in ENGLISH.items():
        assert {"{label}" in value, "{label}" in CHINESE[key]} != {True, False}, key


def test_a_page_of_labels():
    text, tree = page("tnews", *classified(), LABELS)
    headline = dict(zip(texts(tree, "//dl//dt"), texts(tree, "//dl//strong"), strict=True))
    assert (headline["accuracy"], headline["examples"], headline["mistakes"], headline["largest class"]) == (
        "60.00 %",
        "15",
        "6",
        "66.67 %",
    )
    heat = [texts(row, ".//td") for row in tree.xpath("//section[@id='confusion']//table[1]/tbody/tr")][:3]
    assert heat == [["8", "2", ""], ["4", "", ""], ["", "", "1"]]
    assert tree.xpath("//section[@id='confusion']//tbody/tr[1]/td[1]/span/@style") == ["--share: 80%"]
    assert texts(tree, "//section[@id='classes']//tbody/tr[2]/*") == ["坏", "4", "2", "0 %", "0 %", "0 %"]
    worst = texts(tree, "//section[@id='worst']//article/h3")
    assert worst[0] == "1. dev.tsv, line 13"
    assert len(worst) == 6
    assert "right: 坏 · said: 好, probability 94.00 %" in texts(tree, "//section[@id='worst']//p[@class='order']")[0]
    assert texts(tree, "//section[@id='unsure']//article/h3")[0] == "1. dev.tsv, line 0"
    assert len(tree.xpath("//svg")) == 3
    assert SCRIPT not in text
    assert "&lt;script&gt;" in text
    assert not tree.xpath("//script | //link | //img | //*[@src]")
    assert "Only 15 examples" in text
    assert page("tnews", *classified(), LABELS)[0] == text  # the same bytes


def test_a_model_of_one_answer_is_warned_of():
    records, _ = classified()
    text, _ = page("tnews", records, [Answer("好", 0.9)] * 15, LABELS, language="zh")
    assert "模型对所有样本都答 好" in text


def test_a_page_of_entities():
    gold = (Entity(0, 2, "name"), Entity(3, 5, "address"))
    records = [Record("dev.json, line 1", "1", ("老桂在北京",), entities=gold), Record("dev.json, line 2", "2", ("天黑了",), entities=())]
    answers = [Answer((Entity(0, 2, "name"), Entity(3, 4, "game")), 0.5), Answer((), 0.9)]
    _, tree = page("cluener", records, answers)
    rows = [texts(row, "./*") for row in tree.xpath("//section[@id='types']//tbody/tr")]
    assert rows == [
        ["name", "1", "0", "0", "100 %", "100 %", "100 %"],
        ["address", "1", "1", "0", "–", "0 %", "0 %"],
        ["game", "0", "0", "1", "0 %", "–", "0 %"],
    ]
    marks = [(mark.get("class"), mark.text_content()) for mark in tree.xpath("//section[@id='worst']//mark")]
    assert marks == [("right", "老桂name"), ("missed", "北京address"), ("right", "老桂name"), ("spurious", "北game")]


def test_a_page_of_answers():
    context = "春天来了，花开在公园里。" * 20
    records = [
        Record(f"dev.json, question {at}", str(at), ("哪里", context), answers=(answer,), answer_start=start)
        for at, (answer, start) in enumerate([("公园", 8), ("公园里", 104), ("花", 221)])
    ]
    _, tree = page("cmrc2018", records, [Answer("公园", 0.9), Answer("春天", 0.3), Answer("花", 0.8)])
    assert texts(tree, "//section[@id='answers']//table[caption[contains(., 'fifth')]]/tbody/tr/th") == ["1", "3", "5"]
    marks = [(mark.get("class"), mark.text_content()) for mark in tree.xpath("//section[@id='worst']//mark")]
    assert marks == [("spurious", "春天"), ("right", "公园里")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_choices_have_a_page_too(language):
    records = [Record("f, line 1", "1", ("文章", "问题"), "1", ("甲", "乙"))]
    _, tree = page("c3", records, [Answer("0", 0.4)], language=language)
    assert len(tree.xpath("//section[@id='worst']//article")) == 1


def test_languages_and_libraries_that_are_not_there(monkeypatch):
    with pytest.raises(AlbertError, match="--language fr is unknown"):
        page("tnews", *classified(), LABELS, language="fr")
    for name in ("matplotlib", "jinja2", "lxml"):
        with monkeypatch.context() as patch:
            patch.setitem(__import__("sys").modules, name, None)
            with pytest.raises(
                AlbertError, match=rf"pictures needs {name}, which is not installed\ninstall it: pip install '\.\[report\]'"
            ):
                page("tnews", *classified(), LABELS)


def test_groups_and_calibration():
    judged = judge(TASKS["tnews"], *classified())
    groups = by_size(judged, lambda each: len(each.record.texts[0]), groups=3)
    assert sum(len(group.members) for group in groups) == 15
    assert [group.name for group in groups] == ["1–6", "8–16", "18–27"]
    assert by_size(judged[:1], lambda each: 3)[0].name == "3"
    assert by_size([], len) == []
    steps = by_probability(judged)
    assert [step.total for step in steps] == [0, 0, 0, 0, 0, 2, 3, 4, 3, 3]
    assert (steps[5].right, steps[9].right) == (2, 1)
    two = judge(TASKS["tnews"], [Record("f", "1", ("甲",), "1")] * 2, [Answer("1", 0.9), Answer("0", 0.94)])
    assert calibration_error(by_probability(two)) == pytest.approx(0.42)  # one of two right, where 0.92 was the mean probability
    assert entity_f1([]) == 1.0
