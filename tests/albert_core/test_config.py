import json

import pytest

from albert_core.config import GOOGLE, SIZES, AlbertConfig
from albert_core.errors import AlbertError
from tests.shared_data import shared

SMALLEST = {
    "vocab_size": 8,
    "hidden_size": 4,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "embedding_size": 2,
}


@pytest.mark.parametrize("name", SIZES)
def test_named_sizes_are_the_published_files(name):
    assert AlbertConfig.from_file(shared(f"data/albert_config/albert_config_{name}.json")) == AlbertConfig.named(name)


def test_a_named_size_takes_the_vocabulary_it_is_given():
    assert AlbertConfig.named("tiny", vocab_size=1234).vocab_size == 1234


def test_google_is_told_from_its_keys():
    config = AlbertConfig.from_file(shared("data/albert_config/albert_config_small_google.json"))
    assert (config.variant, config.num_hidden_groups, config.hidden_size) == (GOOGLE, 1, 384)


@pytest.mark.parametrize("name", ["tiny_google_fast", "base_google_fast"])
def test_google_fast_is_refused_by_name(name):
    with pytest.raises(AlbertError, match="another architecture"):
        AlbertConfig.from_file(shared(f"data/albert_config/albert_config_{name}.json"))


def test_bert_is_refused():
    with pytest.raises(AlbertError, match=r"lacks embedding_size\n.*BERT"):
        AlbertConfig.from_file(shared("data/albert_config/bert_config.json"))


def test_a_missing_dropout_key_means_a_tenth_in_brightmart_and_none_in_google():
    assert AlbertConfig.from_json(SMALLEST).hidden_dropout_prob == 0.1
    assert AlbertConfig.from_json(SMALLEST | {"num_hidden_groups": 1}).attention_probs_dropout_prob == 0.0


def test_json_comes_back_as_it_went():
    preln = AlbertConfig(**SMALLEST, ln_type="preln", hidden_act="relu", hidden_dropout_prob=0.3)
    google = AlbertConfig(**{**SMALLEST, "num_hidden_layers": 4}, variant=GOOGLE, num_hidden_groups=2, inner_group_num=3)
    for config in (preln, google):
        assert AlbertConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    assert "num_hidden_groups" not in preln.to_json()
    assert google.to_json()["net_structure_type"] == 0
    assert "ln_type" not in google.to_json()


def test_a_misspelt_key_names_the_nearest():
    with pytest.raises(AlbertError, match='unknown key "hiden_size"\ndid you mean "hidden_size"'):
        AlbertConfig.from_json(SMALLEST | {"hiden_size": 4})


def test_unused_published_keys_are_accepted():
    assert AlbertConfig.from_json(SMALLEST | {"pooler_type": "first_token_transform", "directionality": "bidi"}).hidden_size == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_attention_heads": 3}, "hidden_size 4 cannot be divided among 3"),
        ({"hidden_size": 0}, "hidden_size 0 is not a positive integer"),
        ({"vocab_size": "21128"}, "vocab_size '21128' is not a positive integer"),
        ({"num_hidden_layers": True}, "num_hidden_layers True is not a positive integer"),
        ({"hidden_dropout_prob": 1.0}, "hidden_dropout_prob 1.0 is not a number from 0 to below 1"),
        ({"hidden_act": "swish"}, "hidden_act 'swish' is unknown\nknown: gelu, relu"),
        ({"ln_type": "sandwich"}, "ln_type 'sandwich' is unknown"),
        ({"num_hidden_groups": 2}, "num_hidden_groups 2 is more than the 1 layers"),
        ({"num_hidden_groups": 1, "ln_type": "preln"}, 'ln_type "preln" belongs to the brightmart variant'),
        ({"num_hidden_groups": 1, "net_structure_type": 1}, "net_structure_type 1 is not supported"),
    ],
)
def test_values_that_make_no_model_are_refused(change, message):
    with pytest.raises(AlbertError) as refused:
        AlbertConfig.from_json(SMALLEST | change)
    assert message in str(refused.value)


def test_groups_need_the_google_variant():
    with pytest.raises(AlbertError, match="belong to the google variant"):
        AlbertConfig(**{**SMALLEST, "num_hidden_layers": 2}, num_hidden_groups=2)


def test_unknown_name_and_bad_files(tmp_path):
    with pytest.raises(AlbertError, match='no model is called "tinny"\ndid you mean "tiny"'):
        AlbertConfig.named("tinny")
    with pytest.raises(AlbertError, match="No such file"):
        AlbertConfig.from_file(tmp_path / "config.json")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(AlbertError, match="holds a list, not an object"):
        AlbertConfig.from_file(tmp_path / "list.json")
    (tmp_path / "text.json").write_text("{")
    with pytest.raises(AlbertError, match="is not JSON"):
        AlbertConfig.from_file(tmp_path / "text.json")
