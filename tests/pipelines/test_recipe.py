import dataclasses
import json
import pickle

import pytest

from pipelines.apply_rules import apply_rules, first_reason
from pipelines.errors import BuildError
from pipelines.recipe import CleanConfig

OFF = {
    "reflow": False, "min_line_characters": 0, "min_line_han_share": 0, "boilerplate_words": (), "boilerplate_labels": (), "min_han": 0,
    "min_han_share": 0, "max_kana_share": 1, "max_hangul_share": 1, "max_garbled_share": 1, "max_symbol_share": 1,
    "max_bullet_line_share": 1, "max_ellipsis_line_share": 1, "max_repeated_share": 1, "max_top_ngram_share": 1,
    "max_repeated_ngram_share": 1,
}  # fmt: skip
WRAPPED = "\n".join(["，".join(["一二三四五六七八九"] * 4) + "甲"] * 4 + ["完。"])
CASES = {  # setting → a text that its default changes or drops
    "reflow": WRAPPED.replace("一", "天"),
    "min_line_characters": "菜单",
    "min_line_han_share": "中 abcdefghij",
    "boilerplate_words": "这一页的版权所有归我们。",
    "boilerplate_labels": "作者：小明写的文章。",
    "min_han": "好。",
    "min_han_share": "中文，abcdef。",
    "max_kana_share": "日のの",
    "max_hangul_share": "한국 중",
    "max_garbled_share": "\ufffd中",
    "max_symbol_share": "中★☆",
    "max_bullet_line_share": "\n".join(["·甲乙丙丁。"] * 10),
    "max_ellipsis_line_share": "\n".join(f"{i}甲乙丙丁…" for i in range(10)),
    "max_repeated_share": "甲。\n甲。\n甲。",
    "max_top_ngram_share": "哈哈哈哈" * 5,
    "max_repeated_ngram_share": "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往，" * 3,
}


def outcome(text: str, config: CleanConfig) -> tuple[str, str | None]:
    verdict = first_reason(text, config.document_rules())
    return apply_rules(text, config.text_rules()), verdict[0] if verdict else None


@pytest.mark.parametrize("text", CASES.values(), ids=CASES)
def test_with_all_rules_off_text_stays(text):
    assert outcome(text, CleanConfig(**OFF)) == (text, None)


@pytest.mark.parametrize("name", CASES)
def test_every_threshold_reaches_its_rule(name):
    default = {field.name: field.default for field in dataclasses.fields(CleanConfig)}[name]
    assert outcome(CASES[name], CleanConfig(**OFF | {name: default})) != (CASES[name], None)


def test_a_new_threshold_belongs_in_these_tests():
    others = {
        "fold_quotes", "simplify", "mask_personal_data", "listed_words", "listed_line_words", "listed_domains", "min_quality",
        "max_boilerplate_line_characters", "min_wrapped_han_share",
    }  # fmt: skip
    assert {field.name for field in dataclasses.fields(CleanConfig)} == set(CASES) | others
    assert set(OFF) == set(CASES)


def test_lines_of_any_language_are_joined_if_none_has_to_be_han():
    wrapped = "\n".join(["This line, which is long enough, goes on and on and"] * 6 + ["ends."])
    off = OFF | {"reflow": True}
    assert outcome(wrapped, CleanConfig(**off)) == (wrapped, None)
    assert outcome(wrapped, CleanConfig(**off, min_wrapped_han_share=0.0)) == (wrapped.replace("\n", " "), None)


def test_optional_rules_reach_the_text():
    text = "請致電13812345678，“謝謝”。\n找代理的看這裡。"
    config = CleanConfig(mask_personal_data=("mobile",), simplify=True, fold_quotes=True, listed_line_words=("代理",))
    assert apply_rules(text, config.text_rules()) == '请致电[手机]，"谢谢"。'
    rules = CleanConfig(listed_words=("赌博", "代理")).document_rules()
    assert first_reason("找代理的看这里，随时可以来，一起发财，名额有限，快快来。", rules) == ("listed_word", "holds 代理, which is listed")


def test_what_changes_characters_is_recorded():
    assert CleanConfig().text_normalization() == {}
    recorded = CleanConfig(mask_personal_data=("all",), simplify=True, fold_quotes=True).text_normalization()
    assert list(recorded) == ["mask_personal_data", "simplify", "fold_quotes"]
    assert recorded["mask_personal_data"] == ["identity_card", "bank_card", "mobile", "email", "messenger"]
    assert recorded["simplify"]["conversion"] == "t2s"
    assert recorded["fold_quotes"]["“"] == '"'
    assert json.loads(json.dumps(recorded)) == recorded


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"min_han_share": 1.5}, "min_han_share 1.5 is not a share\ngive a number from 0 to 1; the default is 0.3"),
        ({"max_kana_share": -0.1}, "max_kana_share -0.1 is not a share\ngive a number from 0 to 1; the default is 0.2"),
        ({"min_han": -1}, "min_han -1 is negative\ngive 0 to turn the rule off; the default is 20"),
        ({"listed_words": ("甲", "")}, "listed_words holds an empty entry\nit would be in every text: leave it out"),
        (
            {"mask_personal_data": ("phone",)},
            "mask_personal_data phone is unknown\ngive all, or some of identity_card, bank_card, mobile, email, messenger",
        ),
    ],
)
def test_a_threshold_that_means_nothing_is_refused(setting, message):
    with pytest.raises(BuildError) as refused:
        CleanConfig(**setting)
    assert str(refused.value) == message


def test_the_configuration_travels_and_goes_into_a_manifest():
    config = CleanConfig(listed_words=("甲",), min_quality=0.5)
    assert pickle.loads(pickle.dumps(config)) == config
    assert json.loads(json.dumps(dataclasses.asdict(config)))["listed_words"] == ["甲"]
