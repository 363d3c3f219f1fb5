import pytest

from pipelines.errors import BuildError
from pipelines.recipe import CleanConfig
from pipelines.settings import parse_settings


def clean_config(settings: dict[str, object]) -> CleanConfig:
    return CleanConfig(**parse_settings(CleanConfig, settings))


def test_values_are_read_by_the_type_of_their_field():
    config = clean_config(
        {"min-han": "50", "min_han_share": "0.5", "reflow": "no", "boilerplate_words": "甲, 乙", "min_quality": "0.3", "simplify": True}
    )
    assert (config.min_han, config.min_han_share, config.reflow, config.boilerplate_words) == (50, 0.5, False, ("甲", "乙"))
    assert (config.min_quality, config.simplify) == (0.3, True)
    assert clean_config({"min_quality": "none", "listed_words": ["甲"], "boilerplate_labels": ""}) == CleanConfig(
        listed_words=("甲",), boilerplate_labels=()
    )
    assert clean_config({}) == CleanConfig()


def test_a_list_may_be_a_file(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("\ufeff# 注释\n甲\n\n 乙 \n甲\n", "utf-8")
    assert clean_config({"listed_words": f"@{path}"}).listed_words == ("甲", "乙")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_hans": "1"}, "there is no cleaning option min_hans\nnearest: min_han, min_han_share, min_line_han_share"),
        ({"min_han": "1.5"}, "min_han 1.5 is not a whole number\nthe default is 20"),
        ({"min_quality": "good"}, "min_quality good is not a number\nthe default is none"),
        ({"reflow": "perhaps"}, "reflow perhaps is neither true nor false\nthe default is true"),
        ({"listed_words": 5}, "listed_words 5 is not a list\ngive 甲,乙 or @FILE with one entry a line"),
    ],
)
def test_what_cannot_be_read_is_refused(settings, message):
    with pytest.raises(BuildError) as refused:
        clean_config(settings)
    assert str(refused.value) == message
