import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.apply_rules import apply_rules, first_reason
from pipelines.explain import Change, Explanation, explain
from pipelines.recipe import CleanConfig

SMALL = CleanConfig(min_han=5)


def test_each_step_says_what_it_changed():
    explanation = explain("# 标题\n首页\n今天**天气**很好。", SMALL, origin="a:0", title="题")
    assert [(step.rule, step.characters, step.num_changes) for step in explanation.steps] == [
        ("strip_markdown", 6, 2),
        ("drop_short_lines", 6, 1),
    ]
    assert explanation.steps[0].changes == (
        Change(before="# 标题", after="标题"),
        Change(before="今天**天气**很好。", after="今天天气很好。"),
    )
    assert explanation.steps[1].changes == (Change(before="标题⏎首页", after=""),)
    assert explanation.kept
    assert (
        explanation.text()
        == """a:0 题
strip_markdown: -6 characters, 2 places
    - # 标题
    + 标题
    - 今天**天气**很好。
    + 今天天气很好。
drop_short_lines: -6 characters, 1 places
    - 标题⏎首页
kept (7 of 19 characters left)"""
    )
    read = json.loads(explanation.json())
    assert (read["origin"], read["kept"], read["result"], read["steps"][1]["rule"]) == ("a:0", True, "今天天气很好。", "drop_short_lines")


def test_a_dropped_document_has_its_reason():
    assert explain("好。", SMALL).text() == "dropped, too_few_han: 1 Han characters, fewer than 5 (0 of 2 characters left)"
    assert explain("首页", SMALL).reason == "empty"
    config = CleanConfig(listed_domains=("bad.cn",))
    assert explain("今天天气很好。", config, url="http://bad.cn/").message == "bad.cn is listed"
    assert explain("今天天气很好。" * 3, CleanConfig(min_quality=0.5), quality=0.2).reason == "low_quality"
    assert Explanation.unread("a:5", "invalid_json", "broken", "{").text() == "a:5\ndropped, invalid_json: broken (0 of 1 characters left)"


def test_many_and_long_changes_are_shortened():
    text = "\n".join(f"{'长' * 200}**{i}**{'长' * 200}，" for i in range(8))
    (step,) = explain(text, SMALL).steps
    assert step.num_changes == 8
    assert len(step.changes) == 5
    assert all(len(change.before) <= 80 for change in step.changes)
    assert "… and 3 more" in explain(text, SMALL).text()


PIECES = st.lists(st.sampled_from([*"甲乙，。 a1*#[]()<>&\n\u200b", "http://a.cn/", "版权所有", "\ud800", "今天天气很好。"]), max_size=60)


@given(PIECES.map("".join) | st.text(st.characters(), max_size=100))
def test_it_never_disagrees_with_the_stage(text):
    explanation = explain(text, SMALL)
    clean = apply_rules(text, SMALL.text_rules())
    verdict = first_reason(clean, SMALL.document_rules()) if clean else ("empty", "")
    assert explanation.result == clean
    assert explanation.reason == (verdict[0] if verdict else None)
    assert sum(step.characters for step in explanation.steps) == len(text) - len(clean)
    assert all(step.num_changes > 0 for step in explanation.steps)
    explanation.text()


@pytest.mark.parametrize("text", ["甲" * 5_000_000, "[" * 1_000_000, "甲。\n\n" * 20_000])
def test_a_giant_text_is_explained_too(text):
    assert explain(text, SMALL).num_read == len(text)
