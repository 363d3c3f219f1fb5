import dataclasses

import pytest

from albert_core.tokenization import SPECIAL_TOKENS
from pipelines.errors import BuildError
from pipelines.instances import InstancesConfig
from pipelines.languages import RULES, SEGMENTERS
from pipelines.recipe import CleanConfig
from pipelines.thresholds import rule_configs

VOCABULARY = "\n".join(SPECIAL_TOKENS).encode()
ENGLISH = "The cat sat on the mat. It was warm there, and the day was long."


def test_chinese_rules_are_the_recipes_own():
    assert rule_configs(RULES["chinese"])["clean"] == CleanConfig()


def test_rules_of_other_languages_are_off_where_they_count_han_and_as_they_are_elsewhere():
    chinese, other = CleanConfig(), rule_configs(RULES["other"])["clean"]
    changed = {field.name for field in dataclasses.fields(CleanConfig) if getattr(chinese, field.name) != getattr(other, field.name)}
    assert changed == set(RULES["other"])
    assert changed == {"min_wrapped_han_share", "min_line_han_share", "min_han", "min_han_share", "max_kana_share", "max_hangul_share"}
    for text in (ENGLISH, "これはペンです。とても長いです。", "안녕하세요. 반갑습니다."):
        assert any(rule(text) for rule in chinese.document_rules().values())
        assert [rule(text) for rule in other.document_rules().values()] == [None] * len(other.document_rules())
        assert all(rule(text) == text for rule in other.line_rules().values())
    assert rule_configs(RULES["other"] | {"min_han": "5"})["clean"].min_han == 5


def test_other_languages_have_no_segmenter():
    assert dict(SEGMENTERS) == {"chinese": "rjieba", "other": "none"}
    assert InstancesConfig(vocabulary=VOCABULARY, language="other", segmenter="none").parameters()["language"] == "other"
    with pytest.raises(BuildError, match=r"--segmenter jieba with --language other\n.*leave it out"):
        InstancesConfig(vocabulary=VOCABULARY, language="other", segmenter="jieba")
