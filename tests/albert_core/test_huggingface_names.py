import dataclasses

from albert_core.config import BERT, GOOGLE, AlbertConfig
from albert_core.huggingface_names import config_from_theirs, config_to_theirs
from albert_core.parameters import Heads
from tests.albert_core.test_modeling import SMALL, VARIANTS


def test_configuration_in_their_words():
    theirs = config_to_theirs(dataclasses.replace(VARIANTS["inner groups"], layer_norm_eps=1e-6), Heads(num_labels=2))
    assert (theirs["num_hidden_groups"], theirs["inner_group_num"], theirs["layer_norm_eps"]) == (2, 2, 1e-6)
    assert theirs["architectures"] == ["AlbertForSequenceClassification"]
    assert theirs["id2label"] == {"0": "LABEL_0", "1": "LABEL_1"}
    gelus = [
        config_to_theirs(dataclasses.replace(SMALL, variant=GOOGLE, hidden_act=act), Heads())["hidden_act"] for act in ("gelu", "gelu_erf")
    ]
    assert gelus == ["gelu_new", "gelu"]  # their "gelu" is the exact one
    bert = config_to_theirs(VARIANTS["bert"], Heads(sentence_order=False))
    assert (bert["model_type"], bert["architectures"]) == ("bert", ["BertForMaskedLM"])
    assert config_from_theirs(bert | {"use_cache": True, "classifier_dropout": None}) == VARIANTS["bert"]


def test_dropout_that_a_file_does_not_name():
    """What their classes have by default: 0 for ALBERT, 0.1 for BERT."""
    sizes = {"vocab_size": 40, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 20}
    assert config_from_theirs(sizes | {"model_type": "albert"}).hidden_dropout_prob == 0
    bert = config_from_theirs(sizes | {"model_type": "bert"})
    assert bert == AlbertConfig(
        **sizes, variant=BERT, embedding_size=12, sharing="none", hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1,
        hidden_act="gelu_erf",
    )  # fmt: skip
