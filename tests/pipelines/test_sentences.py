import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sentences import sentence_starts, split_sentences
from pipelines.variants import fold_quotes


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("今天很好。我们去！好吗？走；", ["今天很好。", "我们去！", "好吗？", "走；"]),
        ("他说：“走吧。”天黑了。", ["他说：“走吧。”", "天黑了。"]),
        ("（见图。）下一句", ["（见图。）", "下一句"]),
        ("什么？！真的！！！好", ["什么？！", "真的！！！", "好"]),
        ("他走了……天黑了", ["他走了……", "天黑了"]),
        ("嗯…好吧", ["嗯…好吧"]),  # half an ellipsis is a pause
        ("第一行\n第二行", ["第一行", "第二行"]),
        ("好吗?好!走", ["好吗?", "好!", "走"]),  # ASCII marks end after Han
        ("Hello world. Bye! OK? yes", ["Hello world.", "Bye!", "OK?", "yes"]),
        ("圆周率是3.14左右，见a.b.c", ["圆周率是3.14左右，见a.b.c"]),
        ("1. 苹果。\n2. 梨。", ["1. 苹果。", "2. 梨。"]),  # a list's number is no sentence
        ('他问"真的吗?"没人答', ['他问"真的吗?"', "没人答"]),
        ("", []),
        ("\n\n  \n", []),
        ("。。。", ["。。。"]),
    ],
)
def test_sentences(text, sentences):
    assert split_sentences(text) == sentences


def test_offsets_are_code_points_not_bytes():
    assert sentence_starts("😀好。天").tolist() == [0, 3]


@given(st.text(alphabet=st.sampled_from('今天a1 。！？；…,.!?”"）\n'), max_size=60))
def test_nothing_is_lost_and_starts_ascend(text):
    starts = sentence_starts(text).tolist()
    assert starts[0] == 0
    assert all(first < second for first, second in itertools.pairwise(starts))
    assert "".join(split_sentences(text)).replace(" ", "") == text.replace(" ", "").replace("\n", "")


@given(st.text(max_size=30), st.text(max_size=30))
def test_paragraphs_do_not_know_each_other(first, second):
    assert split_sentences(f"{first}\n{second}") == split_sentences(first) + split_sentences(second)


def test_folded_quotes_and_ellipses_end_sentences_as_the_others_do():
    text = "“走吧……”他说完了。天黑了……好"
    assert split_sentences(text) == ["“走吧……”", "他说完了。", "天黑了……", "好"]
    assert sentence_starts(fold_quotes(text)).tolist() == sentence_starts(text).tolist()
