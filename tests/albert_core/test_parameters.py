import pytest

from albert_core.config import GOOGLE, AlbertConfig
from albert_core.parameters import count_by_part, layer_names, list_parameters, savings_against_bert


@pytest.mark.parametrize(("name", "millions"), [("tiny", 4), ("base", 11), ("large", 18), ("xlarge", 62), ("xxlarge", 240)])
def test_sizes_in_millions(name, millions):
    """ALBERT's table 1 says 12, 18, 60 and 235 for base … xxlarge: 30,000 English pieces, positions in E, heads not counted."""
    assert sum(count_by_part(AlbertConfig.named(name)).values()) // 1_000_000 == millions


def test_count_of_base_by_hand():
    V, E, H, F, positions = 21_128, 128, 768, 3072, 512
    assert count_by_part(AlbertConfig.named("base")) == {
        "word embeddings": V * E,
        "embedding projection": E * H,
        "positions and segments": positions * H + 2 * H + 2 * H,
        "encoder": 4 * (H * H + H) + (H * F + F) + (F * H + H) + 2 * 2 * H,
        "pooler": H * H + H,
        "masked-word head": H * H + H + 2 * H + V,
        "sentence-order head": 2 * H + 2,
    }


def test_savings_of_base_by_hand():
    V, E, H = 21_128, 128, 768
    layer = 7_087_872  # the same layer, in BERT and here
    savings = savings_against_bert(AlbertConfig.named("base"))
    assert savings == {"factorised word embedding": V * H - (V * E + E * H), "shared encoder layers": 11 * layer}


GROUPED = {"vocab_size": 9, "hidden_size": 4, "num_attention_heads": 2, "intermediate_size": 8, "embedding_size": 2, "variant": GOOGLE}


def test_google_layers_walk_through_groups_and_inner_groups():
    config = AlbertConfig(**GROUPED, num_hidden_layers=3, num_hidden_groups=2, inner_group_num=2)
    prefix = "bert/encoder/transformer/group_"
    assert [names.attention_norm.removeprefix(prefix).removesuffix("/LayerNorm") for names in layer_names(config)] == [
        "0/inner_group_0", "0/inner_group_1", "0/inner_group_0", "0/inner_group_1", "1/inner_group_0", "1/inner_group_1",
    ]  # fmt: skip


def test_every_name_once_and_shared_layers_counted_once():
    config = AlbertConfig(**GROUPED, num_hidden_layers=3, num_hidden_groups=2, inner_group_num=2)
    names = [parameter.name for parameter in list_parameters(config)]
    assert len(names) == len(set(names)) == 5 + 2 + 4 * 16 + 2 + 5 + 2
    one_layer = 4 * (4 * 4 + 4) + 4 * 8 + 8 + 8 * 4 + 4 + 4 * 4
    assert count_by_part(config)["encoder"] == 4 * one_layer
    assert savings_against_bert(config)["shared encoder layers"] == (6 - 4) * one_layer


def test_google_has_no_mapping_where_the_sizes_are_equal():
    config = AlbertConfig(**GROUPED | {"embedding_size": 4}, num_hidden_layers=1)
    assert "embedding projection" not in count_by_part(config)
