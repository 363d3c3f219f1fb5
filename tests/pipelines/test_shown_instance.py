import json

import numpy as np
import pytest

from albert_core.tokenization import SPECIAL_TOKENS, Tokenizer
from pipelines.shown_instance import Example, Origin, show, spell

TOKENIZER = Tokenizer([*SPECIAL_TOKENS, *"今天气很好我们去能。", "py", "##thon", "linux", "##天"])
TOKENS = ["[CLS]", "今", "[MASK]", "[MASK]", "很", "好", "。", "[SEP]", "我", "们", "能", "py", "##thon", "linux", "[UNK]", "。", "[SEP]"]
STARTS = ["1", "1", "1", "0", "1", "1", "1", "1", "1", "0", "1", "1", "0", "1", "1", "1", "1"]
HIDDEN = {2: "天", 3: "气", 5: "好", 10: "去"}


def example(tokens=TOKENS, hidden=HIDDEN, *, label=1, words=None) -> Example:
    originals = {place: TOKENIZER.ids[token] for place, token in hidden.items()}
    starts = np.array([start == "1" for start in words]) if words else None
    return Example([TOKENIZER.ids[token] for token in tokens], tokens.index("[SEP]") + 1, originals, label, starts)


def shown(*arguments, swapped=True, **settings):
    return show(example(*arguments, **settings), TOKENIZER, shard="train-00000-of-00001.tfrecord", instance=1234, swapped=swapped)


def test_masks_hidden_kept_and_replaced_can_be_told_apart():
    one = shown()
    assert one.segment_a == "今【天气→[MASK][MASK]】很【好】。"
    assert one.segment_b == "我们【去→能】python linux[UNK]。"
    assert (one.num_tokens, one.num_tokens_a, one.num_tokens_b) == (17, 6, 8)
    assert one.masks == [(2, "天", "[MASK]"), (3, "气", "[MASK]"), (5, "好", "好"), (10, "去", "能")]


def test_words_cut_text_and_masks():
    one = shown(words=STARTS)
    assert one.segment_a == "今│【天气→[MASK][MASK]】│很│【好】│。"
    assert one.segment_b == "我们│【去→能】│python│linux│[UNK]│。"
    apart = shown(words=[*STARTS[:3], "1", *STARTS[4:]])
    assert apart.segment_a == "今│【天→[MASK]】│【气→[MASK]】│很│【好】│。"


def test_a_mark_of_a_label_that_no_text_has_is_seen():
    assert shown(hidden={2: "天", 3: "##天"}).segment_a == "今【天##天→[MASK][MASK]】很好。"


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (["py", "##thon"], "python"),
        (["##thon"], "##thon"),
        (["linux", "py", "##thon", "很", "linux"], "linux python很linux"),
        (["[MASK]", "##thon"], "[MASK]##thon"),
        (["天", "##thon"], "天##thon"),
        (["py", "##天"], "py##天"),
        (["[UNK]", "linux"], "[UNK]linux"),
    ],
)
def test_pieces_are_joined_only_to_what_they_continue(tokens, text):
    assert spell(tokens) == text


def test_the_head_says_where_the_instance_lies_and_what_it_is_of():
    origin = Origin(document_id="8f" * 16, first_token=1506, num_tokens=14, source="wiki", title="天气")
    one = show(example(), TOKENIZER, shard="a.tfrecord", instance=1234, swapped=True, length_bin=32, epoch=7, origin=origin)
    assert one.text() == (
        "a.tfrecord  instance 1,234  length bin 32  epoch 7\n"
        f"document {'8f' * 16}  tokens 1,506–1,520  wiki  《天气》\n"
        "A 6  今【天气→[MASK][MASK]】很【好】。\n"
        "B 8  我们【去→能】python linux[UNK]。\n"
        "swapped, B came first (label 1); 17 tokens, 4 masked"
    )
    fields = json.loads(one.json())
    assert fields["origin"] == {"document_id": "8f" * 16, "first_token": 1506, "num_tokens": 14, "source": "wiki", "title": "天气"}
    assert fields["masks"][0] == [2, "天", "[MASK]"]
    assert fields["swapped"] is True


@pytest.mark.parametrize(
    ("label", "swapped", "line"),
    [
        (0, False, "in order, A came first (label 0); 17 tokens, 4 masked"),
        (1, None, "next_sentence_labels 1 (BERT: B is of another document; ALBERT: swapped); 17 tokens, 4 masked"),
        (0, None, "next_sentence_labels 0 (B follows A); 17 tokens, 4 masked"),
        (None, None, "no order label; 17 tokens, 4 masked"),
    ],
)
def test_a_label_is_explained_as_far_as_it_is_known(label, swapped, line):
    one = show(example(label=label), TOKENIZER, shard="a", instance=0, swapped=swapped, label_name="next_sentence_labels")
    assert one.text().splitlines()[-1] == line


def test_a_broken_record_is_shown_as_it_is():
    tokens = ["今", "[SEP]", "天", "[SEP]", "[CLS]"]
    assert [shown(tokens, {}).segment_a, shown(tokens, {}).segment_b] == ["今", "天"]
    assert shown(["[CLS]", "今", "[SEP]"], {0: "天"}).segment_a == "【天→[CLS]】今"
