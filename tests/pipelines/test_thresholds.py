import dataclasses
import json

import pytest
import yaml

from pipelines.errors import BuildError
from pipelines.thresholds import CONFIGS, field_docs, print_rules, rule_configs


def test_a_threshold_is_set_whichever_rule_it_belongs_to():
    configs = rule_configs({"min-han": "50", "max_line_share": 0.1, "min_jaccard": "0.9", "simplify": "yes"})
    assert (configs["clean"].min_han, configs["clean"].simplify) == (50, True)
    assert configs["repeated_lines"].max_line_share == 0.1
    assert configs["near_duplicates"].min_jaccard == 0.9


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_hans": 5}, r"no cleaning option min_hans\nnearest: min_han"),
        ({"min_han": "many"}, r"min_han many is not a whole number\nthe default is"),
        ({"min_jaccard": 0.1}, "min_jaccard 0.1 is not between"),
        ({1: 2}, r"no cleaning option 1\n"),
        ({None: 2, True: 3}, "no cleaning option None"),
        ({"max_kana_share": 2}, "max_kana_share 2.0 is not a share"),
    ],
)
def test_what_means_nothing_is_refused_with_the_fix(settings, message):
    with pytest.raises(BuildError, match=message):
        rule_configs(settings)


def test_what_is_printed_can_be_set_again():
    configs = rule_configs({"min_han": 77, "listed_words": "甲,乙", "min_quality": 0.5})
    assert rule_configs(yaml.safe_load(print_rules(configs))) == configs
    assert json.loads(print_rules(configs, as_json=True))["listed_words"] == ["甲", "乙"]


def test_names_are_unique_and_all_are_explained():
    names = [field.name for config in CONFIGS.values() for field in dataclasses.fields(config)]
    assert len(names) == len(set(names))
    for config in CONFIGS.values():
        assert set(field_docs(config)) == {field.name for field in dataclasses.fields(config)}
