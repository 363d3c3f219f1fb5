import json

import pytest

from albert_core.huggingface import FACTORS
from albert_core.model_card import describe
from albert_core.parameters import Heads
from tests.albert_core.test_modeling import SMALL, VARIANTS


def front_matter(card):
    first, head, _ = card.split("---\n", 2)
    assert first == ""
    return head.splitlines()


def test_front_matter_leaves_the_license_to_the_user():
    head = front_matter(describe(SMALL, Heads(), normalization={}))
    assert head[:4] == [
        "language: zh",
        "# license: say here under which terms the weights may be used",
        "library_name: transformers",
        "pipeline_tag: fill-mask",
    ]
    assert "- albert" in head
    assert "- bert" in front_matter(describe(VARIANTS["bert"], Heads(), normalization={}))


@pytest.mark.parametrize(
    ("heads", "task", "loader"),
    [
        (Heads(), "fill-mask", "AutoModelForPreTraining"),
        (Heads(sentence_order=False), "fill-mask", "AutoModelForMaskedLM"),
        (Heads(num_labels=3), "text-classification", "AutoModelForSequenceClassification"),
        (Heads(masked_words=False, sentence_order=False), "feature-extraction", "AutoModel"),
    ],
)
def test_task_and_loader_follow_the_heads(heads, task, loader):
    card = describe(SMALL, heads, normalization={})
    assert f"pipeline_tag: {task}" in front_matter(card)
    assert f"model = {loader}.from_pretrained(FOLDER)" in card


def test_parameters_are_counted_by_part():
    card = describe(SMALL, Heads(masked_words=False, sentence_order=False), normalization={})
    assert "| parameters, word embeddings | 240 |" in card  # 40 × 6
    assert "| parameters, embedding projection | 72 |" in card  # 6 × 12
    assert "| parameters, pooler | 156 |" in card  # 12 × 12 + 12
    assert "| layers | 4, all shared |" in card


def test_the_normalization_is_repeated_for_the_user():
    card = describe(SMALL, Heads(), normalization=json.loads('{"lower_case": true, "variants": "simplified"}'))
    assert "- lower_case: True\n- variants: simplified" in card


def test_labels_of_sentence_order_are_told():
    assert "(in order, swapped)" in describe(SMALL, Heads(), normalization={})
    assert "(next, random)" in describe(VARIANTS["bert"], Heads(), normalization={})
    assert "swapped" not in describe(SMALL, Heads(sentence_order=False), normalization={})


def test_the_materialised_table_is_told():
    assert FACTORS not in describe(VARIANTS["google"], Heads(), normalization={})
    card = describe(SMALL, Heads(), normalization={}, factors=FACTORS)
    assert "one table of 40 × 12" in card
    assert "40 × 6 and 6 × 12, are in `albert_zh_factors.safetensors`" in card
    assert "`albert_zh_factors.safetensors` says which" in describe(
        VARIANTS["own feed-forward"], Heads(), normalization={}, factors=FACTORS
    )
