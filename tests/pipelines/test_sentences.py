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
        ("选A. 苹果还是B. 梨", ["选A. 苹果还是B. 梨"]),  # so is the letter of a choice
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


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Mr. Smith met Dr. J. R. Jones. They talked.", ["Mr. Smith met Dr. J. R. Jones.", "They talked."]),
        ("It costs $3.14 or 2.5 pounds. Cheap!", ["It costs $3.14 or 2.5 pounds.", "Cheap!"]),
        ("The U.S. economy grew. The U.S. Army too.", ["The U.S. economy grew.", "The U.S. Army too."]),
        ("Fruit, e.g. this apple, i.e. that one.", ["Fruit, e.g. this apple, i.e. that one."]),
        ("He has a Ph.D. in math. At 5 p.m. he left.", ["He has a Ph.D. in math.", "At 5 p.m. he left."]),
        ("See Fig. 3, No. 5 and Vol. 2. On Jan. 5 it rained.", ["See Fig. 3, No. 5 and Vol. 2.", "On Jan. 5 it rained."]),
        ("Nodes, edges, etc. are drawn. Etc. etc.", ["Nodes, edges, etc. are drawn.", "Etc. etc."]),
        ("“Really?” he asked. “No!” she said. “Go.” He went.", ["“Really?” he asked.", "“No!” she said.", "“Go.”", "He went."]),
        ('"Why?" "Because." (It was so.) Then.', ['"Why?"', '"Because."', "(It was so.)", "Then."]),
        ("He waited... then left. He waited... Then left.", ["He waited... then left.", "He waited...", "Then left."]),
        ('all in small letters. it goes on. "why?" he said.', ["all in small letters.", "it goes on.", '"why?"', "he said."]),
        ("Use Node.js or example.com. Fine.", ["Use Node.js or example.com.", "Fine."]),
        ("What?! No... Yes!!! Go", ["What?!", "No...", "Yes!!!", "Go"]),
        ("1. First do this. 2. Then that.", ["1. First do this.", "2. Then that."]),
        ("Ça va. Était-il là? Oui.", ["Ça va.", "Était-il là?", "Oui."]),
        ("Он сказал: «Да.» Потом ушёл. А. С. Пушкин.", ["Он сказал: «Да.»", "Потом ушёл.", "А. С. Пушкин."]),
        ("यह है। वह भी।", ["यह है।", "वह भी।"]),
        ("هل هذا؟ نعم۔", ["هل هذا؟", "نعم۔"]),
        ("No. That is Sept. 1, not Mrs. X.", ["No. That is Sept. 1, not Mrs. X."]),  # `No.` is a number here: the cheap way
    ],
)
def test_sentences_of_other_languages(text, sentences):
    assert split_sentences(text) == sentences


def test_small_letters_after_points_cost_no_more_in_a_long_line():
    text = "天" * 1_000_000 + "Ab. b " * 100_000
    assert len(sentence_starts(text)) == 1
