import dataclasses
import json

import pytest

from albert_core.config import BERT, BRIGHTMART, GOOGLE, SIZES, AlbertConfig
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


PUBLISHED = {name: f"albert_config_{name}.json" for name in ("tiny", "base", "large", "xlarge", "xxlarge")}
PUBLISHED |= {name + "_google": f"albert_config_{name}_google.json" for name in ("tiny", "small")} | {"bert_base": "bert_config.json"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_named_sizes_are_the_published_files(name):
    assert AlbertConfig.from_file(shared(f"data/albert_config/{PUBLISHED[name]}")) == AlbertConfig.named(name)


@pytest.mark.parametrize("name", SIZES)
def test_every_named_size_comes_back_from_its_json(name):
    config = AlbertConfig.named(name)
    assert AlbertConfig.from_json(config.to_json()) == config
    assert (config.variant == GOOGLE) == name.endswith("_google")


def test_small_was_published_in_one_format_and_exists_in_both():
    ours, google = AlbertConfig.named("small"), AlbertConfig.named("small_google")
    assert dataclasses.replace(ours, variant=GOOGLE) == google


def test_googles_chinese_sizes_use_relu_and_fewer_heads():
    assert {name: AlbertConfig.named(name).hidden_act for name in SIZES if name.endswith("_google")} == {
        "tiny_google": "gelu", "small_google": "gelu", "base_google": "relu", "large_google": "relu", "xlarge_google": "relu",
        "xxlarge_google": "relu",
    }  # fmt: skip
    assert [AlbertConfig.named(name).num_attention_heads for name in ("xlarge", "xlarge_google", "xxlarge", "xxlarge_google")] == [
        32, 16, 64, 16,
    ]  # fmt: skip


def test_a_named_size_takes_the_vocabulary_it_is_given():
    assert AlbertConfig.named("tiny", vocab_size=1234).vocab_size == 1234


def test_google_is_told_from_its_keys():
    config = AlbertConfig.from_file(shared("data/albert_config/albert_config_small_google.json"))
    assert (config.variant, config.num_hidden_groups, config.hidden_size) == (GOOGLE, 1, 384)


@pytest.mark.parametrize("name", ["tiny_google_fast", "base_google_fast"])
def test_google_fast_is_refused_by_name(name):
    with pytest.raises(AlbertError, match="another architecture"):
        AlbertConfig.from_file(shared(f"data/albert_config/albert_config_{name}.json"))
    with pytest.raises(AlbertError, match=f'"{name}" is another architecture, which is not supported\nuse one without _fast'):
        AlbertConfig.named(name)


def test_a_file_without_embedding_size_is_berts():
    config = AlbertConfig.from_file(shared("data/albert_config/bert_config.json"))
    assert (config.variant, config.embedding_size, config.sharing) == (BERT, 768, "none")


def test_the_variant_can_be_told_from_elsewhere_than_the_keys():
    assert AlbertConfig.from_json(SMALLEST, variant=GOOGLE).hidden_dropout_prob == 0.0
    assert AlbertConfig.from_json(SMALLEST | {"num_hidden_groups": 1}, variant=BRIGHTMART).variant == BRIGHTMART


def test_a_missing_dropout_key_means_a_tenth_in_brightmart_and_none_in_google():
    assert AlbertConfig.from_json(SMALLEST).hidden_dropout_prob == 0.1
    assert AlbertConfig.from_json(SMALLEST | {"num_hidden_groups": 1}).attention_probs_dropout_prob == 0.0


def test_json_comes_back_as_it_went():
    preln = AlbertConfig(**SMALLEST, ln_type="preln", hidden_act="relu", hidden_dropout_prob=0.3)
    google = AlbertConfig(**{**SMALLEST, "num_hidden_layers": 4}, variant=GOOGLE, num_hidden_groups=2, inner_group_num=3)
    bert = AlbertConfig(**SMALLEST | {"embedding_size": 4}, variant=BERT, sharing="none", layer_norm_eps=1e-6)
    own = AlbertConfig(**SMALLEST, sharing="ffn", hidden_act="gelu_erf")
    mapped = AlbertConfig(**SMALLEST | {"embedding_size": 4}, variant=GOOGLE, embedding_mapping=True)
    for config in (preln, google, bert, own, mapped):
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
        ({"hidden_act": "swish"}, "hidden_act 'swish' is unknown\nknown: gelu, relu, gelu_erf"),
        ({"ln_type": "sandwich"}, "ln_type 'sandwich' is unknown"),
        ({"num_hidden_groups": 2}, "num_hidden_groups 2 is more than the 1 layers"),
        ({"num_hidden_groups": 1, "ln_type": "preln"}, 'ln_type "preln" belongs to the brightmart variant'),
        ({"num_hidden_groups": 1, "sharing": "none"}, "set num_hidden_groups to num_hidden_layers"),
        ({"num_hidden_layers": 2, "num_hidden_groups": 2, "sharing": "ffn"}, 'sharing "ffn" and groups exclude each other'),
        ({"sharing": "some"}, "sharing 'some' is unknown"),
        ({"embedding_mapping": True}, "embedding_mapping belongs to the google variant"),
        ({"num_hidden_groups": 1, "embedding_mapping": False}, "embedding_mapping is off, and embedding_size 2 is not hidden_size 4"),
        ({"num_hidden_groups": 1, "embedding_mapping": 1}, "embedding_mapping 1 is unknown"),
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


def test_bert_shares_nothing():
    with pytest.raises(
        AlbertError, match="BERT shares nothing and has embedding_size = hidden_size; here sharing is all, sizes are 2 and 4"
    ):
        AlbertConfig(**SMALLEST, variant=BERT)


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
