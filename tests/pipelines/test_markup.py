import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import markup
from pipelines.markup import MARKUP_RULES

NASTY = st.text(st.characters(), max_size=80) | st.lists(
    st.sampled_from(
        [
            *list("[]()!*_`~#|<>{}='&;\\\n -—好a1：/."),
            "```",
            "{{",
            "}}",
            "[[",
            "]]",
            "<!--",
            "-->",
            "<script>",
            "http://",
            "---\n",
            "\ud800",
        ]
    ),
    max_size=60,
).map("".join)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("见http://a.cn/b?c=1&d=2。下文", "见。下文"),
        ("<HTTPS://a.cn>和www.b.cn/c的", "和的"),
        ("协议是 s3://a", "协议是 s3://a"),
        ("me@www.a.cn", "me@www.a.cn"),
        ("://", "://"),
    ],
)
def test_urls(raw, clean):
    assert markup.drop_urls(raw) == clean


@pytest.mark.parametrize(
    ("raw", "clean"), [("甲（，）乙《》丙([])丁", "甲乙丙丁"), ("main() 和 a[]", "main() 和 a[]"), ("（甲）()", "（甲）"), ("（]", "（]")]
)
def test_empty_brackets(raw, clean):
    assert markup.drop_empty_brackets(raw) == clean


@pytest.mark.parametrize("rule", MARKUP_RULES)
@given(NASTY)
def test_no_text_makes_a_rule_fail(rule, text):
    assert isinstance(rule(text), str)


@pytest.mark.parametrize(
    "part",
    [
        "<script>",
        "<!--",
        "[",
        "[](",
        "![",
        "[[",
        "{{",
        "**a",
        "_a",
        "`a",
        "```\n",
        "(",
        "（",
        "://",
        "http://",
        "<a ",
        "&#1",
        "-{",
        "# ",
        "> ",
        "|",
        "\\",
        "= ",
        "{|\n",
        "~~a",
        "~~~",
        "```a",
        "****",
        "\n[a]: ",
        "\n== a",
        "#",
    ],
)
@pytest.mark.parametrize("rule", MARKUP_RULES)
def test_no_repetition_makes_a_rule_slow(rule, part):
    """Four times the text takes about four times as long; the square would be sixteen. CPU time, since the machine is shared."""

    def seconds(length):
        begin = time.process_time()
        rule(part * (length // len(part)))
        return time.process_time() - begin

    long = min(seconds(400_000) for _ in range(2))
    assert long < 0.2 or long < 10 * max(seconds(100_000) for _ in range(2))
