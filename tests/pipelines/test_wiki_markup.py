import pytest

from pipelines import wiki_markup


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("== 历史 ==\n正文。", "历史\n正文。"),
        ("'''数学'''是[[科学|一种''科学'']]。", "数学是一种科学。"),
        ("[[文件:a.jpg|thumb|[[甲]]图]]文[[Category:数学]]", "文"),
        ("{{甲|{{乙}}}}文", "文"),
        ("{| class=a\n| 甲\n|}\n文", "\n文"),
        ("-{zh-hans:计算机;zh-hant:電腦}-和-{后}-", "计算机和后"),
        ("[http://a.cn 链接]文__NOTOC__", "链接文"),
    ],
)
def test_wiki(raw, clean):
    assert wiki_markup.strip_wiki(raw) == clean
